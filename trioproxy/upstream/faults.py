"""Ways in which an answer goes wrong, on demand: pure changes to a recording before it is played.

Knows: how a fault is written and what it does to status, chunks and ending. Refuses to know: why anybody wants it, and how it is played.

Written ``kind[=amount][@place]``, several separated by commas: ``stall@event=5``, ``reset@byte=1000``, ``eof@time=2.5``, ``drip=3``,
``status=503``, ``latency=2,cut@3``. A place is ``event=N`` (behind N events; ``@N`` is short for it), ``byte=N`` or ``time=SECONDS``;
without one it is half way. Events are server-sent events, or the recorded chunks of any other body.

An error of its own is written as JSON: ``{"fault": "status=429", "headers": {"retry-after": "7"}, "body": {"error": {}}}``, several in a list.
``random=SEED@SHARE`` is a schedule: that share of the answers (half of them) gets one of the other kinds, anywhere, by the seed and the
number of the answer.
"""

from __future__ import annotations

import enum
import random
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import attrs

from trioproxy.upstream.base import Headers
from trioproxy.upstream.fixture import Chunk, Ending, Fixture
from trioproxy.wire.jsoncodec import JSON, JSONError, dumps, loads

__all__ = ["Fault", "FaultInvalid", "FaultKind", "Unit", "apply", "drawn", "latency", "parse_faults"]

_DRIP_INTERVAL_S = 0.01


class FaultInvalid(ValueError):
    """A fault is not written as it should be. The message says what is known."""


class FaultKind(enum.Enum):
    """What goes wrong."""

    STALL = "stall"
    """Silence from the place on, for ever."""
    EOF = "eof"
    """The body ends at the place as if it were whole."""
    CUT = "cut"
    """The connection closes at the place, before the framing is through."""
    NO_LAST_CHUNK = "no-last-chunk"
    """Every byte comes, and then the connection closes without the framing's end."""
    RESET = "reset"
    """The connection is reset at the place."""
    DRIP = "drip"
    """From the place on, ``amount`` bytes (1) at a time."""
    DUPLICATE = "duplicate"
    """The event at the place comes twice."""
    REORDER = "reorder"
    """The event at the place and the next one change places."""
    GARBAGE = "garbage"
    """At the place comes an event that nobody can read."""
    BAD_UTF8 = "bad-utf8"
    """The next character behind the place that has several bytes lacks its last one."""
    STATUS = "status"
    """An error with the status ``amount`` (500) instead of the answer."""
    LATENCY = "latency"
    """Everything comes ``amount`` seconds (1) later."""
    RANDOM = "random"
    """Any of the others, or none; see :func:`drawn`."""


class Unit(enum.Enum):
    """What a place is counted in."""

    EVENT = "event"
    BYTE = "byte"
    TIME = "time"


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong. ``place`` is None for half way. ``headers`` and ``body`` are those of a STATUS; None is the usual one."""

    kind: FaultKind
    amount: float | None = None
    unit: Unit = Unit.EVENT
    place: float | None = None
    headers: Headers | None = None
    body: bytes | None = None


_FAULT = re.compile(
    r"(?P<kind>[a-z0-9-]+)(?:=(?P<amount>\d+(?:\.\d+)?))?(?:@(?:(?P<unit>event|byte|time)=)?(?P<place>\d+(?:\.\d+)?))?"
)


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Faults as they are written; "" is none.

    Raises:
        FaultInvalid: see there.
    """
    if text.lstrip()[:1] not in ("[", "{"):
        return _written(text)
    try:
        documents = loads(text.encode())
    except JSONError as exc:
        raise FaultInvalid(f"faults that begin as JSON are none: {exc}") from None
    found: list[Fault] = []
    for document in documents if isinstance(documents, list) else [documents]:
        found += _described(document)
    return tuple(found)


_MEMBERS = frozenset({"fault", "headers", "body"})


