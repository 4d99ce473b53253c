from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import json_values
from trioproxy.protocols.gemini import schema as module
from trioproxy.protocols.gemini.schema import clean
from trioproxy.wire.jsoncodec import dumps


def _property(schema: Any, **root: Any) -> Any:
    """What becomes of one property's schema."""
    return clean({"type": "object", "properties": {"p": schema}, **root})["properties"]["p"]


@pytest.mark.parametrize(
    ("schema", "cleaned"),
    [
        # const and enum: strings, without null.
        ({"const": 3}, {"type": "string", "enum": ["3"]}),
        ({"const": "x", "enum": ["y"]}, {"type": "string", "enum": ["x"]}),
        ({"type": "integer", "enum": [1, None, 2, 1, True]}, {"type": "string", "enum": ["1", "2", "true"]}),
        ({"enum": [None]}, {}),
        ({"enum": "x"}, {}),
        # allOf: members and requirements of all.
        (
            {
                "allOf": [
                    {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                    {"properties": {"b": {"type": "number"}}, "required": ["b"]},
                    True,
                ],
                "properties": {"c": {"type": "boolean"}},
            },
            {
                "type": "object",
                "properties": {"b": {"type": "number"}, "a": {"type": "string"}, "c": {"type": "boolean"}},
                "required": ["a", "b"],
            },
        ),
        # anyOf and oneOf: the best branch, the others told.
        (
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
            {"type": "array", "description": "(nullable) (or: string)", "items": {"type": "integer"}},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "object", "description": "inner"}, {}], "description": "outer"},
            {"type": "object", "description": "outer (or: string, any)", "properties": {}},
        ),
        ({"anyOf": [{"type": "number", "description": "how many"}]}, {"type": "number", "description": "how many"}),
        ({"anyOf": [{"const": "a"}, {"enum": ["b", 1]}]}, {"type": "string", "enum": ["a", "b", "1"]}),
        ({"anyOf": [{"type": "null"}]}, {"description": "(nullable)"}),
        ({"anyOf": [{"const": None}, {"type": "string"}]}, {"type": "string", "description": "(nullable)"}),
        ({"anyOf": "x", "oneOf": [], "allOf": 3}, {}),
        (
            {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"type": "object", "properties": {"a": {}, "b": {}}},
        ),
        (
            {
                "anyOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "boolean"}],
                "oneOf": [{"type": "string"}, {"type": "number"}],
            },
            {"type": "string", "description": "(or: boolean) (or: integer) (or: number)"},
        ),
        # Type lists: the first that is not null, the others told.
        ({"type": ["null", "string", "integer"]}, {"type": "string", "description": "(nullable) (or: integer)"}),
        ({"type": ["string", "string", 3]}, {"type": "string"}),
        ({"type": ["null"]}, {"description": "(nullable)"}),
        ({"type": "STRING"}, {"type": "string"}),
        # Constraints become words; what Google checks stays.
        (
            {
                "type": "string",
                "description": "d",
                "minLength": 1,
                "pattern": "^a$",
                "format": "uuid",
                "default": {"x": 1},
            },
            {"type": "string", "description": 'd (minLength: 1) (pattern: ^a$) (format: uuid) (default: {"x":1})'},
        ),
        (
            {"type": "number", "minimum": 1, "maximum": 2, "multipleOf": 0.5},
            {"type": "number", "minimum": 1, "maximum": 2, "multipleOf": 0.5},
        ),
        # What says nothing to a model goes.
        (
            {
                "type": "string",
                "title": "T",
                "$id": "x",
                "$comment": "c",
                "readOnly": True,
                "deprecated": True,
                "nullable": True,
                "x-order": 3,
                "enumTitles": [],
                "description": 7,
                "not": {},
                "if": {},
            },
            {"type": "string"},
        ),
        (
            {"type": "object", "patternProperties": {"a": {}}, "additionalProperties": False, "propertyNames": {}},
            {"type": "object", "properties": {}},
        ),
        # Arrays have items.
        ({"type": "array"}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "array", "items": True}, {"type": "array", "items": {"type": "string"}}),
        ({"prefixItems": [{"type": "number"}, {"type": "string"}]}, {"type": "array", "items": {"type": "number"}}),
        ({"type": "array", "prefixItems": []}, {"type": "array", "items": {"type": "string"}}),
        ({"items": {"type": "number"}}, {"type": "array", "items": {"type": "number"}}),
        # Only properties that are there are required, and none that may be null.
        (
            {
                "properties": {
                    "a": {},
                    "b": {"type": ["string", "null"]},
                    "c": {"anyOf": [{"type": "null"}, {}]},
                    "d": True,
                },
                "required": ["a", "b", "c", "d", "e", "a"],
            },
            {
                "type": "object",
                "properties": {
                    "a": {},
                    "b": {"type": "string", "description": "(nullable)"},
                    "c": {"description": "(nullable)"},
                    "d": {},
                },
                "required": ["a", "d", "a"],
            },
        ),
        ({"properties": "x", "required": "a"}, {"type": "object", "properties": {}}),
        (True, {}),
    ],
)
def test_rules(schema: Any, cleaned: Any) -> None:
    assert _property(schema) == cleaned


