"""Frames of a Messages stream to neutral events. Source: platform.claude.com, "Streaming messages".

Strict in one thing: only ``message_stop`` ends an answer well. A ``stop_reason`` alone does not, because counts and blocks may be missing
still. Tolerant in the rest: pings, unknown events, a data line ``[DONE]``, an event whose name stands on its ``event:`` line alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import attrs
import msgspec

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Delta, Event, Failed, ReasoningDelta, TextDelta, ToolArgsDelta
from trioproxy.protocols.anthropic.assembly import Assembly, malformed
from trioproxy.protocols.anthropic.errors import error_in_answer, failure_read
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.error_text import said_in_event
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, loads

__all__ = ["MessagesReader"]

_DONE = b"[DONE]"


class _TextDelta(msgspec.Struct, tag_field="type", tag="text_delta", forbid_unknown_fields=True, gc=False):
    grows: ClassVar = "text"
    said: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="text")


class _ThinkingDelta(msgspec.Struct, tag_field="type", tag="thinking_delta", forbid_unknown_fields=True, gc=False):
    grows: ClassVar = "thinking"
    said: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="thinking")


class _InputDelta(msgspec.Struct, tag_field="type", tag="input_json_delta", forbid_unknown_fields=True, gc=False):
    grows: ClassVar = "tool_use"
    said: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="partial_json")


class _Growth(msgspec.Struct, tag_field="type", tag="content_block_delta", forbid_unknown_fields=True, gc=False):
    """An event that holds nothing but more text, or more of an input. One member more may mean something else."""

    index: int
    delta: _TextDelta | _ThinkingDelta | _InputDelta


_decode = msgspec.json.Decoder(_Growth).decode


class MessagesReader:
    """The :class:`~trioproxy.protocols.base.Reader` of this protocol."""

    forgets: frozenset[type[Delta]] = frozenset({TextDelta, ReasoningDelta, ToolArgsDelta})
    counter = b""

    def __init__(self) -> None:
        self.seen = StreamSeen()
        self._assembly = Assembly()

    def feed(self, item: Frame, /) -> list[Event]:
        """Events that this frame completes; none behind the end."""
        if self._assembly.over or not item.data.strip() or item.data.strip() == _DONE:
            return []
        growth = self.look(item)
        if growth is not None:
            return [growth]
        try:
            event = loads(item.data)
        except JSONError as exc:
            broken = malformed(str(exc))
            said = said_in_event(item.event, item.data, broken.failure.message)
            return self._ended(Failed(failure=attrs.evolve(broken.failure, message=said)))
        if not isinstance(event, dict):
            return self._ended(malformed(f"an event is no JSON object ({type(event).__name__})"))
        return self._event(event, item.event)

    def grew(self, model: Delta, texts: Sequence[str], number: int | None) -> None:
        """See :meth:`~trioproxy.protocols.base.Reader.grew`."""

    def skim(self, item: Frame, /) -> Delta | None:
        """See :meth:`~trioproxy.protocols.base.Reader.skim`."""
        return self.look(item)

    def look(self, item: Frame, /) -> Delta | None:
        """See :meth:`~trioproxy.protocols.base.Reader.look`."""
        if b"_delta" not in item.data:
            return None
        try:
            event = _decode(item.data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        return self._assembly.growth(event.index, event.delta.grows, event.delta.said)

    def close(self) -> list[Event]:
        """A failure where the stream did not end by itself."""
        if self._assembly.over:
            return []
        message = "the provider's stream broke off before message_stop"
        return self._assembly.fail(
            Failed(failure=Failure(kind=ErrorKind.TRUNCATED, message=message, fault=Fault.UPSTREAM))
        )

    def _event(self, event: Object, name: str | None) -> list[Event]:
        assembly = self._assembly
        match event.get("type") or name:
            case "message_start":
                events = assembly.start(_inner(event, "message"))
                self.seen.response_id, self.seen.model = assembly.id, assembly.model
            case "content_block_start":
                events = assembly.open(_number(event), _inner(event, "content_block"))
            case "content_block_delta":
                events = assembly.delta(_number(event), _inner(event, "delta"))
            case "content_block_stop":
                events = assembly.stop(_number(event))
            case "message_delta":
                events = assembly.update({key: value for key, value in event.items() if key != "type"})
            case "message_stop":
                events = assembly.finish()
                self.seen.complete = True
            case "error":
                return self._ended(Failed(failure=failure_read(event)))
            case _:
                failure = error_in_answer(event)
                return [] if failure is None else self._ended(Failed(failure=failure))
        return events

    def _ended(self, failed: Failed) -> list[Event]:
        self.seen.failed = failed.failure.kind is not ErrorKind.MALFORMED
        return self._assembly.fail(failed)


def _inner(event: Object, name: str) -> Object:
    value: JSON = event.get(name)
    return value if isinstance(value, dict) else {}


def _number(event: Object) -> int | None:
    value: JSON = event.get("index")
    return value if isinstance(value, int) else None
