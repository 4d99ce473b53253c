"""What exchanges are counted as."""

from __future__ import annotations

import pytest

from tests.ledger.accounts import REFUSED, settled
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.ledger import metrics as module
from trioproxy.ledger.entry import Outcome, Try
from trioproxy.ledger.metrics import BOUNDS, Metrics, Timing

A_FAILED = Try(credential="a#1", provider="a", model="m", kind=ErrorKind.RATE_LIMITED, status=429)
B_FAILED = Try(credential="b#1", provider="b", model="m", kind=ErrorKind.TIMEOUT)
B_SERVED = Try(credential="b#1", provider="b", model="m")
BROKEN = Failure(kind=ErrorKind.TRUNCATED, message="m", fault=Fault.UPSTREAM)


def counts(metrics: Metrics, provider: str) -> tuple[int, int, int, int]:
    tally = metrics.tally(provider)
    return tally.requests, tally.successes, tally.failures, tally.cancelled


def test_a_success_is_counted_with_its_tokens_and_times() -> None:
    metrics = Metrics()
    metrics.note(settled())
    tally = metrics.tally("mine")
    assert counts(metrics, "mine") == (1, 1, 0, 0)
    assert (tally.input_tokens, tally.output_tokens, tally.cached_tokens) == (30, 20, 10)
    assert (tally.first_byte.quantile(0.5), tally.total.quantile(0.95)) == (0.25, 2.5)
    assert metrics.outcomes == {"complete": 1}


def test_every_provider_that_was_asked_counts_its_own_try() -> None:
    metrics = Metrics()
    metrics.note(settled(provider="b", tries=(A_FAILED, B_SERVED)))
    assert counts(metrics, "a") == (1, 0, 1, 0)
    assert counts(metrics, "b") == (1, 1, 0, 0)
    assert metrics.tally("a").errors == {"rate_limited": 1}
    assert metrics.tally("a").input_tokens == 0


def test_an_answer_that_broke_off_is_a_failure_of_whom_gave_it() -> None:
    metrics = Metrics()
    metrics.note(settled(provider="b", tries=(A_FAILED, B_SERVED), outcome=Outcome.FAILED, failure=BROKEN))
    assert counts(metrics, "b") == (1, 0, 1, 0)
    assert metrics.tally("b").errors == {"truncated": 1}


def test_all_that_failed_are_counted_once_each() -> None:
    metrics = Metrics()
    metrics.note(settled(provider="b", tries=(A_FAILED, B_FAILED), outcome=Outcome.FAILED, failure=BROKEN))
    assert [counts(metrics, name) for name in "ab"] == [(1, 0, 1, 0), (1, 0, 1, 0)]


@pytest.mark.parametrize("outcome", [Outcome.CLIENT_GONE, Outcome.CLIENT_SLOW, Outcome.SHUT_DOWN])
@pytest.mark.parametrize("tries", [(), (A_FAILED,), (A_FAILED, B_SERVED)])
def test_a_client_that_left_blames_nobody(outcome: Outcome, tries: tuple[Try, ...]) -> None:
    metrics = Metrics()
    metrics.note(settled(provider="b", tries=tries, outcome=outcome, first_byte=None, usage=None))
    assert counts(metrics, "b") == (1, 0, 0, 1)
    assert metrics.tally("b").first_byte.count == 0


def test_what_reached_no_provider_is_a_refusal() -> None:
    metrics = Metrics()
    metrics.note(REFUSED)
    metrics.note(settled(provider=None, outcome=Outcome.CLIENT_GONE))
    assert metrics.refusals == {"model_not_found": 1}
    assert metrics.outcomes == {"refused": 1, "client_gone": 1}
    assert metrics.providers == {}


def test_what_the_proxy_answers_itself_is_not_counted() -> None:
    metrics = Metrics()
    metrics.note(settled(operation=None, provider=None))
    assert metrics.outcomes == {}
    unauthenticated = Failure(kind=ErrorKind.UNAUTHENTICATED, message="m")
    metrics.note(settled(operation=None, provider=None, outcome=Outcome.REFUSED, failure=unauthenticated))
    assert metrics.refusals == {"unauthenticated": 1}


def test_an_estimate_after_a_failure_is_no_success_of_the_provider() -> None:
    metrics = Metrics()
    metrics.note(settled(provider="a", tries=(A_FAILED,)))
    assert counts(metrics, "a") == (1, 0, 1, 0)


def test_quantiles_are_of_the_latest() -> None:
    timing = Timing()
    assert timing.quantile(0.5) is None
    for number in range(1, 101):
        timing.add(number)
    assert (timing.quantile(0.5), timing.quantile(0.95), timing.quantile(0), timing.quantile(1)) == (50, 95, 1, 100)
    for _ in range(600):
        timing.add(0.001)
    assert timing.quantile(1) == 0.001
    assert timing.count == 700
    assert timing.sum == pytest.approx(5050.6)


def test_every_duration_is_in_one_bucket() -> None:
    timing = Timing()
    for bound in BOUNDS:
        timing.add(bound)
    timing.add(10_000)
    assert timing.buckets == [1] * (len(BOUNDS) + 1)


def test_names_of_providers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_PROVIDERS", 3)
    metrics = Metrics()
    for number in range(9):
        metrics.note(settled(provider=f"p{number}", tries=(Try(credential="c", provider=f"p{number}", model="m"),)))
    assert list(metrics.providers) == ["p6", "p7", "p8"]
