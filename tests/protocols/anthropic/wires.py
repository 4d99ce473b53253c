"""Short ways to say requests, targets and streams in the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from trioproxy.neutral.events import Event
from trioproxy.neutral.parts import Part, Text
from trioproxy.neutral.request import Conversation, Role, Turn
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.base import Asked, Operation, PeekRequest, WriteContext, WriteTarget, Written
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import Object, dumps, loads_object
from trioproxy.wire.sse import SSEDecoder

CONTEXT = WriteContext(model="claude-asked", now=1_700_000_000, token="c0ffee")
TARGET = WriteTarget(model="claude-upstream")


@attrs.frozen(kw_only=True)
class Thinking:
    """What the catalogue says of a model's thinking."""

    minimum: int | None = None
    maximum: int | None = None
    zero_allowed: bool = True
    dynamic_allowed: bool = False
    levels: tuple[str, ...] = ()
    adaptive: bool = False


BUDGETS = Thinking(minimum=1024, maximum=64000)
BOTH = Thinking(minimum=1024, maximum=128000, adaptive=True, levels=("low", "medium", "high", "max"))
ADAPTIVE = Thinking(adaptive=True, levels=("low", "medium", "high", "xhigh", "max"))


def asked(document: Any, *, operation: Operation = Operation.GENERATE) -> Asked:
    endpoint = next(each for each in PROTOCOL.endpoints if each.operation is operation)
    body = document if isinstance(document, bytes) else dumps(document)
    return PROTOCOL.peek(
        PeekRequest(endpoint=endpoint, params={}, query="beta=true", content_type="application/json", body=body)
    )


def read(**fields: Any) -> Conversation:
    """A request with these fields, and a message where they have none, as a conversation."""
    document = {"model": "claude-asked", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], **fields}
    return PROTOCOL.read_request(document, asked(document))


def read_blocks(*blocks: Any, role: str = "user") -> tuple[Part, ...]:
    """The parts of one message of these blocks."""
    return read(messages=[{"role": role, "content": list(blocks)}]).turns[0].parts


def user(*parts: Part | str) -> Turn:
    return Turn(role=Role.USER, parts=_parts(parts))


def assistant(*parts: Part | str) -> Turn:
    return Turn(role=Role.ASSISTANT, parts=_parts(parts))


def system(*parts: Part | str) -> Turn:
    return Turn(role=Role.SYSTEM, parts=_parts(parts))


def write(*turns: Turn, target: WriteTarget = TARGET, **fields: Any) -> Written:
    """Another protocol's conversation as a request."""
    conversation = Conversation(model="asked", turns=turns or (user("hi"),), **fields)
    return PROTOCOL.write_request(conversation, target)


def lost(written: Written) -> list[str]:
    """What was lost, but for the tools that a history without any gets declared."""
    return [loss.path for loss in written.losses if loss.path != "tools"]


def frames(*events: Object) -> list[Frame]:
    return [Frame(dumps(event), event.get("type")) for event in events]


def read_frames(items: Iterable[Frame]) -> list[Event]:
    """Everything a fresh reader says of these frames, its end included."""
    reader = PROTOCOL.stream_reader()
    return [event for frame in items for event in reader.feed(frame)] + reader.close()


def decoded(body: bytes) -> list[Frame]:
    decoder = SSEDecoder()
    return decoder.feed(body) + decoder.close()


def told(events: Iterable[Event]) -> list[Object]:
    """What a fresh writer makes of these events, as JSON; every frame's name is its type."""
    writer = PROTOCOL.stream_writer(CONTEXT)
    out = [frame for event in events for frame in writer.feed(event)] + writer.close()
    documents = [loads_object(frame.data) for frame in out]
    assert [frame.event for frame in out] == [document["type"] for document in documents]
    return documents


def _parts(parts: Iterable[Part | str]) -> tuple[Part, ...]:
    return tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
