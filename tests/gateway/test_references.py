"""``item_reference``: what another provider's answer was told as is had back by its ids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import SIMPLE, Bench, ask
from tests.support.sockets import response_script
from tests.support.upstreams import Script
from trioproxy.gateway.references import MOST, References

JSON = ((b"content-type", b"application/json"),)
FOREIGN = ["openai_chat", "anthropic", "gemini"]
KEYS = f"api-keys: [one, two]\n{SIMPLE}"


def bench_of(provider: str, *, stream: bool, config: str = SIMPLE) -> Bench:
    answer = ANSWERS[provider]
    script = Script(chunks=answer.frames) if stream else Script(headers=JSON, chunks=[answer.whole])
    return Bench(script, config=config, repeat_last=True)


def output_of(exchange: MemoryExchange, *, stream: bool) -> list[dict[str, Any]]:
    body = exchange.body.decode()
    last = [line[6:] for line in body.split("\n") if line.startswith("data: ")][-1] if stream else body
    document = json.loads(last)
    output: list[dict[str, Any]] = (document["response"] if stream else document)["output"]
    return output


def naming(*items: Any) -> list[Any]:
    return [{"role": "user", "content": "hi"}, *items, {"role": "user", "content": "and?"}]


def reference(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "item_reference", "id": item["id"]}


@pytest.mark.parametrize("provider", FOREIGN)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_an_item_is_had_back_by_its_id(provider: str, stream: bool) -> None:
    bench = bench_of(provider, stream=stream)
    output = output_of(await bench.serve(ask("openai_responses", of=provider, stream=stream)), stream=stream)
    named = naming(*(reference(item) for item in output))
    referred = await bench.serve(ask("openai_responses", of=provider, stream=stream, input=named))
    whole = await bench.serve(ask("openai_responses", of=provider, stream=stream, input=naming(*output)))
    assert (whole.status, referred.status) == (200, 200)
    assert bench.upstream.requests[2].body == bench.upstream.requests[1].body
    assert b"hello" in bench.upstream.requests[2].body


async def test_a_provider_of_responses_gets_the_items_of_another_and_its_own_by_name() -> None:
    bench = bench_of("openai_chat", stream=True)
    output = output_of(await bench.serve(ask("openai_responses", of="openai_chat")), stream=True)
    (message,) = [item for item in output if item["type"] == "message"]
    bench = Bench(response_script("resp_1"), repeat_last=True)
    bench.gateway.failover.references.keep("", [message])
    await bench.serve(ask("openai_responses", input=naming(reference(message))))
    assert bench.sent["input"] == naming(message)
    own = ask("openai_responses", input=naming({"type": "item_reference", "id": "msg_own"}), x=1.0)
    await bench.serve(own)
    assert bench.sent["input"] == naming({"type": "item_reference", "id": "msg_own"})


async def test_a_key_has_no_others_items() -> None:
    bench = bench_of("openai_chat", stream=False, config=KEYS)
    one, two = ({"authorization": f"Bearer {key}"} for key in ("one", "two"))
    first = await bench.serve(ask("openai_responses", of="openai_chat", stream=False, headers=one))
    named = naming(*(reference(item) for item in output_of(first, stream=False)))
    theirs = await bench.serve(ask("openai_responses", of="openai_chat", headers=two, input=named))
    assert (theirs.status, json.loads(theirs.body)["error"]["param"]) == (400, "input[1]")
    own = await bench.serve(ask("openai_responses", of="openai_chat", headers=one, input=named, stream=False))
    assert own.status == 200


async def test_what_is_not_to_be_stored_is_not_kept() -> None:
    bench = bench_of("openai_chat", stream=False)
    await bench.serve(ask("openai_responses", of="openai_chat", stream=False, store=False))
    await bench.serve(ask("openai_chat", stream=False))
    assert bench.gateway.failover.references.size == 0


def body_of(*named: str) -> bytes:
    return json.dumps({"input": [{"type": "item_reference", "id": each} for each in named]}).encode()


def test_what_was_not_asked_for_the_longest_makes_room() -> None:
    references = References(most=2000)
    references.keep("", [{"id": "big", "text": "x" * 250}])
    assert references.size == 0
    references.keep("", [{"id": "a", "text": "a"}, {"id": "b", "text": "b"}, {"type": "odd"}, "odd"])
    references.keep("", [{"id": "a", "text": "anew"}])
    assert json.loads(references.resolved(None, body_of("b"))) == {"input": [{"id": "b", "text": "b"}]}
    references.keep("", [{"id": each, "text": each * 200} for each in ("c", "d")])
    assert references.resolved(None, body_of("a")) == body_of("a")
    assert json.loads(references.resolved(None, body_of("c", "d")))["input"][1]["id"] == "d"
    assert 0 < references.size <= 2000
    assert References().most == MOST


@pytest.mark.parametrize("body", [b'{"input": "item_reference"}', b'["item_reference"]', b"item_reference", b"{}"])
def test_bodies_that_name_nothing_are_left_as_they_are(body: bytes) -> None:
    references = References()
    references.keep("", [{"id": "a"}])
    assert references.resolved(None, body) is body
