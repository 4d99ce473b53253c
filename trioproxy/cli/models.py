"""``trioproxy models``: what clients may ask for, from the code that answers ``GET /v1/models``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trioproxy.cli.configuration import config_option, discovering, find, look, no_such_provider, read
from trioproxy.cli.printing import print_json

if TYPE_CHECKING:
    from trioproxy.config.model import Snapshot

__all__ = ["command"]


@click.command("models", short_help="List the models that clients may ask for.")
@click.option("--provider", help="Only those of this provider (its name, or the name of its entry).")
@click.option("--discover", is_flag=True, help="Ask the providers whose own lists are wanted (discover: true).")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def command(provider: str | None, discover: bool, config: Path | None, as_json: bool) -> None:
    """List the models that clients may ask for.

    What only a provider knows is asked of it with --discover, and named as unknown without.

    \b
    Example:  trioproxy models --provider claude --config config.yaml
              trioproxy models --discover
    """
    from trioproxy.config.listing import listing

    snapshot = read(find(config)) if discover else look(find(config))
    if discover:
        snapshot = _asked(snapshot)
    elif unasked := discovering(snapshot):
        click.echo(f"not asked for their own lists: {', '.join(unasked)} (--discover asks them)", err=True)
    cards = listing(snapshot, None, provider)
    if provider is not None and not any(each.goes_by(provider) for each in snapshot.credentials):
        no_such_provider(provider, snapshot)
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
        print_json(document)
        return
    width = max((len(card.id) for card in cards), default=0)
    for card in cards:
        click.echo(f"{card.id:<{width}}  {card.owned_by}")


def _asked(snapshot: Snapshot) -> Snapshot:
    """The snapshot with what providers list themselves; says of whom that could not be had."""
    import trio

    from trioproxy.app import App
    from trioproxy.config.snapshot import SnapshotCell
    from trioproxy.logs import configure

    configure(level="error", as_json=False)  # what goes wrong is said here
    app = App(SnapshotCell(snapshot))

    async def ask() -> None:
        try:
            await app.discovery.catch_up()
        finally:
            app.http.close()

    trio.run(ask)
    labels = {credential.id: credential.label for credential in snapshot.credentials}
    for id_, trouble in app.discovery.trouble.items():
        click.echo(f"{labels[id_]} does not tell its models: {trouble}", err=True)
    return app.cell.current
