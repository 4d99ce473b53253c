"""A day of requests to providers that fail in every way: what share of them is served, of those that anybody could have served.

The margins are what the strategies lose by not knowing the future: the request that finds a key out pays one more attempt and is served by
another; one that finds the only fit key still resting is not.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from tests.resilience.simulator import (
    DAY,
    HOUR,
    MINUTE,
    BadKey,
    Cuts,
    Day,
    Flapping,
    Nature,
    Outages,
    Quota,
    Slow,
    Steady,
)
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.ledger.entry import Outcome

STRATEGIES = ["round-robin", "weighted", "fill-first", "capability"]


def everything() -> dict[str, Nature]:
    """One key of each nature, none of them fit all day."""
    return {
        "OUT": Outages([(2 * HOUR, 3 * HOUR), (9 * HOUR, 9.2 * HOUR), (20 * HOUR, 22 * HOUR)]),
        "GONE": Outages([(5 * HOUR, 5.5 * HOUR)], status=None),
        "SLOW": Slow([(7 * HOUR, 7.2 * HOUR), (21 * HOUR, 21.1 * HOUR)]),
        "FLAP": Flapping(7 * MINUTE),
        "QUOTA": Quota(30, HOUR),
        "SILENT": Quota(30, HOUR, "nothing"),
        "LIAR": Quota(30, HOUR, 495_669),
        "BAD": BadKey(),
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_nearly_all_that_could_be_served_is(strategy: str, autojump_clock: MockClock) -> None:
    day = Day(everything(), strategy=strategy)
    await day.run(every=2 * MINUTE)
    assert day.arrivals > 600
    assert day.possible == day.arrivals
    assert day.share >= 0.995, day.statuses
    assert day.attempts < 1.3
    assert day.bench.gateway.failover.turnstile.waiting == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_with_two_fit_keys_at_most_the_margin_is_small(strategy: str, autojump_clock: MockClock) -> None:
    # The two are out by turns, and both between 10 and 11: then nobody could serve.
    natures: dict[str, Nature] = {
        "ONE": Outages([(2 * HOUR, 4 * HOUR), (10 * HOUR, 11 * HOUR)]),
        "TWO": Outages([(4 * HOUR, 6 * HOUR), (10 * HOUR, 11 * HOUR)], status=None),
    }
    day = Day(natures, strategy=strategy)
    await day.run(every=2 * MINUTE)
    assert 0.9 < day.possible / day.arrivals < 0.99
    assert day.share >= 0.995, day.statuses


async def test_a_lone_key_is_asked_as_soon_as_it_may_be(autojump_clock: MockClock) -> None:
    day = Day({"ONE": Quota(20, HOUR)})
    await day.run(every=2 * MINUTE)
    # Twenty an hour of about thirty: what it gives is used, whatever is refused in between.
    assert day.served >= 0.97 * 20 * 24
    assert day.attempts < 0.8  # while it rests nobody asks it


async def test_a_hint_of_days_costs_minutes(autojump_clock: MockClock) -> None:
    day = Day({"ONE": Quota(20, HOUR, 495_669)})
    await day.run(every=2 * MINUTE)
    assert day.served >= 0.9 * 20 * 24


async def test_one_bad_key_of_five_costs_one_attempt_in_half_an_hour(autojump_clock: MockClock) -> None:
    natures: dict[str, Nature] = {f"K{number}": Steady() for number in range(4)}
    day = Day({"BAD": BadKey(), **natures})
    await day.run(every=MINUTE, length=DAY / 2)
    assert day.served == day.arrivals
    bad = [at for at, key in day.keys.asked if key == "BAD"]
    assert 1 < len(bad) <= 25
    assert min(later - earlier for earlier, later in pairwise(bad)) >= 30 * MINUTE


async def test_nothing_is_asked_again_after_its_first_byte(autojump_clock: MockClock) -> None:
    day = Day({"ONE": Cuts(3), "TWO": Cuts(4), "THREE": Flapping(11 * MINUTE)}, request_retry=3)
    await day.run(every=3 * MINUTE)
    broken = [each for each in day.bench.settled if each.outcome is Outcome.FAILED and each.first_byte is not None]
    assert len(broken) > 50
    for settled in day.bench.settled:
        answered = [each.kind is None for each in settled.tries]
        assert answered.count(True) <= 1
        assert answered[-1] or settled.first_byte is None or settled.status != 200
        if settled in broken:
            assert answered[-1], "the one whose bytes went out was the last that was asked"
    assert sum(len(each.tries) for each in day.bench.settled) == len(day.keys.asked)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_no_herd_on_recovery(strategy: str, autojump_clock: MockClock) -> None:
    natures: dict[str, Nature] = {f"K{number}": Quota(1000, HOUR) for number in range(5)}
    day = Day(natures, strategy=strategy)
    health = day.bench.health
    for credential in day.bench.snapshot.credentials:
        health.failed(credential.id, "chat-m", _quota(600), 0)
    await trio.sleep(600)
    async with trio.open_nursery() as nursery:
        for _ in range(300):
            nursery.start_soon(lambda: day.run(every=1, length=0.001))
    verdict = 600 + 0.4
    tries = [key for at, key in day.keys.asked if at < verdict]
    assert len(tries) <= 5, "one request a key tries, the others wait for its verdict"
    assert len(set(tries)) == len(tries)
    assert day.served == day.arrivals >= 300


async def test_a_dead_upper_tier_is_tried_now_and_then_and_the_lower_one_serves(autojump_clock: MockClock) -> None:
    natures: dict[str, Nature] = {"MAIN": Outages([(HOUR, 6 * HOUR)]), "SPARE": Steady()}
    day = Day(natures, priorities={"MAIN": 5})
    await day.run(every=MINUTE, length=8 * HOUR)
    assert day.served == day.arrivals
    spare = [at for at, key in day.keys.asked if key == "SPARE"]
    assert min(spare) >= HOUR
    assert max(spare) <= 6 * HOUR + 3 * MINUTE, "the upper tier has everything again as soon as it is back"


def _quota(seconds: float) -> Failure:
    return Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, retry_after=seconds)
