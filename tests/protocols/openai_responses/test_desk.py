"""Which item an event is about, by every way providers have of naming one."""

from __future__ import annotations

from typing import Any

from trioproxy.protocols.openai_responses.desk import Desk


def item(kind: str, item_id: str | None = None, **members: Any) -> dict[str, Any]:
    return {"type": kind, **({"id": item_id} if item_id else {}), **members}


def test_an_item_is_found_by_its_place_and_by_its_id() -> None:
    desk = Desk()
    message, _ = desk.announce(item("message", "m"), 0)
    call, _ = desk.announce(item("function_call", "c", name="f"), 1)

    assert desk.find(0, "m") is desk.find(0, None) is desk.find(None, "m") is message
    assert desk.find(1, "other") is call
    assert desk.find(None, "other") is desk.find(7, None) is desk.find("0", 5) is None


def test_two_items_at_one_place_are_told_apart_by_id() -> None:
    desk = Desk()
    message, _ = desk.announce(item("message", "m"), 0)
    call, _ = desk.announce(item("function_call", "c", name="f"), 0)

    assert desk.find(0, "m") is message
    assert desk.find(0, "c") is call
    assert desk.find(0, None) is call


def test_the_latest_open_item_of_a_type() -> None:
    desk = Desk()
    first, _ = desk.announce(item("message"), None)
    second, _ = desk.announce(item("message"), None)

    assert desk.latest("message") is second
    second.end()
    assert desk.latest("message") is first
    assert desk.latest("reasoning") is None


def test_a_final_output_adds_nothing_that_was_said() -> None:
    desk = Desk()
    said = [
        item("web_search_call"),
        item("web_search_call"),
        item("function_call", "fc", call_id="c", name="f", arguments="{}"),
    ]
    for number, each in enumerate(said):
        desk.finish(each, number)

    assert desk.settle(said) == []
    renamed = [item("web_search_call", "x"), item("web_search_call", "y"), {**said[2], "id": "z"}]
    assert desk.settle(renamed) == []
    assert [type(event).__name__ for event in desk.settle([*said, item("mcp_call", "new")])] == ["Foreign"]
    assert desk.called
    assert not desk.refused
