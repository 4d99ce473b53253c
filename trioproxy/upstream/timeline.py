"""A fixture as people look at it: what was asked, and the answer on a line of time. Pure.

Knows: how a chunk is told in one line: by what it says, where that is known (``meaning.py``), else by its bytes. Refuses to know: terminals;
what it gives is plain text, or a document.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from trioproxy.upstream.fixture import Chunk, Fixture
from trioproxy.upstream.meaning import meanings, streamed
from trioproxy.upstream.question import Question
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import Object
from trioproxy.wire.machine import ProtocolViolation
from trioproxy.wire.sse import SSEDecoder

__all__ = ["Moment", "described", "drawn", "moments"]

_SCALE = 20
_DATA = 64


@attrs.frozen
class Moment:
    """One chunk: when it came (seconds), how many bytes it has, the events that it completes, and what these say, "" where that is not
    known."""

    at: float
    size: int
    events: tuple[Frame, ...]
    text: str
    meaning: str = ""


def moments(fixture: Fixture) -> list[Moment]:
    """The chunks of an answer. What is no stream of events has none, and its text instead."""
    decoder = SSEDecoder() if streamed(fixture) else None
    found: list[Moment] = []
    for chunk, meaning in zip(fixture.chunks, meanings(fixture), strict=True):
        events: tuple[Frame, ...] = ()
        try:
            events = tuple(decoder.feed(chunk.data)) if decoder is not None else ()
        except ProtocolViolation:
            decoder = None  # too long for an event: bytes are all there is to tell
        found.append(Moment(chunk.at, len(chunk.data), events, _text(chunk), meaning))
    return found


def drawn(name: str, fixture: Fixture) -> Iterator[str]:
    """The lines of a picture: offset in milliseconds, its place in the whole time, bytes, and what came."""
    question = Question.of(fixture.request)
    protocol = f"  {fixture.protocol}" if fixture.protocol else ""
    yield f"{name}: {question}{protocol}"
    if fixture.note:
        yield f"  {fixture.note}"
    if question.last_turn:
        yield f"  asked: {_short(question.last_turn)}"
    whole = max(fixture.ended_at, fixture.head_at, *(chunk.at for chunk in fixture.chunks), 1e-9)
    line = _Line(whole)
    yield line.row(fixture.head_at, "", f"status {fixture.status}")
    for moment in moments(fixture):
        yield line.row(moment.at, f"{moment.size} B", _told(moment))
    yield line.row(fixture.ended_at, "", f"end: {fixture.ending.value}{_said(fixture.end_message)}")
    count = len(fixture.chunks)
    yield f"  {count} chunk{'' if count == 1 else 's'}, {len(fixture.body)} bytes in {whole * 1000:.0f} ms"


def _said(message: str) -> str:
    return f" ({_short(message)})" if message else ""


def described(name: str, fixture: Fixture) -> Object:
    """The same as a document. Times in milliseconds."""
    question = Question.of(fixture.request)
    return {
        "name": name,
        "protocol": fixture.protocol,
        "note": fixture.note,
        "method": question.method,
        "operation": question.operation,
        "model": question.model,
        "stream": question.stream,
        "last_turn": question.last_turn,
        "status": fixture.status,
        "head_at": round(fixture.head_at * 1000, 1),
        "chunks": [
            {
                "at": round(moment.at * 1000, 1),
                "bytes": moment.size,
                "says": moment.meaning,
                "events": [
                    {"event": frame.event, "data": frame.data.decode("utf-8", "replace")} for frame in moment.events
                ],
            }
            for moment in moments(fixture)
        ],
        "ended_at": round(fixture.ended_at * 1000, 1),
        "ending": fixture.ending.value,
        "end_message": fixture.end_message,
    }


@attrs.define
class _Line:
    """A line of time: each row says when, how long after the one above, and where in the whole."""

    whole: float
    last: float = 0.0

    def row(self, at: float, size: str, words: str) -> str:
        """One row."""
        gap, self.last = at - self.last, at
        place = min(_SCALE - 1, int(at / self.whole * _SCALE))
        scale = " " * place + "*" + " " * (_SCALE - 1 - place)
        waited = f"+{gap * 1000:.0f}" if gap >= 0.0005 else ""
        return f"  {at * 1000:6.0f} ms {waited:>6} |{scale}| {size:>7}  {words}".rstrip()


def _told(moment: Moment) -> str:
    if moment.meaning:
        return _short(moment.meaning)
    if not moment.events:
        return moment.text
    first, *others = moment.events
    name = f"{first.event}: " if first.event else ""
    more = f"  (+{len(others)} more)" if others else ""
    return name + _short(first.data.decode("utf-8", "replace")) + more


def _text(chunk: Chunk) -> str:
    return _short(chunk.data.decode("utf-8", "replace"))


def _short(text: str) -> str:
    """One line of it, safe to show on a terminal."""
    line = " ".join(text.split())
    shown = "".join(character if character.isprintable() else "·" for character in line)
    return shown if len(shown) <= _DATA else shown[: _DATA - 1] + "…"
