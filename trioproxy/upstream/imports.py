"""Recordings of other tools as fixtures. Pure: documents and bytes in, fixtures out.

Knows: VCR cassettes, HAR files, raw server-sent events, lists of JSON chunks (one a line), and plain exchanges
``{"protocol", "request", "response"}``. Refuses to know: YAML (a cassette comes as the document it holds) and where files lie.

Nothing of these but HAR holds times, so events get an even pace. What comes out is redacted.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import attrs

from trioproxy.upstream.base import Headers
from trioproxy.upstream.fixture import Chunk, Fixture, FixtureInvalid, RecordedRequest, read_fixture
from trioproxy.upstream.question import Question
from trioproxy.upstream.redact import Redactor
from trioproxy.wire.encoding import ContentDecoder, UnknownCoding, parse_codings
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["ImportInvalid", "import_bytes", "import_document"]

PACE_S = 0.02
"""Between two events whose times nobody wrote down."""

_MAX_DECODED_BYTES = 64 * 1024 * 1024
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"content-encoding", b"connection"})


class ImportInvalid(ValueError):
    """The bytes are none of the formats that are known, or break the rules of theirs."""


@attrs.frozen
class _Wire:
    """How a protocol is recognised. ``path`` is where its streams are asked for."""

    path: str
    operations: tuple[str, ...]
    named_events: bool = False
    terminal: bytes = b""


_WIRES: Mapping[str, _Wire] = MappingProxyType(
    {
        "openai_chat": _Wire("/v1/chat/completions", ("chat/completions",), terminal=b"data: [DONE]\n\n"),
        "openai_responses": _Wire(
            "/v1/responses", ("responses", "responses/compact", "responses/input_tokens"), named_events=True
        ),
        "anthropic": _Wire("/v1/messages", ("messages", "messages/count_tokens"), named_events=True),
        "gemini": _Wire(
            "/v1beta/models/{model}:streamGenerateContent",
            ("generateContent", "streamGenerateContent", "countTokens"),
        ),
    }
)


def import_bytes(data: bytes, *, protocol: str | None = None) -> list[Fixture]:
    """The exchanges in a file of any of the known formats; ``protocol`` where the file does not tell.

    Raises:
        ImportInvalid: see there.
    """
    try:
        document = loads(data)
    except JSONError:
        document = None
    if isinstance(document, (dict, list)):
        return import_document(document, protocol=protocol)
    lines = [line for line in data.splitlines() if line.strip()]
    if any(line.startswith((b"data:", b"event:")) for line in lines):
        return [_redacted(_from_stream(data, protocol))]
    if lines:
        return [_redacted(_from_lines(lines, protocol))]
    raise ImportInvalid("the file is empty")


def import_document(document: JSON, *, protocol: str | None = None) -> list[Fixture]:
    """The exchanges in a document that was JSON, or YAML, or whatever its tool writes.

    Raises:
        ImportInvalid: see there.
    """
    match document:
        case {"interactions": list(interactions)}:
            found = [_from_interaction(each, f"interactions[{n}]", protocol) for n, each in enumerate(interactions)]
        case {"log": {"entries": list(entries)}}:
            found = [_from_entry(each, f"log.entries[{n}]", protocol) for n, each in enumerate(entries)]
        case {"schema": str()}:
            try:
                found = [read_fixture(dumps(document))]
            except FixtureInvalid as exc:
                raise ImportInvalid(str(exc)) from None
        case {"response": {"body": _}}:
            found = [_from_exchange(document, protocol)]
        case list() if document and all(isinstance(each, dict) for each in document):
            found = [_from_lines([dumps(each) for each in document], protocol)]
        case dict() if _protocol_of([document]):
            found = [_from_lines([dumps(document)], protocol)]
        case _:
            raise ImportInvalid(
                "neither a VCR cassette (interactions), a HAR file (log.entries), an exchange (request, response), a fixture, "
                "a list of chunks nor a stream of events"
            )
    return [_redacted(attrs.evolve(each, sequence=number)) for number, each in enumerate(found, 1)]


# -- formats


def _from_interaction(item: Any, where: str, protocol: str | None) -> Fixture:
    """One exchange of a VCR cassette (vcrpy's version 1, with or without parsed bodies)."""
    match item:
        case {"request": dict(request), "response": {"status": {"code": int(status)}} as response}:
            pass
        case _:
            raise ImportInvalid(f"{where} is no exchange of a VCR cassette")
    headers = _header_pairs(response.get("headers"))
    asked = _request(
        method=str(request.get("method", "POST")),
        url=str(request.get("uri", "")),
        headers=_header_pairs(request.get("headers")),
        body=_vcr_body(request, where),
    )
    body = _decoded(_vcr_body(response, where), headers, where)
    return _exchange(asked, status, headers, body, protocol)


def _vcr_body(side: Mapping[str, Any], where: str) -> bytes:
    if "parsed_body" in side:
        return dumps(side["parsed_body"])
    body = side.get("body")
    match body:
        case {"base64_string": str(text)}:
            return _from_base64(text, where)
        case {"string": inner}:
            body = inner
        case {"encoding": "base64", "data": str(text)}:
            return _from_base64(text, where)
    match body:
        case None:
            return b""
        case str():
            return body.encode()
        case bytes():
            return body
        case _:
            return dumps(body)


def _from_entry(item: Any, where: str, protocol: str | None) -> Fixture:
    """One exchange of a HAR file (version 1.2). Its bodies are decoded already."""
    match item:
        case {"request": {"url": str(url)} as request, "response": {"status": int(status)} as response}:
            pass
        case _:
            raise ImportInvalid(f"{where} is no exchange of a HAR file")
    content = response.get("content") or {}
    text = str(content.get("text") or "")
    body = _from_base64(text, where) if content.get("encoding") == "base64" else text.encode()
    posted = (request.get("postData") or {}).get("text") or ""
    asked = _request(
        method=str(request.get("method", "GET")),
        url=url,
        headers=_header_pairs(request.get("headers")),
        body=posted.encode(),
    )
    timings = item.get("timings") or {}
    head_at = max(0.0, _number(timings.get("wait"))) / 1000
    receive = max(0.0, _number(timings.get("receive"))) / 1000
    return _exchange(
        asked, status, _header_pairs(response.get("headers")), body, protocol, head_at=head_at, duration=receive
    )


def _from_exchange(document: Object, protocol: str | None) -> Fixture:
    """``{"protocol", "request": {"method", "url", "headers", "body"}, "response": {"status", "content_type", "headers", "body"}}``."""
    response = document["response"]
    request = document.get("request")
    protocol = protocol or document.get("protocol")
    headers = _header_pairs(response.get("headers"))
    if response.get("content_type") and not any(name == b"content-type" for name, _ in headers):
        headers = ((b"content-type", str(response["content_type"]).encode()), *headers)
    content = response["body"]
    body = content.encode() if isinstance(content, str) else dumps(content)
    if isinstance(request, dict):
        sent = request.get("body")
        asked = _request(
            method=str(request.get("method") or "POST"),
            url=str(request.get("url") or ""),
            headers=_header_pairs(request.get("headers")),
            body=sent.encode() if isinstance(sent, str) else dumps(sent) if sent is not None else b"",
        )
        return _exchange(asked, int(response.get("status") or 200), headers, body, protocol)
    if document.get("stream"):
        return _from_stream(body, protocol)
    return _exchange(
        _supposed_request(protocol, "", stream=False), int(response.get("status") or 200), headers, body, protocol
    )


def _from_stream(data: bytes, protocol: str | None) -> Fixture:
    """A stream of server-sent events as it came."""
    documents: list[Object] = []
    for line in data.splitlines():
        try:
            document = loads(line.removeprefix(b"data:"))
        except JSONError:
            continue
        if isinstance(document, dict):
            documents.append(document)
    protocol = protocol or _protocol_of(documents)
    return _streamed(protocol, _model_of(documents), data)


def _from_lines(lines: list[bytes], protocol: str | None) -> Fixture:
    """The chunks of a stream, one JSON document a line: the frames around them are put back."""
    documents: list[Object] = []
    for number, line in enumerate(lines, 1):
        try:
            document = loads(line)
        except JSONError:
            raise ImportInvalid(f"line {number} is neither JSON nor a field of a server-sent event") from None
        if not isinstance(document, dict):
            raise ImportInvalid(f"line {number} is no JSON object")
        documents.append(document)
    protocol = protocol or _protocol_of(documents)
    wire = _wire(protocol)
    frames: list[bytes] = []
    for line, document in zip(lines, documents, strict=True):
        name = f"event: {document.get('type', 'message')}\n".encode() if wire.named_events else b""
        frames.append(name + b"data: " + line.strip() + b"\n\n")
    return _streamed(protocol, _model_of(documents), b"".join(frames) + wire.terminal)


# -- parts


def _streamed(protocol: str, model: str, body: bytes) -> Fixture:
    headers: Headers = ((b"content-type", b"text/event-stream"),)
    return _exchange(_supposed_request(protocol, model, stream=True), 200, headers, body, protocol)


def _exchange(
    asked: RecordedRequest,
    status: int,
    headers: Headers,
    body: bytes,
    protocol: str | None,
    *,
    head_at: float = 0.0,
    duration: float | None = None,
) -> Fixture:
    pieces = (
        _events(body) if any(b"event-stream" in value for name, value in headers if name == b"content-type") else [body]
    )
    pace = PACE_S if duration is None else duration / max(1, len(pieces))
    chunks = tuple(Chunk(head_at + number * pace, piece) for number, piece in enumerate(filter(None, pieces), 1))
    return Fixture(
        protocol=protocol or _protocol_for(asked),
        request=asked,
        status=status,
        headers=tuple(pair for pair in headers if pair[0] not in _FRAMING),
        head_at=head_at,
        chunks=chunks,
        ended_at=chunks[-1].at if chunks else head_at,
    )


def _redacted(fixture: Fixture) -> Fixture:
    return Redactor().redact(fixture)


_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def _events(body: bytes) -> list[bytes]:
    borders = [0, *(found.end() for found in _EVENT_END.finditer(body)), len(body)]
    return [body[begin:end] for begin, end in pairwise(borders)]


def _request(*, method: str, url: str, headers: Headers, body: bytes) -> RecordedRequest:
    rest = url.partition("://")[2] if "://" in url else url
    target = "/" + rest.partition("/")[2] if "://" in url else rest
    path, _, query = target.partition("#")[0].partition("?")
    return RecordedRequest(method=method.upper(), path=path or "/", query=query, headers=headers, body=body)


def _supposed_request(protocol: str | None, model: str, *, stream: bool) -> RecordedRequest:
    """The least that could have been asked, where only the answer was kept."""
    wire = _wire(protocol or "")
    if "{model}" in wire.path:
        path = wire.path.format(model=model or "unknown")
        return RecordedRequest(
            path=path if stream else path.replace("streamGenerateContent", "generateContent"), body=b"{}"
        )
    body: Object = {"model": model} if model else {}
    return RecordedRequest(path=wire.path, body=dumps(body | ({"stream": True} if stream else {})))


def _wire(protocol: str) -> _Wire:
    try:
        return _WIRES[protocol]
    except KeyError:
        raise ImportInvalid(f"say which protocol this is: one of {', '.join(_WIRES)}") from None


def _protocol_for(request: RecordedRequest) -> str:
    operation = Question.of(request).operation
    return next((name for name, wire in _WIRES.items() if operation in wire.operations), "")


def _protocol_of(documents: list[Object]) -> str:
    """Which protocol's stream these events are."""
    for document in documents:
        kind = str(document.get("type", ""))
        if document.get("object") == "chat.completion.chunk":
            return "openai_chat"
        if kind.startswith("response."):
            return "openai_responses"
        if kind.startswith(("message_", "content_block_")):
            return "anthropic"
        if "candidates" in document or "usageMetadata" in document:
            return "gemini"
    return ""


def _model_of(documents: list[Object]) -> str:
    for document in documents:
        for place in (document, document.get("message"), document.get("response")):
            if isinstance(place, dict):
                model = place.get("model") or place.get("modelVersion")
                if isinstance(model, str):
                    return model
    return ""


def _header_pairs(headers: Any) -> Headers:
    """Headers as any of these tools writes them: a mapping to a value or to values, or a list of ``{"name", "value"}``."""
    return tuple(
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in _each(headers)
    )


def _each(headers: Any) -> Iterator[tuple[str, str]]:
    if isinstance(headers, dict):
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                yield str(name), str(one)
    elif isinstance(headers, list):
        for item in headers:
            match item:
                case {"name": name, "value": value}:
                    yield str(name), str(value)


def _decoded(body: bytes, headers: Headers, where: str) -> bytes:
    """A body without its content coding. Some tools decode it and keep the header: text is taken as it is."""
    try:
        decoder = ContentDecoder(
            parse_codings(value for name, value in headers if name == b"content-encoding"), limit=_MAX_DECODED_BYTES
        )
        return b"".join([*decoder.feed(body), *decoder.close()])
    except (UnknownCoding, ProtocolViolation) as exc:
        try:
            body.decode()
        except UnicodeDecodeError:
            raise ImportInvalid(f"{where}: the body can't be decoded: {exc}") from None
        return body


def _from_base64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ImportInvalid(f"{where}: the body is not base64") from None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
