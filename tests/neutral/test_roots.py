from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import json_objects
from trioproxy.neutral.roots import rooted

A: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
B: dict[str, Any] = {"type": "object", "properties": {"b": {"type": "string"}, "c": {}}, "required": ["b"]}


def test_a_schema_with_an_object_at_its_root_stays() -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{}, {}]}}, "required": ["a"], "$defs": {}}
    assert rooted(schema) == (schema, False)


@pytest.mark.parametrize("schema", [None, {}, {"type": "string"}, {"properties": None, "required": None}])
def test_a_root_is_always_an_object(schema: Any) -> None:
    root, resolved = rooted(schema)
    assert (root["type"], root["properties"], resolved) == ("object", {}, False)


@pytest.mark.parametrize(("name", "required"), [("anyOf", ["x"]), ("oneOf", ["x"]), ("allOf", ["x", "y", "z"])])
def test_combinators_at_the_root_are_merged(name: str, required: list[str]) -> None:
    options = [
        {"properties": {"x": {"type": "string"}, "y": {}}, "required": ["x", "y"]},
        {"properties": {"x": {"type": "number"}, "z": {}}, "required": ["x", "z"]},
    ]
    root, resolved = rooted({"type": "object", "properties": {"own": {}}, "required": ["x"], name: [*options, "odd"]})
    assert resolved
    assert name not in root
    assert root["properties"] == {"own": {}, "x": {"type": "string"}, "y": {}, "z": {}}
    assert sorted(root["required"]) == required


def test_a_combinator_without_branches() -> None:
    assert rooted({"anyOf": []}) == ({"type": "object", "properties": {}}, True)
    assert rooted({"anyOf": "odd"}) == ({"type": "object", "properties": {}}, False)


NAMED: dict[str, Any] = {"$defs": {"A": A, "B": B, "Page<A>": A, "Again": {"$ref": "#/$defs/A"}}}


@pytest.mark.parametrize(
    ("schema", "names", "required", "resolved"),
    [
        ({"$ref": "#/$defs/A"}, ["a"], ["a"], False),
        ({"$ref": "#/$defs/Again"}, ["a"], ["a"], False),
        ({"$ref": "#/$defs/Page%3CA%3E"}, ["a"], ["a"], False),
        ({"$ref": "#/$defs/A", "properties": {"own": {}}}, ["own", "a"], ["a"], False),
        ({"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}, ["a", "b", "c"], [], True),
        ({"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}, ["a", "b", "c"], ["a", "b"], True),
        (
            {"allOf": [{"anyOf": [A, B]}, {"properties": {"d": {}}, "required": ["d"]}]},
            ["a", "b", "c", "d"],
            ["d"],
            True,
        ),
        ({"anyOf": [A, {"type": "null"}]}, ["a"], ["a"], True),
        ({"$ref": "#/$defs/None"}, [], [], False),
        ({"$ref": "https://example.com/schema"}, [], [], False),
        ({"$ref": "#"}, [], [], False),
    ],
)
def test_what_a_root_is_put_together_of(schema: Any, names: list[str], required: list[str], resolved: bool) -> None:
    root, told = rooted({**schema, **NAMED})
    assert (list(root["properties"]), root.get("required", []), told) == (names, required, resolved)
    assert root["$defs"] == NAMED["$defs"]
    assert not root.keys() & {"anyOf", "allOf"}


def test_what_is_said_of_what_a_reference_names_is_kept() -> None:
    named = {**A, "description": "theirs", "additionalProperties": False}
    root, _ = rooted({"$ref": "#/$defs/X", "description": "ours", "$defs": {"X": named}})
    assert root == {**named, "description": "ours", "$defs": {"X": named}}


def test_further_keywords_can_be_refused() -> None:
    schema = {**A, "not": {"required": ["b"]}}
    assert rooted(schema) == (schema, False)
    assert rooted(schema, refused=("enum", "not")) == (A, True)


def test_a_few_bytes_stand_for_a_bounded_size() -> None:
    defs: dict[str, Any] = {
        str(number): {"allOf": [{"$ref": f"#/$defs/{number + 1}"}] * 8, "properties": {str(number): {}}}
        for number in range(60)
    }
    root, _ = rooted({"$ref": "#/$defs/0", "$defs": {**defs, "60": {"$ref": "#/$defs/0"}}})
    assert len(root["properties"]) > 20


keywords = st.sampled_from(
    ["type", "properties", "items", "anyOf", "oneOf", "allOf", "$defs", "$ref", "required", "not"]
)


@given(
    st.dictionaries(keywords, json_objects() | st.sampled_from(["object", "#", "#/$defs/a"]) | st.lists(json_objects()))
)
def test_any_schema_has_a_root(schema: dict[str, Any]) -> None:
    root, _ = rooted(schema)
    assert root["type"] == "object"
    assert rooted(root)[1] is False
