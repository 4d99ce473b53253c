"""When an upstream says to come back, from the headers of its answer, in seconds.

Knows ``Retry-After`` in seconds (RFC 9110 section 10.2.3), OpenAI's ``retry-after-ms``, and the resets of the ``x-ratelimit-*`` family. The date
form of ``Retry-After`` needs a clock and is left to those who have one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

__all__ = ["read_duration", "read_reset", "read_retry_after"]

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_LIMITS = ("requests", "tokens")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by ``Retry-After``, None where it says none. Names are lower-case."""
    exact = read_duration(headers.get("retry-after-ms", "") + "ms")
    return exact if exact is not None else read_duration(headers.get("retry-after", ""))


def read_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until every limit is back of which nothing is left, None where there is none: of others a reset says nothing, as it tells when the
    whole allowance is back. Names are lower-case."""
    resets = [
        reset
        for limit in _LIMITS
        if headers.get(f"x-ratelimit-remaining-{limit}", "").strip() == "0"
        and (reset := read_duration(headers.get(f"x-ratelimit-reset-{limit}", ""))) is not None
    ]
    return max(resets, default=None)


def read_duration(text: str) -> float | None:
    """Seconds of ``2m59.56s``, ``6ms``, ``1h2m``, or of a bare number; None for anything else."""
    text = text.strip()
    try:
        seconds = float(text)
    except ValueError:
        found = _DURATION.fullmatch(text)
        if found is None or not any(found.groups()):
            return None
        return sum(float(amount) * unit for amount, unit in zip(found.groups(), _UNITS, strict=True) if amount)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
