from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut
from trioproxy.upstream.fixture import Chunk, Fixture, RecordedRequest, write_fixture
from trioproxy.upstream.redact import MARK, Redactor, SecretRemains, secrets_of

KEY = "sk-ant-api03-abcdefghijklmnop-QRSTUVWXYZ"
PLAIN = "correct horse battery staple"


def fixture(
    *,
    path: str = "/v1/messages",
    query: str = "",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: Any = None,
    answer: tuple[bytes, ...] = (),
    answer_headers: tuple[tuple[bytes, bytes], ...] = (),
    note: str = "",
) -> Fixture:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    return Fixture(
        request=RecordedRequest(path=path, query=query, headers=headers, body=raw),
        headers=answer_headers,
        chunks=tuple(Chunk(float(number), data) for number, data in enumerate(answer)),
        note=note,
    )


def redacted_body(body: Any) -> Any:
    return json.loads(Redactor().redact(fixture(body=body)).request.body)


# -- heads


def test_only_headers_that_are_known_to_be_harmless_are_kept() -> None:
    clean = Redactor().redact(
        fixture(
            headers=(
                (b"authorization", b"Bearer " + KEY.encode()),
                (b"x-api-key", b"k" * 20),
                (b"cookie", b"session=1"),
                (b"chatgpt-account-id", b"acc"),
                (b"content-type", b"application/json"),
                (b"anthropic-beta", b"x"),
            ),
            answer_headers=(
                (b"content-type", b"text/event-stream"),
                (b"set-cookie", b"a=b"),
                (b"openai-organization", b"org"),
                (b"x-ratelimit-limit-requests", b"5"),
                (b"retry-after", b"7"),
                (b"cf-ray", b"1"),
            ),
        )
    )

    assert clean.request.headers == ((b"content-type", b"application/json"), (b"anthropic-beta", b"x"))
    assert clean.headers == (
        (b"content-type", b"text/event-stream"),
        (b"x-ratelimit-limit-requests", b"5"),
        (b"retry-after", b"7"),
    )


@pytest.mark.parametrize(
    ("query", "clean"),
    [
        ("key=AIzaSecret&alt=sse", f"key={MARK}&alt=sse"),
        ("alt=sse", "alt=sse"),
        ("Access_Token=x&a=", f"Access_Token={MARK}&a="),
        ("a=%20b", "a=%20b"),
        ("", ""),
    ],
)
def test_keys_in_the_query_are_replaced(query: str, clean: str) -> None:
    assert Redactor().redact(fixture(query=query)).request.query == clean


# -- bodies


def test_fields_that_carry_keys_and_persons_are_replaced() -> None:
    assert redacted_body(
        {
            "model": "m",
            "user": "jane",
            "safety_identifier": "jane",
            "metadata": {"user_id": "u_1", "topic": "t"},
            "mcp_servers": [{"authorization": "x", "Access_Token": "y", "url": "z"}],
            "messages": [{"role": "user", "content": "the user said user_id"}],
        }
    ) == {
        "model": "m",
        "user": MARK,
        "safety_identifier": MARK,
        "metadata": {"user_id": MARK, "topic": "t"},
        "mcp_servers": [{"authorization": MARK, "Access_Token": MARK, "url": "z"}],
        "messages": [{"role": "user", "content": "the user said user_id"}],
    }


def test_a_tool_that_speaks_of_users_keeps_its_schema() -> None:
    body = {"tools": [{"parameters": {"properties": {"user_id": {"type": "string"}, "password": {"type": "string"}}}}]}

    assert redacted_body(body) == body


@pytest.mark.parametrize("body", [b"", b"not json", b'{"a": [1, 2.50], "b":"\\u00fc"}', b"\xff\xfe"])
def test_a_body_without_secrets_keeps_its_bytes(body: bytes) -> None:
    assert Redactor().redact(fixture(body=body)).request.body == body


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "sk-proj-0123456789abcdefghijABCDEFGHIJ",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv",
        "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
        "github_pat_0123456789abcdefghijklmnop",
        "gsk_0123456789abcdefghijklmnop",
        "xai-0123456789abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "ya29.a0AfH6SMBx0123456789-abc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.SflKxwRJSMeKKF2QT4f",
        "org-0123456789abcdefghijklmn",
    ],
)
def test_what_looks_like_a_key_is_replaced_wherever_it_stands(key: str) -> None:
    clean = Redactor().redact(
        fixture(
            path=f"/v1/{key}/x",
            body={"messages": [{"role": "user", "content": f"my key is {key}."}]},
            answer=(f'data: {{"message":"bad key {key}"}}\n\n'.encode(),),
            note=f"with {key}",
        )
    )

    assert clean.request.path == f"/v1/{MARK}/x"
    assert json.loads(clean.request.body)["messages"][0]["content"] == f"my key is {MARK}."
    assert clean.body == f'data: {{"message":"bad key {MARK}"}}\n\n'.encode()
    assert clean.note == f"with {MARK}"


@pytest.mark.parametrize("text", ["sk-short", "task-0123456789abcdefghij", "x_sk-0123456789abcdefghij", "AIza"])
def test_words_that_only_resemble_keys_stay(text: str) -> None:
    assert Redactor().redact(fixture(answer=(text.encode(),))).body == text.encode()


@pytest.mark.parametrize(
    "form",
    [
        PLAIN.encode(),
        quote(PLAIN, safe="").encode(),
        quote_plus(PLAIN).encode(),
        base64.b64encode(PLAIN.encode()).rstrip(b"="),
    ],
)
def test_a_known_secret_is_replaced_in_all_its_spellings(form: bytes) -> None:
    clean = Redactor(frozenset({PLAIN})).redact(fixture(answer=(b"<" + form + b">",)))

    assert clean.body == b"<" + MARK.encode() + b">"


