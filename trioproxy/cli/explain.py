"""``trioproxy explain``: why a model goes where it goes, from the code that routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trioproxy.cli.configuration import config_option, discovering, find, look
from trioproxy.cli.printing import print_json
from trioproxy.config.model import Snapshot
from trioproxy.protocols.table import NAMES, SPELLINGS

if TYPE_CHECKING:
    from trioproxy.config.routes import Explanation
    from trioproxy.gateway.outlook import Outlook

__all__ = ["command"]


@click.command("explain", short_help="Say why a model goes where it goes.")
@click.argument("model")
@click.option(
    "--protocol", "-p", type=click.Choice(list(SPELLINGS)), help="The protocol the client speaks; all four without it."
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
    from trioproxy.gateway.outlook import in_order

    snapshot = look(find(config))
    if unasked := discovering(snapshot):
        lists = ", ".join(unasked)
        click.echo(
            f"not known here: which models {lists} list (discover: true); --live asks the running process", err=True
        )
    found: list[tuple[str, Explanation, list[Outlook]]] = []
    for name in [SPELLINGS[protocol]] if protocol else NAMES:
        explanation = explain(snapshot, protocol=name, model=model)
        found.append((name, explanation, _prospects(explanation, snapshot)))
    if as_json:
        print_json([_document(model, *each) for each in found])
    else:
        _tell((name, (*explanation.lines, *in_order(prospects))) for name, explanation, prospects in found)
    if all(explanation.routed is None for _, explanation, _ in found):
        raise SystemExit(1)
    return None


def _prospects(explanation: Explanation, snapshot: Snapshot) -> list[Outlook]:
    """Who would be asked, and in which order, were nothing known of anyone."""
    from trioproxy.credentials.health import Health
    from trioproxy.credentials.selection import Counters
    from trioproxy.gateway.outlook import outlook

    routed = explanation.routed
    return outlook(routed, snapshot.settings, Counters(), Health(), 0.0) if routed is not None else []


def _document(model: str, protocol: str, explanation: Explanation, prospects: Sequence[Outlook]) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "model": model,
        "served": explanation.routed is not None,
        "error": explanation.failure.message if explanation.failure is not None else None,
        "candidates": [
            {
                "credential": prospect.candidate.credential.label,
                "provider": prospect.candidate.credential.provider.name,
                "protocol": prospect.candidate.wire.protocol,
                "base_url": prospect.candidate.wire.base_url,
                "model": prospect.candidate.model,
                "tier": prospect.candidate.tier,
                "place": prospect.place,
                "reason": prospect.reason,
            }
            for prospect in prospects
        ],
        "lines": list(explanation.lines),
    }


def _tell(told: Iterable[tuple[str, Sequence[str]]]) -> None:
    """What is to be said of each protocol; those of which it is the same are named together."""
    together: dict[tuple[str, ...], list[str]] = {}
    for protocol, lines in told:
        together.setdefault(tuple(lines), []).append(protocol)
    for lines, protocols in together.items():
        click.echo(f"asked in {', '.join(protocols)}:")
        for line in lines:
            click.echo(f"  {line}")


def _tell_live(model: str, protocol: str | None, config: Path | None, as_json: bool) -> None:
    from urllib.parse import urlencode

    from trioproxy.cli.running import asked, running

    contact = running(config)
    names = [SPELLINGS[protocol]] if protocol else NAMES
    documents = [asked(contact, "GET", f"/explain?{urlencode({'model': model, 'protocol': name})}") for name in names]
    if as_json:
        print_json(documents)
    else:
        _tell((document["protocol"], document["lines"]) for document in documents)
    if not any(document["served"] for document in documents):
        raise SystemExit(1)
