from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import own, spelling
from trioproxy.protocols.openai_responses.fields import Fields, noted, restore
from trioproxy.protocols.openai_responses.vocabulary import NAME


@pytest.mark.parametrize(
    ("method", "value", "wanted"),
    [
        ("text", 5, "a string"),
        ("need", None, "a string"),
        ("flag", 0, "true or false"),
        ("number", True, "a number"),
        ("number", "1", "a number"),
        ("integer", 1.0, "a whole number"),
        ("object", [], "an object"),
        ("list", {}, "a list"),
    ],
)
def test_a_member_of_another_type_is_refused_with_its_path(method: str, value: Any, wanted: str) -> None:
    with pytest.raises(ClientFault, match=wanted) as caught:
        getattr(Fields({"x": value}, "a[0]"), method)("x")
    assert caught.value.failure.param == "a[0].x"


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", "a"),
        ("flag", False),
        ("number", 0),
        ("number", 1.5),
        ("integer", 0),
        ("object", {"a": 1}),
        ("list", [1]),
    ],
)
def test_a_member_is_handed_out_once(method: str, value: Any) -> None:
    fields = Fields({"x": value}, "")

    assert "x" in fields
    assert fields.at("x") == "x"
    assert fields.peek("x") == getattr(fields, method)("x") == value
    assert "x" not in fields
    assert not fields.rest()


def test_what_nobody_took_is_carried_and_what_says_nothing_is_spelling() -> None:
    document: dict[str, Any] = {"taken": None, "left": 1, "null": None, "empty": [], "zero": 0, "put": {"a": 1}}
    fields = Fields(document, "")
    fields.take("taken")
    fields.take("put")
    fields.keep("put", {"b": 2})
    fields.keep("nothing", {})
    extras = fields.extras(essential=["left"], notes={"note": 1})

    assert own(extras, NAME) == {"left": 1, "zero": 0, "put": {"b": 2}}
    assert dict(spelling(extras, NAME)) == {"note": 1, "blank": {"taken": None, "null": None, "empty": []}}
    assert restore({"taken": "now"}, extras) == {**document, "taken": "now", "put": {"b": 2}}


def test_notes_join_those_that_are_there() -> None:
    extras = noted(Fields({"x": 1, "y": None}, "").extras(), {"z": 2}, more=True)

    assert own(extras, NAME) == {"x": 1, "z": 2}
    assert dict(spelling(extras, NAME)) == {"blank": {"y": None}, "more": True}
