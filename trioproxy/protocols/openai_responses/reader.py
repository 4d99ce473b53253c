"""A Responses stream becomes neutral events.

One table, :data:`_HANDLERS`, maps event types to methods; types it lacks are progress reports of the provider's own tools, or new, and say
nothing the whole item does not say again. Tolerated: events out of a stream's opening ceremony missing, text that comes only in ``done``
events or only in the final response, a final response without output (Codex), ``[DONE]``, unknown events, anything after the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    Delta,
    Event,
    Failed,
    PartKind,
    ResponseStarted,
    UsageReported,
)
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.error_text import said_in_event
from trioproxy.protocols.openai_responses.assembly import type_of
from trioproxy.protocols.openai_responses.call_item import CallItem
from trioproxy.protocols.openai_responses.desk import Desk
from trioproxy.protocols.openai_responses.ending import ending
from trioproxy.protocols.openai_responses.errors import failure_of
from trioproxy.protocols.openai_responses.message_item import MessageItem
from trioproxy.protocols.openai_responses.open_item import OpenItem
from trioproxy.protocols.openai_responses.plain import plain_growth
from trioproxy.protocols.openai_responses.reasoning_item import ReasoningItem
from trioproxy.protocols.openai_responses.usage import read_usage
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSONError, Object, loads

__all__ = ["StreamReader"]

_STATUS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}


class _Unusable(Exception):
    """The event can't be read; the message says why, for a person."""


