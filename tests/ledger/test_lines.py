"""One log line an exchange, with the facts and without what a provider or client said."""

from __future__ import annotations

import json
import logging

import attrs
import pytest

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.ledger.entry import Outcome, Settled, Try
from trioproxy.ledger.lines import facts, write_line
from trioproxy.logs import HumanFormatter, JSONFormatter
from trioproxy.neutral.usage import Usage

PLAIN = Settled(
    id="i", began=0, method="POST", path="/v1/messages", peer="", outcome=Outcome.COMPLETE, status=200, total=1.23456
)


@pytest.fixture(autouse=True)
def _heard(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(logging.getLogger("trioproxy"), "propagate", True)
    caplog.set_level(logging.INFO, logger="trioproxy")


def failed(kind: ErrorKind, *, status: int | None = None, message: str = "said") -> Settled:
    failure = Failure(kind=kind, message=message, fault=Fault.UPSTREAM, status=status, code="c")
    return attrs.evolve(PLAIN, outcome=Outcome.FAILED, failure=failure)


def test_what_is_unknown_is_none_and_left_out_of_a_line() -> None:
    known = {name: value for name, value in facts(PLAIN).items() if value is not None}
    assert known == {"id": "i", "status": 200, "outcome": "complete", "total_ms": 1234.6}
    record = logging.makeLogRecord({"msg": "said", "facts": facts(PLAIN)})
    assert HumanFormatter().format(record).endswith("said id=i status=200 outcome=complete total_ms=1234.6")
    written = json.loads(JSONFormatter().format(record))
    assert {**written, **known} == written
    assert "client" not in written


def test_everything_known_is_told_in_order() -> None:
    told = facts(
        attrs.evolve(
            PLAIN,
            client="alice",
            protocol="anthropic",
            model="m",
            stream=True,
            provider="acme",
            credential="acme-1",
            upstream_protocol="gemini",
            upstream_model="up",
            usage=Usage(input=1, output=2, cache_read=3),
            losses=4,
            bytes_in=5,
            bytes_out=6,
            first_byte=0.1,
            peer="127.0.0.1:5",
        )
    )
    assert list(told.items()) == [
        ("id", "i"),
        ("status", 200),
        ("outcome", "complete"),
        ("client", "alice"),
        ("protocol", "anthropic"),
        ("model", "m"),
        ("stream", True),
        ("provider", "acme"),
        ("credential", "acme-1"),
        ("upstream_protocol", "gemini"),
        ("upstream_model", "up"),
        ("input_tokens", 1),
        ("output_tokens", 2),
        ("cached_tokens", 3),
        ("losses", 4),
        ("bytes_in", 5),
        ("bytes_out", 6),
        ("first_byte_ms", 100.0),
        ("total_ms", 1234.6),
        ("peer", "127.0.0.1:5"),
    ]


def test_the_same_protocol_and_model_upstream_are_not_told_twice() -> None:
    told = facts(attrs.evolve(PLAIN, protocol="gemini", upstream_protocol="gemini", model="m", upstream_model="m"))
    assert "upstream_protocol" not in told
    assert "upstream_model" not in told


def test_a_providers_words_stay_out_and_our_own_are_told() -> None:
    told = facts(failed(ErrorKind.RATE_LIMITED, status=429, message="your prompt was: secret"))
    assert told["error"] == "rate_limited"
    assert told["code"] == "c"
    assert "secret" not in str(told)
    assert facts(failed(ErrorKind.TIMEOUT, message="sent nothing for 5 s"))["detail"] == "sent nothing for 5 s"


@pytest.mark.parametrize(
    "failure",
    [
        Failure(kind=ErrorKind.INTERNAL, message="your prompt was: secret", fault=Fault.UPSTREAM),
        Failure(kind=ErrorKind.TIMEOUT, message="secret took too long", fault=Fault.UPSTREAM, type="timeout_error"),
    ],
)
def test_what_a_provider_said_in_a_stream_stays_out_too(failure: Failure) -> None:
    assert facts(attrs.evolve(PLAIN, outcome=Outcome.FAILED, failure=failure))["detail"] is None


@pytest.mark.parametrize(
    ("param", "told"),
    [("last turn", "no recording fits; the nearest differs at last turn"), (None, "no recording fits")],
)
def test_a_recording_that_is_missing_is_told_without_what_was_asked(param: str | None, told: str) -> None:
    failure = Failure(
        kind=ErrorKind.NOT_FOUND,
        message='It differs at last turn: recorded "hi", asked "secret".',
        fault=Fault.UPSTREAM,
        code="no_recording",
        param=param,
    )
    assert facts(attrs.evolve(PLAIN, outcome=Outcome.FAILED, failure=failure))["detail"] == told


def test_the_candidates_that_failed_before_are_told() -> None:
    tries = (
        Try(credential="a", provider="p", model="m", kind=ErrorKind.RATE_LIMITED, status=429),
        Try(credential="b", provider="p", model="m"),
    )
    assert facts(attrs.evolve(PLAIN, tries=tries))["tries"] == "a:rate_limited"
    assert "tries" not in facts(attrs.evolve(PLAIN, tries=tries[:1]))


@pytest.mark.parametrize(
    ("settled", "level"),
    [
        (PLAIN, "INFO"),
        (failed(ErrorKind.INVALID_REQUEST), "INFO"),
        (failed(ErrorKind.RATE_LIMITED), "WARNING"),
        (failed(ErrorKind.MISCONFIGURED), "ERROR"),
        (attrs.evolve(failed(ErrorKind.TIMEOUT), outcome=Outcome.CLIENT_GONE), "INFO"),
    ],
)
def test_a_line_is_as_loud_as_what_happened(settled: Settled, level: str, caplog: pytest.LogCaptureFixture) -> None:
    write_line(settled)
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == (level, "POST /v1/messages")


def test_a_line_nobody_reads_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="trioproxy")
    write_line(PLAIN)
    assert caplog.records == []
