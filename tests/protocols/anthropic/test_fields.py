from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.anthropic.fields import Fields, invalid


def test_members_are_taken_once_and_the_rest_is_left() -> None:
    document = {"a": "x", "b": True, "c": 3, "d": 1.5, "e": {"f": 1}, "g": [1, 2], "h": ["s"], "odd": None}
    fields = Fields(document, "")

    assert fields.text("a") == "x"
    assert fields.text("a") is None
    assert fields.flag("b") is True
    assert fields.integer("c") == 3
    assert fields.number("d") == 1.5
    inner = fields.inner("e")
    assert inner is not None
    assert inner.path == "e"
    assert inner.rest() == {"f": 1}
    assert fields.items("g") == [("g[0]", 1), ("g[1]", 2)]
    assert fields.texts("h") == ("s",)
    assert fields.rest() == {"odd": None}
    assert document["a"] == "x"


def test_absent_members_are_none() -> None:
    fields = Fields({}, "messages[1]")

    assert fields.at("role") == "messages[1].role"
    assert [fields.text("a"), fields.flag("a"), fields.integer("a"), fields.number("a"), fields.inner("a")] == [
        None
    ] * 5
    assert fields.items("a") is None
    assert fields.texts("a") == ()


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", 1),
        ("need", None),
        ("need", 1),
        ("flag", "true"),
        ("integer", True),
        ("integer", 1.5),
        ("number", False),
        ("number", "1"),
        ("inner", []),
        ("items", {}),
    ],
)
def test_a_wrong_type_is_refused_by_path(method: str, value: Any) -> None:
    with pytest.raises(ClientFault) as caught:
        getattr(Fields({"x": value}, "tools[0]"), method)("x")
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.failure.param == "tools[0].x"


def test_texts_are_refused_by_the_element() -> None:
    with pytest.raises(ClientFault) as caught:
        Fields({"stop": ["a", 1]}, "").texts("stop")
    assert caught.value.failure.param == "stop[1]"


def test_an_object_has_to_be_one() -> None:
    with pytest.raises(ClientFault, match="`messages\\[0\\]` must be an object"):
        Fields("text", "messages[0]")


def test_invalid_names_the_field_twice() -> None:
    failure = invalid("model", "is required").failure
    assert (failure.message, failure.param, failure.http_status) == ("`model` is required", "model", 400)
