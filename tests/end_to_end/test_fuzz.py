"""Arbitrary requests at every endpoint, arbitrary answers to good ones: never a bug's 500, never an exception, always an end.

In memory, with a provider from a script: thousands of exchanges a second, and hypothesis shrinks what it finds.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import Fault as Break
from tests.support.upstreams import Script
from trioproxy.errors import ErrorKind, Fault
from trioproxy.upstream.base import UpstreamRequest

MODELS = {"openai_chat": "chat-m", "openai_responses": "responses-m", "anthropic": "anthropic-m", "gemini": "gemini-m"}
TARGETS = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/responses/compact",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/audio/transcriptions",
    *(
        f"/v1beta/models/{model}:{verb}"
        for model in MODELS.values()
        for verb in ("generateContent", "streamGenerateContent", "streamGenerateContent?alt=sse", "countTokens")
    ),
)
# Words that the readers look for, so that a document gets past the first look.
_WORDS = """
model messages input contents role user assistant system tool content text type parts stream tools function
name parameters arguments tool_calls tool_call_id tool_use tool_result tool_choice input_text output_text
image_url url source data media_type thinking signature reasoning effort response_format json_schema schema
generationConfig functionCall functionResponse args inlineData mimeType thinkingConfig systemInstruction
instructions max_tokens max_output_tokens temperature stop metadata n function_call function_call_output
call_id output summary encrypted_content id index $ref $defs properties items required enum choices delta
finish_reason usage candidates error message code status event item output_index content_block
"""
WORDS = _WORDS.split()
PROTOCOLS = sorted(MODELS)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(max_size=20),
    st.sampled_from(
        ["", "auto", "none", "\ud800", "data:image/png;base64,AAAA", "https://a/b.png", '{"a":1}', "{", "high"]
    ),
)
values = st.recursive(
    scalars,
    lambda children: st.one_of(
        st.lists(children, max_size=4), st.dictionaries(st.sampled_from(WORDS), children, max_size=5)
    ),
    max_leaves=25,
)
documents = st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), values, max_size=8)
RUNS = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="trioproxy")


def good(request: UpstreamRequest) -> Script:
    """The right answer, whatever was asked."""
    paths = {"/chat/completions": "openai_chat", "/responses": "openai_responses", "/messages": "anthropic"}
    answer = ANSWERS[next((protocol for path, protocol in paths.items() if path in request.url), "gemini")]
    if "stream" in request.url or b'"stream":true' in request.body.replace(b" ", b""):
        return Script(chunks=answer.frames)
    return Script(headers=((b"content-type", b"application/json"),), chunks=[answer.whole])


def serve(exchange: MemoryExchange, *scripts: Any) -> Bench:
    """Handle one exchange; it must come to an end that is nobody's bug."""
    bench = Bench(*scripts, repeat_last=True)

    async def main() -> None:
        with trio.fail_after(10):
            await bench.serve(exchange)

    trio.run(main)
    failure = bench.last.failure
    assert failure is None or failure.fault is Fault.UPSTREAM or failure.kind is not ErrorKind.INTERNAL, failure
    assert exchange.finished or exchange.aborted
    if (
        exchange.status is not None
        and exchange.status >= 400
        and exchange.header(b"content-type") == b"application/json"
    ):
        assert "error" in json.loads(exchange.body)
    return bench


@RUNS
@given(target=st.sampled_from(TARGETS), body=st.binary(max_size=300))
def test_any_bytes(target: str, body: bytes) -> None:
    serve(posted(target, body), good)


@RUNS
@given(target=st.sampled_from(TARGETS), model=st.sampled_from(sorted(MODELS.values())), document=documents)
def test_any_document(target: str, model: str, document: dict[str, Any]) -> None:
    body = json.dumps({**document, "model": model}).encode()
    exchange = posted(target, body)
    serve(exchange, good)
    assert exchange.status is not None


@RUNS
@given(protocol=st.sampled_from(PROTOCOLS), wire=st.sampled_from(PROTOCOLS), fields=documents, stream=st.booleans())
def test_any_fields_around_a_good_question(protocol: str, wire: str, fields: dict[str, Any], stream: bool) -> None:
    """Across every pair: what is asked is good but for what was added to it, or put in place of it."""
    exchange = ask(protocol, of=wire, stream=stream)
    document = {**json.loads(exchange.request_body), **fields}
    if protocol != "gemini":
        document["model"] = MODELS[wire]
    exchange = posted(exchange.head.target, json.dumps(document).encode())
    serve(exchange, good)


@RUNS
@given(
    protocol=st.sampled_from(PROTOCOLS),
    wire=st.sampled_from(PROTOCOLS),
    messages=st.lists(values, min_size=1, max_size=4),
)
def test_any_conversation(protocol: str, wire: str, messages: list[Any]) -> None:
    key = {"openai_responses": "input", "gemini": "contents"}.get(protocol, "messages")
    exchange = ask(protocol, of=wire)
    document = {**json.loads(exchange.request_body), key: messages}
    serve(posted(exchange.head.target, json.dumps(document).encode()), good)


@RUNS
@given(
    protocol=st.sampled_from(PROTOCOLS),
    wire=st.sampled_from(PROTOCOLS),
    stream=st.booleans(),
    status=st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 429, 500, 503]),
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=60),
            values.map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
            values.map(lambda value: json.dumps(value).encode()),
            st.sampled_from([frame for answer in ANSWERS.values() for frame in answer.frames if frame]),
            st.sampled_from([answer.error for answer in ANSWERS.values()]),
        ),
        max_size=6,
    ),
    torn=st.booleans(),
    kind=st.sampled_from([b"text/event-stream", b"application/json", b"text/html", b""]),
)
def test_any_answer(
    protocol: str, wire: str, stream: bool, status: int, pieces: list[bytes], torn: bool, kind: bytes
) -> None:
    chunks: list[bytes | Break] = [*pieces, *([Break()] if torn else [])]
    serve(ask(protocol, of=wire, stream=stream), Script(status, headers=((b"content-type", kind),), chunks=chunks))
