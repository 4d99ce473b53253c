"""The requests of a benchmark, by door and size.

Knows: how a client of each protocol words the same question, and what an agent's request looks like after two hundred turns.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from trioproxy.wire.jsoncodec import dumps

__all__ = ["DOORS", "KEY", "SIZES", "body", "request"]

KEY = "bench-key"
"""The client key, so that a request is admitted as it would be in earnest."""

DOORS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
"""Where a client of which protocol asks."""

SIZES = ("small", "agent")
"""``small`` is a question of half a kilobyte; ``agent`` has 200 messages and 60 tools, 300 KB in all."""

_SYSTEM, _QUESTION = "Be brief. " * 20, "What is a proxy? " * 10
_TURNS, _TOOLS = 200, 60
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


def _chat(model: str, size: str, stream: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"model": model, "stream": stream}
    if size == "small":
        return {
            **document,
            "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _QUESTION}],
        }
    messages: list[dict[str, Any]] = [{"role": "system", "content": _WORDS * 40}, {"role": "user", "content": _WORDS}]
    for turn in range((_TURNS - 2) // 2):
        call = {
            "name": f"tool_{turn % _TOOLS}",
            "arguments": dumps({"path": f"/src/{turn}.py", "mode": "read"}).decode(),
        }
        calls = [{"id": f"call_{turn}", "type": "function", "function": call}]
        messages.append({"role": "assistant", "content": _WORDS * 4, "tool_calls": calls})
        messages.append({"role": "tool", "tool_call_id": f"call_{turn}", "content": _WORDS * 32})
    tools = [
        {
            "type": "function",
            "function": {"name": f"tool_{n}", "description": _WORDS * 8, "parameters": _parameters(n)},
        }
        for n in range(_TOOLS)
    ]
    return {**document, "messages": messages, "tools": tools}


def _messages(model: str, size: str, stream: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"model": model, "stream": stream, "max_tokens": 1024}
    if size == "small":
        return {**document, "system": _SYSTEM, "messages": [{"role": "user", "content": _QUESTION}]}
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": _WORDS}]}]
    for turn in range((_TURNS - 2) // 2):
        given = {"path": f"/src/{turn}.py", "mode": "read"}
        call = {"type": "tool_use", "id": f"toolu_{turn}", "name": f"tool_{turn % _TOOLS}", "input": given}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": _WORDS * 4}, call]})
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": _WORDS * 32}
        messages.append({"role": "user", "content": [result]})
    tools = [{"name": f"tool_{n}", "description": _WORDS * 8, "input_schema": _parameters(n)} for n in range(_TOOLS)]
    system = [{"type": "text", "text": _WORDS * 40, "cache_control": {"type": "ephemeral"}}]
    return {**document, "system": system, "messages": messages, "tools": tools}


_BODIES = {"chat": _chat, "messages": _messages}


@cache
def body(door: str, model: str, size: str, *, stream: bool) -> bytes:
    """A request's body."""
    return dumps(_BODIES[door](model, size, stream))


def request(door: str, model: str, size: str, *, port: int, stream: bool) -> bytes:
    """A whole request, for a server on ``port`` of the loopback."""
    content = body(door, model, size, stream=stream)
    lines = (
        b"POST %b HTTP/1.1" % DOORS[door].encode(),
        b"host: 127.0.0.1:%d" % port,
        b"authorization: Bearer " + KEY.encode(),
        b"content-type: application/json",
        b"content-length: %d" % len(content),
        b"user-agent: trioproxy-bench",
        b"accept: application/json",
    )
    return b"\r\n".join((*lines, b"", content))
