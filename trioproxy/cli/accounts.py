"""``trioproxy accounts``: the credentials of the process that runs, and the switches over them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from trioproxy.cli.configuration import config_option, fail, find_or_none, look
from trioproxy.cli.printing import aligned, counted, print_json
from trioproxy.cli.running import asked, contact_of, running

if TYPE_CHECKING:
    from trioproxy.contact import Contact

__all__ = ["command"]


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
    snapshot = look(path, silent=True) if path is not None else None
    contact = contact_of(snapshot)
    if contact is not None:
        listed = asked(contact, "GET", "/credentials")["credentials"]
    elif snapshot is not None:
        listed = [_configured(each) for each in snapshot.credentials]
    else:
        fail("no process of yours runs, and there is no configuration to list the credentials of (--config FILE)")
    if as_json:
        print_json(listed)
        return
    if contact is None:
        click.echo("no running process was found; this is what the configuration says", err=True)
    click.echo(_table(listed) if listed else "there are no credentials")


@command.command("disable", short_help="Take a credential or a provider out.")
@click.argument("name")
@config_option
@click.pass_obj
def disable(chosen: Path | None, name: str, config: Path | None) -> None:
    """Take the credential NAME (its label or id), or all of the provider NAME, out of the running process: from the next request on, over
    reloads, until `enable` or the process's end.

    \b
    Example:  trioproxy accounts disable claude#2
    """
    click.echo(_switched(running(config or chosen), name, False))


@command.command("enable", short_help="Put a credential or a provider back.")
@click.argument("name")
@config_option
@click.pass_obj
def enable(chosen: Path | None, name: str, config: Path | None) -> None:
    """Put the credential NAME (its label or id), or all of the provider NAME, to use in the running process.

    \b
    Example:  trioproxy accounts enable claude
    """
    click.echo(_switched(running(config or chosen), name, True))


@command.command("clear", short_help="Forget cooldowns.")
@click.argument("name", required=False)
@config_option
@click.pass_obj
def clear(chosen: Path | None, name: str | None, config: Path | None) -> None:
    """Forget what is held against the credential NAME (its label or id), or against all of them: they are asked again at once.

    \b
    Example:  trioproxy accounts clear openai#1
    """
    query = f"?credential={quote(name, safe='')}" if name is not None else ""
    answer = asked(running(config or chosen), "DELETE", f"/cooldowns{query}")
    _warn(answer["workers"])
    click.echo(f"{counted(answer['cleared'], 'cooldown')} cleared")


def _switched(contact: Contact, name: str, on: bool) -> str:
    credentials = asked(contact, "GET", "/credentials")["credentials"]
    wanted = name.strip().lower()
    word = "enabled" if on else "disabled"
    for each in credentials:
        if wanted in (each["label"].lower(), each["id"].lower()):
            _put(contact, f"/credentials/{quote(each['id'], safe='')}/enabled", on)
            return f"{each['label']} is {word}"
    for each in credentials:
        if wanted == each["provider"].lower():
            _put(contact, f"/providers/{quote(each['provider'], safe='')}/enabled", on)
            count = sum(other["provider"] == each["provider"] for other in credentials)
            return f"{each['provider']} is {word} ({counted(count, 'credential')})"
    labels = ", ".join(each["label"] for each in credentials) or "none"
    return fail(f"neither a credential nor a provider goes by the name {name!r}; there are {labels}")


def _put(contact: Contact, path: str, on: bool) -> None:
    _warn(asked(contact, "PUT", path, {"enabled": on})["workers"])


def _warn(workers: Any) -> None:
    silent = workers["all"] - workers["answered"]
    if silent:
        click.echo(
            f"warning: {silent} of {workers['all']} workers did not answer; it is done there when they read on",
            err=True,
        )


def _configured(credential: Any) -> dict[str, Any]:
    return {
        "id": credential.id,
        "label": credential.label,
        "provider": credential.group,
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
    return aligned(lines)


def _rest(rest: dict[str, Any]) -> str:
    what = f"{rest['model']}: " if rest["model"] is not None else ""
    return f"  {what}{rest['reason']}, {rest['seconds']:.0f} s more"
