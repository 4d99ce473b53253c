from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.protocols.gemini.partial_args import PartialArguments, parse_path
from trioproxy.wire.machine import ProtocolViolation


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.location", ("location",)),
        ("$.recipe.ingredients[0].amount", ("recipe", "ingredients", 0, "amount")),
        ("$['a b']['c\\'d']", ("a b", "c'd")),
        ('$["x.y"][12]', ("x.y", 12)),
        ("$['']", ("",)),
        ("$.Ω-1", ("Ω-1",)),
    ],
)
def test_paths(path: str, steps: tuple[str | int, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize("path", ["", "$", "a", "$.", "$.a.", "$[x]", "$.a[", "$..a", "$.a b[*]", "$['a"])
def test_what_is_no_path_to_one_value(path: str) -> None:
    with pytest.raises(ProtocolViolation, match="jsonPath"):
        parse_path(path)


def _written(*entries: dict[str, Any]) -> list[str]:
    arguments = PartialArguments()
    return [*(arguments.feed(entry) for entry in entries), arguments.close()]


def test_text_is_written_as_it_comes() -> None:
    assert _written(
        {"jsonPath": "$.location", "stringValue": "Bos", "willContinue": True},
        {"jsonPath": "$.location", "stringValue": 'ton "', "willContinue": True},
        {"jsonPath": "$.location", "stringValue": ""},
        {"jsonPath": "$.days[0].hot", "boolValue": True},
        {"jsonPath": "$.days[0].at", "numberValue": 1.5},
        {"jsonPath": "$.days[1]", "nullValue": "NULL_VALUE"},
        {"jsonPath": "$.unit", "stringValue": "C"},
    ) == ['{"location":"Bos', 'ton \\"', '"', ',"days":[{"hot":true', ',"at":1.5', "},null", '],"unit":"C"', "}"]


def test_other_words_for_numbers() -> None:
    entries = [{"jsonPath": "$.n", "intValue": 42}, {"jsonPath": "$.x", "doubleValue": 0.5}]
    assert json.loads("".join(_written(*entries))) == {"n": 42, "x": 0.5}


def test_nothing_is_an_empty_object() -> None:
    assert _written() == ["{}"]
    assert _written({"jsonPath": "$.a", "willContinue": True}) == ["", "{}"]


def test_a_string_left_open_is_closed() -> None:
    assert "".join(_written({"jsonPath": "$.a", "stringValue": "x", "willContinue": True})) == '{"a":"x"}'
    texts = _written(
        {"jsonPath": "$.a", "stringValue": "x", "willContinue": True}, {"jsonPath": "$.b", "stringValue": "y"}
    )
    assert json.loads("".join(texts)) == {"a": "x", "b": "y"}


def test_an_end_said_twice_says_nothing() -> None:
    assert (
        "".join(_written({"jsonPath": "$.a", "stringValue": "x"}, {"jsonPath": "$.a", "stringValue": ""}))
        == '{"a":"x"}'
    )


@pytest.mark.parametrize(
    "entries",
    [
        [{"stringValue": "x"}],
        [{"jsonPath": 3}],
        [{"jsonPath": "$[0]", "stringValue": "x"}],
        [{"jsonPath": "$.a[1]", "numberValue": 1}],
        [{"jsonPath": "$.a[0]", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 1}],
        [{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a", "numberValue": 2}],
        [{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 2}],
        [
            {"jsonPath": "$.a.b", "numberValue": 1},
            {"jsonPath": "$.c", "numberValue": 1},
            {"jsonPath": "$.a.d", "numberValue": 1},
        ],
        [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}, {"jsonPath": "$.a", "numberValue": 2}],
    ],
)
def test_what_can_not_be_written_in_order_is_a_violation(entries: list[dict[str, Any]]) -> None:
    with pytest.raises(ProtocolViolation):
        _written(*entries)


_scalars = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8)
_names = st.text(min_size=1, max_size=4)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_names, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def _entries(value: Any, path: str) -> list[dict[str, Any]]:
    """The entries that stand for a value, a string in two pieces."""
    match value:
        case dict():
            return [entry for name, each in value.items() for entry in _entries(each, f"{path}['{_quoted(name)}']")]
        case list():
            return [entry for number, each in enumerate(value) for entry in _entries(each, f"{path}[{number}]")]
        case None:
            return [{"jsonPath": path, "nullValue": "NULL_VALUE"}]
        case bool():
            return [{"jsonPath": path, "boolValue": value}]
        case int():
            return [{"jsonPath": path, "numberValue": value}]
        case _:
            half = len(value) // 2
            first = {"jsonPath": path, "stringValue": value[:half], "willContinue": True}
            return [first, {"jsonPath": path, "stringValue": value[half:]}]


def _quoted(name: str) -> str:
    return re.sub(r"(['\\])", r"\\\1", name)


@given(st.dictionaries(_names, _values, max_size=4))
def test_any_object_is_rebuilt_from_its_entries(value: dict[str, Any]) -> None:
    assert json.loads("".join(_written(*_entries(value, "$")))) == value
