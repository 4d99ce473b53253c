from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from tests.support.recordings import recordings
from trioproxy.upstream.fixture import Fixture, read_fixture, write_fixture
from trioproxy.upstream.imports import PACE_S, ImportInvalid, import_bytes, import_document
from trioproxy.upstream.redact import MARK

STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude"}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
CHAT_URL = "https://api.openai.com/v1/chat/completions"


def only(fixtures: list[Fixture]) -> Fixture:
    (fixture,) = fixtures
    kept = read_fixture(write_fixture(fixture))
    assert (kept.request, kept.headers) == (fixture.request, fixture.headers)
    assert [chunk.data for chunk in kept.chunks] == [chunk.data for chunk in fixture.chunks]
    return fixture


def interaction(**changes: Any) -> dict[str, Any]:
    exchange: dict[str, Any] = {
        "request": {
            "method": "post",
            "uri": CHAT_URL + "?a=1",
            "headers": {"Content-Type": ["application/json"], "authorization": ["Bearer k"]},
            "body": '{"model":"m"}',
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Type": ["application/json"], "Content-Length": ["2"], "x-request-id": "r"},
            "body": {"string": "{}"},
        },
    }
    for path, value in changes.items():
        side, name = path.split("__")
        exchange[side][name] = value
    return exchange


def cassette(*interactions: Any) -> dict[str, Any]:
    return {"version": 1, "interactions": list(interactions)}


# -- VCR


def test_a_cassette_is_one_fixture_an_interaction() -> None:
    first, second = import_document(cassette(interaction(), interaction(request__method="GET")))

    assert (first.sequence, second.sequence) == (1, 2)
    assert first.protocol == "openai_chat"
    assert first.request.method == "POST"
    assert (first.request.path, first.request.query) == ("/v1/chat/completions", "a=1")
    assert first.request.headers == ((b"content-type", b"application/json"),)
    assert first.request.body == b'{"model":"m"}'
    assert first.status == 200
    assert first.headers == ((b"content-type", b"application/json"), (b"x-request-id", b"r"))
    assert first.body == b"{}"
    assert second.request.method == "GET"


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"response__body": {"string": b"bytes"}}, b"bytes"),
        ({"response__body": {"base64_string": base64.b64encode(b"\xff").decode()}}, b"\xff"),
        ({"response__body": {"encoding": "base64", "data": base64.b64encode(b"x").decode()}}, b"x"),
        ({"response__body": {"encoding": "UTF-8", "string": "y"}}, b"y"),
        ({"response__body": "plain"}, b"plain"),
        ({"response__body": {"a": 1}}, b'{"a":1}'),
        ({"response__body": None}, b""),
        ({"response__parsed_body": {"a": [1]}}, b'{"a":[1]}'),
    ],
)
def test_a_cassette_writes_bodies_in_many_ways(change: dict[str, Any], body: bytes) -> None:
    assert only(import_document(cassette(interaction(**change)))).body == body


@pytest.mark.parametrize("body", [gzip.compress(STREAM), STREAM], ids=["gzip", "plain"])
def test_a_coded_body_is_decoded_once(body: bytes) -> None:
    headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}

    fixture = only(import_document(cassette(interaction(response__body={"string": body}, response__headers=headers))))

    assert fixture.body == STREAM
    assert fixture.headers == ((b"content-type", b"text/event-stream"),)
    assert len(fixture.chunks) == 2


@pytest.mark.parametrize("coding", ["gzip", "rot13"])
def test_a_body_that_can_not_be_decoded_is_told(coding: str) -> None:
    bad = interaction(response__body={"string": b"\xff\xfe\x00"}, response__headers={"content-encoding": coding})

    with pytest.raises(ImportInvalid, match=r"interactions\[0\]: the body can't be decoded"):
        import_document(cassette(bad))


@pytest.mark.parametrize("broken", ["text", {}, {"request": {}}, {"request": {}, "response": {"status": 200}}])
def test_what_is_no_interaction_is_told(broken: Any) -> None:
    with pytest.raises(ImportInvalid, match=r"interactions\[1\] is no exchange"):
        import_document(cassette(interaction(), broken))


