"""The thinking suffix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.config.suffix import split_suffix
from trioproxy.providers.model import ThinkingSuffix


@pytest.mark.parametrize(
    ("model", "name", "suffix"),
    [
        ("m(high)", "m", ThinkingSuffix(level="high")),
        ("m( HIGH )", "m", ThinkingSuffix(level="high")),
        ("m (xhigh)", "m", ThinkingSuffix(level="xhigh")),
        ("m(none)", "m", ThinkingSuffix(level="none")),
        ("m(auto)", "m", ThinkingSuffix(level="auto")),
        ("m(-1)", "m", ThinkingSuffix(level="auto")),
        ("m(8192)", "m", ThinkingSuffix(budget=8192)),
        ("m(0)", "m", ThinkingSuffix(budget=0)),
        ("m(a)(low)", "m(a)", ThinkingSuffix(level="low")),
        ("m", "m", None),
        ("m(fast)", "m(fast)", None),
        ("m(-2)", "m(-2)", None),
        ("m(99999999999)", "m(99999999999)", None),
        ("m(²)", "m(²)", None),
        ("m()", "m()", None),
        ("(high)", "(high)", None),
        (" (high)", " (high)", None),
        ("m(high", "m(high", None),
        ("m(high)x", "m(high)x", None),
        ("m((high)", "m(", ThinkingSuffix(level="high")),
        ("m(high))", "m(high))", None),
    ],
)
def test_last_parentheses_ask_for_an_effort(model: str, name: str, suffix: ThinkingSuffix | None) -> None:
    assert split_suffix(model) == (name, suffix)


@given(st.text(max_size=20))
def test_a_name_without_a_suffix_stays_as_it_is(model: str) -> None:
    name, suffix = split_suffix(model)
    assert (suffix is None) == (name == model)
