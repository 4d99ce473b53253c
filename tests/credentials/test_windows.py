"""What counts for a minute, and when more fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trioproxy.credentials.windows import GRAIN, Window


def test_what_is_added_counts_for_a_minute() -> None:
    window = Window()
    window.add(2, 0)
    window.add(1, 30)
    assert [window.used(now) for now in (30, 59.9, 60, 89.9, 90)] == [3, 3, 1, 1, 0]


def test_it_says_when_more_fits() -> None:
    window = Window()
    for now in (0, 10, 20):
        window.add(1, now)
    assert window.wait(1, 4, 25) == 0
    assert window.wait(1, 3, 25) == 35
    assert window.wait(2, 3, 25) == 45
    assert window.wait(3, 3, 25) == 55


def test_more_than_ever_fits_waits_for_an_empty_window() -> None:
    window = Window()
    assert window.wait(100, 3, 0) == 0
    window.add(1, 0)
    assert window.wait(100, 3, 1) == 59


def test_a_charge_is_corrected_while_it_counts() -> None:
    window = Window()
    charge = window.add(10, 0)
    charge.correct(4)
    charge.correct(7)
    assert window.used(1) == 7
    assert window.used(60) == 0
    charge.correct(1000)
    assert window.used(60) == 0


def test_a_window_that_was_corrected_below_nothing_still_ends() -> None:
    window = Window()
    window.add(0, 0)
    window.total = 5
    assert window.wait(1, 3, 0) == 60


def test_its_memory_is_bounded_however_much_comes() -> None:
    window = Window()
    for number in range(20_000):
        window.add(1, number / 1000)
    assert len(window._entries) <= 20 / GRAIN + 1
    assert window.used(20) == 20_000


@given(
    st.lists(st.tuples(st.floats(0, 40), st.integers(1, 5)), max_size=60),
    st.integers(1, 8),
)
def test_no_minute_holds_more_than_may(steps: list[tuple[float, int]], most: int) -> None:
    window, now = Window(), 0.0
    taken: list[tuple[float, int]] = []
    for pause, amount in steps:
        now += pause
        if window.wait(amount, most, now) == 0:
            window.add(amount, now)
            taken.append((now, amount))
    for start, first in taken:
        inside = sum(amount for at, amount in taken if start <= at < start + 60)
        # One that is larger than the limit is let into an empty window, alone.
        assert inside <= max(most, first)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40), st.integers(1, 8), st.integers(1, 8))
def test_after_the_wait_it_fits_and_not_much_sooner(pauses: list[float], amount: int, most: int) -> None:
    window, now = Window(), 0.0
    for pause in pauses:
        now += pause
        window.add(1, now)
    wait = window.wait(amount, most, now)
    assert wait <= 60 + 1e-6
    assert window.wait(amount, most, now + wait + 1e-6) == 0
    if wait > 2 * GRAIN:
        fresh = Window()
        again = 0.0
        for pause in pauses:
            again += pause
            fresh.add(1, again)
        assert fresh.wait(amount, most, now + wait - 2 * GRAIN) > 0
