from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, cuttings, whole_and_bytewise
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder, JSONArrayEncoder
from trioproxy.wire.machine import ProtocolViolation


def decode(pieces: list[bytes], **options: int) -> list[bytes]:
    decoder = JSONArrayDecoder(**options)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return [frame.data for frame in frames + decoder.close()]


@pytest.mark.parametrize(
    ("raw", "elements"),
    [
        pytest.param(b"[]", [], id="empty"),
        pytest.param(
            b'[{"a": [1, {"b": "}]"}]}\n,\r\n{"c": "\\"}{"}\n]\n',
            [b'{"a": [1, {"b": "}]"}]}', b'{"c": "\\"}{"}'],
            id="two",
        ),
        pytest.param(b' {"error": {"code": 400}} ', [b'{"error": {"code": 400}}'], id="lone-object"),
        pytest.param(b'[{"a": 1}, {"b', [b'{"a": 1}'], id="cut"),
        pytest.param('[{"a": "漢\\\\"}]'.encode(), ['{"a": "漢\\\\"}'.encode()], id="utf-8-and-backslash"),
    ],
)
def test_the_same_elements_at_every_border(raw: bytes, elements: list[bytes]) -> None:
    for pieces in whole_and_bytewise(raw):
        assert decode(pieces) == elements


@pytest.mark.parametrize("raw", [b"x", b"1", b"[1]", b"[] {}", b'{"a": 1}{', b'["a"]', b"]", b","])
def test_what_is_no_array_of_objects_is_a_violation(raw: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="not a JSON array"):
        decode([raw])


def test_an_element_over_the_limit_is_a_violation() -> None:
    decode([b'[{"a": "%b"}]' % (b"x" * 40)], max_element=50)
    with pytest.raises(ProtocolViolation, match="longer than 50 bytes"):
        decode(cut(b'[{"a": "%b"}]' % (b"x" * 60), 7), max_element=50)


def test_boundaries_and_what_must_stand_before_an_added_element() -> None:
    decoder = JSONArrayDecoder()
    seen = [(decoder.at_boundary, decoder.opening)]
    for piece in (b"[", b'{"a"', b": 1}", b",", b" ", b'{"b": 2}', b"]"):
        decoder.feed(piece)
        seen.append((decoder.at_boundary, decoder.opening))

    assert seen == [
        (True, b"["),
        (True, b""),
        (False, b""),
        (True, b","),
        (True, b""),
        (True, b""),
        (True, b","),
        (False, b","),
    ]


def test_an_element_added_at_any_boundary_keeps_the_array_whole() -> None:
    raw = b'[{"a": 1},\n{"b": [2]}\n]'
    for end in range(len(raw)):
        decoder = JSONArrayDecoder()
        decoder.feed(raw[:end])
        if decoder.at_boundary:
            whole = json.loads(raw[:end] + decoder.opening + b'{"error": 1}' + b"]")
            assert whole[-1] == {"error": 1}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
objects = st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=4)


@given(objects, st.data())
def test_what_is_encoded_decodes_to_itself_cut_anywhere(values: list[dict[str, Any]], data: st.DataObject) -> None:
    encoder = JSONArrayEncoder()
    raw = b"".join(encoder.encode([Frame(json.dumps(value).encode())]) for value in values) + encoder.close()

    assert json.loads(raw) == values
    assert [json.loads(each) for each in decode(data.draw(cuttings(st.just(raw))))] == values


@given(cuttings(st.text(alphabet='[]{}",\\: a1', max_size=60).map(str.encode)))
def test_any_text_gives_elements_or_a_violation_and_the_borders_do_not_matter(pieces: list[bytes]) -> None:
    def outcome(parts: list[bytes]) -> list[bytes] | str:
        try:
            return decode(parts)
        except ProtocolViolation:
            return "violation"

    assert outcome(pieces) == outcome([b"".join(pieces)])
