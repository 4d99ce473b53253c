from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.openai_chat.fields import Fields


def _fails(fields: Fields, method: str, name: str) -> str:
    with pytest.raises(ClientFault) as caught:
        getattr(fields, method)(name)
    failure = caught.value.failure
    assert failure.kind is ErrorKind.INVALID_REQUEST
    assert failure.param == fields.at(name)
    assert f"`{fields.at(name)}`" in failure.message
    return failure.message


def test_members_are_taken_once_and_the_rest_is_left() -> None:
    fields = Fields({"a": "x", "b": 1, "c": None, "d": None, "e": [1]}, "at")
    assert fields.names == ("a", "b", "c", "d", "e")
    assert fields.text("a") == "x"
    assert fields.text("a") is None
    assert fields.take("c") is None
    assert fields.rest() == {"b": 1, "e": [1]}
    assert fields.nulls == ["c", "d"]
    assert fields.rest() == {}


def test_the_clients_own_object_is_not_touched() -> None:
    document = {"a": 1}
    Fields(document).take("a")
    assert document == {"a": 1}


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", 1),
        ("name", ""),
        ("name", None),
        ("flag", 0),
        ("flag", "true"),
        ("number", True),
        ("number", "1"),
        ("integer", 1.5),
        ("object", []),
        ("array", {}),
        ("array", "x"),
    ],
)
def test_wrong_types_name_the_member(method: str, value: Any) -> None:
    _fails(Fields({"a": value}, "x[0]"), method, "a")


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", ""),
        ("name", "x"),
        ("flag", False),
        ("number", 0.5),
        ("number", 1),
        ("integer", 3),
        ("object", {}),
        ("array", []),
    ],
)
def test_right_types_pass(method: str, value: Any) -> None:
    assert getattr(Fields({"a": value}), method)("a") == value


@pytest.mark.parametrize("method", ["text", "flag", "number", "integer", "object", "array", "take"])
def test_absent_and_null_are_none(method: str) -> None:
    assert getattr(Fields({}), method)("a") is None
    assert getattr(Fields({"a": None}), method)("a") is None


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert Fields({"a": 5.0}).integer("a") == 5


def test_what_is_no_object() -> None:
    with pytest.raises(ClientFault, match="`messages\\[0\\]` must be an object"):
        Fields([], "messages[0]")


def test_paths() -> None:
    assert Fields({}).at("a") == "a"
    assert Fields({}, "b[1]").at("a") == "b[1].a"