def _described(document: JSON) -> tuple[Fault, ...]:
    """Faults from a JSON document: their text, or an object with it and what a status has on top."""
    match document:
        case str():
            return _written(document)
        case {"fault": str(text)} if document.keys() <= _MEMBERS:
            faults = _written(text)
        case _:
            raise FaultInvalid(
                f"{dumps(document).decode()[:80]} is not {{fault, headers, body}} with a fault that is text"
            )
    more = document.keys() - {"fault"}
    if more and any(fault.kind is not FaultKind.STATUS for fault in faults):
        raise FaultInvalid(f"fault {text!r} has no {' and no '.join(sorted(more))}: only a status has")
    headers, body = document.get("headers"), document.get("body")
    if headers is not None and not isinstance(headers, dict):
        raise FaultInvalid(f"fault {text!r}: headers must be an object")
    own = tuple(
        (name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in (headers or {}).items()
    )
    content = None if body is None else body.encode() if isinstance(body, str) else dumps(body)
    return tuple(attrs.evolve(fault, headers=own or None, body=content) for fault in faults)


def _written(text: str) -> tuple[Fault, ...]:
    faults: list[Fault] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = _FAULT.fullmatch(part)
        if found is None:
            raise FaultInvalid(f"fault {part!r} is not of the form kind[=amount][@event=N|@byte=N|@time=SECONDS]")
        try:
            kind = FaultKind(found["kind"])
        except ValueError:
            known = ", ".join(each.value for each in FaultKind if each is not FaultKind.RANDOM)
            raise FaultInvalid(f"fault {found['kind']!r} is not known; known are {known}") from None
        amount = float(found["amount"]) if found["amount"] else None
        if kind is FaultKind.STATUS and amount is not None and not 400 <= amount <= 599:
            raise FaultInvalid(f"fault {part!r}: a status is 400 to 599")
        faults.append(
            Fault(
                kind=kind,
                amount=amount,
                unit=Unit(found["unit"] or "event"),
                place=float(found["place"]) if found["place"] else None,
            )
        )
    return tuple(faults)


def apply(faults: Sequence[Fault], fixture: Fixture) -> Fixture:
    """``fixture`` with everything in ``faults`` gone wrong, in their order."""
    for fault in faults:
        fixture = _EFFECTS[fault.kind](fault, fixture)
    return fixture


_ERRORS = (429, 500, 502, 503, 529)


def drawn(faults: Sequence[Fault], fixture: Fixture, number: int) -> tuple[Fault, ...]:
    """``faults`` for answer ``number``, each random one made a certain one, or left out. The same seed and number give the same fault."""
    certain: list[Fault] = []
    for fault in faults:
        if fault.kind is not FaultKind.RANDOM:
            certain.append(fault)
            continue
        dice = random.Random(f"{fault.amount} {number}")
        if dice.random() >= (fault.place if fault.place is not None else 0.5):
            continue
        kind = dice.choice([each for each in FaultKind if each is not FaultKind.RANDOM])
        amounts = {
            FaultKind.STATUS: dice.choice(_ERRORS),
            FaultKind.DRIP: dice.randint(1, 64),
            FaultKind.LATENCY: dice.random(),
        }
        place = dice.randint(0, len(_borders(fixture)))
        certain.append(Fault(kind=kind, amount=amounts.get(kind), place=place))
    return tuple(certain)


def _ended(fixture: Fixture, chunks: tuple[Chunk, ...], ending: Ending) -> Fixture:
    ended_at = chunks[-1].at if chunks else fixture.head_at
    return attrs.evolve(fixture, chunks=chunks, ending=ending, ended_at=ended_at, end_message="")


def _stopped(ending: Ending) -> Callable[[Fault, Fixture], Fixture]:
    def stop(fault: Fault, fixture: Fixture) -> Fixture:
        before, _ = _split(fixture.chunks, _offset(fault, fixture))
        return _ended(fixture, before, ending)

    return stop


def _no_last_chunk(fault: Fault, fixture: Fixture) -> Fixture:
    return attrs.evolve(fixture, ending=Ending.TRUNCATED, end_message="")


def _dripped(fault: Fault, fixture: Fixture) -> Fixture:
    before, after = _split(fixture.chunks, _offset(fault, fixture, default=0))
    size = max(1, int(fault.amount or 1))
    drops: list[Chunk] = []
    for chunk in after:
        for start in range(0, len(chunk.data), size):
            earliest = drops[-1].at + _DRIP_INTERVAL_S if drops else chunk.at
            drops.append(Chunk(max(chunk.at, earliest), chunk.data[start : start + size]))
    chunks = (*before, *drops)
    return attrs.evolve(fixture, chunks=chunks, ended_at=max(fixture.ended_at, chunks[-1].at if chunks else 0))


def _duplicated(fault: Fault, fixture: Fixture) -> Fixture:
    events, index = _event_at(fault, fixture)
    events[index:index] = events[index : index + 1]
    return attrs.evolve(fixture, chunks=tuple(events))


def _reordered(fault: Fault, fixture: Fixture) -> Fixture:
    events, index = _event_at(fault, fixture)
    if index + 1 < len(events):
        first, second = events[index], events[index + 1]
        events[index : index + 2] = [Chunk(first.at, second.data), Chunk(second.at, first.data)]
    return attrs.evolve(fixture, chunks=tuple(events))


def _littered(fault: Fault, fixture: Fixture) -> Fixture:
    before, after = _split(fixture.chunks, _offset(fault, fixture))
    litter = b'data: {"garbage": \x00\xff\n\n' if _is_stream(fixture) else b"\x00\xff{garbage"
    at = before[-1].at if before else fixture.head_at
    return attrs.evolve(fixture, chunks=(*before, Chunk(at, litter), *after))


_LONG_CHARACTER = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def _bitten(fault: Fault, fixture: Fixture) -> Fixture:
    body = fixture.body
    found = _LONG_CHARACTER.search(body, _offset(fault, fixture, default=0))
    if found is None:  # nothing but ASCII behind the place: begin a character that never ends
        before, after = _split(fixture.chunks, _offset(fault, fixture))
        at = before[-1].at if before else fixture.head_at
        return attrs.evolve(fixture, chunks=(*before, Chunk(at, b"\xe2\x82"), *after))
    before, _ = _split(fixture.chunks, found.end() - 1)
    _, after = _split(fixture.chunks, found.end())
    return attrs.evolve(fixture, chunks=before + after)


def _refused(fault: Fault, fixture: Fixture) -> Fixture:
    status = int(fault.amount or 500)
    # A shape in which each protocol finds its own fields.
    error = {
        "code": status,
        "type": "replayed_fault",
        "message": f"replayed fault: status {status}",
        "status": "REPLAYED_FAULT",
    }
    body = fault.body if fault.body is not None else dumps({"type": "error", "error": error})
    headers = list(fault.headers or ())
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json"))
    if fault.headers is None and fault.body is None and status in (429, 503, 529):
        headers.append((b"retry-after", b"1"))
    return attrs.evolve(
        fixture,
        status=status,
        headers=tuple(headers),
        chunks=(Chunk(fixture.head_at, body),) if body else (),
        ending=Ending.COMPLETE,
        ended_at=fixture.head_at,
        end_message="",
    )


def latency(faults: Sequence[Fault]) -> float:
    """How many seconds late everything comes, all in all."""
    return sum(_later(fault) for fault in faults if fault.kind is FaultKind.LATENCY)


def _later(fault: Fault) -> float:
    return fault.amount if fault.amount is not None else 1.0


def _delayed(fault: Fault, fixture: Fixture) -> Fixture:
    later = _later(fault)
    return attrs.evolve(
        fixture,
        head_at=fixture.head_at + later,
        chunks=tuple(Chunk(chunk.at + later, chunk.data) for chunk in fixture.chunks),
        ended_at=fixture.ended_at + later,
    )


_EFFECTS: Mapping[FaultKind, Callable[[Fault, Fixture], Fixture]] = MappingProxyType(
    {
        FaultKind.STALL: _stopped(Ending.STALL),
        FaultKind.EOF: _stopped(Ending.COMPLETE),
        FaultKind.CUT: _stopped(Ending.TRUNCATED),
        FaultKind.NO_LAST_CHUNK: _no_last_chunk,
        FaultKind.RESET: _stopped(Ending.RESET),
        FaultKind.DRIP: _dripped,
        FaultKind.DUPLICATE: _duplicated,
        FaultKind.REORDER: _reordered,
        FaultKind.GARBAGE: _littered,
        FaultKind.BAD_UTF8: _bitten,
        FaultKind.STATUS: _refused,
        FaultKind.LATENCY: _delayed,
        FaultKind.RANDOM: lambda fault, fixture: fixture,
    }
)


# -- places


def _is_stream(fixture: Fixture) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in fixture.headers)


