"""Which door a request knocks at: a protocol's endpoint, something answered here, or none.

Knows: paths and methods. Refuses to know: bodies and keys. Nothing is offered to other origins: no answer has an ``access-control-`` header.
"""

from __future__ import annotations

import re

import attrs

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.control import ControlCall, dialect
from trioproxy.gateway.controls import find_controls
from trioproxy.gateway.exchange import RequestHead
from trioproxy.protocols.base import Protocol
from trioproxy.protocols.table import Match, match

__all__ = ["Refused", "find_door", "spoken_at"]


class Refused(ClientFault):
    """No door: the answer needs ``headers`` of its own."""

    def __init__(self, kind: ErrorKind, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(kind, message)
        self.headers = headers


def find_door(head: RequestHead) -> Match | ControlCall:
    """What the request is for.

    Raises:
        Refused: NOT_FOUND, METHOD_NOT_ALLOWED (with ``allow``), UPGRADE_REQUIRED (with ``upgrade``).
    """
    upgrade = head.header(b"upgrade")
    if upgrade is not None and b"websocket" in upgrade.lower():
        # Codex falls back to a plain POST at once on this status, and on no other.
        raise Refused(
            ErrorKind.UPGRADE_REQUIRED,
            "WebSocket is not offered here; send the same request as a plain HTTP POST",
            ((b"upgrade", b"HTTP/1.1"),),
        )
    doors = match(head.path)
    for door in doors:
        if door.endpoint.method == head.method:
            return door
    calls = find_controls(head)
    for call in calls:
        if head.method in call.control.methods:
            return call
    methods = [method for call in calls for method in call.control.methods]
    allowed = [*dict.fromkeys((*(door.endpoint.method for door in doors), *methods))]
    if not allowed:
        raise Refused(ErrorKind.NOT_FOUND, f"there is nothing at this path; {_advice(head)} ({head.method} came)")
    raise Refused(
        ErrorKind.METHOD_NOT_ALLOWED,
        f"this path takes {' or '.join(allowed)}, not {head.method}",
        ((b"allow", ", ".join(allowed).encode()),),
    )


_SLASHES = re.compile(r"/{2,}")
_TWICE = re.compile(r"^(?:/v1)+(?=/v1(?:beta)?/)")


def _advice(head: RequestHead) -> str:
    """What to do about a path that names nothing. The usual cause is a base URL that has what the client puts behind it already."""
    path = _TWICE.sub("", _SLASHES.sub("/", head.path).rstrip("/"))
    if path != head.path and (match(path) or find_controls(attrs.evolve(head, target=path))):
        return f"if {path} was meant, the client's base URL has a part too many at its end"
    return "GET / lists what there is"


def spoken_at(head: RequestHead) -> Protocol:
    """The protocol in which a request to this path is refused, whatever is wrong with it."""
    doors = match(head.path)
    return doors[0].protocol if len({door.protocol.name for door in doors}) == 1 else dialect(head)
