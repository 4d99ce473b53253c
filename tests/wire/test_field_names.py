"""Names of headers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.wire.field_names import are_tokens

_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")


@given(st.lists(st.binary(max_size=3), max_size=4))
def test_each_has_to_be_a_token(names: list[bytes]) -> None:
    assert are_tokens(names) == all(_TOKEN.fullmatch(name) for name in names)


@pytest.mark.parametrize("letter", range(256))
def test_every_letter_is_judged_as_the_grammar_has_it(letter: int) -> None:
    name = bytes([letter])
    assert are_tokens([b"x", name]) == bool(_TOKEN.fullmatch(name))
