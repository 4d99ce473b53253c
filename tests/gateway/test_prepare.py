"""The request that goes to a provider: bytes, headers, URL, in the passing lane."""

from __future__ import annotations

import json

import pytest

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange, request_head
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import Script
from trioproxy.upstream.base import UpstreamRequest

JSON = ((b"content-type", b"application/json"),)


async def sent(exchange: MemoryExchange, *, config: str | None = None) -> UpstreamRequest:
    whole = Script(headers=JSON, chunks=[b'{"error":{"message":"m","type":"t"}}'], status=400)
    bench = Bench(whole, config=config) if config is not None else Bench(whole)
    await bench.serve(exchange)
    return bench.upstream.requests[0]


def lines(request: UpstreamRequest) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in request.headers}


async def test_only_the_models_bytes_change() -> None:
    body = b'{ "stream":true,\n\t"model" :\t"chat-m", "messages":[ ], "x": 1.50, "unknown":{"model":"chat-m"} }'
    request = await sent(posted("/v1/chat/completions", body))
    assert request.body == body.replace(b'"chat-m"', b'"chat-up"', 1)


async def test_with_the_same_name_upstream_the_bytes_are_identical() -> None:
    config = 'openai-compatibility: [{name: c, base-url: "http://c.test/v1", api-key-entries: [{api-key: K}], models: [{name: m}]}]'
    body = b' {"messages" :[],"model": "m"}\n'
    assert (await sent(posted("/v1/chat/completions", body), config=config)).body == body


async def test_a_model_in_the_path_is_renamed_there() -> None:
    body = b'{"contents":[] }'
    request = await sent(posted("/v1beta/models/gemini-m:streamGenerateContent?alt=sse", body))
    assert request.url == "http://gemini.test/v1beta/models/gemini-up:streamGenerateContent?alt=sse"
    assert request.body == body


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/v1beta/models/gemini-m:generateContent", "/v1beta/models/gemini-up:generateContent"),
        ("/v1beta/models/gemini-m:streamGenerateContent", "/v1beta/models/gemini-up:streamGenerateContent"),
        ("/v1beta/models/gemini-m:countTokens?x=1", "/v1beta/models/gemini-up:countTokens?x=1"),
        ("/v1beta/models/models%2Fgemini-m:generateContent", None),
        ("/v1beta/models/gemini-m:embedContent", "/v1beta/models/gemini-up:embedContent"),
        ("/v1beta/models/gemini-m:batchEmbedContents", "/v1beta/models/gemini-up:batchEmbedContents"),
    ],
)
async def test_the_verb_of_the_path_is_kept(target: str, url: str | None) -> None:
    request = await sent(posted(target, b'{"contents":[]}'))
    assert request.url == f"http://gemini.test{url or '/v1beta/models/gemini-up:generateContent'}"


async def test_the_clients_headers_pass_but_for_its_hop_and_its_keys() -> None:
    headers = {
        "authorization": "Bearer mine",
        "x-api-key": "mine",
        "x-goog-api-key": "mine",
        "cookie": "a=mine",
        "host": "me",
        "connection": "keep-alive, x-hop",
        "x-hop": "1",
        "te": "trailers",
        "expect": "100-continue",
        "accept-encoding": "gzip",
        "accept": "text/event-stream",
        "user-agent": "agent/1",
        "x-stainless-lang": "python",
        "openai-beta": "b",
    }
    request = await sent(ask("openai_chat", headers=headers))
    assert lines(request) == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "user-agent": "agent/1",
        "x-stainless-lang": "python",
        "openai-beta": "b",
        "accept-encoding": "identity",
        "authorization": "Bearer UPKEY",
    }


async def test_what_the_client_leaves_out_is_filled_in() -> None:
    exchange = ask("anthropic")
    exchange.head = request_head("POST", "/v1/messages?beta=true")
    request = await sent(exchange)
    told = lines(request)
    assert request.url == "http://anthropic.test/v1/messages?beta=true"
    assert told["anthropic-version"] == "2023-06-01"
    assert told["content-type"] == "application/json"
    assert told["user-agent"].startswith("trioproxy/")


