"""What a response came to, by its events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trioproxy.protocols.openai_responses.outcome import Outcome


def watched(*events: Any) -> Outcome:
    outcome = Outcome()
    for event in events:
        outcome.see(event if isinstance(event, bytes) else json.dumps(event).encode())
    return outcome


def terminal(kind: str, **response: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "response": {"id": "resp_1", **response}}


def done(index: Any, item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def test_a_completed_response() -> None:
    outcome = watched(
        {"type": "response.created", "response": {"id": "resp_1", "error": None}},
        {"type": "response.output_text.delta", "delta": "response.completed, he said"},
        terminal("completed", output=[{"a": 1}]),
    )
    assert (outcome.response_id, outcome.ended, outcome.output, outcome.kept) == (
        "resp_1",
        "completed",
        [{"a": 1}],
        True,
    )


@pytest.mark.parametrize("output", [[], None], ids=["empty", "none"])
def test_items_come_from_their_own_events_where_the_last_has_none(output: Any) -> None:
    outcome = watched(done(1, {"b": 1}), done(0, {"a": 1}), terminal("incomplete", output=output))
    assert (outcome.output, outcome.ended, outcome.kept) == ([{"a": 1}, {"b": 1}], "incomplete", True)


def test_items_without_a_number_keep_their_order() -> None:
    assert watched(done(None, {"a": 1}), done(None, {"b": 1})).output == [{"a": 1}, {"b": 1}]


@pytest.mark.parametrize(
    ("event", "ended"),
    [
        (terminal("failed", error={}), "failed"),
        ({"type": "error", "error": {}}, "error"),
        ({"response": {"id": 7}, "sequence_number": 3, "type": "response.completed"}, "completed"),
        ({"type": "response.completed"}, "completed"),
    ],
    ids=["failed", "error", "no id", "no response"],
)
def test_ends_that_can_not_be_continued(event: Any, ended: str) -> None:
    outcome = watched(event)
    assert (outcome.ended, outcome.kept) == (ended, False)


@pytest.mark.parametrize("event", [b'{"type":"response.completed"', b'"response.completed"', b"[]", {"type": "x"}])
def test_what_is_no_event_is_passed_over(event: Any) -> None:
    assert watched(event).ended is None
