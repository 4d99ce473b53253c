"""What an exchange was asked goes when it is over: nothing keeps it, and no cycle waits for a collector that comes seldom."""

from __future__ import annotations

import gc
import json
from collections import Counter

import attrs
import pytest
import trio
import trio.testing

from tests.end_to_end.test_sockets import CONFIG as SOCKETS
from tests.end_to_end.test_sockets import ask, freed, hear, opened
from tests.support.answers import ANSWERS as ANSWERS_OF
from tests.support.live import CHAT, Answering, live, request_of

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
WHOLE = json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [CHOICE]}).encode()
DELTA = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
EVENT = b"data: " + json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [DELTA]}).encode() + b"\n\n"
STREAM = [EVENT] * 3 + [EVENT.replace(b"null", b'"stop"'), b"data: [DONE]\n\n"]
PATHS = {"passing": "/v1/chat/completions", "translating": "/v1/messages"}

HELD = {
    "H11Exchange",
    "Outlet",
    "Entry",
    "Sentry",
    "Attendants",
    "Conversation",
    "Admitted",
    "StreamPassage",
    "WebSocketTurn",
    "Session",
}
"""What an exchange is while it runs, and what it was asked."""


STREAMS = Answering(pieces=STREAM)
ANSWERS = {
    "whole": Answering(pieces=[WHOLE], content_type="application/json"),
    "stream": STREAMS,
    "refused": attrs.evolve(
        STREAMS, status=400, content_type="application/json", pieces=[b'{"error":{"message":"no"}}']
    ),
    "cut": attrs.evolve(STREAMS, pieces=STREAM[:2], end="cut"),
    "reset": attrs.evolve(STREAMS, pieces=STREAM[:2], end="reset"),
    "left": attrs.evolve(STREAMS, pieces=STREAM[:2], end="silent"),
}


@pytest.mark.parametrize("ending", ANSWERS)
@pytest.mark.parametrize("lane", PATHS)
async def test_nothing_of_an_exchange_is_left(lane: str, ending: str) -> None:
    turns = [{"role": "user", "content": "hello"}] * 5
    request = request_of(PATHS[lane], {"model": "m", "max_tokens": 9, "messages": turns, "stream": ending != "whole"})
    async with live(ANSWERS[ending], CHAT) as house:

        async def ask() -> None:
            client = await house.connect()
            for _ in range(5):
                await client.send(request)
                if ending == "left":
                    await client.head()
                    await client.chunk()
                    await client.leave()
                    client = await house.connect()
                else:
                    await client.answer("POST")
                    if ending in ("cut", "reset"):
                        await client.leave()
                        client = await house.connect()
            await client.leave()

        await ask()
        await house.wait_settled(5)
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        before = _alive()
        gc.disable()
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(ask)
            await house.wait_settled(25)
            await trio.testing.wait_all_tasks_blocked()
            # Before any collection: neither somebody who keeps them, nor a cycle.
            assert _alive() - before == Counter()
        finally:
            gc.enable()


def _alive() -> Counter[str]:
    return Counter(name for each in gc.get_objects() if (name := type(each).__name__) in HELD)


@pytest.mark.parametrize("way", ["whole", "cut", "left"])
@pytest.mark.parametrize("model", ["m", "c"], ids=["passed", "translated"])
async def test_nothing_of_a_turn_on_a_socket_is_left(model: str, way: str) -> None:
    answer = ANSWERS_OF["openai_responses" if model == "m" else "anthropic"]
    pieces = answer.frames if way == "whole" else [answer.start, answer.text]
    end = {"whole": "whole", "cut": "cut", "left": "silent"}[way]
    async with live(Answering(pieces=pieces, end=end), SOCKETS) as house:

        async def talk() -> None:
            link = await opened(house.serving.port)
            for _ in range(2):
                await ask(link, model)
                kind = (await hear(link))["type"]
                while way != "left" and kind not in ("response.completed", "response.failed", "error"):
                    kind = (await hear(link))["type"]
                if way == "left":
                    break
            await link.close()

        turns = 1 if way == "left" else 2
        await talk()
        await house.wait_settled(turns)
        await freed(house)
        gc.collect()
        before = _alive()
        gc.disable()
        try:
            for _ in range(3):
                await talk()
            await house.wait_settled(4 * turns)
            await freed(house)
            assert _alive() - before == Counter()
        finally:
            gc.enable()
