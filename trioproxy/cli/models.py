"""``trioproxy models``: what clients may ask for, from the code that answers ``GET /v1/models``."""

from __future__ import annotations

from pathlib import Path

import click

from trioproxy.cli.configuration import config_option, find, read

__all__ = ["command"]


@click.command("models", short_help="List the models that clients may ask for.")
@click.option("--provider", help="Only those of this provider (its name, or the name of its entry).")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def command(provider: str | None, config: Path | None, as_json: bool) -> None:
    """List the models that clients may ask for.

    \b
    Example:  trioproxy models --provider claude --config config.yaml
    """
    from trioproxy.config.routes import listing
    from trioproxy.wire.jsoncodec import dumps

    cards = listing(read(find(config)), None, provider)
    if as_json:
        document = [
            {
                "id": card.id,
                "owned_by": card.owned_by,
                "display_name": card.display_name,
                "context_length": card.context_length,
                "max_output_tokens": card.max_output_tokens,
            }
            for card in cards
        ]
        click.echo(dumps(document).decode())
        return
    width = max((len(card.id) for card in cards), default=0)
    for card in cards:
        click.echo(f"{card.id:<{width}}  {card.owned_by}")