def test_a_body_that_is_not_base64_is_told() -> None:
    with pytest.raises(ImportInvalid, match="the body is not base64"):
        import_document(cassette(interaction(response__body={"base64_string": "?"})))


# -- HAR


def entry(**content: Any) -> dict[str, Any]:
    return {
        "time": 900,
        "timings": {"wait": 400, "receive": 200},
        "request": {
            "method": "POST",
            "url": "https://api.anthropic.com/v1/messages",
            "headers": [{"name": "X-Api-Key", "value": "k" * 20}, {"name": "Anthropic-Version", "value": "2023-06-01"}, "odd"],
            "postData": {"text": '{"model":"claude","stream":true}'},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Type", "value": "text/event-stream"}],
            "content": {"text": STREAM.decode()} | content,
        },
    }  # fmt: skip


def test_a_har_file_keeps_its_times() -> None:
    fixture = only(import_bytes(json.dumps({"log": {"version": "1.2", "entries": [entry()]}}).encode()))

    assert fixture.protocol == "anthropic"
    assert fixture.request.headers == ((b"anthropic-version", b"2023-06-01"),)
    assert fixture.head_at == 0.4
    assert [round(chunk.at, 3) for chunk in fixture.chunks] == [0.467, 0.533]
    assert fixture.body == STREAM


def test_a_har_file_may_lack_almost_everything() -> None:
    bare = {"request": {"url": "http://h/x"}, "response": {"status": 204}}

    fixture = only(import_document({"log": {"entries": [bare]}}))

    assert (fixture.request.method, fixture.request.path, fixture.body) == ("GET", "/x", b"")
    assert fixture.protocol == ""
    assert only(import_document({"log": {"entries": [entry(text=None)]}})).body == b""


def test_a_har_body_may_be_base64() -> None:
    coded = entry(text=base64.b64encode(STREAM).decode(), encoding="base64")

    assert only(import_document({"log": {"entries": [coded]}})).body == STREAM


def test_what_is_no_entry_is_told() -> None:
    with pytest.raises(ImportInvalid, match=r"log.entries\[0\] is no exchange of a HAR file"):
        import_document({"log": {"entries": [{"request": {}}]}})


# -- streams and chunks


def test_a_raw_stream_is_cut_into_its_events_at_an_even_pace() -> None:
    fixture = only(import_bytes(STREAM))

    assert fixture.protocol == "anthropic"
    assert fixture.body == STREAM
    assert [chunk.at for chunk in fixture.chunks] == [PACE_S, 2 * PACE_S]
    assert fixture.request.path == "/v1/messages"
    assert json.loads(fixture.request.body) == {"model": "claude", "stream": True}


@pytest.mark.parametrize(
    ("lines", "protocol", "path", "body"),
    [
        (
            ['{"object":"chat.completion.chunk","model":"m"}', "", '{"object":"chat.completion.chunk"}'],
            "openai_chat",
            "/v1/chat/completions",
            'data: {"object":"chat.completion.chunk","model":"m"}\n\ndata: {"object":"chat.completion.chunk"}\n\ndata: [DONE]\n\n',
        ),
        (
            ['{"type":"response.created","response":{"model":"m"}}'],
            "openai_responses",
            "/v1/responses",
            'event: response.created\ndata: {"type":"response.created","response":{"model":"m"}}\n\n',
        ),
        (
            ['{"type":"message_start","message":{"model":"m"}}', '{"x":1}'],
            "anthropic",
            "/v1/messages",
            'event: message_start\ndata: {"type":"message_start","message":{"model":"m"}}\n\nevent: message\ndata: {"x":1}\n\n',
        ),
        (
            ['{"candidates":[],"modelVersion":"m"}'],
            "gemini",
            "/v1beta/models/m:streamGenerateContent",
            'data: {"candidates":[],"modelVersion":"m"}\n\n',
        ),
        (
            ['{"usageMetadata":{}}'],
            "gemini",
            "/v1beta/models/unknown:streamGenerateContent",
            'data: {"usageMetadata":{}}\n\n',
        ),
    ],
)
def test_a_list_of_chunks_gets_its_frames_back(lines: list[str], protocol: str, path: str, body: str) -> None:
    fixture = only(import_bytes("\n".join(lines).encode()))

    assert fixture.protocol == protocol
    assert fixture.request.path == path
    assert fixture.body.decode() == body


