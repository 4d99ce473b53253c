"""Fallback models: tried when all of the asked model failed before the first byte or rest, across protocols, and never after."""

from __future__ import annotations

import itertools
import json

import pytest
import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.houses import SIMPLE, Bench, ask
from tests.support.upstreams import Fault, Script
from trioproxy.config.routes import explain
from trioproxy.ledger.entry import Outcome
from trioproxy.upstream.base import UpstreamRequest

MODELS = {"openai_chat": "chat", "openai_responses": "responses", "anthropic": "anthropic", "gemini": "gemini"}


def chain(asked: str, *others: str) -> str:
    names = ", ".join(f"{MODELS[other]}-m" for other in others)
    return f"{SIMPLE}fallbacks: {{{MODELS[asked]}-m: [{names}]}}\n"


def broken(status: int = 503) -> Script:
    error = json.dumps({"error": {"message": "down", "type": "t"}}).encode()
    return Script(status=status, headers=((b"content-type", b"application/json"),), chunks=[error])


def hosts(bench: Bench) -> list[str]:
    return [host_of(request) for request in bench.upstream.requests]


def host_of(request: UpstreamRequest) -> str:
    return request.url.split("/")[2].removesuffix(".test")


@pytest.mark.parametrize(("asked", "other"), list(itertools.permutations(ANSWERS, 2)))
async def test_the_next_model_answers_in_the_clients_protocol(asked: str, other: str) -> None:
    bench = Bench(broken(), Script(chunks=ANSWERS[other].frames), config=chain(asked, other))
    exchange = await bench.serve(ask(asked))
    assert exchange.status == 200
    assert hosts(bench) == [MODELS[asked], MODELS[other]]
    assert bench.last.outcome is Outcome.COMPLETE
    assert f"{MODELS[asked]}-m".encode() in exchange.body
    assert f"{MODELS[other]}-up".encode() not in exchange.body


async def test_the_chain_is_walked_to_its_end() -> None:
    config = chain("openai_chat", "anthropic", "gemini")
    bench = Bench(broken(), broken(529), Script(chunks=ANSWERS["gemini"].frames), config=config)
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.status == 200
    assert hosts(bench) == ["chat", "anthropic", "gemini"]
    assert [each.status for each in bench.last.tries] == [503, 529, None]


async def test_after_the_first_content_no_fallback_is_tried() -> None:
    answer = ANSWERS["openai_chat"]
    bench = Bench(Script(chunks=[answer.start, Fault()]), config=chain("openai_chat", "anthropic"))
    exchange = await bench.serve(ask("openai_chat"))
    assert exchange.body.startswith(answer.start)
    assert hosts(bench) == ["chat"]


async def test_a_fault_of_the_request_is_no_reason_to_fall_back() -> None:
    bench = Bench(broken(400), config=chain("openai_chat", "anthropic"))
    assert (await bench.serve(ask("openai_chat"))).status == 400
    assert hosts(bench) == ["chat"]


async def test_while_the_model_rests_its_fallback_is_asked_at_once(autojump_clock: MockClock) -> None:
    limited = Script(status=429, headers=((b"retry-after", b"60"),), chunks=[b"{}"])
    answers = {"chat": [limited, Script(chunks=ANSWERS["openai_chat"].frames)]}

    def provider(request: UpstreamRequest) -> Script:
        host = host_of(request)
        return answers[host].pop(0) if host in answers else Script(chunks=ANSWERS[host].frames)

    bench = Bench(provider, config=chain("openai_chat", "anthropic"), repeat_last=True)
    for _ in range(2):
        assert (await bench.serve(ask("openai_chat"))).status == 200
    await trio.sleep(61)
    assert (await bench.serve(ask("openai_chat"))).status == 200
    assert hosts(bench) == ["chat", "anthropic", "anthropic", "chat"]


async def test_the_most_credentials_of_a_round_are_counted_by_model() -> None:
    config = chain("openai_chat", "anthropic").replace("[{api-key: UPKEY}]", "[{api-key: A}, {api-key: B}]")
    bench = Bench(
        broken(),
        Script(chunks=ANSWERS["anthropic"].frames),
        config=config,
        settings={"max_retry_credentials": 1},
    )
    assert (await bench.serve(ask("openai_chat"))).status == 200
    assert hosts(bench) == ["chat", "anthropic"]


def test_explain_shows_the_chain() -> None:
    told = explain(
        Bench(config=chain("openai_chat", "anthropic", "gemini")).snapshot, protocol="openai_chat", model="chat-m"
    )
    assert [line.split(":")[0] for line in told.lines[:3]] == [
        "chat#1 (config.yaml",
        "fallback 'anthropic-m'",
        "fallback 'gemini-m'",
    ]
