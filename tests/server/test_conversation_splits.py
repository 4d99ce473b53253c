"""Any split of a conversation into turns on a socket gives the provider the conversation that one request over HTTP would have given it."""

from __future__ import annotations

import json
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.houses import Bench, ask
from tests.support.sockets import SocketBench, response_script
from tests.support.upstreams import Script
from trioproxy.upstream.base import UpstreamRequest

Item = dict[str, Any]


def spoken(number: int) -> Item:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": f"answer {number}", "annotations": []}],
    }


def called(number: int, index: int) -> Item:
    return {
        "id": f"fc_{number}_{index}",
        "type": "function_call",
        "call_id": f"c_{number}_{index}",
        "name": "run",
        "arguments": '{"a":1}',
        "status": "completed",
    }


def answered(number: int, index: int) -> Item:
    return {"type": "function_call_output", "call_id": f"c_{number}_{index}", "output": f"result {index}"}


users = st.text(max_size=8).map(lambda text: {"type": "message", "role": "user", "content": text})


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[list[Item]], list[list[Item]], list[str]]:
    """What the client says in each turn, what the model answers, and how each turn is asked: on top of the last response by its id or by an
    append, or with everything from the beginning."""
    inputs: list[list[Item]] = []
    outputs: list[list[Item]] = []
    ways: list[str] = []
    owed: list[Item] = []
    for number in range(draw(st.integers(1, 6))):
        said = [*owed, *draw(st.lists(users, min_size=0 if owed else 1, max_size=3))]
        calls = draw(st.integers(0, 2))
        inputs.append(said)
        outputs.append([spoken(number), *(called(number, index) for index in range(calls))])
        owed = [answered(number, index) for index in range(calls)]
        ways.append(draw(st.sampled_from(["create", "append", "whole", "warm"])) if number else "whole")
    return inputs, outputs, ways


@given(conversations())
@settings(max_examples=20, deadline=None)
def test_the_provider_gets_the_same(conversation: tuple[list[list[Item]], list[list[Item]], list[str]]) -> None:
    trio.run(_compare, *conversation)


async def _compare(inputs: list[list[Item]], outputs: list[list[Item]], ways: list[str]) -> None:
    got: list[Any] = []

    def answer(request: UpstreamRequest) -> Script:
        got.append(json.loads(request.body))
        return response_script(f"resp_{len(got) - 1}", *outputs[len(got) - 1])

    bench = Bench(*[answer] * len(inputs))
    whole: list[Item] = []
    async with SocketBench(bench).socket() as client:
        for number, (said, way) in enumerate(zip(inputs, ways, strict=True)):
            before = f"resp_{number - 1}"
            whole += said
            match way:
                case "whole":
                    await client.create(input=whole, store=False)
                case "create":
                    await client.create(input=said, previous_response_id=before, store=False)
                case "append":
                    await client.say(type="response.append", input=said)
                case "warm":
                    warm = await client.turn(input=said[:1], previous_response_id=before, store=False, generate=False)
                    await client.create(input=said[1:], previous_response_id=warm["response"]["id"], store=False)
            last = await client.end()
            assert last["type"] == "response.completed"
            whole += outputs[number]
            over_http = Bench(response_script("resp_x"))
            await over_http.serve(ask("openai_responses", input=whole[: -len(outputs[number])], store=False))
            assert got[number] == over_http.sent
