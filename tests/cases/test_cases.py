"""The black-box cases, one test each and by their numbers. Cases that only translation can meet are in ``test_translated_cases``."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.answers import ANSWERS, sse
from tests.support.exchanges import MemoryExchange
from tests.support.houses import Bench, ask, posted, snapshot_of
from tests.support.live import Answering, live, request_of
from tests.support.raw_server import refusing_port
from tests.support.upstreams import SSE_HEADERS, Delay, Fault, Script
from trioproxy.config.load import ConfigInvalid
from trioproxy.config.model import ErrorFormat
from trioproxy.errors import ErrorKind
from trioproxy.ledger.entry import Outcome

JSON = ((b"content-type", b"application/json"),)
OPENAI = ["openai_chat", "openai_responses"]
NATIVE = [*OPENAI, "anthropic"]

# ProxAI's own form: tables of providers, a default for each protocol.
PROXAI = """
providers:
  chat: {protocol: openai_chat_completions, base_url: "http://up.test%(base)s", api_key: UPKEY, read_idle_timeout_secs: 120}
  responses: {protocol: openai_responses, base_url: "http://up.test%(base)s", api_key: UPKEY, read_idle_timeout_secs: 120}
  anthropic: {protocol: anthropic_messages, base_url: "http://up.test%(base)s", api_key: UPKEY, read_idle_timeout_secs: 120}
routing:
  default_provider_names: {openai_responses: responses, openai_chat_completions: chat, anthropic_messages: anthropic}
