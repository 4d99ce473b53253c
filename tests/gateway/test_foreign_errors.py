"""What a provider says of a failure, told in the words of a client that speaks another protocol, before the head and after it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS, sse
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import Script
from trioproxy.ledger.entry import Outcome
from trioproxy.protocols.table import NAMES

pytestmark = pytest.mark.usefixtures("ends_either_way")

PAIRS = list(itertools.permutations(NAMES, 2))
of_each_pair = pytest.mark.parametrize(("client", "provider"), PAIRS)

SAID: dict[str, Any] = {
    "openai_chat": {"error": {"message": "quota exhausted", "type": "rate_limit_error", "code": "rate_limit_exceeded"}},
    "openai_responses": {
        "error": {"message": "quota exhausted", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
    },
    "anthropic": {"type": "error", "error": {"type": "rate_limit_error", "message": "quota exhausted"}},
    "gemini": {"error": {"code": 429, "message": "quota exhausted", "status": "RESOURCE_EXHAUSTED"}},
}
HEADERS = (
    (b"content-type", b"application/json"),
    (b"retry-after", b"7"),
    (b"request-id", b"req_1"),
    (b"set-cookie", b"a=b"),
    (b"server", b"up"),
)


def words(client: str, document: Any) -> tuple[Any, Any]:
    """The type (or what stands for it) and the message of a native error."""
    error = document["error"]
    match client:
        case "anthropic":
            assert document["type"] == "error"
            return error["type"], error["message"]
        case "gemini":
            assert error["code"] == 429
            return error["status"], error["message"]
        case _:
            return error["type"], error["message"]


@of_each_pair
@pytest.mark.parametrize("stream", [True, False])
async def test_a_status_keeps_its_number_its_message_and_when_to_come_back(
    client: str, provider: str, stream: bool
) -> None:
    bench = Bench(Script(status=429, headers=HEADERS, chunks=[json.dumps(SAID[provider]).encode()]))
    exchange = await bench.serve(ask(client, of=provider, stream=stream))
    assert exchange.status == 429
    kind, message = words(client, json.loads(exchange.body))
    assert message == "quota exhausted"
    assert kind
    assert exchange.header(b"retry-after") == b"7"
    assert exchange.header(b"request-id") == b"req_1"
    assert exchange.header(b"set-cookie") is None
    assert exchange.header(b"server") is None


# What vendors say with a status (their own words, which are not always those of the status), and what each client calls that.
OPENAI: dict[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", "context_length_exceeded"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "overloaded"),
}
GOOGLE = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def _openai(status: int) -> Any:
    said, code = OPENAI[status]
    return {"error": {"message": "no", "type": said, "param": None, "code": code}}


@pytest.mark.parametrize("provider", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize("status", OPENAI)
async def test_statuses_of_openai_in_the_words_of_others(provider: str, status: int) -> None:
    body = json.dumps(_openai(status)).encode()
    for client, word, table in (("anthropic", "type", ANTHROPIC), ("gemini", "status", GOOGLE)):
        bench = Bench(Script(status=status, headers=HEADERS, chunks=[body]), repeat_last=True)
        exchange = await bench.serve(ask(client, of=provider))
        assert exchange.status == status
        assert json.loads(exchange.body)["error"][word] == table.get(status, "INVALID_ARGUMENT")


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic"])
@pytest.mark.parametrize("status", GOOGLE)
async def test_statuses_of_google_in_the_words_of_others(client: str, status: int) -> None:
    body = json.dumps({"error": {"code": status, "message": "no", "status": GOOGLE[status]}}).encode()
    bench = Bench(Script(status=status, headers=HEADERS, chunks=[body]), repeat_last=True)
    exchange = await bench.serve(ask(client, of="gemini"))
    assert exchange.status == status
    error = json.loads(exchange.body)["error"]
    if client == "anthropic":
        assert error["type"] == ANTHROPIC[status]
    else:
        assert error["type"].islower()
        assert error["code"] == GOOGLE[status]


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "gemini"])
@pytest.mark.parametrize("status", [status for status in ANTHROPIC if status != 503])
async def test_statuses_of_anthropic_in_the_words_of_others(client: str, status: int) -> None:
    body = json.dumps({"type": "error", "error": {"type": ANTHROPIC[status], "message": "no"}}).encode()
    bench = Bench(Script(status=status, headers=HEADERS, chunks=[body]), repeat_last=True)
    exchange = await bench.serve(ask(client, of="anthropic"))
    assert exchange.status == status
    error = json.loads(exchange.body)["error"]
    if client == "gemini":
        others = {402: "FAILED_PRECONDITION", 413: "INVALID_ARGUMENT", 529: "UNAVAILABLE"}
        assert (error["code"], error["status"]) == (status, {**GOOGLE, **others}[status])
    else:
        assert error["type"] == ANTHROPIC[status]


@of_each_pair
@pytest.mark.parametrize("body", [b"", b"oops", b'{"x":1}', b'{"detail":[{"msg":"a"},{"msg":"b"}]}'])
async def test_a_body_that_is_no_error_of_its_protocol_keeps_its_status(
    client: str, provider: str, body: bytes
) -> None:
    bench = Bench(Script(status=500, headers=((b"content-type", b"text/plain"),), chunks=[body]))
    exchange = await bench.serve(ask(client, of=provider))
    assert exchange.status == 500
    error = json.loads(exchange.body)["error"]
    assert error["message"]
    if b"detail" in body and provider != "gemini":
        assert error["message"] == "a; b"


OVERLOADED = sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "gemini"])
async def test_an_overload_in_the_midst_of_messages(client: str) -> None:
    answer = ANSWERS["anthropic"]
    bench = Bench(Script(chunks=[answer.start, answer.text, OVERLOADED]))
    exchange = await bench.serve(ask(client, of="anthropic"))
    assert exchange.status == 200
    assert b"hello" in exchange.body
    assert ANSWERS[client].failed in exchange.body
    assert b"Overloaded" in exchange.body
    for word in (
        b"[DONE]",
        b'"finish_reason":"stop"',
        b"response.completed",
        b'"finishReason"',
        b"response.incomplete",
    ):
        assert word not in exchange.body
    assert bench.last.outcome is Outcome.FAILED


@pytest.mark.parametrize("client", ["anthropic", "openai_chat", "gemini"])
async def test_a_failed_response_in_its_midst(client: str) -> None:
    answer = ANSWERS["openai_responses"]
    failed = {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "it broke"}}
    event = sse({"type": "response.failed", "sequence_number": 9, "response": failed}, "response.failed")
    bench = Bench(Script(chunks=[answer.start, answer.text, event]))
    exchange = await bench.serve(ask(client, of="openai_responses"))
    assert ANSWERS[client].failed in exchange.body
    assert b"it broke" in exchange.body
    for word in (b"message_stop", b"end_turn", b"refusal", b"[DONE]", b'"finishReason"'):
        assert word not in exchange.body
    assert bench.last.outcome is Outcome.FAILED


@of_each_pair
async def test_a_streaming_client_of_a_whole_error_gets_a_status(client: str, provider: str) -> None:
    raw = json.dumps(SAID[provider]).encode()
    bench = Bench(Script(headers=((b"content-type", b"application/json"),), chunks=[raw]))
    exchange = await bench.serve(ask(client, of=provider))
    assert exchange.status == 429
    assert b"quota exhausted" in exchange.body


@pytest.mark.parametrize("name", ["previous_response_id", "conversation_id"])
@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini"])
async def test_a_conversation_nobody_else_keeps_is_refused_by_its_name(name: str, provider: str) -> None:
    bench = Bench()
    body: dict[str, Any] = {name: "resp_1"}
    exchange = await bench.serve(ask("openai_responses", of=provider, **body))
    assert exchange.status == 400
    error = json.loads(exchange.body)["error"]
    # The code that OpenAI gives: VS Code (seen 2026) sends the whole conversation on it, and on no other.
    assert (error["code"], error["param"]) == ("previous_response_not_found", name)
    assert name in error["message"]
    assert bench.upstream.requests == []


@pytest.mark.parametrize(
    ("client", "provider", "body", "word"),
    [
        (
            "anthropic",
            "openai_responses",
            {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}]},
            "container_upload",
        ),
        (
            "openai_chat",
            "anthropic",
            {"messages": [{"role": "function", "name": "f", "content": "1"}]},
            "function",
        ),
        ("openai_chat", "gemini", {"n": 2}, "n"),
        ("openai_responses", "openai_chat", {"background": True}, "background"),
        ("openai_chat", "anthropic", {"logprobs": True}, "logprobs"),
        ("openai_responses", "anthropic", {"top_logprobs": 2}, "top_logprobs"),
        (
            "gemini",
            "openai_chat",
            {"generationConfig": {"responseLogprobs": True}},
            "generationConfig.responseLogprobs",
        ),
    ],
)
async def test_what_would_mean_something_else_is_refused_before_anything_is_asked(
    client: str, provider: str, body: dict[str, Any], word: str
) -> None:
    bench = Bench()
    exchange = await bench.serve(ask(client, of=provider, **body))
    assert exchange.status == 400
    assert word in json.loads(exchange.body)["error"]["message"]
    assert bench.upstream.requests == []


async def test_tokens_from_the_cache_are_counted_as_the_client_counts() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3, "output_tokens": 4}
    whole = {"id": "m", "type": "message", "role": "assistant", "model": "up", "stop_reason": "end_turn"}
    raw = json.dumps({**whole, "content": [{"type": "text", "text": "hi"}], "usage": usage}).encode()
    bench = Bench(Script(headers=((b"content-type", b"application/json"),), chunks=[raw]))
    exchange = await bench.serve(ask("openai_chat", of="anthropic", stream=False))
    told = json.loads(exchange.body)["usage"]
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (15, 4, 19)
    assert told["prompt_tokens_details"]["cached_tokens"] == 7


async def test_an_answer_otherwise_than_asked_in_a_suffix_of_effort() -> None:
    bench = Bench(Script(headers=((b"content-type", b"application/json"),), chunks=[ANSWERS["openai_chat"].whole]))
    body = {"model": "chat-m(low)", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    exchange = await bench.serve(posted("/v1/messages", json.dumps(body).encode()))
    assert bench.sent["reasoning_effort"] == "low"
    assert b"message_stop" in exchange.body
