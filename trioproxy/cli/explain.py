"""``trioproxy explain``: why a model goes where it goes, from the code that routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trioproxy.cli.configuration import config_option, discovering, find, read

__all__ = ["command"]

_WORDS = {
    "openai_chat": "openai_chat",
    "openai_responses": "openai_responses",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "openai_chat_completions": "openai_chat",
    "anthropic_messages": "anthropic",
    "chat": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic",
}


@click.command("explain", short_help="Say why a model goes where it goes.")
@click.argument("model")
@click.option(
    "--protocol", "-p", type=click.Choice(list(_WORDS)), help="The protocol the client speaks; all four without it."
)
@config_option
@click.option("--live", is_flag=True, help="Ask the running process: who rests and who is over a limit counts too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each protocol, in a list.")
def command(model: str, protocol: str | None, config: Path | None, live: bool, as_json: bool) -> None:
    """Say which credentials may serve MODEL, in which order, and why the others may not.

    Exit code 1 if nothing serves it.

    \b
    Example:  trioproxy explain claude-sonnet-4-6 --protocol messages --config config.yaml
              trioproxy explain claude-sonnet-4-6 --live
    """
    if live:
        return _tell_live(model, protocol, config, as_json)
    from trioproxy.config.routes import explain
    from trioproxy.credentials.health import Health
    from trioproxy.credentials.selection import Counters
    from trioproxy.gateway.outlook import outlook
    from trioproxy.protocols.table import NAMES
    from trioproxy.wire.jsoncodec import dumps

    snapshot = read(find(config))
    asked = [_WORDS[protocol]] if protocol else list(NAMES)
    found = {name: explain(snapshot, protocol=name, model=model) for name in asked}
    if unasked := discovering(snapshot):
        lists = ", ".join(unasked)
        click.echo(
            f"not known here: which models {lists} list (discover: true); --live asks the running process", err=True
        )
    prospects = {
        name: outlook(each.routed, snapshot.settings, Counters(), Health(), 0.0) if each.routed is not None else []
        for name, each in found.items()
    }
    if as_json:
        document: list[dict[str, Any]] = [
            {
                "protocol": name,
                "model": model,
                "served": each.routed is not None,
                "error": each.failure.message if each.failure is not None else None,
                "candidates": [
                    {
                        "credential": candidate.credential.label,
                        "provider": candidate.credential.provider.name,
                        "protocol": candidate.wire.protocol,
                        "base_url": candidate.wire.base_url,
                        "model": candidate.model,
                        "tier": candidate.tier,
                        "place": prospect.place,
                        "reason": prospect.reason,
                    }
                    for prospect in prospects[name]
                    for candidate in (prospect.candidate,)
                ],
                "lines": list(each.lines),
            }
            for name, each in found.items()
        ]
        click.echo(dumps(document).decode())
    else:
        told: dict[tuple[str, ...], list[str]] = {}
        for name, each in found.items():
            order = tuple(f"{prospect}" for prospect in prospects[name])
            told.setdefault((*each.lines, *(("asked in this order:", *order) if order else ())), []).append(name)
        for lines, names in told.items():
            click.echo(f"asked in {', '.join(names)}:")
            for line in lines:
                click.echo(f"  {line}")
    if all(each.routed is None for each in found.values()):
        raise SystemExit(1)
    return None


def _tell_live(model: str, protocol: str | None, config: Path | None, as_json: bool) -> None:
    import json
    from urllib.parse import urlencode

    from trioproxy.cli.running import asked, running

    contact = running(config)
    names = [_WORDS[protocol]] if protocol else list(dict.fromkeys(_WORDS.values()))
    documents = [asked(contact, "GET", f"/explain?{urlencode({'model': model, 'protocol': name})}") for name in names]
    if as_json:
        click.echo(json.dumps(documents))
    for document in documents if not as_json else ():
        click.echo(f"asked in {document['protocol']}:")
        for line in document["lines"]:
            click.echo(f"  {line}")
    if not any(document["served"] for document in documents):
        raise SystemExit(1)
