"""Which credential rests, until when, and why: a state machine over settled attempts. Pure; ``now`` is any one clock in seconds.

Knows what each kind of failure costs (:data:`RESTS`). A rest is *firm* where asking again is pointless or unwelcome (a quota, a refused key): a
request that finds only firmly resting credentials is refused at once. It is *soft* where the provider merely stumbled: a credential that
rests softly is asked last, but it is asked, because refusing a request over the fault of an earlier one helps nobody.

A cancelled exchange is neutral: it is never told here.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import assert_never

import attrs

from trioproxy.errors import FACTS, ErrorKind, Failure

__all__ = ["RESTS", "Health", "Rest", "RestRule", "Span"]

MINUTE = 60.0
BACKOFF_FIRST = 1.0
BACKOFF_CAP = 30 * MINUTE
MOST_ENTRIES = 4096


class Span(enum.Enum):
    """How long a rest is where the provider gives no hint."""

    FIXED = "fixed"
    BACKOFF = "backoff"
    TRANSIENT = "transient"


@attrs.frozen
class RestRule:
    """What one kind of failure costs. ``seconds`` goes with FIXED; ``account`` rests the whole credential, else only the model."""

    span: Span
    seconds: float = 0.0
    account: bool = False
    firm: bool = False


_STUMBLE = RestRule(Span.TRANSIENT)

RESTS: dict[ErrorKind, RestRule] = {
    ErrorKind.UNAUTHENTICATED: RestRule(Span.FIXED, 30 * MINUTE, account=True, firm=True),
    ErrorKind.BILLING: RestRule(Span.FIXED, 30 * MINUTE, account=True, firm=True),
    ErrorKind.FORBIDDEN: RestRule(Span.FIXED, 30 * MINUTE, firm=True),
    ErrorKind.MODEL_NOT_FOUND: RestRule(Span.FIXED, 5 * MINUTE),
    ErrorKind.RATE_LIMITED: RestRule(Span.BACKOFF, firm=True),
    ErrorKind.CLIENT_TIMEOUT: _STUMBLE,
    ErrorKind.INTERNAL: _STUMBLE,
    ErrorKind.UNREACHABLE: _STUMBLE,
    ErrorKind.TRUNCATED: _STUMBLE,
    ErrorKind.MALFORMED: _STUMBLE,
    ErrorKind.OVERLOADED: _STUMBLE,
    ErrorKind.TIMEOUT: _STUMBLE,
}


@attrs.frozen(kw_only=True)
class Rest:
    """One cooldown. ``model`` None means the whole credential rests."""

    credential_id: str
    model: str | None
    until: float
    kind: ErrorKind
    firm: bool


_Key = tuple[str, str | None]


@attrs.define(eq=False)
class Health:
    """What is known of every (credential, model). Entries whose time is over are forgotten as they are met; :meth:`keep` drops those of
    credentials that a reload took away."""

    _rests: dict[_Key, Rest] = attrs.field(factory=dict, init=False)
    _strikes: dict[_Key, int] = attrs.field(factory=dict, init=False)

    def resting(self, credential_id: str, model: str, now: float) -> Rest | None:
        """The rest that holds for this pair now, the longest where several do; None where it may be asked."""
        found = [
            rest for key in ((credential_id, None), (credential_id, model)) if (rest := self._at(key, now)) is not None
        ]
        return max(found, key=lambda rest: (rest.firm, rest.until)) if found else None

    def failed(
        self,
        credential_id: str,
        model: str,
        failure: Failure,
        now: float,
        *,
        transient: float = 60.0,
        cap: float = 3600.0,
    ) -> Rest | None:
        """An attempt failed; the rest that follows, None where the kind has none.

        ``transient`` is the rest after a stumble (0 for none), ``cap`` bounds what a provider's own hint may ask for.
        """
        rule = RESTS.get(failure.kind)
        if rule is None or not FACTS[failure.kind].cools:
            return None
        key = (credential_id, None if rule.account else model)
        seconds = self._seconds(rule, key, failure, now, transient=transient, cap=cap)
        if seconds <= 0:
            return None
        rest = Rest(credential_id=credential_id, model=key[1], until=now + seconds, kind=failure.kind, firm=rule.firm)
        running = self._at(key, now)
        if running is not None and running.until > rest.until and running.firm:
            return running
        if len(self._rests) >= MOST_ENTRIES or len(self._strikes) >= MOST_ENTRIES:
            self._sweep(now)
        self._rests[key] = rest
        return rest

    def succeeded(self, credential_id: str, model: str) -> None:
        """The provider accepted a request: nothing is held against this pair any longer."""
        if not self._rests and not self._strikes:
            return
        for key in ((credential_id, None), (credential_id, model)):
            self._rests.pop(key, None)
            self._strikes.pop(key, None)

    def cooling(self, now: float) -> list[Rest]:
        """Every rest that holds now, the soonest to end first."""
        return sorted((rest for key in list(self._rests) if (rest := self._at(key, now))), key=lambda rest: rest.until)

    def clear(self, credential_id: str | None = None) -> int:
        """Forget what is held against a credential (None: all); how many rests that ended."""
        keys = [key for key in self._rests if credential_id in (None, key[0])]
        for key in keys:
            del self._rests[key]
        for key in [key for key in self._strikes if credential_id in (None, key[0])]:
            del self._strikes[key]
        return len(keys)

    def keep(self, credential_ids: Collection[str]) -> None:
        """Forget every credential that is not among these."""
        for gone in {key[0] for key in (*self._rests, *self._strikes)}.difference(credential_ids):
            self.clear(gone)

    def _at(self, key: _Key, now: float) -> Rest | None:
        rest = self._rests.get(key)
        if rest is not None and rest.until <= now:
            del self._rests[key]
            return None
        return rest

    def _seconds(
        self, rule: RestRule, key: _Key, failure: Failure, now: float, *, transient: float, cap: float
    ) -> float:
        if failure.retry_after is not None and rule.span is not Span.FIXED:
            return min(failure.retry_after, cap)
        match rule.span:
            case Span.FIXED:
                return rule.seconds
            case Span.TRANSIENT:
                return transient
            case Span.BACKOFF:
                # Failures of requests that were under way when the rest began say nothing new.
                strikes = self._strikes.get(key, 0) + (0 if self._at(key, now) else 1)
                self._strikes[key] = strikes
                # The exponent is bounded because a float is; the cap is reached long before.
                return min(BACKOFF_FIRST * 2.0 ** min(max(strikes, 1) - 1, 32), BACKOFF_CAP)
            case _:
                assert_never(rule.span)

    def _sweep(self, now: float) -> None:
        """Keep both tables bounded: clients may make up model names for ever."""
        for key in list(self._rests):
            self._at(key, now)
        for table in (self._rests, self._strikes):
            while len(table) >= MOST_ENTRIES:
                del table[next(iter(table))]  # the oldest
