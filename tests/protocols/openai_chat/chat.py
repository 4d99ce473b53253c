"""Short ways to say things in Chat Completions, for the tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from trioproxy.neutral.events import Event
from trioproxy.neutral.fold import fold
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.request import Conversation
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import Asked, ModelSpot, WriteContext, WriteTarget, Written
from trioproxy.protocols.openai_chat import PROTOCOL
from trioproxy.protocols.openai_chat.reader import ChatReader
from trioproxy.protocols.openai_chat.writer import ChatWriter
from trioproxy.wire.frames import Frame

DONE = Frame(b"[DONE]")
NOW = 1_700_000_000
CONTEXT = WriteContext(model="asked-model", now=NOW, token="f00d")


def frame(document: Any, event: str | None = None) -> Frame:
    return Frame(json.dumps(document).encode(), event)


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> Frame:
    """One chunk of choice 0; ``more`` are members of the chunk itself."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return frame(
        {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [choice], **more}
    )


def call(index: int | None = None, id: str | None = None, name: str | None = None, arguments: str | None = None) -> Any:
    """One entry of a delta's ``tool_calls``, without what is None."""
    entry: dict[str, Any] = {} if index is None else {"index": index}
    if id is not None:
        entry |= {"id": id, "type": "function"}
    function = {} if name is None else {"name": name}
    return {**entry, "function": function | ({} if arguments is None else {"arguments": arguments})}


def calls(*entries: Any) -> Frame:
    return chunk({"tool_calls": list(entries)})


def legal(events: Iterable[Event]) -> list[Event]:
    """The events, which must be a legal sequence with an end."""
    grammar = Grammar()
    passed = [event for each in events for event in grammar.feed(each)]
    grammar.close()
    return passed


def read(*frames: Frame, reader: ChatReader | None = None) -> list[Event]:
    """Legal events of a whole stream."""
    reader = reader or ChatReader()
    events = [event for each in frames for event in reader.feed(each)]
    return legal([*events, *reader.close()])


def answer(*frames: Frame) -> Answer:
    return fold(read(*frames))


def read_body(document: Any) -> Answer:
    return fold(legal(PROTOCOL.read_body(document)))


def write(events: Iterable[Event], context: WriteContext = CONTEXT) -> tuple[list[Frame], ChatWriter]:
    writer = ChatWriter(context)
    frames = [each for event in events for each in writer.feed(event)]
    return [*frames, *writer.close()], writer


def documents(frames: Iterable[Frame]) -> list[Any]:
    """What the frames hold; ``[DONE]`` as that string."""
    return ["[DONE]" if each == DONE else json.loads(each.data) for each in frames]


def deltas(frames: Iterable[Frame]) -> list[Any]:
    return [each["choices"][0]["delta"] for each in documents(frames) if each != "[DONE]" and each.get("choices")]


def asked(document: Any) -> Asked:
    return Asked(
        protocol="openai_chat",
        endpoint=PROTOCOL.endpoints[0],
        model=document.get("model", "m"),
        stream=bool(document.get("stream")),
        body=b"",
        spot=ModelSpot.JSON,
        document=document,
    )


def conversation(*messages: Any, **members: Any) -> Conversation:
    """A request read: these messages, else one user message, and these members."""
    document = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **members}
    return PROTOCOL.read_request(document, asked(document))


def written(said: Conversation, *quirks: str, **target: Any) -> Written:
    return PROTOCOL.write_request(said, WriteTarget(model="up", quirks=frozenset(quirks), **target))


def rewritten(*messages: Any, quirks: Iterable[str] = (), **members: Any) -> Any:
    """A request of this protocol, read and written for a target of this protocol: the body."""
    said = conversation(*messages, **members)
    usage = said.include_usage and said.stream
    body = written(said, *quirks, stream=said.stream, include_usage=usage).body
    body["model"] = "m"
    return body
