"""The fixture: one recorded exchange as a file that people read, compare and edit.

Knows: the file format and nothing else (``fixture.schema.json`` beside this module describes it to editors). Pure: bytes to values and back,
byte-exactly. Refuses to know: who recorded it, how it is matched, how fast it is replayed.

A fixture is one JSON document. What a person wants to read stands open: a JSON request body as itself, and a chunk that is exactly one
server-sent event as ``{"at": 350, "event": "ping", "data": {...}}`` on a line of its own (with ``"crlf": true`` where its lines end so).
Openness never costs a byte: whatever would not come back exactly is kept as ``text``, and what is not UTF-8 as ``base64``.
"""

from __future__ import annotations

import base64
import binascii
import enum
import re
from collections.abc import Sequence
from typing import Any

import attrs

from trioproxy.upstream.base import Headers
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads, loads_object

__all__ = [
    "SCHEMA",
    "Chunk",
    "Ending",
    "Fixture",
    "FixtureInvalid",
    "RecordedRequest",
    "read_fixture",
    "write_fixture",
]

SCHEMA = "trioproxy-fixture/1"
_WIDTH = 110


class FixtureInvalid(ValueError):
    """The bytes are no fixture. The message names the place in the document and what was expected there."""


class Ending(enum.Enum):
    """How the transfer of an answer ended."""

    COMPLETE = "complete"
    """The framing ended it. Whether the protocol in it was through is another question."""
    TRUNCATED = "truncated"
    """The connection closed before the framing was through."""
    RESET = "reset"
    """The connection was reset."""
    STALL = "stall"
    """Nothing came any more."""
    CLIENT_LEFT = "client_left"
    """The reader went away; what would have come is not known. Replayed, it is an honest end."""


@attrs.frozen
class Chunk:
    """Bytes that arrived together, ``at`` seconds after the request went out."""

    at: float
    data: bytes


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """What was asked. ``path`` and ``query`` as they stood in the target, ``body`` in bytes."""

    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Headers = ()
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Fixture:
    """One exchange. Times are seconds after the request went out.

    ``sequence`` is its place in the recording session, ``keywords`` are words in a user's message that call for this very answer in a
    demonstration, ``note`` is for people. ``end_message`` is what was said of an end that was none, where it is known.
    """

    protocol: str = ""
    note: str = ""
    sequence: int = 0
    keywords: tuple[str, ...] = ()
    request: RecordedRequest = RecordedRequest()
    status: int = 200
    headers: Headers = ()
    head_at: float = 0.0
    chunks: tuple[Chunk, ...] = ()
    ending: Ending = Ending.COMPLETE
    ended_at: float = 0.0
    end_message: str = ""

    @property
    def body(self) -> bytes:
        """The answer's body in one piece."""
        return b"".join(chunk.data for chunk in self.chunks)


# -- writing


def write_fixture(fixture: Fixture) -> bytes:
    """The file: UTF-8 JSON, two spaces of indentation, one chunk a line, a newline at the end."""
    request: Object = {"method": fixture.request.method, "path": fixture.request.path}
    if fixture.request.query:
        request["query"] = fixture.request.query
    request["headers"] = _written_headers(fixture.request.headers)
    request |= _written_body(fixture.request.body)
    end: Object = {"at": _milliseconds(fixture.ended_at), "how": fixture.ending.value}
    if fixture.end_message:
        end["message"] = fixture.end_message
    about = {
        "protocol": fixture.protocol,
        "note": fixture.note,
        "sequence": fixture.sequence,
        "keywords": list(fixture.keywords),
    }
    response = {
        "status": str(fixture.status),
        "headers": _pretty(_written_headers(fixture.headers), 2),
        "at": dumps(_milliseconds(fixture.head_at)).decode(),
        "chunks": _rows("[]", [_chunk_row(chunk) for chunk in fixture.chunks], 2),
        "end": _flat(end),
    }
    members = {"schema": _flat(SCHEMA)}
    members |= {name: _flat(value) for name, value in about.items() if value}
    members["request"] = _members({name: _pretty(value, 2) for name, value in request.items()}, 1)
    members["response"] = _members(response, 1)
    return (_members(members, 0) + "\n").encode()


