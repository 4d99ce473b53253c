from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.wire.jsoncodec import JSONError
from trioproxy.wire.splice import DuplicateMember, inserted, member_span, members, replace

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
indents = st.sampled_from([None, 0, 2])


@given(st.dictionaries(st.text(), json_values, max_size=6), indents, st.booleans())
def test_members_lie_where_they_are_said_to(value: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    raw = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = {name: json.loads(raw[start:end]) for name, start, end in members(raw)}

    assert found == value


@given(st.dictionaries(st.text(), json_values, max_size=6), indents, st.text())
def test_only_the_bytes_of_the_value_change(value: dict[str, Any], indent: int | None, model: str) -> None:
    value["model"] = "before"
    raw = json.dumps(value, indent=indent).encode()
    span = member_span(raw, "model")
    assert span is not None
    assert member_span(raw, "model", value) == span
    changed = replace(raw, span, json.dumps(model).encode())

    assert json.loads(changed) == {**value, "model": model}
    assert changed[: span[0]] == raw[: span[0]]
    assert changed.endswith(raw[span[1] :])


def test_a_member_of_a_nested_object_is_not_a_member() -> None:
    assert member_span(b'{"a": {"model": 1}, "b": [{"model": 2}]}', "model") is None
    assert member_span(b"{}", "model") is None


def test_a_name_is_compared_decoded() -> None:
    raw = b'{"mod\\u0065l": "x"}'
    assert member_span(raw, "model") == (15, 18)


words = st.sampled_from(["model", '"model"', "\\u006dodel", "mode", "l", "", "\\", '"'])
nested = st.recursive(
    words | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(words, nested, max_size=4), st.booleans())
def test_what_was_decoded_before_changes_nothing(value: dict[str, Any], escaped: bool) -> None:
    raw = json.dumps(value).encode()
    if escaped:
        raw = raw.replace(b'"model"', b'"mod\\u0065l"', 1)
    try:
        span = member_span(raw, "model")
    except DuplicateMember:
        return
    assert member_span(raw, "model", value) == span


@pytest.mark.parametrize("raw", [b'{"model": 1, "model": 2}', b'{"model": 1, "mod\\u0065l": 2}'])
def test_a_member_given_twice_is_refused(raw: bytes) -> None:
    for document in (None, json.loads(raw)):
        with pytest.raises(DuplicateMember, match="'model' is given twice"):
            member_span(raw, "model", document)


def test_other_members_given_twice_are_none_of_our_business() -> None:
    assert member_span(b'{"a": 1, "a": 2, "model": 3}', "model") == (26, 27)
    for first, last in (("12", "1"), ("[1, 2]", "[1]"), ('"ab"', '"a"'), ("[1]", '{"a": 1}'), ("[1]", "[1]")):
        raw = f'{{"a": {first}, "a": {last}, "model": 3}}'.encode()
        found = list(members(raw))
        assert [raw[start:end].decode() for _, start, end in found] == [first, last, "3"]


def test_an_object_may_be_empty_and_a_value_that_is_given_twice_deep() -> None:
    assert list(members(b" { } ")) == []
    raw = b'{"a": {"b": ["]}", {"c": "x"}], "d": "\\"}"}, "a": 1, "model": 3}'
    assert [raw[start:end].decode() for _, start, end in members(raw)][1:] == ["1", "3"]


@pytest.mark.parametrize(
    ("body", "whole"), [(b"{}", b'{"n":1}'), (b" { } ", b' {"n":1 } '), (b'{"a":{}}', b'{"n":1,"a":{}}')]
)
def test_a_member_is_inserted_before_the_first(body: bytes, whole: bytes) -> None:
    assert inserted(body, "n", b"1") == whole


def test_a_large_value_is_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    # Counted, not timed: where a value ends is known from the decoder, however much is inside.
    monkeypatch.setattr("trioproxy.wire.splice._TOKEN", None)
    raw = json.dumps({"messages": [{"content": "x"}] * 1000, "model": "m", "tools": {"a": []}}).encode()
    assert member_span(raw, "model") == (raw.index(b'"m"'), raw.index(b'"m"') + 3)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"1",
        b'{"a"',
        b'{"a" 1}',
        b"{1: 2}",
        b'{"a": }',
        b'{"a": "x',
        b'{"a": [1',
        b'{"a": 1 "b": 2}',
        b'{"a": 1',
    ],
)
def test_what_is_no_object_is_an_error_and_never_a_hang(raw: bytes) -> None:
    with pytest.raises(JSONError):
        list(members(raw))


@given(st.text(alphabet='{}[]",:\\ am1', max_size=40))
def test_any_text_ends_in_members_or_an_error(text: str) -> None:
    raw = text.encode()
    try:
        spans = [(start, end) for _, start, end in members(raw)]
    except JSONError:
        return
    assert all(0 <= start < end <= len(raw) for start, end in spans)