class StreamReader:
    """See :class:`trioproxy.protocols.base.Reader`."""

    counter = b'"sequence_number":'
    forgets: frozenset[type[Delta]] = frozenset()  # it counts characters, to tell later what was left out

    def __init__(self) -> None:
        self.seen = StreamSeen()
        self._desk = Desk()
        self._started = False
        self._over = False
        self._unexplained: Failed | None = None
        """An end that did not say why; Azure says it in an ``error`` event behind it."""
        self._growing: dict[int, OpenItem] = {}
        """The items whose parts were looked at, by the parts' indexes."""
        self._number: int | None = None
        """The number of the event that was looked at last."""

    def feed(self, item: Frame) -> list[Event]:
        """Events that this frame completes."""
        if self._over or not item.data or item.data.strip() == b"[DONE]":
            return []
        growth = self.skim(item)
        if growth is not None:
            return [growth]
        try:
            event = loads(item.data)
        except JSONError as exc:
            broken = f"An event of the provider's stream is not JSON: {exc}."
            return self._fail(ErrorKind.MALFORMED, said_in_event(item.event, item.data, broken))
        if not isinstance(event, dict):
            return self._fail(ErrorKind.MALFORMED, "An event of the provider's stream is not a JSON object.")
        kind = event.get("type")
        if not isinstance(kind, str):
            kind = "error" if event.get("error") else item.event or ""
        self._note(event)
        handler = _HANDLERS.get(kind)
        if handler is None:
            return []
        try:
            return handler(self, event, kind)
        except _Unusable as exc:
            return self._fail(ErrorKind.MALFORMED, f"The provider's stream can't be read: {exc}.")

    def skim(self, item: Frame) -> Delta | None:
        """See :meth:`~trioproxy.protocols.base.Reader.skim`."""
        delta = self.look(item)
        if delta is not None:
            self.grew(delta, [delta.text], self._number)
        return delta

    def grew(self, model: Delta, texts: Sequence[str], number: int | None) -> None:
        """See :meth:`~trioproxy.protocols.base.Reader.grew`."""
        self._growing[model.index].grew(model, sum(map(len, texts)))
        if number is not None:
            self.seen.sequence_number = number

    def look(self, item: Frame) -> Delta | None:
        """See :meth:`~trioproxy.protocols.base.Reader.look`."""
        if self._over or b".delta" not in item.data:
            return None
        event = plain_growth(item.data)
        if event is None:
            return None
        known = self._desk.find(event.output_index, event.item_id)
        if known is None:
            return None
        number = getattr(event, event.place) if event.place else 0
        delta = known.more(event.kind, number, event.delta)
        if delta is not None:
            self._growing[delta.index], self._number = known, event.sequence_number
        return delta

    def close(self) -> list[Event]:
        """The owed end: nothing after a terminal, else a failure. The end of the bytes is never success."""
        if self._over:
            return []
        if self._unexplained is not None:
            self._over = True
            return [self._unexplained]
        return self._fail(ErrorKind.TRUNCATED, "The provider's stream ended before `response.completed`.")

    def _fail(self, kind: ErrorKind, message: str) -> list[Event]:
        self._over = True
        return [Failed(failure=Failure(kind=kind, message=message, fault=Fault.UPSTREAM))]

    def _note(self, event: Object) -> None:
        number = event.get("sequence_number")
        if isinstance(number, int):
            self.seen.sequence_number = number
        response = event.get("response")
        if not isinstance(response, dict):
            return
        self.seen.response_id = _string(response, "id") or self.seen.response_id
        self.seen.model = _string(response, "model") or self.seen.model
        created = response.get("created_at")
        if isinstance(created, int | float):
            self.seen.created = int(created)

    def _start(self) -> list[Event]:
        if self._started:
            return []
        self._started = True
        seen = self.seen
        return [ResponseStarted(id=seen.response_id, model=seen.model, created=seen.created)]

    # One method an event type, or a family of them.

    def _opened(self, event: Object, kind: str) -> list[Event]:
        return self._start()

    def _item_added(self, event: Object, kind: str) -> list[Event]:
        events = self._start()
        item = _object(event, "item", kind, needed=False)
        if not item:
            return events
        return events + self._desk.announce(item, event.get("output_index"))[1]

    def _item_done(self, event: Object, kind: str) -> list[Event]:
        events = self._start()
        item = _object(event, "item", kind)
        index = event.get("output_index")
        known = self._desk.find(index, item.get("id"))
        if known is not None and known.type == type_of(item):
            return events + known.whole(item)
        return events + self._desk.finish(item, index if isinstance(index, int) else -1)

    def _text_delta(self, event: Object, kind: str) -> list[Event]:
        message, number = self._message(event)
        return self._start() + message.delta(number, self._part_kind(kind), _text(event, "delta", kind))

    def _text_done(self, event: Object, kind: str) -> list[Event]:
        message, number = self._message(event)
        part = self._part_kind(kind)
        whole = _text(event, "refusal" if part is PartKind.REFUSAL else "text", kind)
        return self._start() + message.text(number, part, whole)

    @staticmethod
    def _part_kind(kind: str) -> PartKind:
        return PartKind.REFUSAL if kind.startswith("response.refusal") else PartKind.TEXT

    def _part_added(self, event: Object, kind: str) -> list[Event]:
        part = _object(event, "part", kind, needed=False)
        if self._of_reasoning(event, part):
            return self._start()
        message, number = self._message(event)
        return self._start() + message.announced(number, part)

    def _part_done(self, event: Object, kind: str) -> list[Event]:
        part = _object(event, "part", kind, needed=False)
        if not part:
            return self._start()
        if self._of_reasoning(event, part):
            return self._start() + self._reasoning(event).text(
                "content", _number(event, "content_index"), _string(part, "text")
            )
        message, number = self._message(event)
        return self._start() + message.part(number, part)

    def _of_reasoning(self, event: Object, part: Object) -> bool:
        known = self._desk.find(event.get("output_index"), event.get("item_id"))
        return isinstance(known, ReasoningItem) or part.get("type") == "reasoning_text"

    def _cited(self, event: Object, kind: str) -> list[Event]:
        message, number = self._message(event)
        return self._start() + message.cited(number, event.get("annotation"))

    def _summary_delta(self, event: Object, kind: str) -> list[Event]:
        text = _text(event, "delta", kind)
        return self._start() + self._reasoning(event).delta("summary", _number(event, "summary_index"), text)

    def _summary_done(self, event: Object, kind: str) -> list[Event]:
        text = _text(event, "text", kind)
        return self._start() + self._reasoning(event).text("summary", _number(event, "summary_index"), text)

    def _summary_part_done(self, event: Object, kind: str) -> list[Event]:
        text = _string(_object(event, "part", kind, needed=False), "text")
        return self._start() + self._reasoning(event).text("summary", _number(event, "summary_index"), text)

    def _thought_delta(self, event: Object, kind: str) -> list[Event]:
        text = _text(event, "delta", kind)
        return self._start() + self._reasoning(event).delta("content", _number(event, "content_index"), text)

    def _thought_done(self, event: Object, kind: str) -> list[Event]:
        text = _text(event, "text", kind)
        return self._start() + self._reasoning(event).text("content", _number(event, "content_index"), text)

    def _arguments_delta(self, event: Object, kind: str) -> list[Event]:
        call = self._call(event, kind)
        return self._start() + call.delta(_text(event, "delta", kind))

    def _arguments_done(self, event: Object, kind: str) -> list[Event]:
        call = self._call(event, kind)
        return self._start() + call.arguments(_text(event, "input" if kind == _INPUT_DONE else "arguments", kind))

    def _ended(self, event: Object, kind: str) -> list[Event]:
        response = event.get("response")
        response = response if isinstance(response, dict) else {}
        events = self._start()
        status = _STATUS[kind]
        if status == "completed" and response.get("status") in _STATUS.values():
            # Some gateways end every stream with this event and say in the response how it ended.
            status = response["status"]
        if status in {"completed", "incomplete"}:
            output = response.get("output")
            events += self._desk.settle(output if isinstance(output, list) else [])
        usage = read_usage(response.get("usage"), response.get("service_tier"))
        if usage is not None:
            events.append(UsageReported(usage=usage))
        desk = self._desk
        last = ending(response, status, called=desk.called, refused=desk.refused, nameless=desk.nameless)
        self.seen.failed = isinstance(last, Failed)
        self.seen.complete = not self.seen.failed
        if isinstance(last, Failed) and status == "failed" and not response.get("error"):
            self._unexplained = last
            return events
        self._over = True
        return [*events, last]

    def _error(self, event: Object, kind: str) -> list[Event]:
        self._over = self.seen.failed = True
        fallback = "The provider ended the answer with an error and did not say which."
        return [Failed(failure=failure_of(event, fallback=fallback))]

    # Which item an event speaks of; one that was never announced is taken for announced now.

    def _message(self, event: Object) -> tuple[MessageItem, int]:
        found = self._find(event, "message")
        assert isinstance(found, MessageItem)
        return found, _number(event, "content_index")

    def _reasoning(self, event: Object) -> ReasoningItem:
        found = self._find(event, "reasoning")
        assert isinstance(found, ReasoningItem)
        return found

    def _find(self, event: Object, kind: str) -> OpenItem:
        index, item_id = event.get("output_index"), event.get("item_id")
        known = self._desk.find(index, item_id)
        if known is None and index is None and not item_id:
            known = self._desk.latest(kind)
        if known is not None and known.type == kind:
            return known
        return self._desk.announce({"type": kind, "id": item_id}, index)[0]

    def _call(self, event: Object, kind: str) -> CallItem:
        index, item_id = event.get("output_index"), event.get("item_id")
        known = self._desk.find(index, item_id)
        if isinstance(known, CallItem):
            return known
        if not isinstance(item_id, str) or not item_id:
            raise _Unusable(f"`{kind}` names no tool call that is open")
        called = "custom_tool_call" if kind.startswith("response.custom") else "function_call"
        opened = self._desk.announce({"type": called, "id": item_id}, index)[0]
        assert isinstance(opened, CallItem)
        return opened


