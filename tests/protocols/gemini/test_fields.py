from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.gemini.fields import Fields, camel


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("system_instruction", "systemInstruction"),
        ("top_k", "topK"),
        ("topK", "topK"),
        ("v1_beta2_x", "v1Beta2X"),
        ("_private", "_private"),
        ("__proto__", "__proto__"),
        ("Upper_case", "Upper_case"),
        ("a__b", "a__b"),
        ("plain", "plain"),
    ],
)
def test_camel(name: str, spelled: str) -> None:
    assert camel(name) == spelled


def test_what_is_not_taken_is_left_and_null_is_absent() -> None:
    fields = Fields({"top_k": 1, "odd_one": 2, "gone": None}, "config")
    assert "topK" in fields
    assert "gone" not in fields
    assert fields.integer("topK") == 1
    assert fields.rest() == {"oddOne": 2}
    assert fields.at("x") == "config.x"
    assert Fields({}, "").at("x") == "x"


def test_of_two_spellings_the_camel_case_one_holds() -> None:
    assert Fields({"topK": 1, "top_k": 2}, "").rest() == {"topK": 1}
    assert Fields({"top_k": 2, "topK": 1}, "").rest() == {"topK": 1}


def test_absent_fields_are_none() -> None:
    fields = Fields({}, "")
    assert [
        fields.text("a"),
        fields.flag("a"),
        fields.number("a"),
        fields.integer("a"),
        fields.object("a"),
        fields.list("a"),
    ] == [None] * 6
    assert fields.fields("a") is None
    assert fields.texts("a") == ()


def test_each_type_as_google_spells_it() -> None:
    fields = Fields(
        {
            "s": "x",
            "b": False,
            "n": 1.5,
            "ns": "-2.5",
            "i": 3,
            "f": 40.0,
            "is": "12",
            "o": {"a": 1},
            "l": [1],
            "lone": {"b": 2},
            "t": ["x"],
        },
        "",
    )
    assert fields.text("s") == "x"
    assert fields.flag("b") is False
    assert fields.number("n") == 1.5
    assert fields.number("ns") == -2.5
    assert fields.integer("i") == 3
    assert fields.integer("f") == 40
    assert fields.integer("is") == 12
    assert fields.object("o") == {"a": 1}
    assert fields.list("l") == [1]
    assert fields.list("lone") == [{"b": 2}]
    assert fields.texts("t") == ("x",)
    assert fields.rest() == {}


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", 1),
        ("flag", "yes"),
        ("number", "nan"),
        ("number", True),
        ("number", []),
        ("integer", True),
        ("integer", 1.5),
        ("integer", "x"),
        ("fields", []),
        ("object", "x"),
        ("list", "x"),
        ("texts", [1]),
    ],
)
def test_another_type_is_refused_by_its_path(method: str, value: Any) -> None:
    fields = Fields({"field": value}, "outer")
    with pytest.raises(ClientFault, match=r"`outer\.field` must be") as caught:
        getattr(fields, method)("field")
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.failure.param == "outer.field"


def test_what_is_no_object_has_no_fields() -> None:
    with pytest.raises(ClientFault, match="`tools` must be an object"):
        Fields([], "tools")
