"""Whatever a client sends on a socket is answered by one last event, and the socket lives on."""

from __future__ import annotations

import json
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.houses import Bench
from tests.support.sockets import SocketBench, response_script
from trioproxy.ledger.entry import Outcome

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["responses-m", "chat-m", "resp_1", "user", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "call_id", "output"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_names = (
    "model",
    "input",
    "tools",
    "stream_id",
    "previous_response_id",
    "generate",
    "store",
    "background",
    "instructions",
    "client_metadata",
    "stream",
)
_messages = st.fixed_dictionaries(
    {"type": st.sampled_from(["response.create", "response.append", "nonsense"])},
    optional={name: _values for name in _names} | {"model": st.sampled_from(["responses-m", "chat-m", "anthropic-m"])},
)


@given(st.lists(_messages, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_each_message_gets_its_last_event(messages: list[dict[str, Any]]) -> None:
    async def play() -> None:
        house = SocketBench(Bench(response_script("resp_1"), repeat_last=True))
        async with house.socket() as client:
            for message in messages:
                await client.link.send(json.dumps(message))
                await client.end()
            last = await client.turn(input="hi")
            assert last["type"] == "response.completed"
        assert not [each for each in house.bench.settled if each.status == 500]
        assert house.bench.last.outcome is Outcome.COMPLETE

    trio.run(play)
