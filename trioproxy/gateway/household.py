"""The whole house, whichever of its processes is asked: figures added up, switches and cleared cooldowns done everywhere, rests, the use of
limits and whose conversation is whose known to all.

Each process answers for itself what its siblings ask (:func:`answer`). Figures go by the board (``ledger/board.py``): whoever is asked for them
writes its page and says that it has, and who asked adds the pages up. So the counts of a process that hangs or died are still in the sum, as it
last told them, and a sum never falls; what is only true now (what runs, connections, rows that wait) is taken of those alone that answered.

Refuses to know: how siblings are reached (``gateway/siblings.py``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import trio

from trioproxy.credentials.health import Note, Rest
from trioproxy.credentials.meters import Use
from trioproxy.credentials.sessions import Bond, Pool
from trioproxy.errors import ErrorKind
from trioproxy.gateway.control import House, PoolState
from trioproxy.ledger.metrics import RECENT, Metrics
from trioproxy.ledger.writer import BooksState
from trioproxy.wire.jsoncodec import JSONError, Object, dumps, loads_object

__all__ = ["Answered", "Figures", "answer", "clear", "figures", "keep_page", "publish", "resume", "spread", "switch"]

_log = logging.getLogger("trioproxy.gateway")

GATHER = 0.05
"""For how many seconds news is gathered before siblings are told: of a provider that fails, many requests know at once."""
PAGE_SECONDS = 1.0
"""How old a page may be whose counts are not true any more: what is lost with a kill."""
_AT_ONCE = 200


@attrs.frozen
class Answered:
    """How many processes the house has, and how many of them took part in an answer."""

    all: int = 1
    answered: int = 1

    def document(self) -> Object:
        """As it is told."""
        return {"all": self.all, "answered": self.answered}


@attrs.frozen(kw_only=True)
class Figures:
    """What the house has counted and what runs in it now."""

    metrics: Metrics
    active: Mapping[str, int]
    pools: Mapping[str, PoolState]
    books: BooksState | None
    workers: Answered = Answered()


async def figures(house: House) -> Figures:
    """The figures of the whole house."""
    place = house.place
    if place is None:
        return Figures(
            metrics=house.metrics,
            active=house.active(),
            pools=house.pools(),
            books=house.books.state if house.books is not None else None,
        )
    told = await place.siblings.ask({"do": "publish"})
    publish(house)
    fresh = {place.number} | {each["number"] for each in told if each is not None}
    metrics = Metrics(recent=RECENT * place.count)
    active: dict[str, int] = {}
    pools: dict[str, PoolState] = {}
    books: BooksState | None = None
    for number in range(place.count):
        page = _page(place.board.read(number))
        if page is None:
            continue
        now = number in fresh
        metrics.add(page["metrics"])
        books = _books(books, page["books"], now=now)
        if now:
            for name, count in page["active"].items():
                active[name] = active.get(name, 0) + count
            for origin, (idle, used, waiting) in page["pools"].items():
                others = pools.get(origin, (0, 0, 0))
                pools[origin] = others[0] + idle, others[1] + used, others[2] + waiting
    return Figures(metrics=metrics, active=active, pools=pools, books=books, workers=Answered(place.count, len(fresh)))


async def switch(house: House, name: str, on: bool) -> Answered:
    """Switch a provider or a credential everywhere. The house must have a cell."""
    _, answered = await _everywhere(house, {"do": "switch", "name": name, "on": on})
    return answered


async def clear(house: House, credential_id: str | None) -> tuple[int, Answered]:
    """Forget everywhere what is held against a credential (None: all); how many rests that ended, in the process where they were most."""
    told, answered = await _everywhere(house, {"do": "clear", "credential": credential_id})
    return max(each["cleared"] for each in told), answered


async def _everywhere(house: House, question: Object) -> tuple[list[Object], Answered]:
    place = house.place
    mine = answer(house, question)
    if place is None:
        return [mine], Answered()
    told = [each for each in await place.siblings.ask(question) if each is not None]
    answered = Answered(place.count, 1 + len(told))
    if answered.answered < answered.all:
        _log.warning(
            "%d of %d workers did not answer when asked to %s; it is done there when they read on",
            answered.all - answered.answered,
            answered.all,
            question["do"],
        )
    return [mine, *told], answered


def answer(house: House, question: Object) -> Object:
    """Do here what a sibling asks for, or learn what it tells."""
    number = house.place.number if house.place is not None else 0
    match question["do"]:
        case "publish":
            publish(house)
            return {"number": number}
        case "switch":
            if house.cell is not None:
                house.cell.switch(question["name"], question["on"])
            publish(house)
            return {"number": number}
        case "clear":
            return {"number": number, "cleared": house.health.clear(question["credential"])}
        case _:
            _learn(house, question.get("notes", ()))
            for use in question.get("uses", ()):
                house.turnstile.meters.learn(Use(*use), house.now(), house.turnstile.wall())
            for bond in question.get("bonds", ()):
                house.bindings.learn(_bond(house, bond))
            return {"number": number}


def publish(house: House) -> None:
    """Write this process's page."""
    place = house.place
    if place is None:
        return
    books = house.books.state if house.books is not None else None
    page = {
        "metrics": house.metrics.document(),
        "active": house.active(),
        "pools": dict(house.pools()),
        "books": attrs.asdict(books) if books is not None else None,
        "switches": house.cell.switches if house.cell is not None else {},
        "notes": _told(house, house.health.notes()),
    }
    place.board.write(place.number, dumps(page))