def test_a_json_list_of_chunks_is_the_same_thing() -> None:
    chunks = [{"type": "message_start", "message": {}}, {"type": "message_stop"}]

    assert only(import_document(chunks)).body == (
        b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )


def test_a_stream_that_nobody_knows_needs_its_protocol_named() -> None:
    with pytest.raises(ImportInvalid, match="say which protocol this is: one of openai_chat, openai_responses"):
        import_bytes(b'{"a":1}\n{"b":2}')

    assert only(import_bytes(b"data: {}\n\ndata: 3\n\ndata: x\n\n", protocol="openai_chat")).protocol == "openai_chat"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b" \n ", "the file is empty"),
        (b"hello", "line 1 is neither JSON nor"),
        (b'{"type":"message_start"}\nnot json', "line 2 is neither JSON nor"),
        (b'{"type":"message_start"}\n[1]', "line 2 is no JSON object"),
        (b'{"a":1}', "neither a VCR cassette"),
        (b"[]", "neither a VCR cassette"),
        (b"[1]", "neither a VCR cassette"),
        (b'{"schema":"x"}', "schema is 'x'"),
    ],
)
def test_what_is_nothing_of_all_that_is_told(data: bytes, message: str) -> None:
    with pytest.raises(ImportInvalid, match=message):
        import_bytes(data)


# -- plain exchanges and fixtures


def test_a_fixture_is_imported_as_itself() -> None:
    fixture = only(import_bytes(STREAM))

    assert only(import_bytes(write_fixture(fixture))).chunks == fixture.chunks


@pytest.mark.parametrize(
    ("document", "path", "body"),
    [
        ({"response": {"body": {"a": 1}}, "protocol": "gemini"}, "/v1beta/models/unknown:generateContent", b'{"a":1}'),
        ({"response": {"body": {"a": 1}, "status": 400}, "protocol": "anthropic"}, "/v1/messages", b'{"a":1}'),
        ({"response": {"body": STREAM.decode()}, "stream": True}, "/v1/messages", STREAM),
        ({"response": {"body": "x"}, "request": {"url": CHAT_URL, "body": "raw"}}, "/v1/chat/completions", b"x"),
        ({"response": {"body": "x"}, "request": {"url": "/v1/responses#stream"}}, "/v1/responses", b"x"),
        ({"response": {"body": "x", "content_type": "a/b"}, "request": {"url": "http://h"}}, "/", b"x"),
    ],
)
def test_a_plain_exchange(document: Any, path: str, body: bytes) -> None:
    fixture = only(import_document(document))

    assert fixture.request.path == path
    assert fixture.body == body


def test_a_content_type_of_its_own_is_a_header() -> None:
    response: dict[str, Any] = {"body": "", "content_type": "a/b"}
    assert only(import_document({"response": response, "request": {}})).headers == ((b"content-type", b"a/b"),)

    response["headers"] = {"Content-Type": "c/d"}
    assert only(import_document({"response": response, "request": {}})).headers == ((b"content-type", b"c/d"),)


def test_what_is_imported_is_redacted() -> None:
    leaking = interaction(request__body='{"user":"jane","k":"sk-ant-api03-0123456789abcdef"}')

    assert json.loads(only(import_document(cassette(leaking))).request.body) == {"user": MARK, "k": MARK}


@pytest.mark.parametrize("protocol", ["anthropic", "gemini", "openai_chat", "openai_responses"])
def test_real_exchanges_are_imported_to_the_byte(protocol: str) -> None:
    found = list(recordings(protocol))
    if not found:
        pytest.skip("no recordings of real providers beside the project")
    for recording in found:
        document = {
            "protocol": recording.protocol,
            "stream": recording.stream,
            "request": recording.request,
            "response": {
                "status": recording.status,
                "content_type": recording.content_type,
                "headers": {},
                "body": recording.body.decode() if recording.document is None else recording.document,
            },
        }

        fixture = only(import_document(document))

        assert (fixture.protocol, fixture.status) == (recording.protocol, recording.status), recording.id
        if recording.document is None:
            assert fixture.body == recording.body, recording.id
        else:
            assert json.loads(fixture.body) == recording.document, recording.id