def test_a_known_secret_is_replaced_in_its_json_spelling() -> None:
    secret = 'pass"word\\1234'

    clean = Redactor(frozenset({secret})).redact(fixture(answer=(json.dumps({"a": secret}).encode(),)))

    assert json.loads(clean.body) == {"a": MARK}


def test_the_keys_of_a_request_are_known_in_its_own_answer() -> None:
    clean = Redactor().redact(
        fixture(
            query="key=plainquerykey",
            headers=((b"authorization", b"Bearer plainheaderkey"),),
            body={"echo": "plainheaderkey"},
            answer=(b"you sent plainheaderkey and plainquerykey",),
        )
    )

    assert json.loads(clean.request.body) == {"echo": MARK}
    assert clean.body == f"you sent {MARK} and {MARK}".encode()


def test_short_values_are_words_and_stay() -> None:
    clean = Redactor(frozenset({"dummy"})).redact(fixture(answer=(b"a dummy answer",)))

    assert clean.body == b"a dummy answer"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 1000])
def test_a_secret_over_chunk_borders_is_replaced_and_times_stay(size: int) -> None:
    body = f"before {KEY} between {PLAIN} after".encode()
    chunks = tuple(Chunk(number / 10, data) for number, data in enumerate(cut(body, size)))

    clean = Redactor(frozenset({PLAIN})).redact(Fixture(chunks=chunks))

    assert clean.body == f"before {MARK} between {MARK} after".encode()
    assert all(chunk.data for chunk in clean.chunks)
    # What is left of a chunk is still at the chunk's time.
    originals = {chunk.at: chunk.data for chunk in chunks}
    for chunk in clean.chunks:
        if MARK.encode() not in chunk.data:
            assert chunk.data in originals[chunk.at]


def test_secrets_that_touch_or_overlap_are_one() -> None:
    redactor = Redactor(frozenset({"abcdefgh12", "gh12345678", "zyxwvuts"}))

    assert redactor.redact(fixture(answer=(b"-abcdefgh12345678zyxwvuts-",))).body == f"-{MARK}-".encode()


@given(before=st.binary(max_size=20), after=st.binary(max_size=20), size=st.integers(1, 30))
def test_no_cut_lets_a_secret_through(before: bytes, after: bytes, size: int) -> None:
    secret = b"0123-secret-4567"
    chunks = tuple(Chunk(0, data) for data in cut(before + secret + after, size))
    redactor = Redactor(frozenset({secret.decode()}))

    clean = redactor.redact(Fixture(chunks=chunks))

    assert secret not in clean.body
    redactor.check(clean)


def test_redacting_twice_changes_nothing_more() -> None:
    redactor = Redactor(frozenset({PLAIN}))
    once = redactor.redact(
        fixture(query="key=abc&x=1", body={"user": "u", "k": KEY}, answer=(KEY.encode(), PLAIN.encode()))
    )

    assert redactor.redact(once) == once


# -- the last look


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"path": f"/{PLAIN}"}, "the target of the request"),
        ({"query": f"a={quote(PLAIN)}"}, "the target of the request"),
        ({"headers": ((b"accept", PLAIN.encode()),)}, "the headers"),
        ({"answer_headers": ((b"request-id", PLAIN.encode()),)}, "the headers"),
        ({"body": {"a": PLAIN}}, "the body of the request"),
        ({"answer": (PLAIN[:9].encode(), PLAIN[9:].encode())}, "the answer"),
        ({"note": PLAIN}, "the note"),
    ],
)
def test_a_fixture_that_still_holds_a_known_secret_is_refused(change: dict[str, Any], place: str) -> None:
    with pytest.raises(SecretRemains) as caught:
        Redactor().check(fixture(**change), secrets=[PLAIN])

    assert str(caught.value) == f"{place} still holds a known secret"


@pytest.mark.parametrize(
    "events",
    [
        [b'data: {"delta":{"text":"%b"}}\n\n' % piece for piece in cut(PLAIN.encode(), 5)],
        [b'data: {"choices":[{"delta":{"content":"%b"}}]}\r\n\r\n' % piece for piece in cut(PLAIN.encode(), 9)],
        [b'[{"text":"corr"}\n', b',{"text":"ect horse battery staple"}\n', b"]"],
    ],
)  # fmt: skip
def test_a_secret_spelled_out_over_events_is_refused(events: list[bytes]) -> None:
    redactor = Redactor(frozenset({PLAIN}))
    recorded = redactor.redact(fixture(answer=tuple(events)))

    with pytest.raises(SecretRemains, match="spelled out over several events"):
        redactor.check(recorded)


def test_a_clean_fixture_passes() -> None:
    redactor = Redactor(frozenset({PLAIN}))
    events = (
        b'data: {"text":"correct"}\n\n',
        b'data: {"other":" horse battery staple","n":1,"list":["x"]}\n\n',
        b"data: [DONE]\n\n",
    )
    recorded = redactor.redact(fixture(body={"a": KEY}, answer=events))

    redactor.check(recorded)

    assert KEY.encode() not in write_fixture(recorded)


def test_a_redactor_shows_no_secret() -> None:
    assert PLAIN not in repr(Redactor(frozenset({PLAIN})))


def test_the_secrets_of_a_request_are_those_of_its_headers_and_query() -> None:
    headers = ((b"authorization", b"Bearer abc"), (b"x-goog-api-key", b"def"), (b"accept", b"ghi"))

    assert secrets_of(headers, "key=jkl&alt=sse") == {"Bearer abc", "abc", "def", "jkl"}


def test_a_redactor_learns() -> None:
    assert Redactor(frozenset({"a"})).knowing(["b"]).secrets == {"a", "b"}