_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def _borders(fixture: Fixture) -> list[int]:
    """Where each event ends, as offsets into the body."""
    if _is_stream(fixture):
        return [found.end() for found in _EVENT_END.finditer(fixture.body)]
    borders: list[int] = []
    for chunk in fixture.chunks:
        borders.append((borders[-1] if borders else 0) + len(chunk.data))
    return borders


def _offset(fault: Fault, fixture: Fixture, *, default: float | None = None) -> int:
    """The place as an offset into the body, within it."""
    borders = [0, *_borders(fixture)]
    place = fault.place if fault.place is not None else default
    if place is None:
        return borders[len(borders) // 2]
    match fault.unit:
        case Unit.EVENT:
            return borders[min(int(place), len(borders) - 1)]
        case Unit.BYTE:
            return min(int(place), len(fixture.body))
        case _:
            return sum(len(chunk.data) for chunk in fixture.chunks if chunk.at <= place)


def _split(chunks: Sequence[Chunk], offset: int) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
    """The chunks before and behind an offset; one that lies across it is cut in two."""
    before: list[Chunk] = []
    after: list[Chunk] = []
    begin = 0
    for chunk in chunks:
        head, tail = chunk.data[: max(0, offset - begin)], chunk.data[max(0, offset - begin) :]
        if head:
            before.append(Chunk(chunk.at, head))
        if tail:
            after.append(Chunk(chunk.at, tail))
        begin += len(chunk.data)
    return tuple(before), tuple(after)


def _event_at(fault: Fault, fixture: Fixture) -> tuple[list[Chunk], int]:
    """The body as one chunk an event, each at the time when its last byte came, and the index of the event at the place."""
    borders = sorted({*_borders(fixture), len(fixture.body)} - {0})
    events: list[Chunk] = []
    remaining: tuple[Chunk, ...] = fixture.chunks
    for begin, end in pairwise([0, *borders]):
        here, remaining = _split(remaining, end - begin)
        events.append(Chunk(here[-1].at, b"".join(chunk.data for chunk in here)))
    target = _offset(fault, fixture)
    return events, max(0, sum(1 for border in borders if border <= target) - 1)
