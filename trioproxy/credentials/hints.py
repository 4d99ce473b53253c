"""When a provider says to come back, in whatever words it says it. Pure; ``wall`` is Unix time.

=============================================  ================================================================================
who says it                                    how
=============================================  ================================================================================
HTTP (RFC 9110 section 10.2.3)                 ``Retry-After``, seconds or a date
OpenAI and those who imitate it, Groq          ``retry-after-ms``; ``x-ratelimit-reset-*`` durations of a limit with nothing left
Google                                         ``RetryInfo.retryDelay`` in the error's details
Anthropic, API keys                            ``anthropic-ratelimit-*-reset``, an RFC 3339 instant, of a limit with nothing left
Anthropic, subscriptions                       ``anthropic-ratelimit-unified-*-reset``, Unix time, of the windows that are ``rejected``
Codex                                          ``resets_in_seconds``, ``resets_at`` (Unix time) of a ``usage_limit_reached``
=============================================  ================================================================================

What a protocol reads itself stands in ``Failure.retry_after`` already; here it is completed with what needs a clock, and with what is said in
headers whatever the protocol. Some of it is about the account and not about one model: a plan's own window, a plan's usage limit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import attrs

from trioproxy.errors import ErrorKind, Failure
from trioproxy.protocols.retry_after import read_reset, read_retry_after
from trioproxy.wire.headers import Headers
from trioproxy.wire.jsoncodec import JSONError, loads_object

__all__ = ["hinted"]

LONGEST = 366 * 86400.0
"""Seconds. What is said to take longer is not meant as a time."""
_USAGE_LIMIT = "usage_limit_reached"
_UNIFIED = "anthropic-ratelimit-unified-"
_WINDOW = re.compile(rf"{_UNIFIED}(\w+)-status")
# The windows of a plan that every model draws on; the others (7d_oi, ...) are of some models only.
_OF_THE_PLAN = frozenset({"5h", "7d"})
_ANTHROPIC_LIMIT = re.compile(r"(anthropic-ratelimit-[a-z-]+)-remaining")


def hinted(failure: Failure, headers: Headers, body: bytes, wall: float) -> Failure:
    """``failure`` with what the answer's ``headers`` and ``body`` say of when to come back. Only a quota is asked about: other failures keep
    what their protocol read, or the date of ``Retry-After``."""
    names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    seconds, wide = failure.retry_after, False
    if failure.kind is ErrorKind.RATE_LIMITED:
        codex = _of_codex(failure, body, wall)
        windows = dict(_rejected(names, wall))
        if codex is not None:
            seconds, wide = codex, True
        elif windows:
            seconds, wide = max(windows.values()), bool(_OF_THE_PLAN & windows.keys())
        elif failure.code == _USAGE_LIMIT or failure.type == _USAGE_LIMIT:
            wide = True
        if seconds is None:
            seconds = read_retry_after(names)
        if seconds is None:
            seconds = read_reset(names)
    if seconds is None:
        seconds = _date(names.get("retry-after", ""), wall)
    if seconds is None and failure.kind is ErrorKind.RATE_LIMITED:
        seconds = max(_spent(names, wall), default=None)
    if seconds is not None:
        seconds = min(seconds, LONGEST)
    if (seconds, wide) == (failure.retry_after, failure.account_wide):
        return failure
    return attrs.evolve(failure, retry_after=seconds, account_wide=wide)


def _of_codex(failure: Failure, body: bytes, wall: float) -> float | None:
    """The reset of a plan's usage limit. Relative seconds count before an instant: no two clocks are compared then."""
    if _USAGE_LIMIT not in (failure.type, failure.code):
        return None
    try:
        document = loads_object(body)
    except JSONError:
        return None
    inner = document.get("error")
    said = inner if isinstance(inner, Mapping) else document
    relative = _number(said.get("resets_in_seconds"))
    if relative is not None:
        return relative
    at = _number(said.get("resets_at"))
    return max(at - wall, 0.0) if at is not None else None


def _rejected(headers: Mapping[str, str], wall: float) -> Iterator[tuple[str, float]]:
    """The windows of a subscription that are used up, and in how many seconds each is back. A window that is not rejected says nothing: its
    reset may be days away while there is plenty left."""
    for name, value in headers.items():
        window = _WINDOW.fullmatch(name)
        if window is None or value.strip().lower() != "rejected":
            continue
        at = _number(headers.get(f"{_UNIFIED}{window[1]}-reset"))
        if at is not None:
            yield window[1], max(at - wall, 0.0)


def _spent(headers: Mapping[str, str], wall: float) -> Iterator[float]:
    """In how many seconds each limit of an API key is whole again of which nothing is left."""
    for name, value in headers.items():
        limit = _ANTHROPIC_LIMIT.fullmatch(name)
        if limit is None or value.strip() != "0":
            continue
        try:
            at = datetime.fromisoformat(headers.get(f"{limit[1]}-reset", "").strip()).timestamp()
        except (ValueError, OverflowError, OSError):
            continue
        yield max(at - wall, 0.0)


def _date(text: str, wall: float) -> float | None:
    try:
        return max(parsedate_to_datetime(text).timestamp() - wall, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
