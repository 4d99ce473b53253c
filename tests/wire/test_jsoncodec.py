from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.wire.jsoncodec import JSONError, dumps, loads, loads_object

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
)


@given(json_values)
def test_round_trip(value: Any) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'{"a": NaN}',
        b"{'a': 1}",
        b"[1,]",
        b'"\xff"',
        b"{} {}",
        b"01",
        b'"\x01"',
    ],
)
def test_what_is_not_json_is_refused_without_quoting_it(raw: bytes) -> None:
    with pytest.raises(JSONError):
        loads(raw)


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 200_000, b"[" * 200_000 + b"]" * 200_000])
def test_deep_json_is_an_error_and_not_a_crash(raw: bytes) -> None:
    with pytest.raises(JSONError):
        loads(raw)


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(JSONError, match="UTF-8"):
        loads("\ud800")


def test_an_object_is_demanded() -> None:
    assert loads_object(b'{"a": 1}') == {"a": 1}
    with pytest.raises(JSONError, match="expected a JSON object, got list"):
        loads_object(b"[]")


def test_numbers_that_json_lacks_become_null() -> None:
    # msgspec writes null for them (as JavaScript does): what is emitted is always JSON.
    assert dumps([math.nan, math.inf]) == b"[null,null]"


def test_text_goes_out_as_itself() -> None:
    assert dumps({"é": "漢"}) == '{"é":"漢"}'.encode()