"""
DUMMY = {"authorization": "Bearer dummy", "x-api-key": "k"}


def proxai(base: str = "", routes: str = "") -> str:
    return PROXAI % {"base": base} + (f"  routes:\n{routes}" if routes else "")


def whole(protocol: str) -> Script:
    return Script(headers=JSON, chunks=[ANSWERS[protocol].whole])


def sent_headers(bench: Bench) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in bench.upstream.requests[-1].headers}


async def test_case_01_system_items_of_a_responses_request_become_instructions() -> None:
    bench = Bench(whole("openai_responses"), config=proxai())
    asked = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    exchange = await bench.serve(ask("openai_responses", stream=False, headers=DUMMY, input=asked))
    assert bench.upstream.requests[0].url == "http://up.test/v1/responses"
    assert bench.sent["instructions"] == "S"
    assert [item["role"] for item in bench.sent["input"]] == ["user"]
    assert sent_headers(bench)["authorization"] == "Bearer UPKEY"
    assert "x-api-key" not in sent_headers(bench)
    assert (exchange.status, exchange.body) == (200, ANSWERS["openai_responses"].whole)


async def test_case_02_a_chat_request_with_tools_passes_as_it_is() -> None:
    bench = Bench(whole("openai_chat"), config=proxai())
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}, "x-odd": [1, 2.50]}]
    exchange = ask("openai_chat", stream=False, headers=DUMMY, tools=tools)
    await bench.serve(exchange)
    assert bench.sent == json.loads(exchange.request_body)
    assert bench.upstream.requests[0].url == "http://up.test/v1/chat/completions"
    assert sent_headers(bench)["authorization"] == "Bearer UPKEY"
    assert "x-api-key" not in sent_headers(bench)


CLAUDE = "claude-api-key: [{api-key: UPKEY, %s models: [{name: anthropic-m}]}]"


@pytest.mark.parametrize(
    "config",
    [CLAUDE % "", CLAUDE % 'base-url: "http://127.0.0.1:9",', CLAUDE % 'base-url: "http://[::1]:9",', proxai()],
    ids=["vendor", "loopback", "loopback6", "proxai"],
)
async def test_case_03_an_anthropic_provider_gets_its_key_and_a_version(config: str) -> None:
    bench = Bench(whole("anthropic"), config=config)
    await bench.serve(ask("anthropic", stream=False, headers={"authorization": "Bearer c"}))
    assert sent_headers(bench)["x-api-key"] == "UPKEY"
    assert "authorization" not in sent_headers(bench)
    assert sent_headers(bench)["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize(
    ("base", "path"), [("/v1", "/v1/responses"), ("/openai", "/openai/v1/responses"), ("/v11", "/v11/v1/responses")]
)
async def test_case_04_a_base_url_is_not_doubled(base: str, path: str) -> None:
    bench = Bench(whole("openai_responses"), config=proxai(base))
    await bench.serve(ask("openai_responses", stream=False))
    assert bench.upstream.requests[0].url == f"http://up.test{path}"


async def test_case_05_an_exact_route_knows_no_case() -> None:
    routes = "    - {model_pattern: claude-request, match_kind: exact, provider: anthropic, upstream_model: claude-upstream}\n"
    bench = Bench(whole("anthropic"), config=proxai(routes=routes))
    await bench.serve(ask("anthropic", stream=False, model="CLAUDE-Request"))
    assert bench.sent["model"] == "claude-upstream"


async def test_case_06_a_regex_route_rewrites_the_model() -> None:
    routes = "    - {model_pattern: '^gpt-(.+)$', match_kind: regex, provider: chat, upstream_model: 'openai/$1'}\n"
    bench = Bench(whole("openai_chat"), config=proxai(routes=routes))
    await bench.serve(ask("openai_chat", stream=False, model="gpt-5.5"))
    assert bench.sent["model"] == "openai/5.5"


GUARDED = "    - {model_pattern: 'glm-*', request_protocol: openai_responses, provider: responses}\n"


async def test_case_07_a_later_route_with_a_fitting_protocol_wins() -> None:
    routes = GUARDED + "    - {model_pattern: 'glm-*', request_protocol: openai_chat_completions, provider: chat}\n"
    bench = Bench(whole("openai_chat"), config=proxai(routes=routes))
    await bench.serve(ask("openai_chat", stream=False, model="glm-5.1"))
    assert bench.upstream.requests[0].url.endswith("/chat/completions")
    assert bench.sent["model"] == "glm-5.1"


async def test_case_08_a_guard_that_does_not_fit_is_an_error_and_no_default() -> None:
    bench = Bench(config=proxai(routes=GUARDED))
    exchange = await bench.serve(ask("openai_chat", stream=False, model="glm-5.1"))
    assert exchange.status == 500
    assert "glm-*" in json.loads(exchange.body)["error"]["message"]
    assert bench.upstream.requests == []


@pytest.mark.parametrize("body", [b'{"input":"x"}', b'{"model":"  ","input":"x"}', b'{"model":', b"", b"[]"])
async def test_case_09_a_request_without_a_model_is_refused(body: bytes) -> None:
    bench = Bench()
    exchange = await bench.serve(posted("/v1/responses", body))
    assert exchange.status == 400
    assert json.loads(exchange.body)["error"]["type"] == "invalid_request_error"
    as_text = Bench(settings={"error_format": ErrorFormat.TEXT})
    told = await as_text.serve(posted("/v1/responses", body))
    assert told.status == 400
    assert (told.header(b"content-type") or b"").startswith(b"text/plain")
    assert told.body.decode() == json.loads(exchange.body)["error"]["message"]
    assert bench.upstream.requests == []


@pytest.mark.parametrize("protocol", NATIVE)
async def test_case_10_a_refusal_keeps_its_words_and_its_diagnostic_headers(protocol: str) -> None:
    kept = (
        (b"retry-after", b"7"),
        (b"x-request-id", b"r1"),
        (b"request-id", b"r2"),
        (b"x-ratelimit-remaining-requests", b"0"),
        (b"anthropic-ratelimit-requests-remaining", b"0"),
    )
    dropped = ((b"set-cookie", b"a=b"), (b"server", b"cloudflare"))
    body = b'{"error":{"message":"quota exhausted","code":"rate_limit_exceeded"}}'
    bench = Bench(Script(status=429, headers=(*JSON, *kept, *dropped), chunks=[body]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.status == 429
    assert set(kept) <= set(exchange.headers)
    assert not {name for name, _ in dropped} & {name for name, _ in exchange.headers}
    error = json.loads(exchange.body)["error"]
    assert (error["message"], error["code"], error["status"]) == ("quota exhausted", "rate_limit_exceeded", 429)
    assert "param" not in error


@pytest.mark.parametrize("protocol", NATIVE)
@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"", "upstream_error_body_empty", None),
        (b"oops", "upstream_error_body_non_json", None),
        (b'{"x":1}', "upstream_error_body_unknown_shape", None),
        (b'{"detail":[{"msg":"a"},{"msg":"b"}]}', "upstream_error", "a; b"),
    ],
)
async def test_case_11_an_error_body_of_no_known_shape(
    protocol: str, body: bytes, kind: str, message: str | None
) -> None:
    bench = Bench(Script(status=500, headers=JSON, chunks=[body]))
    exchange = await bench.serve(ask(protocol))
    error = json.loads(exchange.body)["error"]
    assert exchange.status == 500
    assert error["type"] == kind
    assert error.get("code") is None
    if message is not None:
        assert error["message"] == message


@pytest.mark.parametrize("protocol", NATIVE)
async def test_case_12_nobody_listens_at_the_provider(protocol: str) -> None:
    config = """
