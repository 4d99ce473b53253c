"""Which recording answers a request. Pure.

Knows: four ways to compare questions, and how to say what came closest. Refuses to know: how an answer is played, and where recordings lie.

A recorded text in which a secret was replaced matches any text in its place (``redact.MARK``). Fields that differ from run to run
(``question.VOLATILE``) are not compared.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

import attrs

from trioproxy.upstream.fixture import Fixture
from trioproxy.upstream.question import OPERATION, VOLATILE, Question
from trioproxy.upstream.redact import MARK
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["Library", "MatchMode", "NoMatch", "Volume", "first_difference"]

_SHOWN = 60


class MatchMode(enum.Enum):
    """How a request is compared with the recordings."""

    STRICT = "strict"
    """The same operation, model and body, but for volatile fields."""
    SHAPE = "shape"
    """The same operation, model, streaming, tools and last turn: the user's words and the number of tools' results behind them."""
    SEQUENCE = "sequence"
    """The next recording of the operation, whatever was asked."""
    ANY = "any"
    """The most fitting recording of the operation; for demonstrations."""


class NoMatch(LookupError):
    """No recording answers the request. The message names the nearest one and the first difference, ``place`` where that is."""

    def __init__(self, message: str, place: str | None = None) -> None:
        super().__init__(message)
        self.place = place


@attrs.define(eq=False)
class Volume:
    """A recording in a library: its name, what it holds, and how often it answered."""

    name: str
    fixture: Fixture
    question: Question
    uses: int = 0


@attrs.define(eq=False)
class Library:
    """Recordings and the choice among them. Without ``repeat`` each one answers once."""

    volumes: Sequence[Volume]
    mode: MatchMode = MatchMode.SHAPE
    repeat: bool = True

    @classmethod
    def of(
        cls,
        fixtures: Mapping[str, Fixture],
        *,
        mode: MatchMode = MatchMode.SHAPE,
        repeat: bool = True,
        volatile: Sequence[str] = VOLATILE,
    ) -> Library:
        """A library of named fixtures, in the order in which they were recorded."""
        ordered = sorted(fixtures.items(), key=lambda item: (item[1].sequence, item[0]))
        return cls(
            [Volume(name, fixture, Question.of(fixture.request, volatile=volatile)) for name, fixture in ordered],
            mode,
            repeat,
        )

    def choose(self, question: Question) -> Volume:
        """The recording that answers, counted as used.

        Raises:
            NoMatch: none does, or those that do are used up.
        """
        match self.mode:
            case MatchMode.STRICT | MatchMode.SHAPE:
                fitting = [each for each in self.volumes if self._difference(each, question) is None]
                fitting = _closest(fitting, question)
            case MatchMode.SEQUENCE:
                fitting = [each for each in self.volumes if each.question.operation == question.operation]
            case MatchMode.ANY:
                best = max(self.volumes, key=lambda each: _fit(each, question), default=None)
                fitting = [best] if best is not None and _fit(best, question) > 0 else []
            case _:
                assert_never(self.mode)
        if not fitting:
            raise self._missed(question)
        chosen = self._next(fitting)
        if chosen is None:
            raise NoMatch(
                f"no recording is left for {question}: {_count(len(fitting))} matched and each answers once. "
                f"The last was {fitting[-1].name}."
            )
        chosen.uses += 1
        return chosen

    def _next(self, fitting: Sequence[Volume]) -> Volume | None:
        fresh = next((each for each in fitting if not each.uses), None)
        if fresh is not None or not self.repeat:
            return fresh
        # Those that match equally are told apart by their order: the last stands for all that follow. A sequence begins anew.
        return min(fitting, key=lambda each: each.uses) if self.mode is MatchMode.SEQUENCE else fitting[-1]

    def _difference(self, volume: Volume, question: Question) -> tuple[str, str, str] | None:
        if self.mode is MatchMode.STRICT:
            return first_difference(volume.question.whole(), question.whole())
        return first_difference(volume.question.shape(), question.shape())

    def _missed(self, question: Question) -> NoMatch:
        nearest = _nearest(self.volumes, question)
        if nearest is None:
            return NoMatch(f"no recording matches {question}: the folder holds none", OPERATION)
        difference = self._difference(nearest, question)
        place, shown = None, ""
        if difference is not None:
            place, recorded, asked = difference
            shown = f" It differs at {place}: recorded {recorded}, asked {asked}."
        return NoMatch(
            f"no recording matches {question} ({self.mode.value}). The nearest is {nearest.name}.{shown}", place
        )


_Difference = tuple[str, str, str]
"""The place, and both sides around it in short."""


def first_difference(recorded: JSON, asked: JSON, path: str = "") -> _Difference | None:
    """Where ``asked`` first differs from ``recorded``: the place, and both sides around it in short. None where it doesn't."""
    match recorded, asked:
        case dict(), dict():
            return _in_members(recorded, asked, path)
        case list(), list():
            return _in_items(recorded, asked, path)
        case str(), str():
            return None if _same_text(recorded, asked) else (path, *_around(recorded, asked))
        case _:
            # True is not 1.
            same = isinstance(recorded, bool) is isinstance(asked, bool) and recorded == asked
            return None if same else (path, _short(recorded), _short(asked))


