"""Input of any shape is understood or refused, and nothing else happens."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocols.openai_responses.streams import context
from tests.protocols.openai_responses.test_read_request import FULL, conversation_of
from tests.support.events import json_values
from trioproxy.errors import ClientFault
from trioproxy.neutral.events import Event, Failed, Finished
from trioproxy.neutral.fold import fold
from trioproxy.neutral.grammar import Grammar
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.protocols.openai_responses.reader import _HANDLERS
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import dumps


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [at, *(place for key, each in inner for place in _places(each, (*at, key)))]


PLACES = _places(FULL)[1:]


@given(st.sampled_from(PLACES), json_values())
def test_a_request_with_anything_anywhere(place: tuple[Any, ...], value: Any) -> None:
    body = copy.deepcopy(FULL)
    node: Any = body
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value

    with contextlib.suppress(ClientFault):
        PROTOCOL.write_request(conversation_of({**body, "model": "m"}), WriteTarget(model="m"))


_KEYS = st.sampled_from(
    ["id", "type", "role", "content", "text", "summary", "arguments", "call_id", "name", "part", "x"]
)
_TYPES = st.sampled_from(
    ["message", "reasoning", "function_call", "custom_tool_call", "web_search_call", "output_text", "refusal"]
)


_VALUES = json_values()
_OBJECTS = st.dictionaries(
    _KEYS, _TYPES | _VALUES | st.lists(st.dictionaries(_KEYS, _TYPES, max_size=3), max_size=2), max_size=4
)
_LISTS = st.lists(_OBJECTS, max_size=3)
_MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "item": _OBJECTS,
    "part": _OBJECTS,
    "response": st.dictionaries(st.sampled_from(["id", "output", "error", "usage", "model"]), _VALUES | _LISTS),
    "delta": st.text(max_size=3) | _VALUES,
    "text": st.text(max_size=3),
    "arguments": st.text(max_size=3),
    "annotation": _OBJECTS,
    "output_index": st.integers(0, 2) | st.none() | st.just("0"),
    "item_id": st.sampled_from(["a", "b", "", None, 5]),
    "content_index": st.integers(0, 1),
    "summary_index": st.integers(0, 1),
    "sequence_number": st.integers(0, 9),
}
_FRAMES = st.fixed_dictionaries({"type": st.sampled_from(sorted(_HANDLERS))}, optional=_MEMBERS).map(
    lambda event: Frame(dumps(event))
)
_BODIES = st.dictionaries(
    st.sampled_from(["id", "object", "output", "status", "error", "usage", "created_at"]), _VALUES | _LISTS
)


@settings(max_examples=60)
@given(st.lists(_FRAMES, max_size=8))
def test_a_stream_of_anything_is_legal(frames: list[Frame]) -> None:
    reader, grammar = PROTOCOL.stream_reader(), Grammar()
    events: list[Event] = [passed for frame in frames for event in reader.feed(frame) for passed in grammar.feed(event)]
    events += [passed for event in reader.close() for passed in grammar.feed(event)]
    grammar.close()

    assert isinstance(events[-1], Finished | Failed)
    assert reader.close() == []
    writer = PROTOCOL.stream_writer(context())
    for event in events:
        writer.feed(event)


@given(_BODIES)
def test_a_body_of_anything_is_legal(document: dict[str, Any]) -> None:
    grammar = Grammar()
    events = [passed for event in PROTOCOL.read_body(document) for passed in grammar.feed(event)]
    grammar.close()

    PROTOCOL.write_body(fold(events), context())
