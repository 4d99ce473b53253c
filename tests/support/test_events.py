from __future__ import annotations

from hypothesis import given, settings

from tests.support.events import legal_events
from trioproxy.neutral.events import Event, Failed, Finished, Foreign, PartStarted, ToolArgsDelta, ToolCallStarted
from trioproxy.neutral.grammar import Grammar
from trioproxy.wire.jsoncodec import loads


def _walk(events: list[Event]) -> None:
    grammar = Grammar()
    for event in events:
        grammar.feed(event)
    grammar.close()


@settings(max_examples=150, deadline=None)
@given(legal_events())
def test_every_sequence_is_legal(events: list[Event]) -> None:
    _walk(events)


@settings(max_examples=60, deadline=None)
@given(legal_events(interleaved=False, may_fail=False, foreign=(), parts=("text", "tool")))
def test_a_plain_sequence_holds_one_part_at_a_time_and_whole_arguments(events: list[Event]) -> None:
    _walk(events)
    assert isinstance(events[-1], Finished)
    assert not any(isinstance(event, Failed | Foreign) for event in events)
    opened = [event.index for event in events if isinstance(event, PartStarted | ToolCallStarted)]
    assert opened == sorted(opened)
    calls = [event for event in events if isinstance(event, ToolCallStarted) and event.kind.value == "function"]
    for call in calls:
        loads("".join(e.text for e in events if isinstance(e, ToolArgsDelta) and e.index == call.index))
