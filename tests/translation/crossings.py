"""What every test of this folder shares: an answer told to a client of another protocol, and read again as that client would read it.

The way of an answer is the gateway's without its sockets: the provider's reader, the restorer of tool names, the client's writer. What the
client got is then read by the reader of its own protocol, so that both ends can be compared as neutral values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from tests.support.recordings import Recording, recordings
from trioproxy.neutral.events import Event, ToolCallStarted
from trioproxy.neutral.fold import fold
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import NameRestorer, ToolNaming
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import Protocol, WriteContext
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.jsoncodec import dumps, loads
from trioproxy.wire.sse import SSEDecoder, encode

__all__ = [
    "CONTEXT",
    "WAYS",
    "Crossed",
    "Way",
    "answered",
    "as_stream",
    "as_whole",
    "events_of",
    "legal",
    "read_frames",
    "renamed",
]

CONTEXT = WriteContext(model="asked-model", now=1_700_000_000, token="c0ffee")


@attrs.frozen(kw_only=True)
class Crossed:
    """What a client got, as JSON documents (one for each event of a stream), and what it reads in them."""

    documents: tuple[Any, ...]
    answer: Answer
    losses: tuple[Loss, ...]


Way: TypeAlias = Callable[[list[Event], str], Crossed]


def legal(events: Iterable[Event]) -> list[Event]:
    """The events, which must be in legal order and have an end."""
    grammar = Grammar()
    passed = [event for each in events for event in grammar.feed(each)]
    grammar.close()
    return passed


def read_frames(frames: Iterable[Frame], name: str) -> list[Event]:
    """The events of a stream of a protocol."""
    reader = protocol(name).stream_reader()
    events = [event for frame in frames for event in reader.feed(frame)]
    return legal([*events, *reader.close()])


def as_stream(events: list[Event], target: str) -> Crossed:
    """Told as a stream, over the bytes of the wire."""
    writer = protocol(target).stream_writer(CONTEXT)
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    decoder = SSEDecoder()
    received = [*decoder.feed(encode(frames)), *decoder.close()]
    documents = tuple(loads(frame.data) for frame in received if frame.data != b"[DONE]")
    return Crossed(documents=documents, answer=fold(read_frames(received, target)), losses=tuple(writer.losses))


def as_whole(events: list[Event], target: str) -> Crossed:
    """Told as one body."""
    spoken = protocol(target)
    written = spoken.write_body(fold(events), CONTEXT)
    document = loads(dumps(written.body))
    answer = fold(legal(spoken.read_body(document)))
    return Crossed(documents=(document,), answer=answer, losses=tuple(written.losses))


WAYS: Mapping[str, Way] = {"stream": as_stream, "whole": as_whole}


def renamed(events: list[Event]) -> tuple[list[Event], ToolNaming]:
    """The events as a client gets them whose tools have names that the provider can't bear, and the naming that undoes it."""
    names = {event.name for event in events if isinstance(event, ToolCallStarted)}
    naming = ToolNaming(originals={name: (f"{name}/of the client", None) for name in names})
    return NameRestorer(naming).feed_all(events), naming


def events_of(recording: Recording) -> list[Event]:
    """What the provider said, as neutral events in legal order."""
    spoken = protocol(recording.protocol)
    if recording.stream or isinstance(recording.document, list):
        return _streamed(recording, spoken)
    return legal(spoken.read_body(recording.document))


def _streamed(recording: Recording, spoken: Protocol) -> list[Event]:
    decoder = SSEDecoder() if recording.stream else JSONArrayDecoder()
    return read_frames([*decoder.feed(recording.body), *decoder.close()], spoken.name)


@functools.cache
def answered(name: str) -> tuple[tuple[str, list[Event]], ...]:
    """Every recorded answer of a protocol that a client of another one can have asked for: its id and its events."""
    assert name in NAMES
    return tuple((each.id, events_of(each)) for each in recordings(name) if _crosses(each))


def _crosses(recording: Recording) -> bool:
    """Error statuses have their own tests; what is left out beside them is no answer to a generation: compacted conversations, and
    responses that are made in the background and were asked after."""
    if recording.status >= 400 or not (recording.stream or recording.document is not None):
        return False
    if recording.protocol != "openai_responses" or recording.stream:
        return True
    document = recording.document
    return bool(document["object"] == "response" and document.get("status") not in ("queued", "in_progress"))