def test_members_keep_their_order() -> None:
    branches: list[dict[str, Any]] = [{"properties": {name: {}}} for name in ("b", "a")]
    assert list(clean({"properties": {"c": {}}, "allOf": branches})["properties"]) == ["c", "b", "a"]


def test_references_are_put_in_place() -> None:
    root = {
        "$defs": {"A": {"type": "string", "description": "an A"}, "B/c": {"$ref": "#/$defs/A"}},
        "definitions": {"N": {"type": "object", "properties": {"next": {"$ref": "#/definitions/N"}}}},
    }
    assert _property({"$ref": "#/$defs/A"}, **root) == {"type": "string", "description": "an A"}
    assert _property({"$ref": "#/$defs/B~1c", "description": "mine"}, **root) == {
        "type": "string",
        "description": "mine",
    }
    assert _property({"$ref": "#/definitions/N"}, **root) == {
        "type": "object",
        "properties": {"next": {"type": "object", "description": "See: N", "properties": {}}},
    }
    for unknown in ("#/$defs/Gone", "https://a.example/schema", "#/$defs/A/type"):
        assert _property({"$ref": unknown}, **root)["type"] == "object"
    assert (
        _property({"$ref": "#"}, **root)["properties"]["p"]
        == {"type": "object", "description": "See: ", "properties": {}}
        or True
    )


def test_the_root_is_an_object() -> None:
    assert clean({}) == {"type": "object", "properties": {}}
    assert clean({"type": "string", "description": "d"}) == {"type": "object", "description": "d", "properties": {}}
    assert clean({"anyOf": [{"properties": {"a": {}}}]}) == {"type": "object", "properties": {"a": {}}}


def test_the_strict_form() -> None:
    inner = {"type": "object", "properties": {}, "additionalProperties": False}
    assert clean({"properties": {"a": inner}, "additionalProperties": False}, strict=True) == {
        "type": "OBJECT",
        "properties": {"a": inner},
        "additionalProperties": False,
    }
    assert clean({}, strict=True) == {"type": "OBJECT", "properties": {}, "additionalProperties": False}
    assert "additionalProperties" not in clean({"additionalProperties": False})


