from __future__ import annotations

import logging

import pytest

from trioproxy.errors import (
    FACTS,
    ClientFault,
    DeadlineExpired,
    ErrorKind,
    Failure,
    Fault,
    ProxyFault,
    UpstreamFault,
    kind_for_status,
)


def test_every_kind_has_facts_and_a_known_log_level() -> None:
    assert set(FACTS) == set(ErrorKind)
    assert all(isinstance(logging.getLevelName(facts.level), int) for facts in FACTS.values())


def test_request_scoped_kinds_neither_rotate_nor_cool() -> None:
    for kind in (ErrorKind.INVALID_REQUEST, ErrorKind.CONFLICT, ErrorKind.TOO_LARGE, ErrorKind.UNPROCESSABLE):
        assert not FACTS[kind].next_candidate
        assert not FACTS[kind].cools
    assert not FACTS[ErrorKind.CLIENT_GONE].cools


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 501, 502, 503, 504, 507, 520, 529])
def test_what_one_credential_or_server_refuses_another_may_be_asked(status: int) -> None:
    assert FACTS[kind_for_status(status)].next_candidate


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.INVALID_REQUEST),
        (401, ErrorKind.UNAUTHENTICATED),
        (404, ErrorKind.MODEL_NOT_FOUND),
        (418, ErrorKind.INVALID_REQUEST),
        (429, ErrorKind.RATE_LIMITED),
        (507, ErrorKind.INTERNAL),
        (529, ErrorKind.OVERLOADED),
        (599, ErrorKind.INTERNAL),
    ],
)
def test_kind_for_status(status: int, kind: ErrorKind) -> None:
    assert kind_for_status(status) is kind


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ClientFault, Fault.CLIENT),
        (UpstreamFault, Fault.UPSTREAM),
        (DeadlineExpired, Fault.UPSTREAM),
        (ProxyFault, Fault.PROXY),
    ],
)
def test_an_error_carries_its_failure_with_the_direction_of_the_fault(
    error: type[ClientFault | UpstreamFault | ProxyFault], fault: Fault
) -> None:
    raised = error(ErrorKind.RATE_LIMITED, "slow down", status=430, code="c", retry_after=2.5, provider="p", model="m")

    assert raised.failure == Failure(
        kind=ErrorKind.RATE_LIMITED,
        message="slow down",
        fault=fault,
        status=430,
        code="c",
        retry_after=2.5,
        provider="p",
        model="m",
    )
    assert str(raised) == "slow down"
    assert raised.failure.http_status == 430
    assert Failure(kind=ErrorKind.TIMEOUT, message="").http_status == 504
