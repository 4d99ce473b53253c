from __future__ import annotations

import pytest

from trioproxy.protocols.retry_after import read_duration, read_reset, read_retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("2m59.56s", 179.56),
        ("6ms", 0.006),
        ("1h2m", 3720.0),
        ("1d", 86400.0),
        ("20s", 20.0),
        ("6m0s", 360.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert read_duration(text) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"x-ratelimit-reset-requests": "1m", "x-ratelimit-remaining-requests": "0"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, None),
        ({"x-ratelimit-reset-requests": "1m", "x-ratelimit-remaining-requests": "3"}, None),
        ({"x-ratelimit-reset-requests": "1m", "x-ratelimit-remaining-requests": "0"}, 60.0),
        (
            {
                "x-ratelimit-reset-requests": "1m",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "2m",
                "x-ratelimit-remaining-tokens": "0",
            },
            120.0,
        ),
        ({"x-ratelimit-remaining-tokens": "0"}, None),
    ],
)
def test_resets_of_limits(headers: dict[str, str], seconds: float | None) -> None:
    assert read_reset(headers) == seconds
