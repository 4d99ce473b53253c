"""``trioproxy check``: validate a configuration and print the plan it comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trioproxy.cli.configuration import config_option, find
from trioproxy.cli.printing import counted, print_json
from trioproxy.config.load import ConfigInvalid, Problem
from trioproxy.config.model import Credential, Snapshot

__all__ = ["command"]


@click.command("check", short_help="Validate a configuration and print what it comes to.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: problems, warnings, plan.")
def command(file: Path | None, config: Path | None, as_json: bool) -> None:
    """Validate FILE and print the resolved plan; keys are never printed.

    Every problem is reported at once, with file, line and the nearest name that exists. Exit code 1 if there is one.

    \b
    Example:  trioproxy check config.yaml
    """
    import os

    from trioproxy.config.load import build, load
    from trioproxy.providers.catalog import catalogue

    path = find(file or config)
    snapshot: Snapshot | None = None
    problems: tuple[Problem, ...] = ()
    try:
        snapshot = build(load(path), catalogue(), os.environ)
    except ConfigInvalid as invalid:
        problems = invalid.problems
    if as_json:
        print_json(_document(path, snapshot, problems))
    elif snapshot is not None:
        click.echo("\n".join(_lines(path, snapshot)))
    for problem in () if as_json else problems:
        click.echo(str(problem), err=True)
    if problems:
        click.echo(f"{path}: {counted(len(problems), 'problem')}", err=True)
        raise SystemExit(1)


def _document(path: Path, snapshot: Snapshot | None, problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "file": str(path),
        "ok": snapshot is not None,
        "problems": [problem.document() for problem in problems],
        "warnings": list(snapshot.warnings) if snapshot is not None else [],
        "plan": _plan(snapshot) if snapshot is not None else None,
    }


def _plan(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "listen": f"{snapshot.settings.host}:{snapshot.settings.port}",
        "clients": [client.name or client.id for client in snapshot.clients],
        "credentials": [
            {
                "label": credential.label,
                "provider": credential.provider.name,
                "group": credential.group,
                "enabled": credential.enabled,
                "prefix": credential.prefix,
                "priority": credential.priority,
                "wires": [{"protocol": wire.protocol, "base_url": wire.base_url} for wire in credential.wires],
                "models": [{"alias": entry.alias, "name": entry.name} for entry in credential.models],
                "discovers": credential.discovers,
                "source": credential.source,
            }
            for credential in snapshot.credentials
        ],
        "routes": [
            {
                "name": route.name,
                "protocol": route.protocol,
                "pattern": route.pattern,
                "match": route.match.value,
                "provider": route.provider,
                "upstream_model": route.upstream_model,
                "source": route.source,
            }
            for route in snapshot.routes
        ],
        "fallbacks": {model: list(chain) for model, chain in snapshot.fallbacks.items()},
        "ledger": str(folder) if (folder := _folder(snapshot)) is not None else None,
        "prices": [rule.pattern for rule in snapshot.prices],
    }


def _folder(snapshot: Snapshot) -> Path | None:
    """Where the ledger is kept, None where there is none."""
    import os

    from trioproxy.config.statefolder import state_folder

    return state_folder(snapshot.settings, os.environ) if snapshot.settings.ledger else None


def _lines(path: Path, snapshot: Snapshot) -> list[str]:
    settings = snapshot.settings
    clients = counted(len(snapshot.clients), "client key") if snapshot.clients else "no client keys"
    lines = [
        f"{path}: good",
        f"listens on {settings.host}:{settings.port}, {clients}",
    ]
    lines.append(f"{counted(len(snapshot.credentials), 'credential')}:" if snapshot.credentials else "no credentials")
    lines += [line for credential in snapshot.credentials for line in _credential(credential)]
    if snapshot.routes:
        lines.append("routes, the first that fits:")
        lines += [
            f"  {route.pattern} ({route.match.value}{', ' + route.protocol if route.protocol else ''})"
            f" -> {route.provider}{' as ' + route.upstream_model if route.upstream_model else ''}   {route.source}"
            for route in snapshot.routes
        ]
    folder = _folder(snapshot)
    if folder is None:
        lines.append("keeps no ledger")
    else:
        days, megabytes = settings.ledger_age / 86400, settings.ledger_size / 1024**2
        lines.append(f"keeps a ledger in {folder}: {days:g} days, up to {megabytes:g} MB")
    if snapshot.prices:
        lines.append(f"has prices of its own: {', '.join(rule.pattern for rule in snapshot.prices)}")
    lines += [f"falls back: {model} -> {', '.join(chain)}" for model, chain in snapshot.fallbacks.items()]
    lines += [f"warning: {warning}" for warning in snapshot.warnings]
    return lines


def _credential(credential: Credential) -> list[str]:
    notes = [
        "" if credential.enabled else "off",
        f"prefix {credential.prefix}" if credential.prefix else "",
        f"priority {credential.priority}" if credential.priority else "",
    ]
    noted = "".join(f", {note}" for note in notes if note)
    lines = [f"  {credential.label} ({credential.provider.title}{noted})   {credential.source}"]
    if credential.replay is not None:
        replay = credential.replay
        lines.append(f"    the recordings in {replay.folder}, matched by {replay.match}, speed {replay.speed:g}")
    else:
        lines += [f"    {wire.protocol} at {wire.base_url}" for wire in credential.wires]
    if credential.models:
        names = (f"{each.alias} = {each.name}" if each.alias != each.name else each.name for each in credential.models)
        lines.append(f"    models: {', '.join(names)}")
    elif credential.discovers:
        lines.append("    models: what the provider lists itself (discover)")
    return lines
