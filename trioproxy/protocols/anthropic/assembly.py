"""An answer as Anthropic tells it, block by block, to neutral events. Stream and whole body are read by the same :class:`Assembly`.

Knows: block types, deltas, what compatible providers leave out or put elsewhere. Refuses to know: frames and JSON. Source:
platform.claude.com, "Streaming messages"; recorded answers of Anthropic and its gateways.
"""

from __future__ import annotations

from typing import Any

import attrs

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    CitationAdded,
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
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
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.anthropic.citations import citation_read
from trioproxy.protocols.anthropic.endpoints import DIRECT_CALLER, NAME
from trioproxy.protocols.anthropic.searches import search_made
from trioproxy.protocols.anthropic.stops import stop_read
from trioproxy.protocols.anthropic.usage import Tally
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads

__all__ = ["MESSAGE", "Assembly", "malformed"]

MESSAGE = "message"
"""The kind of the :class:`~trioproxy.neutral.events.Foreign` that holds what an answer says beside its blocks (container, stop details)."""

# Members of a message that have a place of their own in events.
_SAID = {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage", "base_resp"}

# Block types that become parts: their kind, and the members that grow.
_PARTS: dict[str, tuple[PartKind, tuple[str, ...]]] = {
    "text": (PartKind.TEXT, ("text", "citations")),
    "thinking": (PartKind.REASONING, ("thinking", "signature")),
    "redacted_thinking": (PartKind.REASONING, ("data",)),
}

# Delta types: the member of the block that grows, and where the delta holds its growth.
_DELTAS: dict[str, tuple[str, str]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("input", "partial_json"),
    "citations_delta": ("citations", "citation"),
}


def malformed(problem: str) -> Failed:
    """The end of an answer that can't be understood."""
    message = f"the provider's answer breaks the Messages protocol: {problem}"
    return Failed(failure=Failure(kind=ErrorKind.MALFORMED, message=message, fault=Fault.UPSTREAM))


@attrs.define(eq=False)
class _Block:
    """An open block. ``index`` is its part's, None for a block that becomes :class:`Foreign` when it is whole."""

    kind: str
    start: Object
    index: int | None
    given_input: JSON = None
    pieces: list[str] = attrs.field(factory=list)
    extra: Object = attrs.field(factory=dict)


class Assembly:
    """One answer while it grows. Methods return the events they cause; after a :class:`Failed` or :class:`Finished` none come."""

    def __init__(self) -> None:
        self.id = ""
        self.model = ""
        self.over = False
        self.started = False
        self._parts = 0
        self._open: dict[JSON, _Block] = {}
        self._tally = Tally()
        self._beside: Object = {}
        self._called = False
        self._nameless = False
        self._spoke = False
        self._stop_reason: str | None = None
        self._stop_sequence: str | None = None

    def start(self, message: Object) -> list[Event]:
        """``message_start``, or the head of a whole body."""
        if self.started:
            # Some gateways send it twice. A second answer inside the first can't be told from it by any client.
            fresh = not self._parts and not self._open
            return [] if fresh else self.fail(malformed("a second message began inside the first"))
        self.started = True
        self.id, self.model = _text(message.get("id")), _text(message.get("model"))
        self._keep_beside(message)
        self._stop(message)
        reports = self._usage(message.get("usage"))
        counted = next((report.usage for report in reports if isinstance(report, UsageReported)), None)
        return [ResponseStarted(id=self.id, model=self.model, usage=counted), *reports]

    def open(self, number: JSON, block: Object) -> list[Event]:
        """``content_block_start``. What the block already holds (all of it, in a whole body) is taken."""
        # A provider that forgot to close the block before it is taken to have done so.
        events = [*self._begun(), *self.stop(number)]
        kind = _text(block.get("type"))
        if kind in _PARTS:
            return [*events, *self._open_part(number, block, *_PARTS[kind])]
        if kind == "tool_use":
            return [*events, *self._open_call(number, block)]
        self._open[number] = _Block(kind, block, None)
        return events

    def growth(self, number: int, kind: str, text: str) -> Delta | None:
        """More text of a block of this ``kind``, where it is open and nothing else changes."""
        block = self._open.get(number)
        if self.over or block is None or block.kind != kind or block.index is None:
            return None
        if kind == "thinking":
            return ReasoningDelta(index=block.index, text=text)
        if kind == "tool_use":
            return ToolArgsDelta(index=block.index, text=text) if block.given_input is None else None
        return TextDelta(index=block.index, text=text) if self._spoke else None

    def delta(self, number: JSON, delta: Object) -> list[Event]:
        """``content_block_delta``. Types nobody knows are passed over."""
        block = self._open.get(number)
        if block is None:
            return self.fail(malformed(f"content came for block {number}, which is not open"))
        if block.index is None:
            _grow(block, delta)
            return []
        grown = _DELTAS.get(_text(delta.get("type")))
        if grown is None:
            return []
        name, member = grown
        value = delta.get(member)
        return self._content(block, name, [value] if name == "citations" else value)

    def stop(self, number: JSON) -> list[Event]:
        """``content_block_stop``. One that closes nothing is passed over."""
        block = self._open.pop(number, None)
        if block is None:
            return []
        index = block.index
        if index is None:
            if block.kind == "server_tool_use" or block.pieces:
                block.extra["input"] = _parsed("".join(block.pieces), block.start.get("input"))
            payload = {**block.start, **block.extra}
            shown = search_made(payload)
            return [Foreign(index=self._next(), protocol=NAME, kind=block.kind, payload=payload, shown=shown)]
        events: list[Event] = []
        if block.kind == "tool_use" and block.given_input is not None:
            given = block.given_input
            # Some imitations give the text of it.
            events.append(ToolArgsDelta(index=index, text=given if isinstance(given, str) else dumps(given).decode()))
        elif block.pieces:
            form = SignatureForm.ANTHROPIC_SIGNATURE if block.kind == "thinking" else SignatureForm.ANTHROPIC_REDACTED
            events.append(PartSigned(index=index, signature=Signature(value="".join(block.pieces), form=form)))
        return [*events, PartFinished(index=index)]

    def update(self, event: Object) -> list[Event]:
        """``message_delta``: the reason to stop, and counts."""
        events = self._begun()
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._stop(delta)
            self._keep_beside(delta)
        self._keep_beside({name: value for name, value in event.items() if name != "delta"})
        return [*events, *self._usage(event.get("usage"))]

    def finish(self) -> list[Event]:
        """``message_stop``: the answer is whole. Blocks that nobody closed are closed."""
        events = self._begun()
        for number in list(self._open):
            events += self.stop(number)
        reason = stop_read(self._stop_reason, called=self._called)
        events += self._explained(reason)
        events += self._told_beside()
        self.over = True
        if self._nameless:
            return [*events, malformed("a tool call has no name")]
        finished = Finished(reason=reason, stop_sequence=self._stop_sequence, raw=self._stop_reason)
        return [*events, finished]

    def fail(self, failed: Failed) -> list[Event]:
        """The answer ends badly."""
        self.over = True
        return [failed]

    def _begun(self) -> list[Event]:
        """The start that a provider left out."""
        return [] if self.started else self.start({})

    def _next(self) -> int:
        self._parts += 1
        return self._parts - 1

    def _open_part(self, number: JSON, block: Object, kind: PartKind, known: tuple[str, ...]) -> list[Event]:
        index = self._next()
        opened = _Block(_text(block.get("type")), block, index)
        self._open[number] = opened
        extras = packed(NAME, _unnamed(block, ("type", *known)))
        events: list[Event] = [PartStarted(index=index, kind=kind, extras=extras)]
        for name in known:
            events += self._content(opened, name, block.get(name))
        return events

    def _open_call(self, number: JSON, block: Object) -> list[Event]:
        index = self._next()
        opened = _Block("tool_use", block, index, given_input=block.get("input") or {})
        self._open[number] = opened
        self._called = True
        self._nameless = self._nameless or not _text(block.get("name"))
        extras = _unnamed(block, ("type", "id", "name", "input"))
        if extras.get("caller") == DIRECT_CALLER:
            del extras["caller"]
        return [
            ToolCallStarted(
                index=index,
                # Ids have to tell the calls of a whole conversation apart.
                call_id=_text(block.get("id")) or f"toolu_{self.id}_{index}",
                name=_text(block.get("name")),
                extras=packed(NAME, extras),
            )
        ]

    def _content(self, block: _Block, name: str, value: JSON) -> list[Event]:
        """More of an open part: ``name`` is the member of its block that grows."""
        index = block.index
        assert index is not None
        if not value:
            return []
        match block.kind, name:
            case "text", "text":
                self._spoke = True
                return [TextDelta(index=index, text=_text(value))]
            case "text", "citations" if isinstance(value, list):
                cited = [citation_read(each) for each in value if isinstance(each, dict)]
                return [CitationAdded(index=index, citation=citation) for citation in cited]
            case "thinking", "thinking":
                return [ReasoningDelta(index=index, text=_text(value))]
            case ("thinking", "signature") | ("redacted_thinking", "data"):
                block.pieces.append(_text(value))
                return []
            case "tool_use", "input":
                block.given_input = None
                return [ToolArgsDelta(index=index, text=_text(value))]
            case _:
                return []

    def _stop(self, told: Object) -> None:
        if told.get("stop_reason") is not None:
            self._stop_reason = _text(told["stop_reason"])
        if told.get("stop_sequence") is not None:
            self._stop_sequence = _text(told["stop_sequence"])

    def _usage(self, report: JSON) -> list[Event]:
        usage = self._tally.take(report)
        return [] if usage is None or not report else [UsageReported(usage=usage)]

    def _keep_beside(self, told: Object) -> None:
        self._beside.update(_unnamed(told, _SAID))

    def _explained(self, reason: FinishReason) -> list[Event]:
        """Why the model refused, in its part, where it said nothing else."""
        details = self._beside.get("stop_details")
        said = details.get("explanation") if isinstance(details, dict) else None
        if reason is not FinishReason.REFUSAL or self._spoke or not isinstance(said, str) or not said:
            return []
        index = self._next()
        return [
            PartStarted(index=index, kind=PartKind.REFUSAL),
            RefusalDelta(index=index, text=said),
            PartFinished(index=index),
        ]

    def _told_beside(self) -> list[Event]:
        beside = dict(self._beside)
        if self._tally.rest:
            beside["usage"] = self._tally.rest
        return [Foreign(index=self._next(), protocol=NAME, kind=MESSAGE, payload=beside)] if beside else []


def _grow(block: _Block, delta: Object) -> None:
    """A delta of a block that is carried whole: JSON text of an input, or members that replace those of the start and go on from there."""
    if delta.get("type") == "input_json_delta":
        block.pieces.append(_text(delta.get("partial_json")))
        return
    for name, value in delta.items():
        if name != "type":
            before = block.extra.get(name)
            block.extra[name] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _parsed(text: str, given: JSON) -> JSON:
    if not text.strip():
        return {} if given is None else given
    try:
        return loads(text)
    except JSONError:
        return {"_raw": text}


def _unnamed(told: Object, known: Any) -> Object:
    return {name: value for name, value in told.items() if name not in known and value is not None}


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
