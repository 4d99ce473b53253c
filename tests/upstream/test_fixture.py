from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import trioproxy.upstream.fixture as module
from trioproxy.upstream.fixture import (
    Chunk,
    Ending,
    Fixture,
    FixtureInvalid,
    RecordedRequest,
    read_fixture,
    write_fixture,
)

VALIDATOR = Draft202012Validator(json.loads(Path(module.__file__).with_name("fixture.schema.json").read_text("utf-8")))


def written(*chunks: bytes) -> list[dict[str, Any]]:
    fixture = Fixture(chunks=tuple(Chunk(0, data) for data in chunks))
    data = write_fixture(fixture)
    assert read_fixture(data).chunks == fixture.chunks
    document = json.loads(data)
    VALIDATOR.validate(document)
    rows: list[dict[str, Any]] = document["response"]["chunks"]
    return rows


FULL = Fixture(
    protocol="openai_chat",
    note="a note",
    sequence=3,
    keywords=("weather",),
    request=RecordedRequest(
        method="POST",
        path="/v1/chat/completions",
        query="a=1",
        headers=((b"content-type", b"application/json"), (b"accept", b"*/*")),
        body=b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}',
    ),
    status=429,
    headers=((b"content-type", b"text/event-stream"), (b"x-a", b"1"), (b"x-a", b"caf\xe9")),
    head_at=0.312,
    chunks=(
        Chunk(0.35, b'data: {"a":{"b":[1,2.5,"\xc3\xbc"]}}\n\n'),
        Chunk(0.3512, b": comment\n\n"),
        Chunk(0.4, b"\xff\x00"),
        Chunk(0.4, b"data: [DONE]\n\n"),
    ),
    ending=Ending.RESET,
    ended_at=0.5,
)


def test_a_fixture_reads_like_this() -> None:
    assert write_fixture(FULL).decode() == (
        """{
  "schema": "trioproxy-fixture/1",
  "protocol": "openai_chat",
  "note": "a note",
  "sequence": 3,
  "keywords": ["weather"],
  "request": {
    "method": "POST",
    "path": "/v1/chat/completions",
    "query": "a=1",
    "headers": [["content-type", "application/json"], ["accept", "*/*"]],
    "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true}
  },
  "response": {
    "status": 429,
    "headers": [["content-type", "text/event-stream"], ["x-a", "1"], ["x-a", "café"]],
    "at": 312,
    "chunks": [
      {"at":350,"data":{"a":{"b":[1,2.5,"ü"]}}},
      {"at":351.2,"text":": comment\\n\\n"},
      {"at":400,"base64":"/wA="},
      {"at":400,"data":"[DONE]"}
    ],
    "end": {"at": 500, "how": "reset"}
  }
}
"""
    )


def test_a_fixture_comes_back_as_it_was() -> None:
    assert read_fixture(write_fixture(FULL)) == FULL
    assert FULL.body.startswith(b"data: ")


def test_the_least_fixture() -> None:
    least = b'{"schema":"trioproxy-fixture/1","request":{"path":"/"},"response":{"status":204,"chunks":[],"end":{}}}'

    assert read_fixture(least) == Fixture(status=204)
    VALIDATOR.validate(json.loads(least))
    assert read_fixture(write_fixture(Fixture())) == Fixture()


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (b'data: {"a":1}\n\n', {"data": {"a": 1}}),
        (b'event: ping\ndata: {"a":1}\n\n', {"event": "ping", "data": {"a": 1}}),
        (b'data: {"a":1}\r\n\r\n', {"data": {"a": 1}, "crlf": True}),
        (b'event: x\r\ndata: {"a":1}\r\n\r\n', {"event": "x", "data": {"a": 1}, "crlf": True}),
        (b"data: [DONE]\n\n", {"data": "[DONE]"}),
        (b'data: {"a": 1}\n\n', {"data": '{"a": 1}'}),
        (b'data: {"a":1,"a":2}\n\n', {"data": '{"a":1,"a":2}'}),
        (b'data: {"a":1e3}\n\n', {"data": '{"a":1e3}'}),
        (b'data: {"a":"\\u00fc"}\n\n', {"data": '{"a":"\\u00fc"}'}),
        (b"data: [1]\n\n", {"data": "[1]"}),
        (b"data: \n\n", {"data": ""}),
        (b'{"a":[1]}', {"json": {"a": [1]}}),
        (b"[]", {"json": []}),
        (b'{"a": 1}', {"text": '{"a": 1}'}),
        (b"12", {"text": "12"}),
        (b'event: x\ndata: {"a":1}\r\n\r\n', {"text": 'event: x\ndata: {"a":1}\r\n\r\n'}),
        (b"data:no space\n\n", {"text": "data:no space\n\n"}),
        (b"data: a\n\ndata: b\n\n", {"text": "data: a\n\ndata: b\n\n"}),
        (b"data: half", {"text": "data: half"}),
        (b"data: \xe2\x82\n\n", {"base64": "ZGF0YTog4oIKCg=="}),
        (b"event: \xff\ndata: {}\n\n", {"base64": "ZXZlbnQ6IP8KZGF0YToge30KCg=="}),
        (b"", {"text": ""}),
    ],
)
def test_a_chunk_stands_open_where_that_costs_no_byte(data: bytes, row: dict[str, Any]) -> None:
    assert written(data) == [{"at": 0} | row]


