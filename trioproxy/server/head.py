"""A request's head, from bytes to a :class:`RequestHead` (RFC 9112 sections 2, 3 and 5).

Knows: which bytes are a head, and every spelling that two servers might read differently. Refuses to know: paths, methods and what they
mean, and sockets.

Two gates, one behind the other. The raw bytes must match the RFC's grammar to the letter, which h11 does not demand: it takes bare LF for
a line end, folds lines and lets control characters pass. Then h11 parses them; it refuses a missing or second Host, lengths that differ,
and transfer codings it does not know. A request that could be two requests to somebody else gets a 400 and loses its connection.
"""

from __future__ import annotations

import re

import attrs
import h11

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.exchange import RequestHead
from trioproxy.server.limits import ServerLimits
from trioproxy.wire.field_names import LETTERS

__all__ = ["HeadMemory", "HeadScanner", "ParsedHead", "parse_head"]

_TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_TOKEN_BYTES = frozenset(LETTERS)
_REQUEST_LINE = _TOKEN + rb" [!-~]+ HTTP/1\.[01]"
_FIELD_LINE = _TOKEN + rb":[\t\x20-\x7e\x80-\xff]*"

_STRICT_HEAD = re.compile(_REQUEST_LINE + rb"\r\n(?:" + _FIELD_LINE + rb"\r\n)*\r\n")
_STRICT_REQUEST_LINE = re.compile(_REQUEST_LINE)
_STRICT_FIELD_LINE = re.compile(_FIELD_LINE)
_OTHER_VERSION = re.compile(_TOKEN + rb" [!-~]+ HTTP/[0-9](?:\.[0-9])?")
_CR = ord("\r")
_BARE_LF = re.compile(rb"(?<!\r)\n")