def _in_members(recorded: Object, asked: Object, path: str) -> _Difference | None:
    for name in [*recorded, *(name for name in asked if name not in recorded)]:
        where = f"{path}.{name}" if path else name
        if name not in asked:
            return where, _short(recorded[name]), "nothing"
        if name not in recorded:
            return where, "nothing", _short(asked[name])
        if found := first_difference(recorded[name], asked[name], where):
            return found
    return None


def _in_items(recorded: Sequence[JSON], asked: Sequence[JSON], path: str) -> _Difference | None:
    for number, (ours, theirs) in enumerate(zip(recorded, asked, strict=False)):
        if found := first_difference(ours, theirs, f"{path}[{number}]"):
            return found
    if len(recorded) != len(asked):
        return path, _count(len(recorded), "item"), _count(len(asked), "item")
    return None


def _same_text(recorded: str, asked: str) -> bool:
    if MARK not in recorded:
        return recorded == asked
    pattern = ".*".join(re.escape(part) for part in recorded.split(MARK))
    return re.fullmatch(pattern, asked, re.DOTALL) is not None


def _around(recorded: str, asked: str) -> tuple[str, str]:
    """Both texts from a little before the place where they part."""
    parting = next((at for at, (ours, theirs) in enumerate(zip(recorded, asked, strict=False)) if ours != theirs), None)
    start = max(0, (parting if parting is not None else min(len(recorded), len(asked))) - _SHOWN // 3)
    return _short(recorded[start:], cut=start > 0), _short(asked[start:], cut=start > 0)


def _short(value: JSON, *, cut: bool = False) -> str:
    text = dumps(value).decode()
    if cut:
        text = text[0] + "…" + text[1:]
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _count(number: int, noun: str = "recording") -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# -- what comes closest


def _closest(fitting: list[Volume], asked: Question) -> list[Volume]:
    """Of those that fit, the ones that are the same altogether; else those with the same results, which may hold a duration or a date."""
    if len(fitting) < 2:
        return fitting
    same = [each for each in fitting if first_difference(each.question.whole(), asked.whole()) is None]
    results = list(asked.results)
    return (
        same or [each for each in fitting if first_difference(list(each.question.results), results) is None] or fitting
    )


def _nearest(volumes: Sequence[Volume], asked: Question) -> Volume | None:
    """The recording that comes closest: by what counts most, and among equals by how much else is the same."""
    best = max((_nearness(each.question, asked) for each in volumes), default=None)
    equals = [each for each in volumes if _nearness(each.question, asked) == best]
    if len(equals) < 2:
        return next(iter(equals), None)
    wanted = frozenset(_leaves(asked.document))
    return max(equals, key=lambda each: len(wanted.intersection(_leaves(each.question.document))))


def _nearness(recorded: Question, asked: Question) -> tuple[bool, ...]:
    return (
        recorded.operation == asked.operation,
        recorded.last_turn == asked.last_turn,
        recorded.model == asked.model,
        recorded.stream == asked.stream,
        len(recorded.results) == len(asked.results),
    )


def _fit(volume: Volume, asked: Question) -> int:
    """How well a recording serves a demonstration; 0 where it would be no answer at all.

    Kinds that a client would choke on are out: a stream for a whole answer, text for JSON, a call of a tool that was not offered, or a call
    again when the tool's result has just come.
    """
    recorded, status = volume.question, volume.fixture.status
    called_for = sum(1 for word in volume.fixture.keywords if word.lower() in asked.last_turn.lower())
    if recorded.operation != asked.operation or (status >= 400 and not called_for):
        return 0
    if status < 400 and (recorded.stream, recorded.framing) != (asked.stream, asked.framing):
        return 0
    if status < 400 and asked.as_json and not recorded.as_json:
        return 0
    if recorded.tools and (recorded.answers_tool != asked.answers_tool or not set(recorded.tools) <= set(asked.tools)):
        return 0
    exact = (recorded.last_turn, recorded.results) == (asked.last_turn, asked.results)
    return 1 + 16 * exact + 8 * called_for + 4 * bool(recorded.tools) + 2 * (recorded.reasoning == asked.reasoning)


def _leaves(value: JSON, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    else:
        yield path, repr(value)
