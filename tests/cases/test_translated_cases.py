"""The black-box cases that only translation (or a named rule, or a recording) can meet, one test each and by their numbers."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import sse
from tests.support.houses import Bench, ask
from tests.support.recording import DiskRecording
from tests.support.upstreams import SSE_HEADERS, Script, ScriptedUpstream
from trioproxy.ledger.entry import Outcome
from trioproxy.upstream import archive
from trioproxy.upstream.fixture import read_fixture
from trioproxy.wire.sse import SSEDecoder

JSON = ((b"content-type", b"application/json"),)


def whole(document: Any) -> Script:
    return Script(headers=JSON, chunks=[json.dumps(document).encode()])


def events(body: bytes) -> list[Any]:
    """The JSON of each event; ``[DONE]`` as that string."""
    frames = SSEDecoder().feed(body)
    return [frame.data.decode() if frame.data == b"[DONE]" else json.loads(frame.data) for frame in frames]


def message(*content: Any, stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "up",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 4},
        **more,
    }


def said(kind: str, **members: Any) -> bytes:
    """One event of a Messages or Responses stream."""
    return sse({"type": kind, **members}, kind)


def block(number: int, start: Any, *deltas: Any) -> bytes:
    return (
        said("content_block_start", index=number, content_block=start)
        + b"".join(said("content_block_delta", index=number, delta=delta) for delta in deltas)
        + said("content_block_stop", index=number)
    )


def tool_block(number: int, name: str) -> bytes:
    start = {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}
    pieces = ('{"q":', f'"{name}"}}')
    return block(number, start, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def messages_stream(*blocks: bytes, stop: str) -> list[bytes]:
    return [
        said("message_start", message={**message(stop=""), "stop_reason": None}),
        *blocks,
        said(
            "message_delta",
            delta={"stop_reason": stop, "stop_sequence": None},
            usage={"input_tokens": 5, "output_tokens": 9},
        ),
        said("message_stop"),
    ]


THINKING = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "Let me "},
    {"type": "thinking_delta", "thinking": "think."},
    {"type": "signature_delta", "signature": "c2ln"},
)
TEXT = block(
    1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "I'll "}, {"type": "text_delta", "text": "look."}
)
PARALLEL = messages_stream(THINKING, TEXT, tool_block(2, "alpha"), tool_block(3, "beta"), stop="tool_use")


async def test_case_23_a_chat_request_at_an_anthropic_provider_and_its_imitated_answer() -> None:
    bench = Bench(whole(message({"type": "tool_use", "id": "t1", "name": "lookup", "input": {}}, stop="tool_use")))
    asked = [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "Reply ok."}]
    exchange = await bench.serve(
        ask("openai_chat", of="anthropic", stream=False, messages=asked, max_completion_tokens=64)
    )
    assert bench.upstream.requests[0].url == "http://anthropic.test/v1/messages"
    assert bench.sent["system"] in ("You are terse.", [{"type": "text", "text": "You are terse."}])
    assert bench.sent["max_tokens"] == 64
    assert [each["role"] for each in bench.sent["messages"]] == ["user"]
    answer = json.loads(exchange.body)
    (choice,) = answer["choices"]
    assert (answer["object"], choice["finish_reason"]) == ("chat.completion", "tool_calls")
    assert choice["message"]["tool_calls"] == [
        {"id": "t1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
    ]


async def test_case_24_a_limit_is_compulsory_at_an_anthropic_provider() -> None:
    bench = Bench(whole(message({"type": "text", "text": "ok"})))
    await bench.serve(ask("openai_chat", of="anthropic", stream=False))
    assert bench.sent["max_tokens"] == 32000


async def test_case_25_parallel_calls_of_a_history_are_one_turn_and_their_results_another() -> None:
    bench = Bench(whole(message({"type": "text", "text": "ok"})))
    calls = [
        {"type": "function_call", "call_id": f"c{name}", "name": name, "arguments": '{"x":1}'} for name in ("a", "b")
    ]
    results = [{"type": "function_call_output", "call_id": f"c{name}", "output": f"out {name}"} for name in ("a", "b")]
    history = [{"role": "user", "content": "go"}, *calls, *results]
    await bench.serve(ask("openai_responses", of="anthropic", stream=False, input=history))
    user, assistant, answered = bench.sent["messages"]
    assert [turn["role"] for turn in (user, assistant, answered)] == ["user", "assistant", "user"]
    assert [(each["type"], each["id"], each["name"]) for each in assistant["content"]] == [
        ("tool_use", "ca", "a"),
        ("tool_use", "cb", "b"),
    ]
    assert [(each["type"], each["tool_use_id"]) for each in answered["content"]] == [
        ("tool_result", "ca"),
        ("tool_result", "cb"),
    ]


async def test_case_26_thinking_text_and_two_calls_for_a_chat_client() -> None:
    bench = Bench(Script(chunks=PARALLEL))
    exchange = await bench.serve(ask("openai_chat", of="anthropic", stream_options={"include_usage": True}))
    *chunks, usage, done = events(exchange.body)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "Let me think."
    assert "".join(delta.get("content") or "" for delta in deltas) == "I'll look."
    pieces = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [(call["index"], call["id"], call["function"]["name"]) for call in pieces if "id" in call] == [
        (0, "toolu_alpha", "alpha"),
        (1, "toolu_beta", "beta"),
    ]
    for number, name in enumerate(("alpha", "beta")):
        text = "".join(call["function"]["arguments"] for call in pieces if call["index"] == number)
        assert json.loads(text) == {"q": name}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 14, "[DONE]")


async def test_case_27_the_same_for_a_responses_client() -> None:
    bench = Bench(Script(chunks=PARALLEL))
    exchange = await bench.serve(ask("openai_responses", of="anthropic"))
    told = events(exchange.body)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    final = told[-1]["response"]
    assert told[-1]["type"] == "response.completed"
    assert [item["type"] for item in final["output"]] == ["reasoning", "message", "function_call", "function_call"]
    for number, item in enumerate(final["output"]):
        about = [event for event in told if event.get("output_index") == number]
        assert (about[0]["type"], about[-1]["type"]) == ("response.output_item.added", "response.output_item.done")
        assert about[-1]["item"] == item
        assert any(event["type"].endswith(".delta") for event in about)
    parts = [event["type"] for event in told if "content_part" in event["type"]]
    assert parts[-2:] == ["response.content_part.added", "response.content_part.done"]
    assert [json.loads(item["arguments"]) for item in final["output"][2:]] == [{"q": "alpha"}, {"q": "beta"}]


async def test_case_28_a_limit_is_an_incomplete_response() -> None:
    bench = Bench(Script(chunks=messages_stream(TEXT, stop="max_tokens")))
    exchange = await bench.serve(ask("openai_responses", of="anthropic"))
    last = events(exchange.body)[-1]
    assert last["type"] == last["response"]["object"] + ".incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def numbered(*frames: tuple[str, dict[str, Any]]) -> list[bytes]:
    return [said(kind, sequence_number=number, **members) for number, (kind, members) in enumerate(frames)]


def response(status: str, output: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "up",
        "status": status,
        "output": output,
        "usage": {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 16,
        },
        **more,
    }


PART = {"type": "output_text", "text": "Looking.", "annotations": []}
MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": [PART]}
CALL = {
    "id": "f1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "f",
    "arguments": '{"a":1}',
    "status": "completed",
}
OF_TEXT = {"item_id": "m1", "output_index": 0, "content_index": 0}
OF_CALL = {"item_id": "f1", "output_index": 1}
GENUINE = numbered(
    ("response.created", {"response": response("in_progress", [])}),
    ("response.in_progress", {"response": response("in_progress", [])}),
    ("response.output_item.added", {"output_index": 0, "item": {**MESSAGE, "status": "in_progress", "content": []}}),
    ("response.content_part.added", {**OF_TEXT, "part": {**PART, "text": ""}}),
    ("response.output_text.delta", {**OF_TEXT, "delta": "Look"}),
    ("response.output_text.delta", {**OF_TEXT, "delta": "ing."}),
    ("response.output_text.done", {**OF_TEXT, "text": "Looking."}),
    ("response.content_part.done", {**OF_TEXT, "part": PART}),
    ("response.output_item.done", {"output_index": 0, "item": MESSAGE}),
    ("response.output_item.added", {"output_index": 1, "item": {**CALL, "status": "in_progress", "arguments": ""}}),
    ("response.function_call_arguments.delta", {**OF_CALL, "delta": '{"a"'}),
    ("response.function_call_arguments.delta", {**OF_CALL, "delta": ":1}"}),
    ("response.function_call_arguments.done", {**OF_CALL, "arguments": '{"a":1}'}),
    ("response.output_item.done", {"output_index": 1, "item": CALL}),
    ("response.completed", {"response": response("completed", [MESSAGE, CALL])}),
)


def blocks_of(told: list[Any]) -> list[dict[str, Any]]:
    """The blocks of a Messages stream, which must come one behind the other."""
    found: list[dict[str, Any]] = []
    opened = False
    for event in told:
        match event["type"]:
            case "content_block_start":
                assert (opened, event["index"]) == (False, len(found))
                opened = True
                found.append({**event["content_block"], "pieces": []})
            case "content_block_delta":
                assert (opened, event["index"]) == (True, len(found) - 1)
                delta = event["delta"]
                found[-1]["pieces"].append(
                    delta.get("text") or delta.get("partial_json") or delta.get("thinking") or ""
                )
            case "content_block_stop":
                assert (opened, event["index"]) == (True, len(found) - 1)
                opened = False
            case _:
                assert not opened
    return found


async def test_case_29_a_genuine_responses_stream_for_an_anthropic_client() -> None:
    bench = Bench(Script(chunks=GENUINE))
    exchange = await bench.serve(ask("anthropic", of="openai_responses"))
    told = events(exchange.body)
    text, tool = blocks_of(told)
    assert (text["type"], "".join(text["pieces"])) == ("text", "Looking.")
    assert (tool["type"], tool["id"], tool["name"]) == ("tool_use", "call_1", "f")
    assert json.loads("".join(tool["pieces"])) == {"a": 1}
    assert [told[0]["type"], told[-2]["type"], told[-1]["type"]] == ["message_start", "message_delta", "message_stop"]
    assert told[-2]["delta"]["stop_reason"] == "tool_use"
    usage = told[-2]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (6, 4, 6)


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return sse({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": choices, **more})


def call(number: int, arguments: str, name: str | None = None) -> bytes:
    start = {} if name is None else {"id": f"call_{name}", "type": "function"}
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return chunk({"tool_calls": [{"index": number, **start, "function": function}]})


USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 2}}
DONE = b"data: [DONE]\n\n"
INTERLEAVED = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Looking."}),
    call(0, "", "a"),
    call(1, "", "b"),
    call(0, '{"x"'),
    call(1, '{"y"'),
    call(0, ":1}"),
    call(1, ":2}"),
]


def chat_stream(finish: str) -> Script:
    return Script(chunks=[*INTERLEAVED, chunk({}, finish), chunk(usage=USAGE), DONE])


async def test_case_30_interleaved_calls_for_an_anthropic_client() -> None:
    bench = Bench(chat_stream("tool_calls"))
    exchange = await bench.serve(ask("anthropic", of="openai_chat"))
    told = events(exchange.body)
    text, first, second = blocks_of(told)
    assert "".join(text["pieces"]) == "Looking."
    assert [(each["id"], json.loads("".join(each["pieces"]))) for each in (first, second)] == [
        ("call_a", {"x": 1}),
        ("call_b", {"y": 2}),
    ]
    usage = told[-2]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (7, 2, 3)


async def test_case_31_the_same_for_a_responses_client_cut_by_a_limit() -> None:
    bench = Bench(chat_stream("length"))
    exchange = await bench.serve(ask("openai_responses", of="openai_chat"))
    told = events(exchange.body)
    added = [event["output_index"] for event in told if event["type"] == "response.output_item.added"]
    assert added == [0, 1, 2]
    assert told[-1]["type"] == "response.incomplete"
    assert [item["type"] for item in told[-1]["response"]["output"]] == ["message", "function_call", "function_call"]


FILTER = sse({"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []})


@pytest.mark.parametrize("client", ["openai_responses", "anthropic", "gemini"])
@pytest.mark.parametrize(
    ("chunks", "counted"),
    [
        ([FILTER, *INTERLEAVED, chunk({}, "tool_calls"), chunk(usage=USAGE), DONE], True),
        ([*INTERLEAVED, chunk({}, "tool_calls", usage=USAGE), DONE], True),
        ([*INTERLEAVED, chunk({}, "tool_calls")], False),
    ],
    ids=["a filter's chunk first", "usage in the finish chunk", "no usage and no end mark"],
)
async def test_case_32_what_chat_providers_do_otherwise(client: str, chunks: list[bytes], counted: bool) -> None:
    bench = Bench(Script(chunks=chunks))
    exchange = await bench.serve(ask(client, of="openai_chat"))
    told = events(exchange.body)
    ends = {
        "openai_responses": lambda last: last["type"] == "response.completed",
        "anthropic": lambda last: last["type"] == "message_stop",
        "gemini": lambda last: last["candidates"][0]["finishReason"] == "STOP",
    }
    assert ends[client](told[-1])
    assert bench.last.outcome is Outcome.COMPLETE
    assert (bench.last.usage is not None and bench.last.usage.total == 12) is counted


OVERLOADED = said("error", error={"type": "overloaded_error", "message": "Overloaded, come back later"})
FAILED = said(
    "response.failed",
    sequence_number=9,
    response=response("failed", [], error={"code": "server_error", "message": "The model broke"}),
)


@pytest.mark.parametrize(
    ("client", "provider", "chunks", "told", "error"),
    [
        ("openai_chat", "anthropic", [*PARALLEL[:3], OVERLOADED], "come back later", b'data: {"error":'),
        ("openai_responses", "anthropic", [*PARALLEL[:3], OVERLOADED], "come back later", b"event: response.failed"),
        ("gemini", "anthropic", [*PARALLEL[:3], OVERLOADED], "come back later", b'data: {"error":'),
        ("anthropic", "openai_responses", [*GENUINE[:6], FAILED], "The model broke", b"event: error"),
        ("openai_chat", "openai_responses", [*GENUINE[:6], FAILED], "The model broke", b'data: {"error":'),
    ],
)
async def test_case_33_a_providers_error_amid_a_stream_is_the_clients_error(
    client: str, provider: str, chunks: list[bytes], told: str, error: bytes
) -> None:
    bench = Bench(Script(chunks=chunks))
    exchange = await bench.serve(ask(client, of=provider))
    assert error in exchange.body
    assert told in exchange.body.decode()
    for success in (
        b"[DONE]",
        b"message_stop",
        b'stop_reason":"',
        b'finish_reason":"',
        b"response.completed",
        b"finishReason",
    ):
        assert success not in exchange.body
    assert bench.last.outcome is Outcome.FAILED


UNSUPPORTED = [
    (
        "anthropic",
        "openai_responses",
        {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "file_1"}]}]},
        "container_upload",
    ),
    (
        "openai_chat",
        "anthropic",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}],
                }
            ]
        },
        "audio",
    ),
    (
        "openai_chat",
        "anthropic",
        {"messages": [{"role": "user", "content": "go"}, {"role": "function", "name": "f", "content": "done"}]},
        "messages[1].role",
    ),
    ("openai_responses", "anthropic", {"previous_response_id": "resp_0"}, "previous_response_id"),
    ("gemini", "openai_chat", {"cachedContent": "cachedContents/x"}, "cachedContent"),
]


@pytest.mark.parametrize(("client", "provider", "body", "named"), UNSUPPORTED, ids=[each[3] for each in UNSUPPORTED])
@pytest.mark.parametrize("stream", [True, False])
async def test_case_34_what_can_not_be_carried_is_refused_before_anything_is_asked(
    client: str, provider: str, body: dict[str, Any], named: str, stream: bool
) -> None:
    bench = Bench()
    exchange = await bench.serve(ask(client, of=provider, stream=stream, **body))
    assert exchange.status == 400
    assert named in exchange.body.decode()
    assert bench.upstream.requests == []


IMITATED = {
    "id": "msg_1",
    "role": "assistant",
    "model": "up",
    "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"web_search_requests": 2}},
}
IMITATION = """
providers:
  imitation: {protocol: anthropic_messages, base_url: "http://up.test", api_key: K, compatibility: %s, read_idle_timeout_secs: 9}
