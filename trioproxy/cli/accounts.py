"""``trioproxy accounts``: the credentials of the process that runs, and the switches over them."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from trioproxy.cli.configuration import config_option, fail, find_or_none, read

if TYPE_CHECKING:
    from trioproxy.config.model import Snapshot
    from trioproxy.contact import Contact

__all__ = ["command"]

_MANAGED = "/v0/management"
_SECONDS = 10.0


@click.group(
    "accounts",
    short_help="List credentials; take one out, put it back, clear its cooldown.",
    invoke_without_command=True,
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.pass_context
def command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """List the credentials, with what the running process knows of each: whether it is enabled, whether it rests, until when and why.

    It is found by the file that `serve` leaves in the state folder, or asked at the configured port with the management secret. Where none runs,
    the list is the configuration's.

    \b
    Example:  trioproxy accounts --config config.yaml
              trioproxy accounts disable claude#2
              trioproxy accounts clear
    """
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    path = find_or_none(config)
    snapshot = read(path) if path is not None else None
    contact = _contact(snapshot)
    if contact is not None:
        listed = _asked(contact, "GET", "/credentials")["credentials"]
    elif snapshot is not None:
        listed = [_configured(each) for each in snapshot.credentials]
    else:
        fail("no process of yours runs, and there is no configuration to list the credentials of (--config FILE)")
    if as_json:
        click.echo(json.dumps(listed))
        return
    if contact is None:
        click.echo("no running process was found; this is what the configuration says", err=True)
    click.echo(_table(listed) if listed else "there are no credentials")


@command.command("disable", short_help="Take a credential or a provider out.")
@click.argument("name")
@click.pass_obj
def disable(config: Path | None, name: str) -> None:
    """Take the credential NAME (its label or id), or all of the provider NAME, out of the running process: from the next request on, over
    reloads, until `enable` or the process's end.

    \b
    Example:  trioproxy accounts disable claude#2
    """
    click.echo(_switched(_running(config), name, False))


@command.command("enable", short_help="Put a credential or a provider back.")
@click.argument("name")
@click.pass_obj
def enable(config: Path | None, name: str) -> None:
    """Put the credential NAME (its label or id), or all of the provider NAME, to use in the running process.

    \b
    Example:  trioproxy accounts enable claude
    """
    click.echo(_switched(_running(config), name, True))


@command.command("clear", short_help="Forget cooldowns.")
@click.argument("name", required=False)
@click.pass_obj
def clear(config: Path | None, name: str | None) -> None:
    """Forget what is held against the credential NAME (its label or id), or against all of them: they are asked again at once.

    \b
    Example:  trioproxy accounts clear openai#1
    """
    query = f"?credential={quote(name, safe='')}" if name is not None else ""
    count = _asked(_running(config), "DELETE", f"/cooldowns{query}")["cleared"]
    click.echo(f"{count} cooldown{'s' if count != 1 else ''} cleared")


def _running(config: Path | None) -> Contact:
    path = find_or_none(config)
    contact = _contact(read(path) if path is not None else None)
    if contact is None:
        fail("no running process was found: `trioproxy serve` leaves word of itself in the state folder (state-dir)")
    return contact


def _contact(snapshot: Snapshot | None) -> Contact | None:
    """The process to talk to: the one at the configured port, else the only one, else whoever answers to the management secret."""
    import os

    from trioproxy.config.model import Settings
    from trioproxy.config.settings import is_loopback
    from trioproxy.config.statefolder import state_folder
    from trioproxy.contact import Contact, contacts

    settings = snapshot.settings if snapshot is not None else Settings()
    folder = state_folder(settings, os.environ)
    found = contacts(folder) if folder is not None else []
    for contact in found:
        if contact.port == settings.port:
            return contact
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        ports = ", ".join(str(contact.port) for contact in found)
        fail(
            f"several processes run (ports {ports}), none of them at port {settings.port}; give the --config of the one you mean"
        )
    if settings.management_secret is None or not settings.port:
        return None
    host = settings.host if is_loopback(settings.host) else "127.0.0.1"
    bracketed = f"[{host}]" if ":" in host else host
    url = f"http://{bracketed}:{settings.port}"
    return Contact(url=url, port=settings.port, pid=0, secret=settings.management_secret) if _answers(url) else None


def _answers(url: str) -> bool:
    try:
        status, _ = _exchange(url, "GET", "/healthz", "")
    except OSError:
        return False
    return status == 200


def _asked(contact: Contact, method: str, path: str, body: Any = None) -> Any:
    """What the management API answers; ends the command where that is an error."""
    try:
        status, text = _exchange(contact.url, method, _MANAGED + path, contact.secret.reveal(), body)
        document = json.loads(text)
    except (OSError, http.client.HTTPException, ValueError) as error:
        fail(f"the process at {contact.url} did not answer: {error}")
    if status >= 400:
        fail(document.get("error", {}).get("message", f"{contact.url} answered with status {status}"))
    return document


def _exchange(url: str, method: str, path: str, secret: str, body: Any = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(
            method, path, text, {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _switched(contact: Contact, name: str, on: bool) -> str:
    credentials = _asked(contact, "GET", "/credentials")["credentials"]
    wanted = name.strip().lower()
    word = "enabled" if on else "disabled"
    for each in credentials:
        if wanted in (each["label"].lower(), each["id"].lower()):
            _asked(contact, "PUT", f"/credentials/{quote(each['id'], safe='')}/enabled", {"enabled": on})
            return f"{each['label']} is {word}"
    for each in credentials:
        if wanted == each["provider"].lower():
            _asked(contact, "PUT", f"/providers/{quote(each['provider'], safe='')}/enabled", {"enabled": on})
            count = sum(other["provider"] == each["provider"] for other in credentials)
            return f"{each['provider']} is {word} ({count} credential{'s' if count != 1 else ''})"
    labels = ", ".join(each["label"] for each in credentials) or "none"
    return fail(f"neither a credential nor a provider goes by the name {name!r}; there are {labels}")


def _configured(credential: Any) -> dict[str, Any]:
    return {
        "id": credential.id,
        "label": credential.label,
        "provider": credential.group or credential.provider.name,
        "type": credential.provider.name,
        "enabled": credential.enabled,
        "state": "not running" if credential.enabled else "disabled",
        "cooling": [],
        "source": credential.source,
    }


def _table(listed: list[dict[str, Any]]) -> str:
    lines = [("credential", "provider", "type", "state", "from")]
    for each in listed:
        lines.append((each["label"], each["provider"], each["type"], each["state"], each["source"]))
        lines += (("", "", "", _rest(rest), "") for rest in each["cooling"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _rest(rest: dict[str, Any]) -> str:
    what = f"{rest['model']}: " if rest["model"] is not None else ""
    return f"  {what}{rest['reason']}, {rest['seconds']:.0f} s more"
