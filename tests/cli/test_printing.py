"""How commands print: counts and columns."""

from __future__ import annotations

from trioproxy.cli.printing import aligned, counted


def test_one_is_one_and_all_others_are_more() -> None:
    assert [counted(number, "key") for number in (0, 1, 2)] == ["0 keys", "1 key", "2 keys"]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    lines = [("name", "count", ""), ("a", "10", "x"), ("longer", "7", "")]
    assert aligned(lines) == "name    count\na       10     x\nlonger  7"
    assert aligned(lines, right={1}) == "name    count\na          10  x\nlonger      7"
