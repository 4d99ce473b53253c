"""Streams as tests write them: event objects in, neutral events out, and the reverse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trioproxy.neutral.events import Event
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import Reader, WriteContext, Writer
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import dumps, loads_object
from trioproxy.wire.sse import SSEDecoder

Object = dict[str, Any]


def context(conversation: Conversation | None = None) -> WriteContext:
    """A context that says nothing in particular."""
    return WriteContext(model="asked-model", now=1_700_000_000, token="abc", conversation=conversation)


def frame(kind: str, **members: Any) -> Frame:
    """One event as a provider sends it."""
    return Frame(dumps({"type": kind, **members}), event=kind)


def read(frames: Iterable[Frame], reader: Reader | None = None) -> list[Event]:
    """The events of a whole stream, checked against the grammar."""
    reader = reader or PROTOCOL.stream_reader()
    grammar = Grammar()
    events = [passed for each in frames for event in reader.feed(each) for passed in grammar.feed(event)]
    events += [passed for event in reader.close() for passed in grammar.feed(event)]
    grammar.close()
    return events


def read_bytes(chunks: Iterable[bytes], reader: Reader | None = None) -> list[Event]:
    """The events of a stream of bytes."""
    decoder = SSEDecoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return read([*frames, *decoder.close()], reader)


def write(events: Iterable[Event], conversation: Conversation | None = None) -> tuple[list[Object], Writer]:
    """The event objects that a writer makes of a whole answer, and the writer."""
    writer = PROTOCOL.stream_writer(context(conversation))
    frames = [frame for event in events for frame in writer.feed(event)]
    frames += writer.close()
    documents = [loads_object(each.data) for each in frames]
    assert [each.event for each in frames] == [document["type"] for document in documents]
    return documents, writer


def types(documents: Iterable[Object]) -> list[str]:
    """The event types without their common beginning."""
    return [document["type"].removeprefix("response.") for document in documents]