def _chunk_row(chunk: Chunk) -> str:
    row = _written_chunk(chunk)
    # A whole body is worth unfolding; a stream is read line by line.
    return _pretty(row, 3) if "json" in row else dumps(row).decode()


def _pretty(value: JSON, depth: int) -> str:
    """``value`` on one line where it fits, unfolded where it doesn't."""
    flat = _flat(value)
    if len(flat) + 2 * depth <= _WIDTH or not isinstance(value, (dict, list)):
        return flat
    if isinstance(value, dict):
        return _members({name: _pretty(item, depth + 1) for name, item in value.items()}, depth)
    return _rows("[]", [_pretty(item, depth + 1) for item in value], depth)


def _flat(value: JSON) -> str:
    """``value`` on one line, a space behind each comma and colon."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(name)}: {_flat(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(item) for item in value) + "]"
    return dumps(value).decode()


def _members(members: dict[str, str], depth: int) -> str:
    return _rows("{}", [f"{_flat(name)}: {text}" for name, text in members.items()], depth)


def _rows(brackets: str, rows: Sequence[str], depth: int) -> str:
    if not rows:
        return brackets
    pad = "  " * (depth + 1)
    inner = ",\n".join(pad + row for row in rows)
    return f"{brackets[0]}\n{inner}\n{'  ' * depth}{brackets[1]}"


def _written_headers(headers: Headers) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _written_body(body: bytes) -> Object:
    if not body:
        return {}
    try:
        # A request's meaning is kept, not its white space: requests are compared as documents.
        return {"body": loads_object(body)}
    except JSONError:
        return _text_or_base64(body)


def _written_chunk(chunk: Chunk) -> Object:
    return {"at": _milliseconds(chunk.at)} | (
        _one_event(chunk.data) or _whole_json(chunk.data) or _text_or_base64(chunk.data)
    )


_ONE_EVENT = re.compile(rb"(?:event: ([^\r\n]+)(\r?\n))?data: ([^\r\n]*)(\r?\n)\4")


def _one_event(data: bytes) -> Object | None:
    found = _ONE_EVENT.fullmatch(data)
    if found is None or found[2] not in (None, found[4]):
        return None
    try:
        content: JSON = loads(found[3])
    except JSONError:
        content = None
    try:
        opened: Object = {"event": found[1].decode()} if found[1] else {}
        opened["data"] = content if isinstance(content, dict) and dumps(content) == found[3] else found[3].decode()
    except UnicodeDecodeError:
        return None
    return opened | ({"crlf": True} if found[4] == b"\r\n" else {})


def _whole_json(data: bytes) -> Object | None:
    try:
        content = loads(data)
    except JSONError:
        return None
    return {"json": content} if isinstance(content, (dict, list)) and dumps(content) == data else None


def _text_or_base64(data: bytes) -> Object:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _milliseconds(seconds: float) -> int | float:
    value = round(seconds * 1000, 1)
    return int(value) if value == int(value) else value


# -- reading


def read_fixture(data: bytes) -> Fixture:
    """A fixture from its file.

    Raises:
        FixtureInvalid: see there.
    """
    try:
        raw = loads_object(data)
    except JSONError as exc:
        raise FixtureInvalid(str(exc)) from None
    root = _Place(raw, "")
    root.known("schema", "protocol", "note", "sequence", "keywords", "request", "response")
    if raw.get("schema") != SCHEMA:
        raise FixtureInvalid(f"schema is {raw.get('schema')!r}, this version reads {SCHEMA!r}")
    request, response = root.inner("request"), root.inner("response")
    request.known("method", "path", "query", "headers", "body", "text", "base64")
    response.known("status", "headers", "at", "chunks", "end")
    end = response.inner("end")
    end.known("at", "how", "message")
    return Fixture(
        protocol=root.text("protocol", ""),
        note=root.text("note", ""),
        sequence=int(root.number("sequence", 0)),
        keywords=tuple(root.texts("keywords")),
        request=RecordedRequest(
            method=request.text("method", "POST"),
            path=request.text("path"),
            query=request.text("query", ""),
            headers=request.headers(),
            body=request.body(),
        ),
        status=response.status(),
        headers=response.headers(),
        head_at=response.number("at", 0) / 1000,
        chunks=response.chunks(),
        ending=end.ending(),
        ended_at=end.number("at", 0) / 1000,
        end_message=end.text("message", ""),
    )


@attrs.frozen
class _Place:
    """An object of the document and the way to it, for messages."""

    value: Object
    where: str

    def at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def known(self, *keys: str) -> None:
        for key in self.value:
            if key not in keys:
                raise FixtureInvalid(f"{self.at(key)} is not known; known here: {', '.join(keys)}")

    def inner(self, key: str) -> _Place:
        return _Place(self._typed(key, dict, "an object"), self.at(key))

    def text(self, key: str, default: str | None = None) -> str:
        if key not in self.value and default is not None:
            return default
        value: str = self._typed(key, str, "a string")
        return value

    def texts(self, key: str) -> list[str]:
        values: list[Any] = self._typed(key, list, "a list of strings") if key in self.value else []
        if not all(isinstance(value, str) for value in values):
            raise FixtureInvalid(f"{self.at(key)} must be a list of strings")
        return values

    def number(self, key: str, default: float | None = None) -> float:
        value = self.value.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise FixtureInvalid(f"{self.at(key)} must be a number, nought or more")
        return value

    def status(self) -> int:
        value = self.number("status")
        if not 200 <= value <= 599:
            raise FixtureInvalid(f"{self.at('status')} must be an HTTP status, 200 to 599")
        return int(value)

    def headers(self) -> Headers:
        pairs: list[Any] = self._typed("headers", list, "a list of [name, value]") if "headers" in self.value else []
        read: list[tuple[bytes, bytes]] = []
        for number, pair in enumerate(pairs):
            match pair:
                case [str(name), str(value)] if name and _HEADER_SAFE.fullmatch(name + value):
                    read.append((name.lower().encode("latin-1"), value.encode("latin-1")))
                case _:
                    raise FixtureInvalid(f"{self.at('headers')}[{number}] must be [name, value], one line each")
        return tuple(read)

    def body(self) -> bytes:
        if "body" in self.value:
            return dumps(self.value["body"])
        return self._bytes() or b""

    def ending(self) -> Ending:
        how = self.text("how", Ending.COMPLETE.value)
        try:
            return Ending(how)
        except ValueError:
            known = ", ".join(each.value for each in Ending)
            raise FixtureInvalid(f"{self.at('how')} is {how!r}, expected one of {known}") from None

    def chunks(self) -> tuple[Chunk, ...]:
        rows: list[Any] = self._typed("chunks", list, "a list of chunks")
        read: list[Chunk] = []
        for number, row in enumerate(rows):
            where = f"{self.at('chunks')}[{number}]"
            if not isinstance(row, dict):
                raise FixtureInvalid(f"{where} must be an object")
            chunk = _Place(row, where).chunk()
            if read and chunk.at < read[-1].at:
                raise FixtureInvalid(f"{where}.at lies before the chunk above it")
            read.append(chunk)
        return tuple(read)

    def chunk(self) -> Chunk:
        self.known("at", "event", "data", "crlf", "json", "text", "base64")
        at = self.number("at", 0) / 1000
        if "json" in self.value:
            return Chunk(at, dumps(self.value["json"]))
        if "data" in self.value:
            data = self.value["data"]
            line = data.encode() if isinstance(data, str) else dumps(data)
            end = b"\r\n" if self.value.get("crlf") is True else b"\n"
            name = b"event: " + self.text("event").encode() + end if "event" in self.value else b""
            return Chunk(at, name + b"data: " + line + end + end)
        raw = self._bytes()
        if raw is None:
            raise FixtureInvalid(f"{self.where} holds none of data, json, text, base64")
        return Chunk(at, raw)

    def _bytes(self) -> bytes | None:
        if "text" in self.value:
            return self.text("text").encode()
        if "base64" in self.value:
            try:
                return base64.b64decode(self.text("base64"), validate=True)
            except binascii.Error:
                raise FixtureInvalid(f"{self.at('base64')} is not base64") from None
        return None

    def _typed(self, key: str, kind: type, words: str) -> Any:
        value = self.value.get(key)
        if not isinstance(value, kind):
            raise FixtureInvalid(f"{self.at(key)} must be {words}")
        return value


_HEADER_SAFE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
