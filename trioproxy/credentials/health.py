"""Which credential rests, until when, and why: a state machine over settled attempts. Pure; ``now`` is any one clock in seconds.

Knows what each kind of failure costs (:data:`RESTS`). A rest is *firm* where asking again is pointless or unwelcome (a quota, a refused key): a
request that finds only firmly resting credentials is refused. It is *soft* where the provider merely stumbled: a credential that rests softly is
asked last, but it is asked, because refusing a request over the fault of an earlier one helps nobody.

A rest that is over does not vanish, it is *half-open*: one request may try the credential while all others still go elsewhere, and only its
success lets everybody back. So a quota that comes back is not spent on finding that out, and a provider that gets up is not run over. Where
a provider asked for a longer rest than is believed, the first try comes early.

=========  =======================================  ==========================================
readiness  when                                     what it means for a request
=========  =======================================  ==========================================
READY      nothing is held against it               it is asked
HALF_OPEN  the rest is over, nobody tries           it is asked, as the one that tries
TRIED      the rest is over, somebody tries         others first; if there are none, wait for the verdict
RESTING    the rest holds                           others first; if there are none, see *firm* and *soft*
=========  =======================================  ==========================================

A cancelled exchange is neutral: it is never told here, and the try that it may have been is given back.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Collection, KeysView
from typing import assert_never

import attrs

from trioproxy.errors import FACTS, ErrorKind, Failure

__all__ = [
    "BACKOFF_CAP",
    "BACKOFF_FIRST",
    "EARLY_TRY",
    "RESTS",
    "Health",
    "Note",
    "Readiness",
    "Rest",
    "RestRule",
    "Span",
    "Standing",
    "Trial",
]

MINUTE = 60.0
BACKOFF_FIRST = 1.0
BACKOFF_CAP = 30 * MINUTE
EARLY_TRY = 5 * MINUTE
"""After how long a rest that was asked to be longer than is believed is tried for the first time."""
MOST_ENTRIES = 4096
_SAME = 0.25
"""Seconds by which one moment may differ in two processes: a process may be held up between a look at one clock and a look at another."""


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
    """One cooldown. ``model`` None means the whole credential rests. From ``try_at`` on one request at a time may try it, which is before
    ``until`` only where the provider asked for a longer rest than is believed."""

    credential_id: str
    model: str | None
    since: float
    until: float
    try_at: float
    kind: ErrorKind
    firm: bool


@attrs.frozen(kw_only=True)
class Note:
    """What became known of one pair, for others who ask the same providers: the ``rest`` that began, or (None) that whatever began until
    ``since`` is over. ``strikes`` are the failures in a row that lengthen a rest."""

    credential_id: str
    model: str | None
    since: float
    rest: Rest | None
    strikes: int = 0


class Readiness(enum.IntEnum):
    """Whether a credential may be asked for a model. The greater, the less so."""

    READY = 0
    HALF_OPEN = 1
    TRIED = 2
    RESTING = 3


@attrs.frozen
class Standing:
    """How ready a pair is, and the rest that makes it so (the one that counts most, where there are two)."""

    readiness: Readiness
    rest: Rest | None = None


_Key = tuple[str, str | None]
_READY = Standing(Readiness.READY)


@attrs.define(eq=False)
class Trial:
    """The right to try what is half-open. End it in every outcome; what was learned until then stands."""

    _tried: dict[_Key, Trial]
    _keys: tuple[_Key, ...]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def end(self) -> None:
        """Give the right back. Ending it twice does nothing."""
        for key in self._keys:
            if self._tried.get(key) is self:
                del self._tried[key]


@attrs.define(eq=False)
class Health:
    """What is known of every (credential, model). :meth:`keep` drops what is known of credentials that a reload took away.

    ``heed``, where somebody sets it, is called when there is something new to tell others (:meth:`take_news`).
    """

    heed: Callable[[], None] | None = attrs.field(default=None, init=False)
    _news: dict[_Key, Note] = attrs.field(factory=dict, init=False)
    _rests: dict[_Key, Rest] = attrs.field(factory=dict, init=False)
    _strikes: dict[_Key, int] = attrs.field(factory=dict, init=False)
    _tried: dict[_Key, Trial] = attrs.field(factory=dict, init=False)
    _noted: Counter[str] = attrs.field(factory=Counter, init=False)
    """How many rests each credential has: of thousands, most have none, and are passed by at the cost of a look."""

    @property
    def spotless(self) -> bool:
        """Whether nothing is held against anybody."""
        return not self._rests

    @property
    def noted(self) -> KeysView[str]:
        """The ids of credentials against which something is held."""
        return self._noted.keys()

    def standing(self, credential_id: str, model: str, now: float) -> Standing:
        """How ready this pair is now."""
        if credential_id not in self._noted:
            return _READY
        worst = _READY
        for key in ((credential_id, None), (credential_id, model)):
            rest = self._rests.get(key)
            if rest is None:
                continue
            each = Standing(self._readiness(key, rest, now), rest)
            if worst.rest is None or _weight(each.readiness, rest) > _weight(worst.readiness, worst.rest):
                worst = each
        return worst

    def resting(self, credential_id: str, model: str, now: float) -> Rest | None:
        """The rest that keeps this pair from being asked now; None where it may be."""
        standing = self.standing(credential_id, model, now)
        return standing.rest if standing.readiness is Readiness.RESTING else None

    def begin(self, credential_id: str, model: str, now: float) -> Trial:
        """The pair is going to be asked. If it is half-open this is the one request that tries it, until the trial is ended."""
        keys = tuple(
            key
            for key in ((credential_id, None), (credential_id, model))
            if (rest := self._rests.get(key)) is not None and self._readiness(key, rest, now) is Readiness.HALF_OPEN
        )
        trial = Trial(self._tried, keys)
        self._tried.update(dict.fromkeys(keys, trial))
        return trial

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
        key = (credential_id, None if rule.account or failure.account_wide else model)
        seconds = self._seconds(rule, key, failure, now, transient=transient, cap=cap)
        if seconds <= 0:
            return None
        wanted = failure.retry_after if rule.span is not Span.FIXED else None
        early = wanted is not None and wanted > seconds
        rest = Rest(
            credential_id=credential_id,
            model=key[1],
            since=now,
            until=now + seconds,
            try_at=now + (min(EARLY_TRY, seconds) if early else seconds),
            kind=failure.kind,
            firm=rule.firm,
        )
        running = self._at(key, now)
        if running is not None and running.until > rest.until and running.firm:
            # The longer rest goes on; a try that came early and failed is not repeated at once.
            rest = attrs.evolve(running, try_at=min(max(running.try_at, now + EARLY_TRY), running.until))
        self._hold(key, rest)
        self._tell(key, rest.since, rest)
        return rest

    def succeeded(self, credential_id: str, model: str, asked_at: float | None = None) -> None:
        """The provider accepted a request that it was asked at ``asked_at``: whatever began to be held against this pair before that is not
        held any longer. A request that was under way when the rest began says nothing of it."""
        if not self._rests and not self._strikes:
            return
        for key in ((credential_id, None), (credential_id, model)):
            rest = self._rests.get(key)
            if rest is not None and asked_at is not None and asked_at < rest.since:
                continue
            self._end(key)

    def answered(self, credential_id: str) -> None:
        """The provider answered a look at the whole account: it does not stumble any more, and knows the key. That says nothing of quotas, nor
        of any model."""
        rest = self._rests.get((credential_id, None))
        if rest is not None and (not rest.firm or rest.kind is ErrorKind.UNAUTHENTICATED):
            self._end((credential_id, None))

    def cooling(self, now: float) -> list[Rest]:
        """Every rest that holds now, the soonest to end first."""
        return sorted((rest for rest in self._rests.values() if rest.until > now), key=lambda rest: rest.until)

    def clear(self, credential_id: str | None = None) -> int:
        """Forget what is held against a credential (None: all); how many rests that ended."""
        keys = [key for key in (*self._rests, *self._strikes) if credential_id in (None, key[0])]
        ended = sum(key in self._rests for key in set(keys))
        for key in keys:
            self._end(key)
        return ended

    def keep(self, credential_ids: Collection[str]) -> None:
        """Forget every credential that is not among these."""
        for gone in {key[0] for key in (*self._rests, *self._strikes)}.difference(credential_ids):
            self.clear(gone)

    def notes(self) -> list[Note]:
        """Everything that is held against anybody, for somebody who knows nothing yet."""
        return [self._note(key, rest.since, rest) for key, rest in self._rests.items()]

    def take_news(self) -> list[Note]:
        """What became known here since the last call. What others told is none of it."""
        news = list(self._news.values())
        self._news.clear()
        return news

    def learn(self, note: Note) -> None:
        """Somebody else found out ``note``. Of two rests the firm one holds, of equals the longer."""
        key = (note.credential_id, note.model)
        mine, rest = self._rests.get(key), note.rest
        if rest is None:
            if mine is not None and mine.since <= note.since + _SAME:
                self._forget(key)
            return
        if mine is None or (mine.firm, mine.until) < (rest.firm, rest.until):
            self._hold(key, rest)
            if note.strikes:
                self._strikes[key] = max(self._strikes.get(key, 0), note.strikes)

    def _readiness(self, key: _Key, rest: Rest, now: float) -> Readiness:
        if now < rest.try_at:
            return Readiness.RESTING
        if key not in self._tried:
            return Readiness.HALF_OPEN
        return Readiness.TRIED if now >= rest.until else Readiness.RESTING

    def _at(self, key: _Key, now: float) -> Rest | None:
        rest = self._rests.get(key)
        return rest if rest is not None and rest.until > now else None

    def _seconds(
        self, rule: RestRule, key: _Key, failure: Failure, now: float, *, transient: float, cap: float
    ) -> float:
        hint = failure.retry_after
        match rule.span:
            case Span.FIXED:
                return rule.seconds
            case Span.TRANSIENT:
                return transient if hint is None else min(hint, cap)
            case Span.BACKOFF:
                if hint:  # "in 0 seconds" is no hint: it was just refused
                    return min(hint, cap)
                # Failures of requests that were under way when the rest began say nothing new.
                strikes = self._strikes.get(key, 0) + (0 if self._at(key, now) else 1)
                self._strikes[key] = strikes
                # The exponent is bounded because a float is; the cap is reached long before.
                return min(BACKOFF_FIRST * 2.0 ** min(max(strikes, 1) - 1, 32), BACKOFF_CAP)
            case _:
                assert_never(rule.span)

    def _hold(self, key: _Key, rest: Rest) -> None:
        if len(self._rests) >= MOST_ENTRIES or len(self._strikes) >= MOST_ENTRIES:
            self._make_room()
        if key not in self._rests:
            self._noted[key[0]] += 1
        self._rests[key] = rest

    def _end(self, key: _Key) -> None:
        rest = self._rests.get(key)
        self._forget(key)
        if rest is not None:
            self._tell(key, rest.since, None)

    def _tell(self, key: _Key, since: float, rest: Rest | None) -> None:
        if self.heed is not None:
            self._news[key] = self._note(key, since, rest)
            self.heed()

    def _note(self, key: _Key, since: float, rest: Rest | None) -> Note:
        return Note(credential_id=key[0], model=key[1], since=since, rest=rest, strikes=self._strikes.get(key, 0))

    def _forget(self, key: _Key) -> None:
        if self._rests.pop(key, None) is not None:
            self._noted[key[0]] -= 1
            if not self._noted[key[0]]:
                del self._noted[key[0]]
        self._strikes.pop(key, None)
        self._tried.pop(key, None)

    def _make_room(self) -> None:
        """Keep both tables bounded: clients may make up model names for ever. The oldest go first."""
        for table in (self._rests, self._strikes):
            while len(table) >= MOST_ENTRIES:
                self._forget(next(iter(table)))


def _weight(readiness: Readiness, rest: Rest) -> tuple[int, bool, float]:
    return readiness, rest.firm, rest.until
