"""Sessions that a provider refuses for what another one left in their history: it is asked once more, without that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS, sse
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import Script

JSON = ((b"content-type", b"application/json"),)
ASKED = {"role": "user", "content": "hi"}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "0badcafe"}
UNREADABLE = "messages.1.content.0: Invalid `signature` in `thinking` block"
UNBEGUN = "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
SAID = {"type": "message", "role": "assistant", "content": "ok"}


def refused(message: str, status: int = 400, **error: Any) -> Script:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message, **error}}
    return Script(status=status, headers=JSON, chunks=[json.dumps(body).encode()])


def answer(protocol: str) -> Script:
    return Script(chunks=ANSWERS[protocol].frames)


async def test_thoughts_of_another_server_are_left_out_the_second_time() -> None:
    bench = Bench(refused(UNREADABLE), answer("anthropic"))
    history = [ASKED, {"role": "assistant", "content": [THOUGHT, CALL]}, RESULT]
    exchange = await bench.serve(ask("anthropic", messages=history, tools=[{"name": "f", "input_schema": {}}]))
    assert (exchange.status, exchange.body) == (200, ANSWERS["anthropic"].stream)
    assert json.loads(bench.upstream.requests[0].body)["messages"] == history
    assert bench.sent["messages"] == [ASKED, {"role": "assistant", "content": [CALL]}, RESULT]
    assert bench.last.losses == 1


async def test_each_remedy_is_tried_once() -> None:
    bench = Bench(refused(UNREADABLE), refused(UNBEGUN), refused(UNREADABLE))
    history = [ASKED, {"role": "assistant", "content": [THOUGHT, CALL]}, ASKED]
    thinking = {"type": "enabled", "budget_tokens": 1024}
    exchange = await bench.serve(ask("anthropic", messages=history, thinking=thinking))
    assert exchange.status == 400
    assert json.loads(exchange.body)["error"]["message"] == UNREADABLE
    assert "thinking" not in bench.sent
    assert len(bench.upstream.requests) == 3


@pytest.mark.parametrize("told", ["status", "stream"])
async def test_reasoning_of_another_account(told: str) -> None:
    message = "The encrypted content gAAA...DQ== could not be verified."
    error = {"code": "invalid_encrypted_content", "message": message}
    in_stream = sse({"type": "error", "sequence_number": 0, "param": None, **error}, "error")
    first = refused(message, code="invalid_encrypted_content") if told == "status" else Script(chunks=[in_stream])
    bench = Bench(first, answer("openai_responses"))
    exchange = await bench.serve(ask("openai_responses", input=[ASKED, REASONING, SAID, ASKED]))
    assert (exchange.status, exchange.body) == (200, ANSWERS["openai_responses"].stream)
    assert bench.sent["input"] == [ASKED, SAID, ASKED]


async def test_in_translation_too() -> None:
    bench = Bench(refused("System message must be at the beginning.", 500), answer("openai_chat"))
    late = {"role": "system", "content": "be brief"}
    exchange = await bench.serve(ask("anthropic", of="openai_chat", messages=[ASKED, late]))
    assert exchange.status == 200
    assert bench.sent["messages"] == [ASKED, {"role": "user", "content": "be brief"}]


async def test_where_there_is_nothing_to_leave_out_the_refusal_stands() -> None:
    bench = Bench(refused(UNREADABLE))
    exchange = await bench.serve(ask("anthropic"))
    assert exchange.status == 400
    assert len(bench.upstream.requests) == 1


async def test_a_form_has_no_history() -> None:
    bench = Bench(refused("The encrypted content could not be verified."))
    form = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nchat-m\r\n--b--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    exchange = await bench.serve(posted("/v1/audio/transcriptions", form, headers))
    assert exchange.status == 400
    assert len(bench.upstream.requests) == 1
