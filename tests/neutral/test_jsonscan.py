from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.events import json_objects
from trioproxy.neutral.jsonscan import CompletenessScanner
from trioproxy.wire.jsoncodec import JSON, JSONError, dumps, loads


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", '""', '{"a": "}"}', '{"a": "\\"}"}', '["]", {"b": [1, 2]}]', '{"a": "\\\\"}', ' \n{"a": 1}\t '],
)
def test_a_whole_value_is_whole_at_its_last_mark_and_not_before(text: str) -> None:
    for size in (1, 2, 3, len(text)):
        scanner = CompletenessScanner()
        answers = [scanner.feed(text[at : at + size]) for at in range(0, len(text), size)]
        assert answers[-1] is True
        assert scanner.whole
        before = [
            whole for at, whole in enumerate(answers) if len(text[: (at + 1) * size].rstrip()) < len(text.rstrip())
        ]
        assert not any(before)


@pytest.mark.parametrize(
    "text", ["", "  ", "{", '{"a', '{"a": "\\', "12", "true", "{}{}", "{} x", '{}"', "x{}", "}", "]{}", "{}}"]
)
def test_anything_else_is_not(text: str) -> None:
    scanner = CompletenessScanner()
    for char in text:
        scanner.feed(char)
    assert not scanner.whole
    assert not CompletenessScanner().feed(text)


def _whole_container(text: str) -> bool:
    try:
        value: JSON = loads(text)
    except JSONError:
        return False
    return isinstance(value, dict | list | str)


@settings(max_examples=100, deadline=None)
@given(json_objects(), st.data())
def test_it_agrees_with_a_parser_at_every_prefix(value: dict[str, object], data: st.DataObject) -> None:
    text = dumps(value).decode()
    scanner = CompletenessScanner()
    at = 0
    while at < len(text):
        step = data.draw(st.integers(1, 5))
        whole = scanner.feed(text[at : at + step])
        at += step
        assert whole == _whole_container(text[:at])
