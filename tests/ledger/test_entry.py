"""An account is settled once, whatever happens to its exchange."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import attrs
import pytest

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.ledger.entry import Entry, Ledger, Outcome, Settled, Try
from trioproxy.neutral.usage import Usage


@attrs.define(eq=False)
class Bench:
    """A ledger with a clock the test moves and a list for a sink."""

    now: float = 50.0
    settled: list[Settled] = attrs.field(factory=list)
    ledger: Ledger = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = Ledger(
            clock=lambda: self.now, wall=lambda: 1_700_000_000.0, token=lambda: "id1", sinks=(self.settled.append,)
        )

    def entry(self) -> Entry:
        return self.ledger.entry(method="POST", path="/v1/messages", peer="127.0.0.1:9")

    @property
    def one(self) -> Settled:
        assert len(self.settled) == 1
        return self.settled[0]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    assert bench.ledger.open == 0


def failure(kind: ErrorKind, fault: Fault = Fault.UPSTREAM) -> Failure:
    return Failure(kind=kind, message="m", fault=fault)


def test_a_whole_exchange_is_told_with_its_times(bench: Bench) -> None:
    with bench.entry() as entry:
        assert bench.ledger.open == 1
        entry.asking(lane="pass", provider="acme", credential="acme-1", protocol="anthropic", model="up", losses=2)
        entry.tried(Try(credential="acme-1", provider="acme", model="up"))
        entry.answered(200)
        bench.now += 0.5
        entry.sent(10)
        bench.now += 1
        entry.sent(5)
        entry.used(Usage(input=3))
        entry.used(Usage(output=4))
        entry.complete()
    told = bench.one
    assert (told.id, told.began, told.method, told.path, told.peer) == (
        "id1",
        1_700_000_000.0,
        "POST",
        "/v1/messages",
        "127.0.0.1:9",
    )
    assert (told.outcome, told.status, told.failure) == (Outcome.COMPLETE, 200, None)
    assert (told.first_byte, told.total, told.bytes_out) == (0.5, 1.5, 15)
    assert told.usage == Usage(input=3, output=4)
    assert (told.lane, told.provider, told.credential, told.upstream_protocol, told.upstream_model, told.losses) == (
        "pass",
        "acme",
        "acme-1",
        "anthropic",
        "up",
        2,
    )
    assert told.tries == (Try(credential="acme-1", provider="acme", model="up"),)


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (failure(ErrorKind.TIMEOUT), Outcome.FAILED),
        (failure(ErrorKind.INVALID_REQUEST, Fault.CLIENT), Outcome.REFUSED),
        (failure(ErrorKind.MISCONFIGURED, Fault.PROXY), Outcome.REFUSED),
        (failure(ErrorKind.CLIENT_GONE, Fault.CLIENT), Outcome.CLIENT_GONE),
        (failure(ErrorKind.SHUTTING_DOWN, Fault.PROXY), Outcome.SHUT_DOWN),
    ],
)
def test_a_failure_says_how_the_exchange_came_out(bench: Bench, told: Failure, outcome: Outcome) -> None:
    with bench.entry() as entry:
        entry.failed(told)
    assert bench.one.outcome is outcome


def test_the_first_outcome_stands(bench: Bench) -> None:
    with bench.entry() as entry:
        entry.client_gone()
        entry.failed(failure(ErrorKind.TRUNCATED))
        entry.complete()
    assert (bench.one.outcome, bench.one.failure) == (Outcome.CLIENT_GONE, None)


def test_a_client_that_left_is_a_499_whatever_was_sent(bench: Bench) -> None:
    with bench.entry() as entry:
        entry.answered(200)
        entry.client_gone()
    assert bench.one.status == 499


def test_a_slow_client_is_told_apart(bench: Bench) -> None:
    slow = failure(ErrorKind.TIMEOUT, Fault.CLIENT)
    with bench.entry() as entry:
        entry.answered(200)
        entry.client_slow(slow)
    assert (bench.one.outcome, bench.one.status, bench.one.failure) == (Outcome.CLIENT_SLOW, 200, slow)


def test_an_exception_is_a_bug_of_ours_and_goes_on(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError), bench.entry():
        raise ZeroDivisionError
    assert bench.one.outcome is Outcome.REFUSED
    assert bench.one.failure is not None
    assert bench.one.failure.kind is ErrorKind.INTERNAL


def test_leaving_by_cancellation_is_a_shutdown(bench: Bench) -> None:
    with pytest.raises(KeyboardInterrupt), bench.entry():
        raise KeyboardInterrupt
    assert bench.one.outcome is Outcome.SHUT_DOWN


def test_a_path_that_forgot_its_outcome_does_not_pass_for_success(bench: Bench) -> None:
    with bench.entry():
        pass
    assert bench.one.outcome is Outcome.FAILED


def test_how_long_an_exchange_may_last_is_counted_from_its_start(bench: Bench) -> None:
    with bench.entry() as entry:
        assert entry.opened_at == 50
        bench.now += 5
        assert entry.outlasted(5)
        assert not entry.outlasted(5.1)
        entry.complete()


def test_a_sink_that_fails_is_logged_and_keeps_nobody_from_the_rest(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(settled: Settled) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(logging.getLogger("trioproxy"), "propagate", True)
    bench.ledger.sinks = (broken, bench.settled.append)
    with bench.entry() as entry:
        entry.complete()
    assert bench.one.outcome is Outcome.COMPLETE
    assert "disk full" in caplog.text