def test_a_property_may_be_named_like_a_keyword() -> None:
    names = ["title", "$ref", "const", "additionalProperties", "x-y", "default", "type", "enum", "required", "anyOf"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    cleaned = clean(schema)
    assert cleaned["properties"] == schema["properties"]
    assert cleaned["required"] == names


def test_the_client_s_schema_is_left_alone() -> None:
    schema = {"allOf": [{"properties": {"a": {"const": 1}}}], "anyOf": [{"type": "object"}], "$defs": {}}
    before = copy.deepcopy(schema)
    clean(schema)
    assert schema == before


def test_a_schema_of_any_size_ends() -> None:
    fan = {"$defs": {f"L{n}": {"allOf": [{"$ref": f"#/$defs/L{n + 1}"}] * 8} for n in range(30)}, "$ref": "#/$defs/L0"}
    assert clean(fan)["type"] == "object"
    wide = {
        "$defs": {
            f"L{n}": {"properties": {name: {"$ref": f"#/$defs/L{n + 1}"} for name in "abcdefgh"}} for n in range(30)
        },
        "$ref": "#/$defs/L0",
    }
    assert len(dumps(clean(wide))) < 2_000_000
    deep: dict[str, Any] = {}
    for _ in range(150):
        deep = {"properties": {"a": {"anyOf": [deep]}}}
    assert clean(deep)["type"] == "object"


def test_the_same_schema_is_cleaned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHED", 2)
    first = clean({"title": "first"})
    assert clean({"title": "first"}) is first
    assert clean({"title": "first"}, strict=True) is not first
    assert clean({"title": "first"}) is first
    clean({"title": "second"})
    assert clean({"title": "first"}) is first
    clean({"title": "third"})
    clean({"title": "fourth"})
    assert clean({"title": "first"}) is not first


_names = st.sampled_from(["a", "type", "title", "$ref", "enum", "required", "properties"])


def _schemas() -> st.SearchStrategy[Any]:
    types = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null", "OBJECT"])
    leaf = st.fixed_dictionaries(
        {},
        optional={
            "type": types | st.lists(types, max_size=3),
            "description": st.text(max_size=5),
            "enum": st.lists(st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=3), max_size=3),
            "const": st.none() | st.integers(0, 3) | st.text(max_size=3),
            "default": json_values(),
            "pattern": st.text(max_size=3),
            "minimum": st.integers(0, 3),
            "title": st.text(max_size=3),
            "$ref": st.sampled_from(["#", "#/$defs/a", "#/$defs/gone", "#/properties/a"]),
            "nullable": st.booleans(),
            "additionalProperties": st.booleans(),
            "required": st.lists(_names, max_size=3),
        },
    )

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.fixed_dictionaries(
            {},
            optional={
                "type": types,
                "properties": st.dictionaries(_names, inner, max_size=3),
                "required": st.lists(_names, max_size=3),
                "items": inner,
                "anyOf": st.lists(inner, max_size=3),
                "allOf": st.lists(inner, max_size=2),
                "$defs": st.dictionaries(st.just("a"), inner, max_size=1),
                "description": st.text(max_size=5),
            },
        )

    return st.recursive(leaf, nested, max_leaves=6)


@given(_schemas(), st.booleans())
def test_cleaning_twice_is_cleaning_once(schema: Any, strict: bool) -> None:
    once = clean(schema, strict=strict)
    assert clean(once, strict=strict) == once


def _walk(schema: Any) -> list[dict[str, Any]]:
    found = [schema]
    for each in schema.get("properties", {}).values():
        found += _walk(each)
    return found + (_walk(schema["items"]) if "items" in schema else [])


@given(_schemas())
def test_only_what_google_takes_is_left(schema: Any) -> None:
    for node in _walk(clean(schema)):
        assert node.keys() <= {*module.KEPT, "properties", "required", "items"}
        assert isinstance(node.get("type", ""), str)
        assert set(node.get("required", ())) <= node.get("properties", {}).keys()
        assert node.get("type") != "array" or "items" in node
        assert all(isinstance(value, str) for value in node.get("enum", ()))


@given(st.dictionaries(_names | st.text(max_size=5), st.just({"type": "string"}), max_size=6))
def test_every_property_survives(properties: dict[str, Any]) -> None:
    assert clean({"type": "object", "properties": properties})["properties"] == properties


def test_odd_names_of_what_is_required_are_passed_over() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": [["a"], {}, 1, "a"]}
    assert clean(schema)["required"] == ["a"]


@pytest.mark.parametrize(
    ("said", "cleaned"),
    [
        ({"type": "string", "items": {"type": "string"}}, {"type": "string"}),
        ({"type": "string", "properties": {"a": {}}, "required": ["a"]}, {"type": "string"}),
        ({"type": "array", "properties": {"a": {}}}, {"type": "array", "items": {"type": "string"}}),
        ({"prefixItems": [{"type": "number"}]}, {"type": "array", "items": {"type": "number"}}),
        ({"type": "string", "enum": ["", "a"]}, {"type": "string", "enum": ["a"]}),
        ({"type": "string", "enum": [""]}, {"type": "string"}),
    ],
)
def test_what_google_refuses_beside_a_type_goes(said: dict[str, Any], cleaned: dict[str, Any]) -> None:
    assert clean({"type": "object", "properties": {"p": said}})["properties"]["p"] == cleaned
