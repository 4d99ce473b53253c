"""Calls without a name are not told to clients."""

from __future__ import annotations

from trioproxy.neutral.events import (
    Event,
    Finished,
    FinishReason,
    Growth,
    PartFinished,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.unnamed import Unnamed


def test_only_what_is_of_a_call_without_a_name_is_hidden() -> None:
    unnamed = Unnamed()
    told: list[Event | Growth] = [
        TextDelta(index=0, text="a"),
        ToolCallStarted(index=1, call_id="c", name=""),
        ToolArgsDelta(index=1, text="{"),
        Growth(1, ["}"], ToolArgsDelta),
        TextDelta(index=0, text="b"),
        PartFinished(index=1),
        ToolCallStarted(index=2, call_id="c", name="f"),
        Growth(2, ["{}"], ToolArgsDelta),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]

    assert [unnamed.hides(each) for each in told] == [False, True, True, True, False, True, False, False, False]
