"""JSON objects of clients, read member by member: what all protocols have in common."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.members import MemberReader

DOCUMENT: dict[str, Any] = {"t": "x", "f": True, "i": 3, "n": 2.5, "o": {"a": 1}, "null": None}


def test_each_member_is_handed_out_once() -> None:
    members = MemberReader(DOCUMENT)
    assert (members.text("t"), members.flag("f"), members.integer("i"), members.number("n")) == ("x", True, 3, 2.5)
    assert members.object("o") == {"a": 1}
    assert members.text("t") is None
    assert DOCUMENT["t"] == "x"  # what the client sent stays as it is


@pytest.mark.parametrize("kind", ["text", "flag", "integer", "number", "object"])
def test_what_is_null_or_absent_is_none(kind: str) -> None:
    members = MemberReader(DOCUMENT, "here")
    assert getattr(members, kind)("null") is None
    assert getattr(members, kind)("nowhere") is None


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("text", "i", "a string"),
        ("flag", "i", "true or false"),
        ("integer", "n", "a whole number"),
        ("integer", "f", "a whole number"),
        ("number", "t", "a number"),
        ("number", "f", "a number"),
        ("object", "t", "an object"),
        ("need", "null", "a string"),
        ("need", "i", "a string"),
    ],
)
def test_a_wrong_type_is_refused_by_its_place(kind: str, name: str, wanted: str) -> None:
    with pytest.raises(ClientFault) as caught:
        getattr(MemberReader(DOCUMENT, "messages[2]"), kind)(name)
    failure = caught.value.failure
    assert (failure.kind, failure.param) == (ErrorKind.INVALID_REQUEST, f"messages[2].{name}")
    assert failure.message == f"`messages[2].{name}` must be {wanted}."


def test_what_is_needed_is_given_and_no_object_is_refused() -> None:
    assert MemberReader(DOCUMENT).need("t") == "x"
    assert MemberReader(DOCUMENT).at("t") == "t"
    with pytest.raises(ClientFault, match=r"`tools\[0\]` must be an object"):
        MemberReader([], "tools[0]")