openai-compatibility: [{name: c, base-url: "{closed}/v1", api-key-entries: [{api-key: K}], models: [{name: chat-m}]}]
codex-api-key: [{api-key: K, base-url: "{closed}/v1", models: [{name: responses-m}]}]
claude-api-key: [{api-key: K, base-url: "{closed}", models: [{name: anthropic-m}]}]
""".replace("{closed}", f"http://127.0.0.1:{refusing_port()}")
    async with live(Answering(), config) as house:
        exchange = ask(protocol)
        got = await house.ask(request_of(exchange.head.target, exchange.request_body))
    assert got.status == 502
    document = json.loads(got.body)
    assert document["error"]["message"]
    assert (document.get("type") == "error") is (protocol == "anthropic")
    assert document["error"]["type"] == ("api_error" if protocol == "anthropic" else "upstream_request_error")


@pytest.mark.parametrize("crlf", [False, True])
async def test_case_13_a_stream_passes_byte_by_byte_with_its_headers(crlf: bool) -> None:
    answer = ANSWERS["openai_responses"]
    body = answer.start + b": ping\n\n" + answer.stream.removeprefix(answer.start)
    body = body.replace(b"\n", b"\r\n") if crlf else body
    headers = (*SSE_HEADERS, (b"openai-processing-ms", b"12"), (b"x-vendor", b"v"))
    bench = Bench(Script(headers=headers, chunks=[body]))
    exchange = await bench.serve(ask("openai_responses"))
    assert exchange.body == body
    assert exchange.header(b"content-type") == b"text/event-stream"
    assert set(headers) <= set(exchange.headers)


@pytest.mark.parametrize("of", ["openai_chat", "anthropic"])
async def test_case_14_many_characters_of_several_bytes_at_every_border(of: str) -> None:
    words = [f"第{number}章：春眠不覺曉，處處聞啼鳥。🌱" for number in range(128)]
    text = "".join(words)
    if of == "openai_chat":
        first, last = ANSWERS[of].start, ANSWERS[of].end
        deltas = [
            sse(
                {
                    "id": "c1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "delta": {"content": word}}],
                }
            )
            for word in words
        ]
    else:
        first, last = ANSWERS[of].start + _block("start"), _block("stop") + ANSWERS[of].end
        deltas = [_block("delta", word) for word in words]
    body = b"".join(_plain(frame) for frame in (first, *deltas, last))
    pieces = [body[at : at + 1] for at in range(len(body))]
    passed = await Bench(Script(chunks=pieces)).serve(ask(of))
    assert passed.body == body
    client = "anthropic" if of == "openai_chat" else "openai_chat"
    translated = await Bench(Script(chunks=pieces)).serve(ask(client, of=of))
    assert "".join(_texts(client, translated.body)) == text


def _block(what: str, word: str = "") -> bytes:
    body: dict[str, Any] = {"type": f"content_block_{what}", "index": 0}
    if what == "start":
        body["content_block"] = {"type": "text", "text": ""}
    if what == "delta":
        body["delta"] = {"type": "text_delta", "text": word}
    return sse(body, body["type"])


def _plain(frame: bytes) -> bytes:
    """JSON with its characters as themselves and not as escapes."""
    lines = [
        b"data: " + json.dumps(json.loads(line[6:]), ensure_ascii=False).encode()
        if line.startswith(b"data: {")
        else line
        for line in frame.split(b"\n")
    ]
    return b"\n".join(lines)


def _texts(protocol: str, body: bytes) -> list[str]:
    documents = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
    if protocol == "anthropic":
        deltas = (each["delta"] for each in documents if each["type"] == "content_block_delta")
        return [delta["text"] for delta in deltas if delta["type"] == "text_delta"]
    choices = (choice for each in documents for choice in each["choices"])
    return [choice["delta"]["content"] for choice in choices if choice["delta"].get("content")]


@pytest.mark.parametrize("protocol", NATIVE)
async def test_case_15_an_early_end_is_partial_bytes_and_one_native_error(protocol: str) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=[answer.start + answer.text]))
    exchange = await bench.serve(ask(protocol))
    assert exchange.body.startswith(answer.start + answer.text)
    tail = exchange.body[len(answer.start + answer.text) :]
    assert tail.count(b"data: ") == 1
    assert answer.failed in tail
    assert not any(
        terminal in exchange.body
        for terminal in (b"data: [DONE]", b"event: message_stop", b"event: response.completed")
    )


async def test_case_16_an_early_end_of_an_anthropic_provider_for_a_chat_client() -> None:
    answer = ANSWERS["anthropic"]
    text = answer.text.removesuffix(_stop_of(answer.text))
    bench = Bench(Script(chunks=[answer.start, text]))
    exchange = await bench.serve(ask("openai_chat", of="anthropic"))
    *frames, last = [json.loads(each[6:]) for each in exchange.body.split(b"\n\n") if each]
    assert frames[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(frame["choices"][0]["delta"].get("content") or "" for frame in frames) == "hello"
    assert last["error"]["status"] == 502
    assert not any(frame["choices"][0].get("finish_reason") for frame in frames)
    assert b"[DONE]" not in exchange.body


def _stop_of(frames: bytes) -> bytes:
    return frames[frames.index(b"event: content_block_stop") :]


async def _stalled(
    protocol: str, client: str, *behind: bytes | Delay, more: bytes = b""
) -> tuple[Bench, MemoryExchange, float]:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=[answer.start, answer.call_first, answer.args_first, more, *behind, Delay()]))
    bench.shorten(tool_call=0.05, idle=120)
    began = trio.current_time()
    exchange = await bench.serve(ask(client, of=protocol))
    return bench, exchange, trio.current_time() - began


async def test_case_17_a_tool_call_that_stalls_ends_in_time(autojump_clock: MockClock) -> None:
    bench, exchange, took = await _stalled("openai_responses", "openai_responses")
    assert took == pytest.approx(0.05)
    answer = ANSWERS["openai_responses"]
    assert exchange.body.startswith(answer.start + answer.call_first + answer.args_first)
    assert b"function_call_arguments.done" not in exchange.body
    assert answer.terminal not in exchange.body
    last = json.loads(exchange.body.rstrip().rpartition(b"data: ")[2])
    assert last["type"] in ("error", "response.failed")
    assert bench.upstream.all_closed
    assert exchange.finished


@pytest.mark.parametrize(
    ("provider", "client"),
    [
        ("openai_chat", "openai_chat"),
        ("openai_chat", "anthropic"),
        ("anthropic", "anthropic"),
        ("anthropic", "openai_chat"),
        ("gemini", "gemini"),
    ],
)
async def test_case_18_the_same_for_every_provider(autojump_clock: MockClock, provider: str, client: str) -> None:
    _, exchange, took = await _stalled(provider, client)
    assert took == pytest.approx(0.05)
    assert ANSWERS[client].failed in exchange.body
    assert ANSWERS[client].terminal not in exchange.body


@pytest.mark.parametrize("protocol", NATIVE)
async def test_case_19_comments_and_pings_do_not_hold_the_timer(autojump_clock: MockClock, protocol: str) -> None:
    pings = [step for _ in range(20) for step in (Delay(0.01), ANSWERS[protocol].ping)]
    _, exchange, took = await _stalled(protocol, protocol, *pings)
    assert took == pytest.approx(0.05)
    assert ANSWERS[protocol].failed in exchange.body


async def test_case_20_the_end_of_one_call_leaves_the_other_timed(autojump_clock: MockClock) -> None:
    def event(kind: str, number: int, **fields: Any) -> bytes:
        return sse({"type": kind, "sequence_number": number, **fields}, kind)

    def item(at: int) -> dict[str, Any]:
        return {"id": f"fc{at}", "type": "function_call", "call_id": f"t{at}", "name": "f", "arguments": ""}

    delta, done = "response.function_call_arguments.delta", "response.function_call_arguments.done"
    chunks: list[bytes | Delay | Fault] = [
        ANSWERS["openai_responses"].start,
        event("response.output_item.added", 2, output_index=0, item=item(0)),
        event("response.output_item.added", 3, output_index=1, item=item(1)),
        event(delta, 4, item_id="fc0", output_index=0, delta="{"),
        event(delta, 5, item_id="fc1", output_index=1, delta="{"),
        Delay(0.03),
        event(done, 6, item_id="fc0", output_index=0, arguments="{}"),
        event("response.output_item.done", 7, output_index=0, item={**item(0), "arguments": "{}"}),
        Delay(),
    ]
    bench = Bench(Script(chunks=chunks))
    bench.shorten(tool_call=0.05)
    began = trio.current_time()
    exchange = await bench.serve(ask("openai_responses"))
    assert trio.current_time() - began == pytest.approx(0.05)
    assert ANSWERS["openai_responses"].failed in exchange.body


async def test_case_21_arguments_of_no_call_are_an_error_at_once(autojump_clock: MockClock) -> None:
    kind = "response.function_call_arguments.delta"
    orphan = sse({"type": kind, "sequence_number": 2, "delta": "{"}, kind)
    bench = Bench(Script(chunks=[ANSWERS["openai_responses"].start, orphan, Delay()]))
    began = trio.current_time()
    exchange = await bench.serve(ask("openai_responses"))
    assert trio.current_time() == began
    assert ANSWERS["openai_responses"].failed in exchange.body
    assert bench.last.failure is not None
    assert bench.last.failure.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize("protocol", NATIVE)
async def test_case_22_idle_is_not_total(autojump_clock: MockClock, protocol: str) -> None:
    answer = ANSWERS[protocol]
    slow: list[bytes | Delay | Fault] = [answer.start, Delay(96), answer.text, Delay(96)]
    for _ in range(4):
        slow += (answer.ping, Delay(96))
    slow += answer.frames[2:]
    bench = Bench(Script(chunks=slow), settings={"keepalive": 0.0})
    exchange = await bench.serve(ask(protocol))
    assert trio.current_time() > 5 * 96
    assert exchange.body == b"".join(
        step for step in bench.upstream.responses[0].script.chunks if isinstance(step, bytes)
    )
    assert bench.last.outcome is Outcome.COMPLETE


@pytest.mark.parametrize("protocol", NATIVE)
async def test_case_37_a_client_that_leaves_takes_the_provider_along(
    protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ANSWERS[protocol]
    bench = Bench(Script(chunks=[answer.start, Delay(3600)]))
    exchange = ask(protocol)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.gateway.handle, exchange)
        await exchange.wait_chunks(1)
        reads = bench.upstream.responses[0].reads
        exchange.disconnect()
        await wait_all_tasks_blocked()
        assert bench.upstream.all_closed
        assert bench.upstream.responses[0].reads <= reads + 1
    assert len(bench.settled) == 1
    assert (bench.last.outcome, bench.last.status) == (Outcome.CLIENT_GONE, 499)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
async def test_case_38_an_event_without_an_end_is_cut_in_bounded_memory(client: str) -> None:
    flood = [b"data: "] + [b"x" * (1024 * 1024)] * 64
    bench = Bench(Script(chunks=[ANSWERS["openai_chat"].start, *flood]))
    exchange = await bench.serve(ask(client, of="openai_chat"))
    read = bench.upstream.responses[0].reads
    assert read < 20  # of 66 pieces: no more than the 16 MiB an event may have
    assert bench.last.outcome is Outcome.FAILED
    assert ANSWERS[client].failed in exchange.body[-2048:].rpartition(b"xx")[2]
    assert exchange.finished
    if client == "anthropic":
        assert len(exchange.body) < 100_000


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (proxai() + "nonsense: 1\n", "nonsense"),
        (
            proxai(
                routes="    - {name: twice, model_pattern: a, provider: chat}\n    - {name: twice, model_pattern: b, provider: chat}\n"
            ),
            "twice",
        ),
        (proxai().replace("api_key: UPKEY", 'api_key: "  "', 1), "api_key"),
        (proxai().replace("openai_responses: responses", "openai_responses: nobody"), "nobody"),
        (proxai(routes="    - {model_pattern: '(', match_kind: regex, provider: chat}\n"), "model_pattern"),
    ],
    ids=["unknown-key", "duplicate-route", "blank-key", "unknown-default", "bad-regex"],
)
def test_case_39_a_configuration_that_can_not_be_meant_is_refused(config: str, named: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        snapshot_of(config)
    assert named in str(refused.value)