def _string(document: Object, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _text(event: Object, name: str, kind: str) -> str:
    value = event.get(name)
    if value is not None and not isinstance(value, str):
        raise _Unusable(f"`{name}` of `{kind}` is not a string")
    return value or ""


def _number(event: Object, name: str) -> int:
    value = event.get(name)
    return value if isinstance(value, int) else 0


def _object(event: Object, name: str, kind: str, *, needed: bool = True) -> Object:
    value: Any = event.get(name)
    if value is None and not needed:
        return {}
    if not isinstance(value, dict):
        raise _Unusable(f"`{name}` of `{kind}` is not an object")
    return value


_INPUT_DONE = "response.custom_tool_call_input.done"

_Handler = Callable[[StreamReader, Object, str], list[Event]]
_HANDLERS: dict[str, _Handler] = {
    "response.created": StreamReader._opened,
    "response.queued": StreamReader._opened,
    "response.in_progress": StreamReader._opened,
    "response.output_item.added": StreamReader._item_added,
    "response.output_item.done": StreamReader._item_done,
    "response.content_part.added": StreamReader._part_added,
    "response.content_part.done": StreamReader._part_done,
    "response.output_text.delta": StreamReader._text_delta,
    "response.output_text.done": StreamReader._text_done,
    "response.output_text.annotation.added": StreamReader._cited,
    "response.refusal.delta": StreamReader._text_delta,
    "response.refusal.done": StreamReader._text_done,
    "response.reasoning_summary_text.delta": StreamReader._summary_delta,
    "response.reasoning_summary_text.done": StreamReader._summary_done,
    "response.reasoning_summary_part.done": StreamReader._summary_part_done,
    "response.reasoning_text.delta": StreamReader._thought_delta,
    "response.reasoning_text.done": StreamReader._thought_done,
    # The Open Responses schema (openresponses.org) has these names for the two above.
    "response.reasoning.delta": StreamReader._thought_delta,
    "response.reasoning.done": StreamReader._thought_done,
    "response.function_call_arguments.delta": StreamReader._arguments_delta,
    "response.function_call_arguments.done": StreamReader._arguments_done,
    "response.custom_tool_call_input.delta": StreamReader._arguments_delta,
    _INPUT_DONE: StreamReader._arguments_done,
    "response.completed": StreamReader._ended,
    "response.incomplete": StreamReader._ended,
    "response.failed": StreamReader._ended,
    "response.cancelled": StreamReader._ended,
    "error": StreamReader._error,
    "response.error": StreamReader._error,
}
