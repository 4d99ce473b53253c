"""Moulds: which blocks of lines are the known one with another text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.wire.moulds import LONGEST, Gap, Mould, moulded, widened

BLOCK = b'data: {"a":"words","b":1}'
MOULD = Mould(b'data: {"a":"', b'","b":1}')


@given(st.text(min_size=1), st.booleans())
def test_another_text_is_found_however_it_is_spelled(text: str, ascii_only: bool) -> None:
    try:
        spelled = json.dumps(text, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:  # half of a pair
        return
    block = BLOCK.replace(b'"words"', spelled)
    assert MOULD.texts([block, block, b"x", block], 0) == [text, text]
    assert MOULD.text(block + b"\n\n") == text
    filled = MOULD.filled(text)
    assert MOULD.texts([filled], 0) == [text]
    assert json.loads(filled[6:]) == {"a": text, "b": 1}


@given(st.binary(max_size=12))
def test_what_is_taken_is_what_a_decoder_would_find(inside: bytes) -> None:
    block = BLOCK.replace(b"words", inside)
    found = MOULD.texts([block], 0)
    assert MOULD.text(block + b"\n\n") == (found[0] if found else None)
    if found:
        assert json.loads(block[6:]) == {"a": found[0], "b": 1}
        assert b"\n" not in block


@pytest.mark.parametrize(
    "inside",
    ["", '"', "\\", 'a","a":"b', "\n", "\r", "\t", "\0", "\\x", "\\ud800", 'a\\", "'],
)
def test_what_is_no_inside_of_one_string(inside: str) -> None:
    block = BLOCK.replace(b"words", inside.encode())
    assert MOULD.texts([block], 0) == []
    assert MOULD.text(block + b"\n\n") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        BLOCK,
        BLOCK + b"\n",
        BLOCK + b"\n\n\n",
        b"\n" + BLOCK + b"\n\n",
        (BLOCK + b"\n\n") * 2,
        b'data: {"a":"","b":1}\n\n',
        b'data: {"a":"b":1}\n\n',
    ],
)
def test_what_is_no_block_of_this_kind(data: bytes) -> None:
    assert MOULD.text(data) is None


def test_the_ends_do_not_overlap() -> None:
    mould = Mould(b'{"a":"', b'":"}')
    assert mould.texts([b'{"a":"}'], 0) == []
    assert mould.texts([b'{"a":":"}'], 0) == []
    assert mould.texts([b'{"a":"":"}'], 0) == []
    assert mould.texts([b'{"a":"x":"}'], 0) == ["x"]


def test_a_run_begins_where_it_is_asked_for() -> None:
    blocks = [MOULD.filled(text) for text in "abc"]
    assert MOULD.texts(blocks, 1) == ["b", "c"]
    assert MOULD.texts(blocks, 3) == []


def test_a_mould_is_made_of_a_text_that_stands_in_one_place() -> None:
    mould = moulded(BLOCK, "words")
    assert mould is not None
    assert (mould.before, mould.after) == (MOULD.before, MOULD.after)
    assert moulded(BLOCK, "a") is not None  # for somebody else to find out that it is no text
    assert moulded(BLOCK, "word") is None
    assert moulded(BLOCK + b'"words"', "words") is None
    assert moulded(BLOCK + b" " * LONGEST, "words") is None
    escaped = moulded(BLOCK.replace(b"words", rb"say \"x\""), 'say "x"')
    assert escaped is not None
    assert escaped.before == MOULD.before


def cast(text: str, behind: str) -> Mould:
    mould = moulded(f'data: {{"a":"{text}",{behind}}}'.encode(), text)
    assert mould is not None
    return mould


@pytest.mark.parametrize(
    ("one", "other", "gap"),
    [
        ('"b":"x"', '"b":"yz"', Gap.STRING),
        ('"b":""', '"b":"yz"', Gap.STRING),
        ('"b":"abc","c":1', '"b":"axc","c":1', Gap.STRING),
        ('"b":1', '"b":1  ', Gap.SPACES),
        ('"b":1    ', '"b":1 ', Gap.SPACES),
        ('"b":1', '"b":2', None),
        ('"b":"x"', '"b":1', None),
        ('"b":1', '"b":1', None),
    ],
)
def test_two_that_differ_in_padding_make_one_with_a_gap(one: str, other: str, gap: Gap | None) -> None:
    wide = widened(cast("words", one), cast("turns", other))
    assert (wide.gap if wide is not None else None) is gap
    if wide is None:
        return
    for text, behind in (("words", one), ("turns", other), ("w", one)):
        block = f'data: {{"a":"{text}",{behind}}}'.encode()
        assert wide.texts([block], 0) == [text]
        assert wide.text(block + b"\n\n") == text
    assert wide.text(wide.filled('a "b"') + b"\n\n") == 'a "b"'
    assert widened(wide, cast("words", one)) is None


def test_two_with_other_beginnings_make_none() -> None:
    assert widened(cast("words", '"b":"x"'), Mould(b'data: {"b":"', b'","b":"y"}')) is None


STRING_GAP = Mould(b'data: {"a":"', b'","b":"', b'","c":1}', Gap.STRING)
SPACES_GAP = Mould(b'data: {"a":"', b'"}', b"}", Gap.SPACES)


@given(st.text(min_size=1), st.text(), st.booleans())
def test_any_string_may_stand_in_a_gap(text: str, padding: str, ascii_only: bool) -> None:
    try:
        data = json.dumps({"a": text, "b": padding, "c": 1}, separators=(",", ":"), ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return
    assert STRING_GAP.texts([b"data: " + data], 0) == [text]


@given(
    st.sampled_from([STRING_GAP, SPACES_GAP]),
    st.lists(
        st.sampled_from([b"a", b'"', b'","b":"', b"\\", b" ", b"}", b"\n", b'"}', b'","c":1}', b"\xff", b",", b":1"]),
        max_size=8,
    ),
)
def test_what_is_taken_with_a_gap_is_what_a_decoder_would_find(mould: Mould, inside: list[bytes]) -> None:
    block = mould.before + b"".join(inside) + mould.behind
    found = mould.texts([block], 0)
    assert mould.text(block + b"\n\n") == (found[0] if found else None)
    if found:
        document = json.loads(block[6:] if mould is STRING_GAP else block[6:-1])
        assert document["a"] == found[0]
        assert b"\n" not in block


@pytest.mark.parametrize(
    "block",
    [
        b'data: {"a":"x"}',
        b'data: {"a":"x"}x}',
        b'data: {"a":"x"}\n}',
        b'data: {"a":"x"} \t}',
        b'data: {"a":"x","y":"}}',
        b'data: {"a":""}}',
    ],
)
def test_what_may_not_stand_between_spaces(block: bytes) -> None:
    assert SPACES_GAP.texts([block], 0) == []
    assert SPACES_GAP.texts([b'data: {"a":"x"}   }', b'data: {"a":"y"}}', block], 0) == ["x", "y"]


NUMBERED = Mould(b',"a":"', b'","b":1}', head=b'data: {"n":')
NUMBERED_GAP = Mould(b',"a":"', b'","b":"', b'"}', Gap.STRING, b'data: {"n":')


@pytest.mark.parametrize("mould", [NUMBERED, NUMBERED_GAP])
@given(st.text(min_size=1), st.integers(0, 10**15 - 1))
def test_any_number_may_stand_in_its_place(mould: Mould, text: str, number: int) -> None:
    block = mould.filled(text).replace(b"1234567890", b"%d" % number, 1)
    assert mould.texts([block], 0) == [text]
    assert mould.number == number
    assert mould.text(mould.filled(text) + b"\n\n") == text
    assert mould.number == 1234567890


@pytest.mark.parametrize(
    "number", ["", "007", "-1", "1.5", "1e3", " 1", "1 ", "9" * 20, "null", '"1"', '1,"a":"x","n":2', "\u0661"]
)
def test_what_is_no_number(number: str) -> None:
    block = f'data: {{"n":{number},"a":"words","b":1}}'.encode()
    assert NUMBERED.texts([block], 0) == []
    assert NUMBERED.text(block + b"\n\n") is None


@pytest.mark.parametrize(
    "block",
    [
        b'data: {"n":1,"a":"x","b":1}}',
        b'data: {"n":1,"a":"x","c":1,"b":1}',
        b'data: {"n":1,"b":1}',
        b'data: {"n":1,"a":"x","b":1}  ","b":1}',
    ],
)
def test_what_is_no_block_with_a_number(block: bytes) -> None:
    assert NUMBERED.texts([block], 0) == []


def test_the_number_is_that_of_the_last_one_that_was_taken() -> None:
    blocks = [f'data: {{"n":{number},"a":"{text}","b":1}}'.encode() for number, text in ((1, "x"), (2, "y"), (3, ""))]
    assert NUMBERED.texts(blocks, 0) == ["x", "y"]
    assert NUMBERED.number == 2
    other = Mould(NUMBERED.before, NUMBERED.after + b" ", head=b'data: {"m":')
    assert widened(NUMBERED, other) is None


def test_a_number_is_found_behind_what_stands_before_it() -> None:
    mould = moulded(b'data: {"n":7,"a":"words","b":1}', "words", b'"n":')
    assert mould is not None
    assert (mould.head, mould.before, mould.after) == (NUMBERED.head, NUMBERED.before, NUMBERED.after)
    for block in (
        b'data: {"n":null,"a":"words"}',
        b'data: {"a":"words","n":7}',
        b'data: {"n":7,"n":8,"a":"words"}',
        b'data: {"n":99999999999999999999,"a":"words"}',
    ):
        plain = moulded(block, "words", b'"n":')
        assert plain is not None
        assert plain.head == b""
    wide = widened(mould, Mould(mould.before, b'","b":1 }', head=mould.head))
    assert wide is not None
    assert (wide.gap, wide.head) == (Gap.SPACES, mould.head)
