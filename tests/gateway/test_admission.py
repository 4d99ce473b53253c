"""Who may ask: the four places of a key, and the answer to a wrong one."""

from __future__ import annotations

import json

import attrs
import pytest

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange, request_head
from tests.support.houses import SIMPLE, Bench, ask
from tests.support.upstreams import Script
from trioproxy.gateway.admission import presented_keys
from trioproxy.ledger.entry import Outcome

KEYED = "api-keys:\n  - k-one\n  - {key: k-two, name: bob, models: ['chat-*']}\n" + SIMPLE


@pytest.mark.parametrize(
    ("headers", "query", "keys"),
    [
        (((b"authorization", b"Bearer k"),), "", ("k",)),
        (((b"authorization", b"bearer  k "),), "", ("k",)),
        (((b"authorization", b"k"),), "", ("k",)),
        (((b"authorization", b"Bearer"),), "", ("Bearer",)),
        (((b"x-api-key", b"k"),), "", ("k",)),
        (((b"x-goog-api-key", b" k"),), "", ("k",)),
        ((), "?alt=sse&key=a%20b", ("a b",)),
        ((), "?monkey=x", ()),
        (((b"authorization", b"Bearer a"), (b"x-api-key", b"b")), "?key=c", ("a", "b", "c")),
        (((b"x-api-key", b""),), "?key=", ()),
    ],
)
def test_where_keys_are_found(headers: tuple[tuple[bytes, bytes], ...], query: str, keys: tuple[str, ...]) -> None:
    assert presented_keys(request_head("POST", f"/v1/messages{query}", headers)) == keys


@pytest.mark.parametrize("protocol", sorted(ANSWERS))
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": "k-on\u00e9"}])
async def test_without_a_known_key_nobody_is_asked(protocol: str, headers: dict[str, str]) -> None:
    bench = Bench(config=KEYED)
    exchange = await bench.serve(ask(protocol, headers=headers))
    assert exchange.status == 401
    error = json.loads(exchange.body)["error"]
    assert "api-keys" in error["message"]
    assert bench.upstream.requests == []
    assert bench.last.outcome is Outcome.REFUSED
    assert not exchange.body_asked


async def test_each_protocol_refuses_in_its_own_words() -> None:
    told = {}
    for protocol in sorted(ANSWERS):
        exchange = await Bench(config=KEYED).serve(ask(protocol))
        told[protocol] = json.loads(exchange.body)
    assert told["anthropic"]["type"] == "error"
    assert told["anthropic"]["error"]["type"] == "authentication_error"
    assert told["openai_chat"]["error"]["code"] == "invalid_api_key"
    assert told["gemini"]["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "headers", [{"authorization": "Bearer k-one"}, {"x-api-key": "k-one"}, {"x-goog-api-key": "k-one"}]
)
@pytest.mark.parametrize("protocol", sorted(ANSWERS))
async def test_a_known_key_is_admitted_and_goes_no_further(protocol: str, headers: dict[str, str]) -> None:
    bench = Bench(Script(chunks=ANSWERS[protocol].frames), config=KEYED)
    exchange = await bench.serve(ask(protocol, headers=headers))
    assert exchange.status == 200
    [request] = bench.upstream.requests
    assert "k-one" not in f"{request.headers!r}{request.url}"
    assert bench.last.client is not None


async def test_a_key_in_the_query_is_admitted_and_goes_no_further() -> None:
    bench = Bench(Script(chunks=ANSWERS["gemini"].frames), config=KEYED)
    exchange = ask("gemini")
    exchange.head = request_head("POST", exchange.head.target + "&key=k-one", exchange.head.headers)
    await bench.serve(exchange)
    assert exchange.status == 200
    assert bench.upstream.requests[0].url.endswith(":streamGenerateContent?alt=sse")


async def test_a_key_may_be_bound_to_models() -> None:
    bench = Bench(Script(chunks=ANSWERS["openai_chat"].frames), config=KEYED)
    served = await bench.serve(ask("openai_chat", headers={"authorization": "Bearer k-two"}))
    assert served.status == 200
    assert bench.last.client == "bob"
    refused = await bench.serve(ask("anthropic", headers={"x-api-key": "k-two"}))
    assert refused.status == 403
    assert len(bench.upstream.requests) == 1


async def test_the_key_is_in_no_account_and_no_error() -> None:
    bench = Bench(config=KEYED)
    exchange = await bench.serve(ask("anthropic", headers={"x-api-key": "guessed-secret"}))
    assert b"guessed-secret" not in exchange.body
    assert "guessed-secret" not in repr(bench.last)


async def test_a_sign_of_life_needs_no_key() -> None:
    bench = Bench(config=KEYED)
    for path in ("/healthz", "/health", "/"):
        exchange = await bench.serve(MemoryExchange(head=request_head("GET", path)))
        assert exchange.status == 200
    refused = await bench.serve(MemoryExchange(head=request_head("GET", "/v1/models")))
    assert refused.status == 401


async def test_a_boundless_name_of_a_model_is_refused_and_not_kept() -> None:
    bench = Bench()
    exchange = await bench.serve(ask("openai_chat", model="x" * 1_000_000))
    assert exchange.status == 404
    assert bench.last.model is not None
    assert len(bench.last.model) <= 512
    assert len(exchange.body) < 1000


def test_what_was_worked_out_of_a_head_is_kept_for_another_length_and_for_nothing_else() -> None:
    head = request_head("POST", "/v1/messages", ((b"x-api-key", b"one"), (b"content-length", b"5")))
    head.memo["keys"] = [b"one"]
    longer = head.with_length(b"70")
    assert longer.header(b"content-length") == b"70"
    assert longer.headers[0] == (b"x-api-key", b"one")
    assert longer.memo is head.memo
    assert attrs.evolve(head, headers=((b"x-api-key", b"two"),)).memo == {}
