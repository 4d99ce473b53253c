"""Where a running process can be reached by its own user's commands: one file a port, in the state folder.

Knows: the file's name, its permissions (0600, in a folder of 0700) and that a process which is gone is not to be called. The secret in it opens
the management API of that one process, from this machine, for as long as it lives.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import attrs

from trioproxy.config.model import Secret
from trioproxy.wire.jsoncodec import JSONError, dumps, loads_object

__all__ = ["Contact", "contacts", "leave", "withdraw"]

_PATTERN = "control-*.json"


@attrs.frozen(kw_only=True)
class Contact:
    """One running process: its base URL, its port, its number, its secret."""

    url: str
    port: int
    pid: int
    secret: Secret


def leave(folder: Path, contact: Contact) -> None:
    """Write the file of ``contact``, in place of one that lies there.

    Raises:
        OSError: it can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _path(folder, contact.port)
    draft = path.with_suffix(f".{contact.pid}.tmp")
    document = {"url": contact.url, "port": contact.port, "pid": contact.pid, "secret": contact.secret.reveal()}
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(dumps(document))
    os.replace(draft, path)


def withdraw(folder: Path, contact: Contact) -> None:
    """Remove the file of ``contact``, unless it is another's by now."""
    path = _path(folder, contact.port)
    if _read(path) == contact:
        with suppress(OSError):
            path.unlink()


def contacts(folder: Path) -> list[Contact]:
    """The processes that left a file and live, by port."""
    found = [contact for path in folder.glob(_PATTERN) if (contact := _read(path)) is not None]
    return sorted((contact for contact in found if _lives(contact.pid)), key=lambda contact: contact.port)


def _path(folder: Path, port: int) -> Path:
    return folder / f"control-{port}.json"


def _read(path: Path) -> Contact | None:
    try:
        document = loads_object(path.read_bytes())
        return Contact(
            url=str(document["url"]),
            port=int(document["port"]),
            pid=int(document["pid"]),
            secret=Secret(str(document["secret"])),
        )
    except (OSError, JSONError, KeyError, ValueError, TypeError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return pid > 0
