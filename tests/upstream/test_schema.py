from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.upstream.bundled import bundled_fixtures
from trioproxy.upstream.lint import fixture_schema
from trioproxy.upstream.schema import KEYWORDS, Breach, breaches

SCHEMA = fixture_schema()
GOOD = json.loads((bundled_fixtures() / "anthropic" / "text.json").read_bytes())
STREAM = json.loads((bundled_fixtures() / "openai_chat" / "text-stream.json").read_bytes())


def keywords(schema: Any) -> set[str]:
    """Every keyword that a schema uses."""
    found: set[str] = set()
    for name, item in schema.items():
        found.add(name)
        if name in ("properties", "$defs"):
            for inner in item.values():
                found |= keywords(inner)
        elif name == "items":
            found |= keywords(item)
        elif name in ("prefixItems", "oneOf"):
            for inner in item:
                found |= keywords(inner)
    return found


def test_the_shipped_schema_uses_no_keyword_that_is_not_checked() -> None:
    assert keywords(SCHEMA) <= KEYWORDS


def broken(**changes: Any) -> list[Breach]:
    """The breaches of a good document with members changed; ``a__b`` is the member ``b`` of ``a``."""
    document = copy.deepcopy(GOOD)
    for way, value in changes.items():
        *steps, last = way.split("__")
        place = document
        for step in steps:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return breaches(document, SCHEMA)


@pytest.mark.parametrize(
    ("changes", "path", "message", "near"),
    [
        ({"schema": "trioproxy-fixture/9"}, ("schema",), 'must be "trioproxy-fixture/1"', None),
        ({"requst": {}}, ("requst",), "is not known here; known are schema, ", "request"),
        ({"request": ...}, (), "lacks 'request'", None),
        ({"request": []}, ("request",), "must be an object", None),
        ({"sequence": -1}, ("sequence",), "must be 0 or more", None),
        ({"sequence": True}, ("sequence",), "must be a number", None),
        ({"keywords": [1]}, ("keywords", 0), "must be a string", None),
        ({"response__status": 99}, ("response", "status"), "must be 200 or more", None),
        ({"response__status": 600}, ("response", "status"), "must be 599 or less", None),
        ({"response__status": 200.5}, ("response", "status"), "must be a whole number", None),
        ({"response__headers": [["a"]]}, ("response", "headers", 0), "must have 2 items or more", None),
        ({"response__headers": [["a", "b", "c"]]}, ("response", "headers", 0), "must have 2 items or fewer", None),
        ({"response__headers": [["", "b"]]}, ("response", "headers", 0, 0), "must have 1 characters or more", None),
        ({"response__end__how": "truncatd"}, ("response", "end", "how"), "must be one of complete, ", "truncated"),
        ({"response__end__how": 3}, ("response", "end", "how"), "must be one of complete, ", None),
        ({"response__chunks": [{"at": 1}]}, ("response", "chunks", 0), "holds none, of data, ", None),
        (
            {"response__chunks": [{"data": {}, "text": ""}]},
            ("response", "chunks", 0),
            "holds data and text, of data, json, ",
            None,
        ),
        (
            {"response__chunks": [{"data": []}]},
            ("response", "chunks", 0, "data"),
            "must be an object or a string",
            None,
        ),
        (
            {"response__chunks": [{"text": "", "event": "x"}]},
            ("response", "chunks", 0, "event"),
            "needs 'data' beside it",
            None,
        ),
    ],
)
def test_a_breach_is_told_in_its_place(changes: dict[str, Any], path: Any, message: str, near: str | None) -> None:
    [breach] = broken(**changes)
    assert (breach.path, breach.suggestion) == (path, near)
    assert breach.message.startswith(message)


def test_all_are_told_at_once() -> None:
    found = broken(requst=1, response__status=9, response__end__hwo=1)
    assert [breach.path for breach in found] == [("requst",), ("response", "status"), ("response", "end", "hwo")]


def test_what_is_another_thing_altogether_is_told_once() -> None:
    assert breaches([], SCHEMA) == [Breach((), "must be an object")]


def test_a_number_that_is_whole_may_be_written_with_a_point() -> None:
    assert broken(response__status=200.0) == []


PLACES: list[tuple[Any, ...]] = [
    ("schema",),
    ("request",),
    ("request", "path"),
    ("request", "headers"),
    ("request", "headers", 0),
    ("response", "status"),
    ("response", "chunks"),
    ("response", "chunks", 1),
    ("response", "chunks", 1, "data"),
    ("response", "chunks", 1, "at"),
    ("response", "end", "how"),
    ("response", "nonsense"),
]
VALUES = st.sampled_from(
    [None, True, 0, -1, 5.0, 1e9, "", "x", "complete", [], [1], ["a", "b"], {}, {"at": 1, "text": ""}]
)


@given(place=st.sampled_from(PLACES), value=VALUES, delete=st.booleans())
def test_the_verdict_is_that_of_a_whole_validator(place: tuple[Any, ...], value: Any, delete: bool) -> None:
    document = copy.deepcopy(STREAM)
    holder: Any = document
    for step in place[:-1]:
        holder = holder[step]
    if delete and (isinstance(holder, list) or place[-1] in holder):
        holder.pop(place[-1])
    else:
        holder[place[-1]] = value
    expected = jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    assert (breaches(document, SCHEMA) == []) is expected