async def test_what_the_client_says_of_itself_is_kept() -> None:
    told = lines(await sent(ask("anthropic", headers={"anthropic-version": "2026-10-21", "anthropic-beta": "x"})))
    assert told["anthropic-version"] == "2026-10-21"
    assert told["anthropic-beta"] == "x"


async def test_an_entrys_headers_go_on_top_and_may_copy_the_clients() -> None:
    config = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    headers: {X-Fixed: "1", X-Copied: "$X-Session", X-Absent: "$X-None", X-Stolen: "$Authorization"}
    api-key-entries: [{api-key: UPKEY}]
    models: [{name: chat-up, alias: chat-m}]
"""
    told = lines(
        await sent(ask("openai_chat", headers={"x-session": "s", "authorization": "Bearer mine"}), config=config)
    )
    assert (told["x-fixed"], told["x-copied"]) == ("1", "s")
    assert "x-absent" not in told
    assert "x-stolen" not in told


async def test_a_thinking_suffix_is_written_into_the_body() -> None:
    body = b'{"model":"chat-m(high)","messages":[]}'
    request = await sent(posted("/v1/chat/completions", body))
    assert json.loads(request.body) == {"model": "chat-up", "messages": [], "reasoning_effort": "high"}


async def test_a_conversation_id_means_the_previous_response() -> None:
    request = await sent(ask("openai_responses", conversation_id="resp_1"))
    body = json.loads(request.body)
    assert body["previous_response_id"] == "resp_1"
    assert "conversation_id" not in body


async def test_a_rule_may_ask_for_a_header() -> None:
    request = await sent(ask("anthropic", betas=["one"], headers={"anthropic-beta": "two"}))
    assert lines(request)["anthropic-beta"] == "two,one"


async def test_what_is_kept_of_a_head_leaves_out_what_one_body_demanded() -> None:
    refused = [Script(headers=JSON, chunks=[b'{"error":{"message":"m","type":"t"}}'], status=400) for _ in range(4)]
    bench = Bench(*refused)
    plain, demanding = ask("anthropic", headers={"anthropic-beta": "two"}), ask("anthropic", betas=["one"])
    for exchange in (plain, plain, demanding, plain):
        again = MemoryExchange(
            head=plain.head.with_length(b"%d" % len(exchange.request_body)), body=exchange.request_body
        )
        await bench.serve(again)
    assert [lines(each)["anthropic-beta"] for each in bench.upstream.requests] == ["two", "two", "two,one", "two"]
    first, second, _, last = (each.headers for each in bench.upstream.requests)
    assert first is second is last


async def test_forms_are_carried_with_their_model_renamed() -> None:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nchat-m\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\x00\xff\r\n--b--\r\n'
    )
    exchange = posted("/v1/audio/transcriptions", form, {"content-type": "multipart/form-data; boundary=b"})
    request = await sent(exchange)
    assert request.url == "http://chat.test/v1/audio/transcriptions"
    assert request.body == form.replace(b"chat-m", b"chat-up")
    assert lines(request)["content-type"] == "multipart/form-data; boundary=b"


async def test_an_operation_the_provider_lacks_is_refused() -> None:
    bench = Bench()
    exchange = await bench.serve(posted("/v1/embeddings", b'{"model":"anthropic-m","input":"x"}'))
    assert exchange.status in (404, 501)
    assert bench.upstream.requests == []


async def test_a_request_of_a_replay_may_ask_for_a_fault(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("recordings")
    config = f"providers: {{replay: {{type: replay, folder: '{folder}'}}}}"
    request = await sent(ask("openai_chat", headers={"x-trioproxy-fault": "stall@2"}), config=config)
    assert request.fault == "stall@2"
    plain = await sent(ask("openai_chat", headers={"x-trioproxy-fault": "stall@2"}))
    assert plain.fault is None
    assert "x-trioproxy-fault" not in lines(plain)
    assert ANSWERS
