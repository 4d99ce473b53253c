"""What the chunks of an answer say, in a few words each. Pure.

Knows: how to have a protocol's own reader tell it. Refuses to know: lines, and where a chunk stands in time. What no reader understands has no
words; the caller shows its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    Foreign,
    PartFinished,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Reader
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.upstream.fixture import Ending, Fixture
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.jsoncodec import JSONError, dumps, loads_object
from trioproxy.wire.machine import ProtocolViolation
from trioproxy.wire.sse import SSEDecoder

__all__ = ["events_of", "meanings", "streamed"]


def streamed(fixture: Fixture) -> bool:
    """Whether the answer is a stream of server-sent events."""
    return any(name == b"content-type" and b"event-stream" in value for name, value in fixture.headers)


def meanings(fixture: Fixture) -> list[str]:
    """For each chunk what it says, "" where that is not known."""
    if fixture.protocol not in NAMES or fixture.status >= 400:
        return [""] * len(fixture.chunks)
    whole = not streamed(fixture) and not _is_array(fixture)
    told = [_words(_gist(events) if whole else events) for events in events_of(fixture)]
    return told + [""] * (len(fixture.chunks) - len(told))


def events_of(fixture: Fixture) -> Iterator[Sequence[Event]]:
    """The events that each chunk completes, until one can't be understood."""
    spoken = protocol(fixture.protocol)
    if not streamed(fixture) and not _is_array(fixture):
        # A whole body says what it says when its last piece is there.
        yield from ((),) * (len(fixture.chunks) - 1)
        try:
            yield spoken.read_body(loads_object(fixture.body))
        except (JSONError, ProtocolViolation):
            return
        return
    decoder: SSEDecoder | JSONArrayDecoder = SSEDecoder() if streamed(fixture) else JSONArrayDecoder()
    reader = spoken.stream_reader()
    last = len(fixture.chunks) - 1
    for number, chunk in enumerate(fixture.chunks):
        try:
            events = _read(reader, list(decoder.feed(chunk.data)))
            if number == last and fixture.ending is Ending.COMPLETE:
                # Some answers are over only when nothing follows.
                events += [*_read(reader, list(decoder.close())), *reader.close()]
        except ProtocolViolation:
            return
        yield events


def _is_array(fixture: Fixture) -> bool:
    return fixture.body.lstrip().startswith(b"[")


def _gist(events: Sequence[Event]) -> list[Event]:
    """Of a whole answer what it says, and not that parts of it begin and end; its counts last."""
    told = [event for event in events if not isinstance(event, (ResponseStarted, PartStarted, PartFinished))]
    return sorted(told, key=lambda event: isinstance(event, UsageReported))


def _read(reader: Reader, frames: list[Frame]) -> list[Event]:
    return [event for frame in frames for event in reader.feed(frame)]


def _words(events: Sequence[Event]) -> str:
    return ", ".join(filter(None, map(_word, events)))


def _word(event: Event) -> str:
    match event:
        case ResponseStarted(model=model):
            return f"begins ({model})" if model else "begins"
        case PartStarted(kind=kind):
            return f"{kind.value} begins"
        case TextDelta(text=text):
            return _quoted(text)
        case ReasoningDelta(text=text):
            return f"reasoning {_quoted(text)}"
        case RefusalDelta(text=text):
            return f"refusal {_quoted(text)}"
        case PartSigned():
            return "signature"
        case CitationAdded(citation=citation):
            return f"cites {citation.url or citation.title or _quoted(citation.cited_text or '')}"
        case ToolCallStarted(name=name, call_id=call):
            return f"calls {name} ({call})"
        case ToolArgsDelta(text=text):
            return f"arguments {_quoted(text)}"
        case PartFinished():
            return "part ends"
        case Foreign(kind=kind):
            return kind
        case UsageReported(usage=usage):
            return _counts(usage)
        case Finished(reason=reason, raw=raw):
            return f"finished: {reason.value}" + (f" ({raw})" if raw and raw != reason.value else "")
        case Failed(failure=failure):
            return f"fails: {failure.message}"
        case _:
            assert_never(event)


def _quoted(text: str) -> str:
    return dumps(text).decode()


def _counts(usage: Usage) -> str:
    named = (
        (usage.input, "in"),
        (usage.cache_read, "of them cached"),
        (usage.output, "out"),
        (usage.reasoning, "of them reasoning"),
    )
    return "tokens: " + " ".join(f"{count} {word}" for count, word in named if count)