routing:
  default_provider_names: {openai_responses: imitation, openai_chat_completions: imitation, anthropic_messages: imitation}
"""


async def test_case_35_an_imitation_is_filled_in_where_that_is_asked_for() -> None:
    bench = Bench(whole(IMITATED), config=IMITATION % "anthropic_compatible")
    exchange = await bench.serve(ask("anthropic", stream=False))
    answer = json.loads(exchange.body)
    assert answer["type"] == "message"
    assert answer["content"][0]["caller"] == {"type": "direct"}
    assert answer["usage"]["server_tool_use"] == {"web_search_requests": 2, "web_fetch_requests": 0}


async def test_case_35_and_left_alone_where_it_is_not() -> None:
    bench = Bench(whole(IMITATED), config=IMITATION % "strict")
    exchange = await bench.serve(ask("anthropic", stream=False))
    assert exchange.body == json.dumps(IMITATED).encode()


async def test_case_36_a_recording_has_no_secret_and_every_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_WRITE_DEADLINE_S", inf)
    upstream = DiskRecording(ScriptedUpstream(Script(headers=SSE_HEADERS, chunks=PARALLEL)), tmp_path)
    bench = Bench(upstream=upstream)
    headers = {"authorization": "Bearer the-clients-own-secret", "cookie": "session=very-secret-too"}
    await bench.serve(ask("openai_chat", of="anthropic", headers=headers))
    (path,) = upstream.written
    raw = path.read_bytes()
    for secret in (b"UPKEY", b"the-clients-own-secret", b"very-secret-too"):
        assert secret not in raw
    kept = read_fixture(raw)
    assert json.loads(kept.request.body)["model"] == "anthropic-up"
    assert not {b"x-api-key", b"authorization", b"cookie"} & {name for name, _ in kept.request.headers}
    assert kept.body == b"".join(PARALLEL)


async def test_case_40_cached_tokens_are_inside_a_chat_prompt() -> None:
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 3,
        "output_tokens": 4,
    }
    bench = Bench(whole(message({"type": "text", "text": "ok"}, usage=usage)))
    exchange = await bench.serve(ask("openai_chat", of="anthropic", stream=False))
    counts = json.loads(exchange.body)["usage"]
    assert (counts["prompt_tokens"], counts["completion_tokens"], counts["total_tokens"]) == (15, 4, 19)
    assert counts["prompt_tokens_details"]["cached_tokens"] == 7
