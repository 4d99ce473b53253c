from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.unwrapping import InputUnwrapper


def unwrap(pieces: list[str]) -> str:
    unwrapper = InputUnwrapper()
    return "".join(unwrapper.feed(piece) for piece in pieces) + unwrapper.close()


@given(st.text(), st.booleans(), st.data())
def test_the_string_comes_out_whatever_the_borders(text: str, ascii_only: bool, data: st.DataObject) -> None:
    raw = json.dumps({"input": text}, ensure_ascii=ascii_only)
    borders = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[a:b] for a, b in zip([0, *borders], [*borders, len(raw)], strict=True)]

    assert unwrap(pieces) == text


@pytest.mark.parametrize("raw", ["plain words", '{"other": 1}', "[1]", '{"input": 3}', "", '{"input'])
def test_another_shape_passes_unchanged(raw: str) -> None:
    assert unwrap([raw]) == raw
    assert unwrap(list(raw)) == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r'{"input":"\ud83d\ude00"}', "😀"),
        (r'{"input":"\ud83dx"}', "\ufffdx"),
        (r'{"input":"\ud83dxxxxxx"}', "\ufffdxxxxxx"),
        (r'{"input":"\ud83d\u0041"}', "\ufffdA"),
        (r'{"input":"\ude00"}', "\ufffd"),
        (r'{"input":"\/\b\f\q"}', "/\b\fq"),
        (' {\n "input" : "a" , "more": 1}', "a"),
        (r'{"input":"\uZZZZ"}', r"\uZZZZ"),
        (r'{"input":"\u12"}', r"\u12"),
        (r'{"input":"\ud83d\uZZZZ"}', "\ufffd" + r"\uZZZZ"),
        (r'{"input":"\u00', ""),
    ],
)
def test_escapes(raw: str, text: str) -> None:
    assert unwrap([raw]) == text
    assert unwrap(list(raw)) == text


@pytest.mark.parametrize("name", ["input", "patch", "code", "script", "text"])
def test_free_text_comes_out_of_the_argument_that_a_model_knows_by_heart(name: str) -> None:
    unwrapper = InputUnwrapper()
    whole = f'{{"{name}": "*** Begin\\n"}}'
    assert "".join(unwrapper.feed(piece) for piece in whole) + unwrapper.close() == "*** Begin\n"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('{"inputs": "x"}', '{"inputs": "x"}'),
        ("{}", ""),
        (" { } ", ""),
        ('{"why": "a slip", "input": "*** Begin"}', "*** Begin"),
        ('{"command": ["apply_patch", "*** Begin"]}', "*** Begin"),
        ('{"command": ["bash", "-lc", "ls"]}', '{"command": ["bash", "-lc", "ls"]}'),
        ('{"why": "cut o', '{"why": "cut o'),
        ("{ not json", "{ not json"),
    ],
)
def test_an_object_of_another_shape_waits_for_its_end(raw: str, text: str) -> None:
    assert unwrap([raw]) == text
    assert unwrap(list(raw)) == text
