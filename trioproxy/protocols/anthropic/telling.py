"""Neutral events to the events of a Messages stream, as JSON objects: stream and whole body are told by the same :class:`Telling`.

One block is open at a time, as the API has it: parts that other providers interleave wait, in order of appearance, and go out as soon as
the block before them is closed. A block opens with its first content, so that an empty part leaves no block behind. Every stream that
succeeds has a stop reason and counts (clients loop without them). Source: platform.claude.com, "Streaming messages".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, assert_never

import attrs

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
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
from trioproxy.neutral.identity import told_apart
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Search
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.anthropic.answer_blocks import BlockOut, ForeignBlocks, TextBlock, ThinkingBlock, ToolBlock
from trioproxy.protocols.anthropic.assembly import MESSAGE
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.protocols.anthropic.searches import search_blocks
from trioproxy.protocols.anthropic.stops import stop_written
from trioproxy.protocols.anthropic.usage import usage_fields
from trioproxy.protocols.base import WriteContext
from trioproxy.wire.jsoncodec import Object

__all__ = ["Telling", "message_id"]


# Providers that leave one out mean none; clients of the API want both.
_SERVER_TOOL_USE = {"web_search_requests": 0, "web_fetch_requests": 0}


def message_id(given: str, token: str) -> str:
    """The id of a message: Anthropic's own, else the provider's behind the beginning that ids have here, told apart by ``token``."""
    return given if given.startswith("msg_") else f"msg_{told_apart(given, token)}"


@attrs.define(eq=False)
class _Waiting:
    """A part that has begun: the block it becomes, and the events it could not say yet."""

    block: BlockOut
    events: list[Event] = attrs.field(factory=list)


class Telling:
    """One answer on its way out. ``losses`` grows as events without a home pass."""

    def __init__(self, context: WriteContext) -> None:
        self.losses: list[Loss] = []
        self._context = context
        self._parts: dict[int, _Waiting] = {}
        self._line: deque[int] = deque()
        self._blocks = 0
        self._usage = Usage()
        self._beside: Object = {}
        self._called = False
        self._searches = 0
        self._refused = False

    def goes_on(self, index: int) -> int | None:
        """The number of the block that more text of this part continues, where that is all there is to say; None where it is not."""
        if not self._line or self._line[0] != index:
            return None
        return self._blocks - 1 if self._parts[index].block.goes_on else None

    def said(self, item: Event) -> Iterator[Object]:
        """What an event comes to. A failure is nothing that a message can say."""
        match item:
            case ResponseStarted():
                yield self._start(item)
            case UsageReported(usage=usage):
                self._usage = self._usage.updated(usage)
            case PartStarted(index=index):
                self._line.append(index)
                self._parts[index] = _Waiting(self._part(item))
            case ToolCallStarted(index=index):
                self._called = True
                self._line.append(index)
                self._parts[index] = _Waiting(ToolBlock(item))
                yield from self._advanced(index, item)
            case Foreign():
                yield from self._foreign(item)
            case Finished():
                yield from self._finish(item)
            case (
                TextDelta(index=index)
                | ReasoningDelta(index=index)
                | RefusalDelta(index=index)
                | ToolArgsDelta(index=index)
                | CitationAdded(index=index)
                | PartSigned(index=index)
                | PartFinished(index=index)
            ):
                yield from self._advanced(index, item)
            case Failed():
                raise AssertionError(item)
            case _:
                assert_never(item)

    def _start(self, item: ResponseStarted) -> Object:
        return {
            "type": "message_start",
            "message": {
                "id": message_id(item.id, self._context.token),
                "type": "message",
                "role": "assistant",
                "model": self._context.model or item.model,
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": usage_fields(item.usage),
            },
        }

    def _part(self, item: PartStarted) -> BlockOut:
        if item.kind is PartKind.REASONING:
            return ThinkingBlock(item)
        self._refused = self._refused or item.kind is PartKind.REFUSAL
        return TextBlock(item)

    def _foreign(self, item: Foreign) -> Iterator[Object]:
        if item.protocol == NAME and item.kind == MESSAGE:
            self._beside.update(item.payload)
        elif item.protocol == NAME:
            yield from self._whole(item.index, item.payload)
        elif isinstance(item.shown, Search):
            self._searches += 1
            yield from self._whole(item.index, *search_blocks(item.shown, f"{self._context.token}_{item.index}"))
        else:
            self.losses.append(Loss(item.kind, f"{item.protocol} alone has a word for this"))

    def _whole(self, index: int, *blocks: Mapping[str, Any]) -> Iterator[Object]:
        self._line.append(index)
        self._parts[index] = _Waiting(ForeignBlocks(*blocks))
        yield from self._advanced(index, PartFinished(index=index))

    def _advanced(self, index: int, item: Event) -> Iterator[Object]:
        """Say the event if its part is first in line, and then whatever waited for that; keep it otherwise."""
        self._parts[index].events.append(item)
        while self._line:
            part = self._parts[self._line[0]]
            events, part.events = part.events, []
            for event in events:
                yield from self._numbered(part.block.said(event))
            if not (events and isinstance(events[-1], PartFinished)):
                return
            self.losses += part.block.losses
            del self._parts[self._line.popleft()]

    def _numbered(self, events: list[Object]) -> Iterator[Object]:
        """A block's events with its number; each start takes the next one."""
        for event in events:
            if event["type"] == "content_block_start":
                self._blocks += 1
            yield {"type": event["type"], "index": self._blocks - 1, **event}

    def _finish(self, item: Finished) -> Iterator[Object]:
        beside = dict(self._beside)
        searched = {"server_tool_use": {"web_search_requests": self._searches}} if self._searches else {}
        usage = {**usage_fields(self._usage), **searched, **beside.pop("usage", {})}
        if isinstance(usage.get("server_tool_use"), dict):
            usage["server_tool_use"] = {**_SERVER_TOOL_USE, **usage["server_tool_use"]}
        delta: Object = {
            "stop_reason": stop_written(item.reason, raw=item.raw, called=self._called, refused=self._refused),
            "stop_sequence": item.stop_sequence,
        }
        for name in ("container", "stop_details"):
            if name in beside:
                delta[name] = beside.pop(name)
        yield {"type": "message_delta", "delta": delta, "usage": usage, **beside}
        yield {"type": "message_stop"}
