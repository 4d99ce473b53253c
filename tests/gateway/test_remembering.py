"""``previous_response_id`` over HTTP, where the configuration wants it kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import SIMPLE, Bench, ask
from tests.support.sockets import SocketBench, response_script
from tests.support.upstreams import Script
from trioproxy.protocols.openai_responses.conversations import Conversations
from trioproxy.protocols.table import NAMES

JSON = ((b"content-type", b"application/json"),)
ON = {"conversations_over_http": True}


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


def bench_of(*scripts: Any, settings: dict[str, Any] | None = None, **more: Any) -> Bench:
    bench = Bench(*scripts, settings={**ON, **(settings or {})}, **more)
    bench.gateway.conversations = Conversations(limit=0, owner_limit=0, seconds=0)
    return bench


async def served(bench: Bench, **body: Any) -> MemoryExchange:
    return await bench.serve(ask("openai_responses", **body))


def whole(script: Script) -> Script:
    """The same answer, not streamed."""
    last = json.loads(bytes(script.chunks[-1]).split(b"data: ")[1])  # type: ignore[arg-type]
    return Script(headers=JSON, chunks=[json.dumps(last["response"]).encode()])


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_a_response_is_gone_on_from(stream: bool) -> None:
    scripts = [response_script("resp_1"), response_script("resp_2")]
    bench = bench_of(*(scripts if stream else [whole(each) for each in scripts]))
    await served(bench, input=[user("a")], stream=stream)
    await served(bench, input="b", previous_response_id="resp_1", stream=stream, instructions="x")
    sent = bench.sent
    assert [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]
    assert (sent["stream"], sent["instructions"], "previous_response_id" in sent) == (stream, "x", False)


@pytest.mark.parametrize("provider", NAMES)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_with_every_provider(provider: str, stream: bool) -> None:
    answer = ANSWERS[provider]
    script = Script(chunks=answer.frames) if stream else Script(headers=JSON, chunks=[answer.whole])
    bench = bench_of(script, script)
    first = await served(bench, of=provider, stream=stream)
    frames = [line[6:] for line in first.body.decode().split("\n") if line.startswith("data: ")]
    response = json.loads(frames[-1])["response"] if stream else json.loads(first.body)
    second = await served(bench, of=provider, input="more", conversation_id=response["id"], stream=stream)
    assert second.status == 200
    if provider != "openai_responses":
        frames = [line[6:] for line in second.body.decode().split("\n") if line.startswith("data: ")]
        told = (
            [json.loads(each)["response"] for each in (frames[0], frames[-1])] if stream else [json.loads(second.body)]
        )
        assert {each["previous_response_id"] for each in told} == {response["id"]}
    assert "hello" in bench.upstream.requests[1].body.decode()


async def test_what_is_not_to_be_stored_is_not_kept() -> None:
    bench = bench_of(response_script("resp_1"))
    await served(bench, store=False)
    error = await bench.serve(ask("openai_responses", of="openai_chat", previous_response_id="resp_1"))
    assert (error.status, json.loads(error.body)["error"]["param"]) == (400, "previous_response_id")


async def test_an_unknown_response_is_the_providers_to_know() -> None:
    bench = bench_of(response_script("resp_1"), response_script("resp_2"))
    first = ask("openai_responses", input=[user("a")], previous_response_id="resp_0")
    await bench.serve(first)
    assert json.loads(bench.upstream.requests[0].body)["previous_response_id"] == "resp_0"
    await served(bench, input=[user("b")], previous_response_id="resp_1")
    assert bench.sent["previous_response_id"] == "resp_0"
    assert [item["role"] for item in bench.sent["input"]] == ["user", "assistant", "user"]


async def test_bodies_that_go_on_from_nothing_pass_byte_for_byte() -> None:
    bench = bench_of(response_script("resp_1"))
    exchange = ask("openai_responses", input=[user("a")], odd=[1.0, "é"])
    await bench.serve(exchange)
    assert bench.upstream.requests[0].body == exchange.request_body.replace(b"responses-m", b"responses-up")


async def test_the_whole_request_is_bounded_too() -> None:
    bench = bench_of(response_script("resp_1"), settings={"max_body": 3000})
    await served(bench, input=[user("a" * 2000)])
    error = await bench.serve(ask("openai_responses", input="b" * 2000, previous_response_id="resp_1"))
    assert error.status == 413


async def test_other_clients_have_other_conversations() -> None:
    keys = SIMPLE + "\napi-keys: [sk-one, sk-two]\n"
    bench = bench_of(response_script("resp_1"), config=keys)
    one, two = {"authorization": "Bearer sk-one"}, {"authorization": "Bearer sk-two"}
    await bench.serve(ask("openai_responses", headers=one))
    error = await bench.serve(ask("openai_responses", of="openai_chat", headers=two, previous_response_id="resp_1"))
    assert error.status == 400
    assert (await bench.serve(ask("openai_responses"))).status == 401


@pytest.mark.parametrize(
    "script",
    [
        Script(headers=JSON, chunks=[b"[1]"]),
        Script(headers=JSON, chunks=[b'{"id":"resp_1","status":"failed","output":[]}']),
        Script(status=500, headers=JSON, chunks=[b"{}"]),
        Script(headers=JSON, chunks=[b'{"x":"' + b"x" * (17 << 20) + b'"}']),
    ],
    ids=["no object", "failed", "error", "huge"],
)
async def test_answers_that_can_not_be_kept(script: Script) -> None:
    bench = bench_of(script)
    await served(bench, stream=False)
    assert bench.gateway.conversations is not None
    assert len(bench.gateway.conversations) == 0


async def test_an_event_that_is_too_long_ends_the_looking() -> None:
    bench = bench_of(Script(chunks=[b"data: " + b"x" * 6000 + b"\n\n"]), settings={"max_event": 5000})
    await served(bench)
    assert bench.gateway.conversations is not None
    assert len(bench.gateway.conversations) == 0


async def test_a_body_that_is_no_json_is_the_handlers_to_refuse() -> None:
    bench = bench_of()
    exchange = ask("openai_responses")
    exchange.request_body = b"{"
    assert (await bench.serve(exchange)).status == 400


@pytest.mark.parametrize("protocol", ["openai_chat", "anthropic"])
async def test_other_protocols_have_no_memory(protocol: str) -> None:
    bench = bench_of(Script(chunks=ANSWERS[protocol].frames))
    await bench.serve(ask(protocol))
    assert bench.gateway.conversations is not None
    assert len(bench.gateway.conversations) == 0


async def test_nothing_is_kept_unless_it_is_wanted() -> None:
    bench = bench_of(response_script("resp_1"), settings={"conversations_over_http": False})
    await served(bench)
    assert bench.gateway.conversations is not None
    assert len(bench.gateway.conversations) == 0


async def test_a_socket_that_broke_is_gone_on_from_and_so_is_a_request_over_http() -> None:
    bench = bench_of(response_script("resp_1"), response_script("resp_2"), response_script("resp_3"))
    assert bench.gateway.conversations is not None
    house = SocketBench(bench, conversations=bench.gateway.conversations)
    async with house.socket() as client:
        await client.turn(input=[user("a")])
    async with house.socket() as client:
        await client.turn(input=[user("b")], previous_response_id="resp_1")
    await served(bench, input=[user("c")], previous_response_id="resp_2")
    assert [item["content"] for item in bench.sent["input"][::2]] == ["a", "b", "c"]
