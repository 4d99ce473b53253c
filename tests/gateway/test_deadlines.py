"""The deadline tracker, fact by fact: no clock runs here."""

from __future__ import annotations

from math import inf

import attrs
import pytest

from trioproxy.config.model import Deadlines
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.deadlines import DeadlineTracker, Phase, failure_of
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    PartFinished,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)

LIMITS = Deadlines(connect=10, first_byte=20, response=50, idle=30, tool_call=5, total=1000, client_send=7)
FAILED = Failed(failure=Failure(kind=ErrorKind.INTERNAL, message="x"))


def tracker(*, streaming: bool = True, limits: Deadlines = LIMITS, began: float = 0.0) -> DeadlineTracker:
    return DeadlineTracker(limits, streaming, began)


def sent(*, streaming: bool = True, limits: Deadlines = LIMITS) -> DeadlineTracker:
    at_work = tracker(streaming=streaming, limits=limits)
    at_work.attempt_started(0)
    at_work.request_sent(1)
    return at_work


def started(index: int) -> Event:
    return ToolCallStarted(index=index, call_id=f"c{index}", name="f")


def args(index: int) -> Event:
    return ToolArgsDelta(index=index, text="{")


def test_before_anything_only_the_total_runs() -> None:
    idle = tracker(began=3)
    assert (idle.due(), idle.phase()) == (1003, Phase.TOTAL)


def test_connect_runs_from_the_attempt_until_the_request_is_out() -> None:
    at_work = tracker()
    at_work.attempt_started(4)
    assert (at_work.due(), at_work.phase()) == (14, Phase.CONNECT)
    at_work.request_sent(6)
    assert (at_work.due(), at_work.phase()) == (26, Phase.FIRST_BYTE)


def test_first_byte_ends_with_the_first_byte_and_idle_begins() -> None:
    at_work = sent()
    at_work.heard_at = 15
    assert (at_work.due(), at_work.phase()) == (45, Phase.IDLE)
    at_work.heard_at = 40
    assert at_work.due() == 70


def test_a_whole_answer_must_be_there_in_time_however_it_trickles() -> None:
    at_work = sent(streaming=False)
    assert (at_work.due(), at_work.phase()) == (51, Phase.RESPONSE)
    for now in (20, 40, 50):
        at_work.heard_at = now
    assert (at_work.due(), at_work.phase()) == (51, Phase.RESPONSE)


def test_a_tool_call_is_due_from_its_start() -> None:
    at_work = sent()
    at_work.heard_at = 2
    at_work.events_seen([started(0)], 2)
    assert (at_work.due(), at_work.phase()) == (7, Phase.TOOL_CALL)


def test_only_its_own_arguments_re_arm_a_tool_call() -> None:
    at_work = sent()
    at_work.events_seen([started(0), started(1)], 2)
    at_work.events_seen([args(1), TextDelta(index=2, text="x")], 4)
    assert at_work.due() == 7
    at_work.events_seen([args(0)], 6)
    assert at_work.due() == 9


def test_the_end_of_one_call_leaves_the_other_due() -> None:
    at_work = sent()
    at_work.heard_at = 2
    at_work.events_seen([started(0), args(0), started(1), args(1)], 2)
    at_work.events_seen([PartFinished(index=0)], 3)
    assert (at_work.due(), at_work.phase()) == (7, Phase.TOOL_CALL)
    at_work.events_seen([PartFinished(index=1)], 4)
    assert at_work.phase() is Phase.IDLE


@pytest.mark.parametrize("end", [Finished(reason=FinishReason.STOP), FAILED])
def test_the_end_of_the_answer_ends_every_call(end: Event) -> None:
    at_work = sent()
    at_work.heard_at = 2
    at_work.events_seen([started(0), end], 2)
    assert at_work.phase() is Phase.IDLE


def test_arguments_of_an_unknown_or_finished_call_arm_nothing() -> None:
    at_work = sent()
    at_work.heard_at = 2
    at_work.events_seen([args(3), started(0), PartFinished(index=0), args(0)], 2)
    assert at_work.phase() is Phase.IDLE


def test_while_the_client_is_waited_for_only_it_and_the_total_run() -> None:
    at_work = sent()
    at_work.heard_at = 2
    at_work.events_seen([started(0)], 2)
    at_work.send_started(3)
    assert (at_work.due(), at_work.phase()) == (10, Phase.CLIENT_SEND)


def test_the_total_cuts_a_send_short() -> None:
    at_work = tracker(limits=attrs.evolve(LIMITS, total=5))
    at_work.send_started(3)
    assert (at_work.due(), at_work.phase()) == (5, Phase.TOTAL)


def test_time_spent_on_a_slow_client_is_not_held_against_the_provider() -> None:
    at_work = sent()
    at_work.heard_at = 2
    at_work.events_seen([started(0)], 2)
    at_work.send_started(3)
    at_work.send_finished(9)
    assert (at_work.due(), at_work.phase()) == (13, Phase.TOOL_CALL)
    at_work.events_seen([PartFinished(index=0)], 9)
    assert (at_work.due(), at_work.phase()) == (38, Phase.IDLE)
    at_work.heard_at = 20
    assert at_work.due() == 50


def test_total_is_never_moved() -> None:
    at_work = sent(limits=attrs.evolve(LIMITS, total=25))
    at_work.heard_at = 20
    at_work.send_started(20)
    at_work.send_finished(22)
    assert (at_work.due(), at_work.phase()) == (25, Phase.TOTAL)


def test_what_is_off_is_never_due() -> None:
    off = Deadlines(connect=inf, first_byte=inf, response=inf, idle=inf, tool_call=inf, total=inf, client_send=inf)
    for streaming in (True, False):
        at_work = sent(streaming=streaming, limits=off)
        at_work.heard_at = 1
        at_work.events_seen([started(0), args(0)], 1)
        assert at_work.due() == inf
        at_work.send_started(2)
        assert at_work.due() == inf


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_is_a_failure_that_names_its_limit_and_its_setting(phase: Phase) -> None:
    failure = failure_of(phase, LIMITS, provider="acme")
    assert failure.kind is ErrorKind.TIMEOUT
    assert f"timeouts.{phase.value}" in failure.message
    assert f"{getattr(LIMITS, phase.value.replace('-', '_')):g} s" in failure.message
    assert failure.fault is (Fault.CLIENT if phase is Phase.CLIENT_SEND else Fault.UPSTREAM)
