from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.retyping import retyped, word
from trioproxy.wire.jsoncodec import dumps, loads

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "enum": [60, 1440]},
        "mixed": {"enum": ["60", 60, None, True]},
        "flag": {"const": False},
        "list": {"type": "array", "items": {"enum": [1, 2]}},
        "pair": {"prefixItems": [{"enum": [1]}], "items": {"enum": [2]}},
        "either": {"anyOf": [{"type": "string"}, {"enum": [7]}]},
        "named": {"$ref": "#/$defs/a~1b"},
        "escaped": {"$ref": "#/$defs/Page%3CUser%3E"},
        "lost": {"$ref": "#/$defs/gone"},
        "odd": {"enum": "x", "anyOf": 3},
        "tree": {"$ref": "#"},
    },
    "additionalProperties": {"enum": [9]},
    "$defs": {"a/b": {"enum": [3]}, "Page<User>": {"enum": [4]}},
}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"n": "60"}, {"n": 60}),
        ({"n": "61"}, {"n": "61"}),
        ({"n": 60}, {"n": 60}),
        ({"mixed": "60"}, {"mixed": "60"}),
        ({"mixed": "true"}, {"mixed": True}),
        ({"mixed": "null"}, {"mixed": "null"}),
        ({"flag": "false"}, {"flag": False}),
        ({"list": ["1", "2", "3", 1]}, {"list": [1, 2, "3", 1]}),
        ({"pair": ["1", "2", "1"]}, {"pair": [1, 2, "1"]}),
        ({"either": "7"}, {"either": 7}),
        ({"named": "3", "lost": "3", "odd": "x"}, {"named": 3, "lost": "3", "odd": "x"}),
        ({"escaped": "4"}, {"escaped": 4}),
        ({"tree": {"tree": {"n": "60"}}}, {"tree": {"tree": {"n": 60}}}),
        ({"other": "9"}, {"other": 9}),
        (["60"], ["60"]),
    ],
)
def test_strings_become_the_values_they_stand_for(given: Any, meant: Any) -> None:
    assert loads(retyped(dumps(given).decode(), _SCHEMA)) == meant


def test_what_needs_no_change_stays_the_same_text() -> None:
    for text in ('{ "n": 60 }', '{"n": ', "x", "{}"):
        assert retyped(text, _SCHEMA) is text


def test_it_ends() -> None:
    deep: Any = "60"
    for _ in range(100):
        deep = {"tree": deep}
    assert loads(retyped(dumps({"n": "60", "tree": deep}).decode(), _SCHEMA)) == {"n": 60, "tree": deep}


def test_words() -> None:
    assert [word(each) for each in ("a", 1, True, None)] == ["a", "1", "true", "null"]