async def keep_page(house: House) -> None:
    """Write this process's page whenever it has counted something, whoever asks, as long as this process lives."""
    counted = -1
    while True:
        await trio.sleep(PAGE_SECONDS)
        before, counted = counted, house.metrics.outcomes.total()
        if counted != before:
            publish(house)


async def resume(house: House) -> None:
    """Go on where the process that died in this place stood: its counts, what was switched by hand, who rests. Of the latter two a sibling
    knows better than a page that may be old."""
    place = house.place
    if place is None or not place.again:
        return
    page = _page(place.board.read(place.number))
    if page is not None:
        house.metrics.add(page["metrics"])
        if house.books is not None and page["books"] is not None:
            house.books.resume(BooksState(**page["books"]))
    told = [each for each in await place.siblings.ask({"do": "publish"}) if each is not None]
    known = _page(place.board.read(told[0]["number"])) if told else page
    if known is not None:
        if house.cell is not None:
            for name, on in known["switches"].items():
                house.cell.switch(name, on)
        _learn(house, known["notes"])
    publish(house)


async def spread(house: House) -> None:
    """Tell siblings what becomes known of credentials, what is used up of limits, and which conversation is whose, as long as this process
    lives."""
    place, health, meters, bindings = house.place, house.health, house.turnstile.meters, house.bindings
    if place is None:
        return
    news = trio.Event()
    health.heed = meters.heed = bindings.heed = lambda: news.set()
    while True:
        await news.wait()
        await trio.sleep(GATHER)
        news = trio.Event()
        uses = [attrs.astuple(use) for use in meters.take_news()]
        bonds = [_bond_told(house, bond) for bond in bindings.take_news()]
        for word, told in (("notes", _told(house, health.take_news())), ("uses", uses), ("bonds", bonds)):
            for first in range(0, len(told), _AT_ONCE):
                place.siblings.tell({"do": "learn", word: told[first : first + _AT_ONCE]})


def _learn(house: House, notes: Iterable[Object]) -> None:
    shift = house.now() - time.monotonic()
    for each in notes:
        house.health.learn(_note(each, shift))


# The clock of a process has a zero of its own; the machine's monotonic clock is the same for all.


def _told(house: House, notes: Iterable[Note]) -> list[Object]:
    shift = time.monotonic() - house.now()
    return [
        {
            "credential": note.credential_id,
            "model": note.model,
            "since": note.since + shift,
            "strikes": note.strikes,
            "rest": _rest(note.rest, shift) if note.rest is not None else None,
        }
        for note in notes
    ]


def _rest(rest: Rest, shift: float) -> Object:
    return {
        "until": rest.until + shift,
        "try_at": rest.try_at + shift,
        "kind": rest.kind.value,
        "firm": rest.firm,
    }


def _note(told: Mapping[str, Any], shift: float) -> Note:
    since, rest = told["since"] + shift, told["rest"]
    return Note(
        credential_id=told["credential"],
        model=told["model"],
        since=since,
        strikes=told["strikes"],
        rest=None
        if rest is None
        else Rest(
            credential_id=told["credential"],
            model=told["model"],
            since=since,
            until=rest["until"] + shift,
            try_at=rest["try_at"] + shift,
            kind=ErrorKind(rest["kind"]),
            firm=rest["firm"],
        ),
    )


def _bond_told(house: House, bond: Bond) -> Object:
    shift = time.monotonic() - house.now()
    pool = {"groups": sorted(bond.pool.groups), "model": bond.pool.model}
    return {"pool": pool, "name": bond.name, "credential": bond.credential_id, "until": bond.until + shift}


def _bond(house: House, told: Mapping[str, Any]) -> Bond:
    shift = house.now() - time.monotonic()
    pool = Pool(frozenset(told["pool"]["groups"]), told["pool"]["model"])
    return Bond(pool, told["name"], told["credential"], told["until"] + shift)


def _page(data: bytes) -> Object | None:
    try:
        return loads_object(data) if data else None
    except JSONError:
        return None


def _books(sum_: BooksState | None, page: Mapping[str, Any] | None, *, now: bool) -> BooksState | None:
    if page is None:
        return sum_
    more = BooksState(**{**page, "waiting": page["waiting"] if now else 0})
    if sum_ is None:
        return more
    return BooksState(
        written=sum_.written + more.written,
        waiting=sum_.waiting + more.waiting,
        dropped=sum_.dropped + more.dropped,
        failures=sum_.failures + more.failures,
        pruned=sum_.pruned + more.pruned,
        trouble=sum_.trouble or more.trouble,
    )
