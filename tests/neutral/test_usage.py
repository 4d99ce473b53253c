from __future__ import annotations

from trioproxy.neutral.usage import Usage


def test_a_later_report_replaces_what_it_knows() -> None:
    first = Usage(input=10, output=1, cache_read=4)
    later = Usage(output=9, cache_write=2, reasoning=3)

    assert first.updated(later) == Usage(input=10, output=9, cache_read=4, cache_write=2, reasoning=3)
    assert later.updated(first) == Usage(input=10, output=1, cache_read=4, cache_write=2, reasoning=3)


def test_total_counts_the_unknown_as_nothing() -> None:
    assert Usage(input=3, output=4, cache_read=3, reasoning=4).total == 7
    assert Usage().total == 0
