"""What an exchange was asked goes when it is over: nothing keeps it, and no cycle waits for a collector that comes seldom."""

from __future__ import annotations

import gc
import json
from collections import Counter

import attrs
import pytest
import trio
import trio.testing

from tests.support.live import Answering, live, request_of

CONFIG = """
openai-compatibility:
  - name: chat
    base-url: "{url}/v1"
    api-key-entries: [{api-key: k}]
    models: [{name: m}]
"""
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
WHOLE = json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [CHOICE]}).encode()
DELTA = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
EVENT = b"data: " + json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [DELTA]}).encode() + b"\n\n"
STREAM = [EVENT] * 3 + [EVENT.replace(b"null", b'"stop"'), b"data: [DONE]\n\n"]
PATHS = {"passing": "/v1/chat/completions", "translating": "/v1/messages"}

HELD = {"H11Exchange", "Outlet", "Entry", "Sentry", "Attendants", "Conversation", "Admitted", "StreamPassage"}
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
    async with live(ANSWERS[ending], CONFIG) as house:

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
