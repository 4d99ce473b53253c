"""Who may ask for what is answered here: anybody, who is near, a client, a manager.

Knows: the secrets of managers, what makes a request a near one, and whom to turn away after wrong secrets (five from one address, for half an
hour). Refuses to know: what is behind the door. Comparing takes the same time for every wrong secret.

The management API answers on the loopback only, unless ``remote-management.allow-remote`` says otherwise, and to nobody where no secret is
configured. Commands of the same user are let in by a secret of their own, which the process makes up at its start and lays into its state
folder, readable by that user alone; no ban keeps them out, or whoever can connect could lock the owner out.
"""

from __future__ import annotations

import hmac

import attrs

from trioproxy.config.model import ClientKey, Secret, Snapshot
from trioproxy.config.settings import is_loopback
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.admission import admit, presented_keys
from trioproxy.gateway.control import Access, ControlCall
from trioproxy.gateway.exchange import RequestHead

__all__ = ["Warden", "is_near"]

MOST_WRONG = 5
BAN_SECONDS = 1800.0
_MOST_ADDRESSES = 4096
_SECRET_HEADER = b"x-management-key"
# What a proxy puts into a request that it passes on: the peer is the proxy then, and nobody knows who asks.
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})


@attrs.define(eq=False)
class Warden:
    """Lets in or refuses. ``_wrong`` counts wrong secrets by address, with the time of the last one."""

    _wrong: dict[str, tuple[int, float]] = attrs.field(factory=dict, init=False)

    def admit(self, call: ControlCall, snapshot: Snapshot) -> ClientKey | None:
        """The client whose key the request shows, None where none is needed.

        Raises:
            ClientFault: UNAUTHENTICATED; FORBIDDEN, the address is banned; NOT_FOUND, there is no management here, or not for this address.
        """
        match call.control.access:
            case Access.ANYBODY:
                return None
            case Access.NEARBY if is_near(call.head) and _is_meant(call.head):
                return None
            case Access.MANAGER:
                self._admit_manager(call, snapshot)
                return None
            case _:
                return admit(snapshot, call.head)

    def _admit_manager(self, call: ControlCall, snapshot: Snapshot) -> None:
        head, settings, now = call.head, snapshot.settings, call.house.now()
        near, shown = is_near(head), _shown(head)
        if near and _fits(shown, call.house.token):
            return
        if settings.management_secret is None:
            raise ClientFault(
                ErrorKind.NOT_FOUND,
                "the management API is off: remote-management.secret-key of the configuration turns it on",
            )
        if not near and not settings.management_remote:
            raise ClientFault(
                ErrorKind.NOT_FOUND, "the management API answers on the loopback only (remote-management.allow-remote)"
            )
        address = _address(head)
        count, last = self._wrong.get(address, (0, now))
        if now - last >= BAN_SECONDS:
            count = 0
        if count >= MOST_WRONG:
            minutes = max((BAN_SECONDS - (now - last)) / 60, 1)
            raise ClientFault(
                ErrorKind.FORBIDDEN,
                f"too many wrong secrets from {address}: turned away for {minutes:.0f} more minutes",
            )
        if _fits(shown, settings.management_secret):
            self._wrong.pop(address, None)
            return
        if shown:
            while len(self._wrong) >= _MOST_ADDRESSES:
                del self._wrong[next(iter(self._wrong))]
            self._wrong[address] = (count + 1, now)
        raise ClientFault(
            ErrorKind.UNAUTHENTICATED,
            "the management API asks for its own secret (remote-management.secret-key), as `Authorization: Bearer` or `X-Management-Key`",
            code="invalid_management_key",
        )


def is_near(head: RequestHead) -> bool:
    """Whether a program on this machine asks, and not by way of a proxy."""
    return is_loopback(_address(head)) and not any(name in _FORWARDED for name, _ in head.headers)


def _is_meant(head: RequestHead) -> bool:
    """Whether the request names this machine: a page in a browser, at a name that was made to lead here, names its own (DNS rebinding)."""
    host = (head.header(b"host") or b"localhost").decode("latin-1")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return is_loopback(name.strip("[]"))


def _address(head: RequestHead) -> str:
    """The peer without its port."""
    return head.peer.rpartition(":")[0].strip("[]")


def _shown(head: RequestHead) -> tuple[str, ...]:
    own = head.header(_SECRET_HEADER)
    return (*((own.decode("latin-1").strip(),) if own else ()), *presented_keys(head))


def _fits(shown: tuple[str, ...], secret: Secret | None) -> bool:
    if secret is None:
        return False
    wanted = secret.reveal().encode()
    fits = [hmac.compare_digest(wanted, each.encode("utf-8", "surrogateescape")) for each in shown]
    return any(fits)