_LENGTH = re.compile(rb"[0-9]{1,18}")
_BODY_LENGTH = re.compile(rb"\r\ncontent-length: ?([1-9][0-9]{0,17})\r\n", re.IGNORECASE)
_LENGTH_FIELDS = re.compile(rb"\r\ncontent-length:([^\r]*)")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[-._~%!$&'()*+;=0-9A-Za-z]*)(?::[0-9]{0,5})?")
_ABSOLUTE_TARGET = re.compile(r"https?://([^/?#@]+)([/?].*)?", re.IGNORECASE)

_HTTP_VERSION_NOT_SUPPORTED = 505
_EXPECTATION_FAILED = 417


def _invalid(message: str, status: int | None = None) -> ClientFault:
    return ClientFault(ErrorKind.INVALID_REQUEST, message, status=status)


@attrs.frozen(kw_only=True)
class ParsedHead:
    """A head and what it means for the connection.

    ``length`` is the body's declared length in bytes (0 without a body), None where it comes in chunks. ``expects_continue``: the client
    waits for a ``100 Continue`` before it sends the body. ``upgrade`` is what the client would rather speak, None where it asks for nothing.
    """

    request: RequestHead
    length: int | None
    keep_alive: bool
    expects_continue: bool
    upgrade: bytes | None


class HeadScanner:
    """Finds the end of a head in bytes that arrive bit by bit. Looks at no byte twice, and at garbage as early as can be."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limit = limits.head
        self._searched = 0
        self._blank_skipped = False
        self._line_checked = False

    def take(self, arrived: bytearray) -> bytes | None:
        """Remove a whole head, its blank line included, from the front of ``arrived``; None when more must arrive first.

        Raises:
            ClientFault: HEAD_TOO_LARGE, or INVALID_REQUEST for what can never become a head.
        """
        if not arrived:
            return None
        if arrived[0] == _CR and not self._blank_skipped:
            # RFC 9112 section 2.2: one empty line before the request line is forgiven.
            if len(arrived) < 2:
                return None
            if arrived[1:2] == b"\n":
                del arrived[:2]
            self._blank_skipped = True
            if not arrived:
                return None
        if arrived[0] not in _TOKEN_BYTES:
            raise _invalid(
                "this port speaks plain HTTP/1.1, and what arrived is not the beginning of a request (TLS, perhaps?)"
            )
        end = arrived.find(b"\r\n\r\n", max(0, self._searched - 3))
        size = end + 4 if end >= 0 else len(arrived)
        if size > self._limit:
            raise ClientFault(ErrorKind.HEAD_TOO_LARGE, f"the request's head is larger than {self._limit} bytes")
        if end < 0:
            self._look_early(arrived)
            self._searched = len(arrived)
            return None
        head = bytes(arrived[:size])
        del arrived[:size]
        self._searched = 0
        self._blank_skipped = self._line_checked = False
        return head

    def _look_early(self, arrived: bytearray) -> None:
        # A client that has made a mistake and waits for an answer should have it now, not when its time is up.
        if _BARE_LF.search(arrived, self._searched):
            raise _invalid("a line of the request's head ends in LF without CR")
        if not self._line_checked:
            end = arrived.find(b"\r\n")
            if end >= 0:
                _check_request_line(bytes(arrived[:end]))
                self._line_checked = True


def _check_request_line(line: bytes) -> None:
    if _STRICT_REQUEST_LINE.fullmatch(line) is None:
        if _OTHER_VERSION.fullmatch(line):
            raise _invalid("this port speaks HTTP/1.1 and HTTP/1.0 only", _HTTP_VERSION_NOT_SUPPORTED)
        raise _invalid("the request line is not METHOD SP target SP HTTP-version")


def _complaint(raw: bytes) -> ClientFault:
    """What is wrong with a head that is not strict. Quotes none of it."""
    if _BARE_LF.search(raw):
        return _invalid("a line of the request's head ends in LF without CR")
    first, *lines = raw[:-4].split(b"\r\n")
    try:
        _check_request_line(first)
    except ClientFault as exc:
        return exc
    number, line = next((n, line) for n, line in enumerate(lines, 1) if _STRICT_FIELD_LINE.fullmatch(line) is None)
    if line[:1] in (b" ", b"\t"):
        return _invalid(f"header {number} continues on a folded line, which is not accepted")
    if re.match(_TOKEN + rb"[ \t]+:", line):
        return _invalid(f"header {number} has a blank before its colon")
    if re.match(_TOKEN + rb":", line):
        return _invalid(f"header {number} holds a control character")
    return _invalid(f"header {number} is not of the form name: value")


class HeadMemory:
    """The head that a connection's client sent last: most clients send the same one over and over, but for the length of the body.

    Two heads that differ in the digits of one ``Content-Length`` mean the same but for that, so only the first is parsed.
    """

    def __init__(self) -> None:
        self._rest: tuple[bytes, bytes] | None = None
        self._parsed: ParsedHead | None = None

    def parse(self, raw: bytes, *, limits: ServerLimits, peer: str, scheme: str) -> ParsedHead:
        """As :func:`parse_head`, which see. All heads of a connection have the same ``limits``, ``peer`` and ``scheme``."""
        declared = _BODY_LENGTH.search(raw)
        rest = (raw[: declared.start(1)], raw[declared.end(1) :]) if declared is not None else (raw, b"")
        if self._parsed is not None and rest == self._rest:
            return self._parsed if declared is None else _with_length(self._parsed, declared[1])
        self._rest = None
        parsed = parse_head(raw, limits=limits, peer=peer, scheme=scheme)
        self._rest, self._parsed = rest, parsed
        return parsed


def _with_length(parsed: ParsedHead, length: bytes) -> ParsedHead:
    if parsed.length == int(length):
        return parsed
    return attrs.evolve(parsed, request=parsed.request.with_length(length), length=int(length))


def parse_head(raw: bytes, *, limits: ServerLimits, peer: str, scheme: str) -> ParsedHead:
    """Parse what :meth:`HeadScanner.take` gave.

    Raises:
        ClientFault: INVALID_REQUEST (400, 417 or 505), METHOD_NOT_ALLOWED for CONNECT, HEAD_TOO_LARGE for too many headers.
    """
    if _STRICT_HEAD.fullmatch(raw) is None:
        raise _complaint(raw)
    if raw.count(b"\r\n") - 2 > limits.head_fields:
        raise ClientFault(ErrorKind.HEAD_TOO_LARGE, f"the request has more than {limits.head_fields} headers")
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head)
    parser.receive_data(raw)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as exc:
        # None of the complaints that can pass the first gate quotes the head.
        raise _invalid(f"the request's head is refused: {exc}") from None
    assert isinstance(request, h11.Request)
    return _understand(raw, request, peer, scheme)


def _understand(raw: bytes, request: h11.Request, peer: str, scheme: str) -> ParsedHead:
    # Iterating over h11's own lower-case view costs three times as much.
    headers = tuple((name.lower(), value) for name, value in request.headers.raw_items())
    said = dict(headers)
    modern = request.http_version == b"1.1"
    options = {
        option.strip() for name, value in headers if name == b"connection" for option in value.lower().split(b",")
    }
    if _HOST.fullmatch(said.get(b"host", b"")) is None:
        raise _invalid("the Host header is not a host and port")
    length = _body_length(raw, said, modern)
    method = request.method.decode("ascii")
    target, headers = _origin_form(method, request.target.decode("ascii"), headers)
    version = "1.1" if modern else "1.0"
    return ParsedHead(
        request=RequestHead(method=method, target=target, headers=headers, peer=peer, scheme=scheme, version=version),
        length=length,
        keep_alive=modern and b"close" not in options,
        expects_continue=modern and _expects_continue(said) and length != 0,
        upgrade=said.get(b"upgrade") if modern and b"upgrade" in options else None,
    )


def _body_length(raw: bytes, said: dict[bytes, bytes], modern: bool) -> int | None:
    if b"transfer-encoding" in said:
        # RFC 9112 section 6.3: a request with both is how smuggling begins. That the coding is "chunked" and nothing else, h11 has seen to.
        if b"content-length" in said:
            raise _invalid("the request has both Content-Length and Transfer-Encoding")
        if not modern:
            raise _invalid("Transfer-Encoding is not part of HTTP/1.0")
        return None
    if b"content-length" not in said:
        return 0
    # h11 makes one length of several equal ones. No client of ours says it twice, so whoever does is up to something.
    lengths = _LENGTH_FIELDS.findall(raw.lower())
    if len(lengths) != 1 or _LENGTH.fullmatch(lengths[0].strip(b" \t")) is None:
        raise _invalid("the Content-Length is not one number of bytes")
    return int(lengths[0])


def _expects_continue(said: dict[bytes, bytes]) -> bool:
    expectation = said.get(b"expect")
    if expectation is not None and expectation.lower() != b"100-continue":
        raise _invalid("the only expectation that can be met is 100-continue", _EXPECTATION_FAILED)
    return expectation is not None


def _origin_form(
    method: str, target: str, headers: tuple[tuple[bytes, bytes], ...]
) -> tuple[str, tuple[tuple[bytes, bytes], ...]]:
    """The target as path and query (RFC 9112 section 3.2), and the headers with the Host that an absolute target names."""
    if method == "CONNECT":
        raise ClientFault(
            ErrorKind.METHOD_NOT_ALLOWED, "CONNECT is not served: this is no forward proxy; use it as a base URL"
        )
    if "#" in target:
        raise _invalid("the request's target holds a fragment (#)")
    if target.startswith("/") or (target == "*" and method == "OPTIONS"):
        return target, headers
    absolute = _ABSOLUTE_TARGET.fullmatch(target)
    host = absolute[1].encode("ascii") if absolute else b""
    if absolute is None or not _HOST.fullmatch(host):
        raise _invalid("the request's target is neither a path nor an http URL")
    path = absolute[2] or "/"
    others = tuple(field for field in headers if field[0] != b"host")
    return path if path.startswith("/") else "/" + path, ((b"host", host), *others)