@given(
    st.lists(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: f"data: {text}\n\n".encode()), max_size=5)
)
def test_any_bytes_come_back(chunks: list[bytes]) -> None:
    written(*chunks)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_any_json_body_comes_back_as_a_document(body: dict[str, Any]) -> None:
    fixture = Fixture(request=RecordedRequest(body=json.dumps(body).encode()))

    read = read_fixture(write_fixture(fixture))

    assert json.loads(read.request.body) == body


@pytest.mark.parametrize("body", [b"", b"plain text", b"[1]", b"\xff\x00", b'{"broken'])
def test_a_request_body_that_is_no_object_is_kept_as_it_is(body: bytes) -> None:
    fixture = Fixture(request=RecordedRequest(body=body))

    assert read_fixture(write_fixture(fixture)).request.body == body


def test_long_things_are_unfolded_and_chunks_are_not() -> None:
    body = {"messages": [{"role": "user", "content": "word " * 30}] * 2}
    chunk = b'data: {"text":"' + b"x" * 200 + b'"}\n\n'
    whole = b'{"text":"' + b"y" * 200 + b'"}'
    lines = write_fixture(
        Fixture(request=RecordedRequest(body=json.dumps(body).encode()), chunks=(Chunk(0, chunk), Chunk(0, whole)))
    ).decode().splitlines()  # fmt: skip

    assert sum('"role": "user"' in line for line in lines) == 2
    assert sum("xxxx" in line for line in lines) == 1
    assert '        "json": {' in lines


def changed(**paths: Any) -> bytes:
    """The full fixture with members set (``a__b``) or, where the value is ``...``, taken away."""
    document = json.loads(write_fixture(FULL))
    for path, value in paths.items():
        *above, name = path.split("__")
        place = document
        for step in above:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is ...:
            del place[name]
        else:
            place[name] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "truncated"),
        (b"[]", "expected a JSON object"),
        (changed(schema="other/2"), "schema is 'other/2', this version reads 'trioproxy-fixture/1'"),
        (changed(schema=...), "schema is None"),
        (changed(extra=1), "extra is not known; known here: schema, protocol"),
        (changed(request=...), "request must be an object"),
        (changed(response=[]), "response must be an object"),
        (changed(protocol=1), "protocol must be a string"),
        (changed(keywords="a"), "keywords must be a list of strings"),
        (changed(keywords=[1]), "keywords must be a list of strings"),
        (changed(sequence="1"), "sequence must be a number"),
        (changed(request__path=...), "request.path must be a string"),
        (changed(request__headers={}), r"request.headers must be a list of \[name, value\]"),
        (changed(request__headers=[["a"]]), r"request.headers\[0\] must be \[name, value\], one line each"),
        (changed(request__headers=[["a", "b\r\nc: d"]]), r"request.headers\[0\] must be"),
        (changed(request__headers=[["a", "€"]]), r"request.headers\[0\] must be"),
        (changed(request__headers=[["", "b"]]), r"request.headers\[0\] must be"),
        (changed(response__status=99), "response.status must be an HTTP status"),
        (changed(response__status=True), "response.status must be a number"),
        (changed(response__status=...), "response.status must be a number"),
        (changed(response__at=-1), "response.at must be a number, nought or more"),
        (changed(response__chunks={}), "response.chunks must be a list of chunks"),
        (changed(response__chunks=["a"]), r"response.chunks\[0\] must be an object"),
        (changed(response__chunks=[{"at": 1}]), r"response.chunks\[0\] holds none of data, json, text, base64"),
        (changed(response__chunks=[{"txt": ""}]), r"response.chunks\[0\].txt is not known; known here: at, event"),
        (changed(response__chunks=[{"text": 1}]), r"response.chunks\[0\].text must be a string"),
        (changed(response__chunks=[{"base64": "?"}]), r"response.chunks\[0\].base64 is not base64"),
        (
            changed(response__chunks=[{"at": 5, "text": "a"}, {"at": 4, "text": "b"}]),
            r"response.chunks\[1\].at lies before the chunk above it",
        ),
        (changed(response__end=...), "response.end must be an object"),
        (changed(response__end__how="bang"), "response.end.how is 'bang', expected one of complete, truncated, reset"),
    ],
)
def test_what_is_no_fixture_is_told_with_the_place(data: bytes, message: str) -> None:
    with pytest.raises(FixtureInvalid, match=message):
        read_fixture(data)


def test_the_schema_knows_every_ending_and_refuses_the_unknown() -> None:
    for ending in Ending:
        VALIDATOR.validate(json.loads(write_fixture(attrs.evolve(FULL, ending=ending))))
    for data in (changed(extra=1), changed(response__end__how="bang"), changed(response__chunks=[{"at": 1}])):
        assert not VALIDATOR.is_valid(json.loads(data))
