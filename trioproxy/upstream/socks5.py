"""The client's half of SOCKS 5 (RFC 1928) with name and password (RFC 1929), as a pure machine.

Names are left to the proxy to resolve: it may stand where they mean something else. Bytes in, bytes to send out.
"""

from __future__ import annotations

import enum
import ipaddress

import attrs

from trioproxy.wire.machine import ProtocolViolation

__all__ = ["Socks5Handshake"]

_VERSION = 5
_NO_AUTH, _PASSWORD, _NONE_ACCEPTABLE = 0x00, 0x02, 0xFF
_REPLIES = {
    1: "general failure",
    2: "connection not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}
_BOUND_ADDRESS_BYTES = {0x01: 4, 0x04: 16}


class _Stage(enum.Enum):
    METHOD = enum.auto()
    AUTHENTICATION = enum.auto()
    CONNECTION = enum.auto()
    DONE = enum.auto()


@attrs.define(eq=False, repr=False)
class Socks5Handshake:
    """Ask a proxy to connect to ``host:port``: send :meth:`start`, then feed what comes and send what is returned, until :attr:`done`."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    _stage: _Stage = attrs.field(default=_Stage.METHOD, init=False)
    _buffer: bytes = attrs.field(default=b"", init=False)

    @property
    def done(self) -> bool:
        """Whether the connection stands."""
        return self._stage is _Stage.DONE

    def start(self) -> bytes:
        """The greeting."""
        methods = bytes([_NO_AUTH]) if self.username is None else bytes([_NO_AUTH, _PASSWORD])
        return bytes([_VERSION, len(methods)]) + methods

    def feed(self, data: bytes) -> bytes:
        """What to send in answer, perhaps nothing.

        Raises:
            ProtocolViolation: the proxy refuses, or speaks no SOCKS 5; the message says which.
        """
        self._buffer += data
        match self._stage:
            case _Stage.METHOD:
                return self._method_chosen()
            case _Stage.AUTHENTICATION:
                return self._authenticated()
            case _:
                return self._connected()

    def _take(self, count: int) -> bytes | None:
        if len(self._buffer) < count:
            return None
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _method_chosen(self) -> bytes:
        if self._buffer[0] != _VERSION:
            raise ProtocolViolation("it does not speak SOCKS 5")
        answer = self._take(2)
        if answer is None:
            return b""
        if answer[1] == _NO_AUTH:
            return self._connect()
        if answer[1] == _PASSWORD and self.username is not None:
            self._stage = _Stage.AUTHENTICATION
            name, word = self.username.encode()[:255], (self.password or "").encode()[:255]
            return b"\x01" + bytes([len(name)]) + name + bytes([len(word)]) + word
        raise ProtocolViolation(
            "it wants a user name and password" if self.username is None else "it refuses every way to sign in"
        )

    def _authenticated(self) -> bytes:
        answer = self._take(2)
        if answer is None:
            return b""
        if answer[1] != 0:
            raise ProtocolViolation("it refused the user name and password")
        return self._connect()

    def _connect(self) -> bytes:
        self._stage = _Stage.CONNECTION
        try:
            literal = ipaddress.ip_address(self.host)
        except ValueError:
            name = self.host.encode("ascii")[:255]
            address = b"\x03" + bytes([len(name)]) + name
        else:
            address = (b"\x01" if literal.version == 4 else b"\x04") + literal.packed
        return bytes([_VERSION, 1, 0]) + address + self.port.to_bytes(2, "big")

    def _connected(self) -> bytes:
        if len(self._buffer) >= 2 and self._buffer[1] != 0:
            raise ProtocolViolation(_REPLIES.get(self._buffer[1], f"reply {self._buffer[1]}"))
        if len(self._buffer) < 5:
            return b""
        kind = self._buffer[3]
        # A bound name carries its own length in the byte behind its type.
        address_bytes = _BOUND_ADDRESS_BYTES.get(kind, 1 + self._buffer[4])
        if self._take(4 + address_bytes + 2) is not None:
            if self._buffer:
                raise ProtocolViolation("it sent more than its reply")
            self._stage = _Stage.DONE
        return b""
