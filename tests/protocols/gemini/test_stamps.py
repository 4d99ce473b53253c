from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.protocols.gemini.stamps import read_stamp, write_stamp


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("2026-04-02T17:03:50.399550Z", 1775149430),
        ("2026-04-02T17:03:50Z", 1775149430),
        ("2026-04-02T17:03:50", 1775149430),
        ("2026-04-02T19:03:50+02:00", 1775149430),
        ("yesterday", None),
        (12, None),
        (None, None),
    ],
)
def test_read(stamp: Any, seconds: int | None) -> None:
    assert read_stamp(stamp) == seconds


@given(st.integers(0, 2**33))
def test_what_is_written_is_read_again(seconds: int) -> None:
    stamp = write_stamp(seconds)
    assert stamp is not None
    assert stamp.endswith("Z")
    assert read_stamp(stamp) == seconds


@pytest.mark.parametrize("seconds", [10**13, 10**30, -(10**30)])
def test_a_moment_outside_the_calendar_has_no_stamp(seconds: int) -> None:
    assert write_stamp(seconds) is None
