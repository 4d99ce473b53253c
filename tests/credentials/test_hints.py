"""When a provider says to come back, in each of the ways that providers say it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trioproxy.credentials.hints import hinted
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.protocols.table import protocol

WALL = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def read(
    name: str,
    headers: dict[str, str],
    error: dict[str, Any] | None = None,
    *,
    status: int = 429,
    body: bytes | None = None,
) -> Failure:
    """What a protocol reads of an error, completed."""
    if body is None:
        body = json.dumps({"error": {"message": "slow down", **(error or {})}}).encode()
    pairs = tuple((key.encode(), value.encode()) for key, value in headers.items())
    return hinted(protocol(name).read_error(status, headers, body), pairs, body, WALL)


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic", "gemini"])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60),
        ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2m59.56s"}, 179.56),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "2m59.56s"}, None),
        ({}, None),
    ],
)
def test_headers_are_read_in_every_protocol(name: str, headers: dict[str, str], seconds: float | None) -> None:
    failure = read(name, headers)
    assert failure.retry_after == (None if seconds is None else pytest.approx(seconds))
    assert not failure.account_wide


def test_google_says_it_in_the_body() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}]
    assert read("gemini", {}, {"code": 429, "details": details}).retry_after == 34.07


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"resets_at": WALL + 90}, 90),
        ({"resets_at": WALL - 90}, 0),
        ({"resets_in_seconds": 60, "resets_at": WALL + 90}, 60),
        ({"resets_in_seconds": True}, None),
        ({"resets_at": "never"}, None),
        ({"resets_at": 10**400}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("name", ["openai_chat", "openai_responses"])
def test_a_plan_that_is_used_up_rests_the_account(name: str, error: dict[str, Any], seconds: float | None) -> None:
    failure = read(name, {}, {"type": "usage_limit_reached", **error})
    assert (failure.retry_after, failure.account_wide) == (seconds, True)


def test_resets_count_for_a_usage_limit_only() -> None:
    failure = read("openai_chat", {}, {"type": "rate_limit_exceeded", "resets_at": WALL + 90})
    assert (failure.retry_after, failure.account_wide) == (None, False)


def test_a_usage_limit_may_be_flat() -> None:
    flat = json.dumps({"type": "usage_limit_reached", "message": "m", "resets_at": WALL + 5}).encode()
    assert read("openai_chat", {}, body=flat).retry_after == 5
    quoted = Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, code="usage_limit_reached")
    assert hinted(quoted, (), b"no JSON", WALL).account_wide


UNIFIED = "anthropic-ratelimit-unified-"


@pytest.mark.parametrize(
    ("windows", "seconds", "wide"),
    [
        ({"5h": ("rejected", 600), "7d": ("allowed", 500_000)}, 600, True),
        ({"5h": ("rejected", 600), "7d": ("rejected", 500_000)}, 500_000, True),
        ({"5h": ("allowed", 600), "7d_oi": ("rejected", 900)}, 900, False),
        ({"5h": ("allowed", 600), "7d": ("allowed_warning", 500_000)}, 7, False),
    ],
)
def test_only_rejected_windows_of_a_subscription_count(
    windows: dict[str, tuple[str, float]], seconds: float, wide: bool
) -> None:
    headers = {"retry-after": "7", f"{UNIFIED}status": "rejected"}
    for name, (status, after) in windows.items():
        headers |= {f"{UNIFIED}{name}-status": status, f"{UNIFIED}{name}-reset": str(int(WALL + after))}
    failure = read("anthropic", headers)
    assert (failure.retry_after, failure.account_wide) == (seconds, wide)


def test_a_rejected_window_without_a_reset_says_nothing() -> None:
    assert read("anthropic", {f"{UNIFIED}5h-status": "rejected"}).retry_after is None


@pytest.mark.parametrize(
    ("remaining", "reset", "seconds"),
    [
        ("0", "2023-11-14T22:13:50Z", 30),
        ("3", "2023-11-14T22:13:50Z", None),
        ("0", "soon", None),
        ("0", "", None),
    ],
)
def test_a_spent_limit_of_anthropic_is_told_as_an_instant(remaining: str, reset: str, seconds: float | None) -> None:
    headers = {
        "anthropic-ratelimit-input-tokens-remaining": remaining,
        "anthropic-ratelimit-input-tokens-reset": reset,
    }
    assert read("anthropic", headers).retry_after == seconds


def test_other_failures_are_not_asked_about_quotas() -> None:
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "60s"}
    assert read("openai_responses", headers, status=500).retry_after is None
    assert read("openai_responses", {"retry-after": "Tue, 14 Nov 2023 22:13:30 GMT"}, status=503).retry_after == 10
