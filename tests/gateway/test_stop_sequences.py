"""Stop sequences that a provider does not take: the answer is cut on its way to the client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import Script

pytestmark = pytest.mark.usefixtures("ends_either_way")

ASKING: dict[str, Any] = {
    "openai_chat": {"stop": ["lo"]},
    "anthropic": {"stop_sequences": ["lo"]},
    "gemini": {"generationConfig": {"stopSequences": ["lo"]}},
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", ASKING)
async def test_an_answer_of_a_responses_provider_ends_at_the_clients_stop_sequence(client: str, stream: bool) -> None:
    bench = Bench(Script(chunks=ANSWERS["openai_responses"].frames), settings={"loss_header": True})
    exchange = await bench.serve(ask(client, of="openai_responses", stream=stream, **ASKING[client]))
    assert exchange.status == 200
    assert "stop" not in bench.sent
    assert b"hel" in exchange.body.replace(b'"hel"', b"hel")
    assert b'lo"' not in exchange.body.replace(b'"stop_sequence":"lo"', b"")
    assert b"stop" in (exchange.header(b"x-trioproxy-loss") or b"").lower()


async def test_a_messages_client_is_told_which_it_was() -> None:
    bench = Bench(Script(chunks=ANSWERS["openai_responses"].frames))
    exchange = await bench.serve(ask("anthropic", of="openai_responses", stream=False, stop_sequences=["zz", "lo"]))
    answer = json.loads(exchange.body)
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "lo")
    assert answer["content"] == [{"type": "text", "text": "hel"}]
    assert answer["usage"]["output_tokens"] == 2


async def test_an_answer_without_any_of_them_is_whole() -> None:
    bench = Bench(Script(chunks=ANSWERS["openai_responses"].frames))
    exchange = await bench.serve(ask("openai_chat", of="openai_responses", stream=False, stop=["nowhere"]))
    assert json.loads(exchange.body)["choices"][0]["message"]["content"] == "hello"
