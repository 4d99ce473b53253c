"""The requests of a benchmark, by door and size.

Knows: how a client of each protocol words the same question, and what an agent's request looks like after two hundred turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from trioproxy.wire.jsoncodec import dumps

__all__ = ["DOORS", "KEY", "SIZES", "body", "request"]

KEY = "bench-key"
"""The client key, so that a request is admitted as it would be in earnest."""

DOORS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
"""Where a client of which protocol asks."""

SIZES = ("small", "agent", "bytes-N", "messages-N", "tools-N")
"""``small`` is a question of half a kilobyte; ``agent`` has 200 messages and 60 tools, 300 KB in all; the others have so many bytes, messages or
tools."""

_SYSTEM, _QUESTION = "Be brief. " * 20, "What is a proxy? " * 10
_AGENT = (200, 60)
_WORDS = 'The quick brown fox jumps over the lazy dog, and says: "stop".\n'


def _parameters(number: int) -> dict[str, Any]:
    """A schema as agents have them: nested, with formats, bounds and enumerations."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": f"Which file tool {number} works on. " * 4, "minLength": 1},
            "mode": {"type": "string", "enum": ["read", "write", "append"], "default": "read"},
            "range": {
                "type": "object",
                "properties": {"from": {"type": "integer", "minimum": 0}, "to": {"type": ["integer", "null"]}},
                "additionalProperties": False,
            },
            "tags": {"type": "array", "items": {"type": "string", "format": "uuid"}, "maxItems": 8},
        },
        "required": ["path"],
        "additionalProperties": False,
    }


def _shape(size: str) -> tuple[int, int, int]:
    """Messages, tools, and bytes of the last question."""
    name, _, number = size.partition("-")
    match name:
        case "agent":
            return (*_AGENT, 0)
        case "bytes":
            return 2, 0, int(number)
        case "messages":
            return int(number), 0, 0
        case "tools":
            return 2, int(number), 0
        case _:
            return 2, 0, 0


def _question(length: int) -> str:
    return (_WORDS * (length // len(_WORDS) + 1))[:length] if length else _QUESTION


def _chat(model: str, size: str, stream: bool) -> dict[str, Any]:
    count, tools, length = _shape(size)
    system = _WORDS * 40 if tools else _SYSTEM
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": system},
        {"role": "user", "content": _question(length)},
    ]
    for turn in range((count - 2) // 2):
        given = {"path": f"/src/{turn}.py", "mode": "read"}
        call = {"name": f"tool_{turn % _AGENT[1]}", "arguments": dumps(given).decode()}
        calls = [{"id": f"call_{turn}", "type": "function", "function": call}]
        messages.append({"role": "assistant", "content": _WORDS * 4, "tool_calls": calls})
        messages.append({"role": "tool", "tool_call_id": f"call_{turn}", "content": _WORDS * 32})
    functions = [{"name": f"tool_{n}", "description": _WORDS * 8, "parameters": _parameters(n)} for n in range(tools)]
    document: dict[str, Any] = {"model": model, "stream": stream, "messages": messages}
    return {**document, "tools": [{"type": "function", "function": each} for each in functions]} if tools else document


def _messages(model: str, size: str, stream: bool) -> dict[str, Any]:
    count, tools, length = _shape(size)
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": _question(length)}]}]
    for turn in range((count - 2) // 2):
        given = {"path": f"/src/{turn}.py", "mode": "read"}
        call = {"type": "tool_use", "id": f"toolu_{turn}", "name": f"tool_{turn % _AGENT[1]}", "input": given}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": _WORDS * 4}, call]})
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": _WORDS * 32}
        messages.append({"role": "user", "content": [result]})
    system = [{"type": "text", "text": _WORDS * 40 if tools else _SYSTEM, "cache_control": {"type": "ephemeral"}}]
    document = {"model": model, "stream": stream, "max_tokens": 1024, "system": system, "messages": messages}
    offered = [{"name": f"tool_{n}", "description": _WORDS * 8, "input_schema": _parameters(n)} for n in range(tools)]
    return {**document, "tools": offered} if offered else document


_BODIES = {"chat": _chat, "messages": _messages}


@cache
def body(door: str, model: str, size: str, *, stream: bool) -> bytes:
    """A request's body."""
    return dumps(_BODIES[door](model, size, stream))


def request(
    door: str, model: str, size: str, *, port: int, stream: bool, headers: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """A whole request, for a server on ``port`` of the loopback. ``headers`` are those that this server wants beside what all are sent."""
    content = body(door, model, size, stream=stream)
    lines = (
        b"POST %b HTTP/1.1" % DOORS[door].encode(),
        b"host: 127.0.0.1:%d" % port,
        b"authorization: Bearer " + KEY.encode(),
        b"content-type: application/json",
        b"content-length: %d" % len(content),
        b"user-agent: trioproxy-bench",
        b"accept: application/json",
        *(f"{name}: {value}".encode() for name, value in headers.items()),
    )
    return b"\r\n".join((*lines, b"", content))
