"""The process that runs, as this user's other commands talk to it.

Knows: how it is found (by the file that ``serve`` leaves in the state folder, else at the configured port with the management secret), and how
it is asked. Ends the command with a word of why where that is not possible.
"""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trioproxy.cli.configuration import fail, find_or_none, look
from trioproxy.wire.jsoncodec import dumps, loads

if TYPE_CHECKING:
    from trioproxy.config.model import Snapshot
    from trioproxy.contact import Contact

__all__ = ["asked", "contact_of", "running"]

_MANAGED = "/v0/management"
_SECONDS = 10.0


def running(config: Path | None) -> Contact:
    """The process that runs by the configuration at ``config``, else by the one that is found. Ends the command where there is none."""
    path = find_or_none(config)
    contact = contact_of(look(path, silent=True) if path is not None else None)
    if contact is None:
        fail("no running process was found: `trioproxy serve` leaves word of itself in the state folder (state-dir)")
    return contact


def contact_of(snapshot: Snapshot | None) -> Contact | None:
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
    except (OSError, http.client.HTTPException):
        return False
    return status == 200


def asked(contact: Contact, method: str, path: str, body: Any = None) -> Any:
    """What the management API answers; ends the command where that is an error."""
    try:
        status, text = _exchange(contact.url, method, _MANAGED + path, contact.secret.reveal(), body)
        document = loads(text)
    except (OSError, http.client.HTTPException, ValueError) as error:
        fail(f"the process at {contact.url} did not answer: {error}")
    if status >= 400:
        told = document.get("error") if isinstance(document, dict) else None
        said = told.get("message") if isinstance(told, dict) else None
        fail(str(said) if said else f"{contact.url} answered with status {status}")
    return document


def _exchange(url: str, method: str, path: str, secret: str, body: Any = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        text = None if body is None else dumps(body)
        connection.request(
            method, path, text, {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
