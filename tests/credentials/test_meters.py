"""Which limit a request does not fit under, and what counts for how long."""

from __future__ import annotations

from math import inf

import pytest

from trioproxy.config.model import Limits
from trioproxy.credentials.meters import Demand, Holder, Measure, Meters, Reading, Use

DAY = 86400.0
NOON = 19_000 * DAY + DAY / 2


def holder(key: str = "k", **limits: float) -> Holder:
    return Holder(key, key, Limits(**limits))  # type: ignore[arg-type]


def test_nothing_is_over_without_limits() -> None:
    meters = Meters()
    for now in range(1000):
        assert meters.over([holder()], Demand(10**9, 10**9), now, NOON) is None
        meters.take([holder()], Demand(), now)


def test_requests_in_a_minute() -> None:
    meters, who = Meters(), holder(requests_per_minute=2)
    for now in (0, 10):
        assert meters.over([who], Demand(), now, NOON) is None
        meters.take([who], Demand(), now).end()
    over = meters.over([who], Demand(), 20, NOON)
    assert over is not None
    assert (over.measure, over.wait, over.limit) == (Measure.REQUESTS, 40, 2)
    assert str(over) == "k is at its limits.requests-per-minute of 2"
    assert meters.over([who], Demand(), 60, NOON) is None


def test_tokens_are_estimated_and_then_known() -> None:
    meters, who = Meters(), holder(tokens_per_minute=100)
    lease = meters.take([who], Demand(90), 0)
    over = meters.over([who], Demand(20), 1, NOON)
    assert over is not None
    assert (over.measure, over.wait) == (Measure.TOKENS, 59)
    lease.end(30)
    assert meters.over([who], Demand(20), 1, NOON) is None
    meters.take([who], Demand(60), 2).end()  # nobody counted: the estimate stands
    assert meters.over([who], Demand(20), 3, NOON) is not None


def test_a_request_larger_than_the_limit_is_let_into_an_empty_minute() -> None:
    meters, who = Meters(), holder(tokens_per_minute=100)
    assert meters.over([who], Demand(5000), 0, NOON) is None
    meters.take([who], Demand(5000), 0)
    assert meters.over([who], Demand(1), 59, NOON) is not None


def test_what_runs_at_once() -> None:
    meters, who = Meters(), holder(concurrent=1)
    lease = meters.take([who], Demand(), 0)
    over = meters.over([who], Demand(), 0, NOON)
    assert over is not None
    assert (over.measure, over.wait) == (Measure.CONCURRENT, None)
    lease.end()
    lease.end()
    assert meters.over([who], Demand(), 0, NOON) is None
    assert meters.reading("k", 0, NOON).running == 0


@pytest.mark.parametrize(("output", "fits"), [(None, True), (10, True), (11, False)])
def test_output_of_one_request(output: int | None, fits: bool) -> None:
    over = Meters().over([holder(max_tokens_per_request=10)], Demand(output=output), 0, NOON)
    assert (over is None) is fits
    if over is not None:
        assert (over.measure, over.wait) == (Measure.REQUEST_TOKENS, inf)


def test_a_budget_is_of_the_day() -> None:
    meters, who = Meters(), holder(daily_budget_usd=1.0)
    meters.spend("k", 0.6, NOON)
    meters.spend("other", 5.0, NOON)
    assert meters.over([who], Demand(), 0, NOON) is None
    meters.spend("k", 0.6, NOON)
    over = meters.over([who], Demand(), 0, NOON)
    assert over is not None
    assert (over.measure, over.wait) == (Measure.BUDGET, DAY / 2)
    assert meters.reading("k", 0, NOON).spent == pytest.approx(1.2)
    assert meters.over([who], Demand(), 0, NOON + DAY / 2) is None
    assert meters.reading("k", 0, NOON + DAY / 2).spent == 0


def test_a_clock_that_is_set_back_brings_no_budget_back() -> None:
    meters, who = Meters(), holder(daily_budget_usd=1.0)
    meters.spend("k", 1.0, NOON)
    assert meters.over([who], Demand(), 0, NOON - DAY) is not None


def test_the_limit_that_holds_longest_is_told() -> None:
    meters = Meters()
    one, two = holder("one", concurrent=1), holder("two", requests_per_minute=1)
    meters.take([one, two], Demand(), 0)
    over = meters.over([one, two], Demand(), 10, NOON)
    assert over is not None
    assert (over.holder, over.measure, over.wait) == (two, Measure.REQUESTS, 50)


def test_a_request_that_was_not_made_does_not_count() -> None:
    meters = Meters()
    lease = meters.take([holder()], Demand(50), 0)
    assert meters.reading("k", 0, NOON) == Reading(requests=1, tokens=50, running=1)
    lease.undo()
    assert meters.reading("k", 0, NOON) == Reading()


def test_holders_that_are_gone_are_forgotten_when_they_are_done() -> None:
    meters = Meters()
    running = meters.take([holder("gone")], Demand(), 0)
    meters.take([holder("stays")], Demand(), 0)
    meters.spend("gone", 1.0, NOON)
    meters.keep({"stays"})
    assert meters.reading("gone", 0, NOON) == Reading(requests=1, running=1)
    running.end()
    meters.keep({"stays"})
    assert meters.reading("gone", 0, NOON) == Reading()
    assert meters.reading("stays", 0, NOON).requests == 1


def test_what_is_used_here_is_told_once_and_learned_elsewhere() -> None:
    here, there, heard = Meters(), Meters(), list[str]()
    here.heed = lambda: heard.append("news")
    who = holder(requests_per_minute=2, tokens_per_minute=1000, daily_budget_usd=1.0)
    lease = here.take([who], Demand(tokens=100), 0.0)
    lease.end(250)
    here.take([who], Demand(tokens=50), 0.0).end(10)
    here.spend("k", 0.75, 0.0)
    assert len(heard) == 4
    (use,) = here.take_news()
    assert (use.key, use.requests, use.tokens, use.dollars) == ("k", 2, 300, 0.75)
    assert here.take_news() == []
    there.learn(use, 0.0, 0.0)
    reading = there.reading("k", 0.0, 0.0)
    assert (reading.requests, reading.tokens, reading.running, reading.spent) == (2, 300, 0, 0.75)
    over = there.over([who], Demand(), 0.0, 0.0)
    assert over is not None
    assert over.measure is Measure.REQUESTS
    assert there.take_news() == []
    there.learn(Use("k"), 0.0, 0.0)
    assert there.reading("k", 0.0, 0.0) == reading
