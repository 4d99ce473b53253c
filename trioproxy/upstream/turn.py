"""Whose turn a request answers: what the user said last, and what tools said since. Pure.

Knows: the conversations of the four protocols, and what agents add to a user's words: the date, the working directory, reminders. That differs
from day to day and from one machine to the next, and is no part of a turn. Refuses to know: what is compared with what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["Turn", "read_turn"]

# Seen in requests of Claude Code, Codex CLI, Cline and Roo, Gemini CLI and Copilot (2026-11).
_CONTEXT = re.compile(
    r"<(system-reminder|environment_context|environment_details|environment_info|session_context|workspace_info|user_instructions"
    r"|reminderInstructions)\b[^>]*>.*?</\1>",
    re.DOTALL,
)


@attrs.frozen
class Turn:
    """``text`` is what the user said last, ``results`` the results of tools behind it, in order."""

    text: str = ""
    results: tuple[str, ...] = ()


def read_turn(body: Object) -> Turn:
    """The turn that a request body is for. What has no conversation but a text (an embedding, a completion) is all of it the turn."""
    for name in ("messages", "input", "contents", "prompt"):
        turns = body.get(name)
        if isinstance(turns, str):
            return Turn(_spoken(turns))
        if isinstance(turns, list) and turns:
            plain = [item for item in turns if not isinstance(item, dict)]
            return Turn("\n".join(_words(plain))) if plain else _last(turns)
    return Turn()


def _last(items: Sequence[Object]) -> Turn:
    results: list[str] = []
    for item in reversed(items):
        if item.get("role") == "tool" or str(item.get("type", "")).endswith("_output"):
            results.append("\n".join(_texts(item)))
            continue
        if item.get("role", "user") != "user" or item.get("type", "message") != "message":
            continue
        parts = item.get("content", item.get("parts"))
        answers = [part for part in parts if _is_result(part)] if isinstance(parts, list) else []
        results += ("\n".join(_texts(part)) for part in reversed(answers))
        rest = [part for part in parts if not _is_result(part)] if isinstance(parts, list) else parts
        said = "\n".join(_texts(rest))
        spoken = _spoken(said)
        # A message that holds nothing but results or context is not what the user said; a picture is.
        if spoken or (rest and not said):
            return Turn(spoken, tuple(reversed(results)))
    return Turn("", tuple(reversed(results)))


def _spoken(text: str) -> str:
    return _CONTEXT.sub("", text).strip()


def _is_result(part: JSON) -> bool:
    return isinstance(part, dict) and (
        part.get("type") == "tool_result" or "functionResponse" in part or "function_response" in part
    )


_TEXTS = ("content", "text", "output", "parts", "functionResponse", "function_response", "response", "result")


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name in _TEXTS:
            if name in value:
                item = value[name]
                # A result may be any JSON at all.
                yield from _texts(item) if name not in ("response", "result") else (dumps(item).decode(),)


def _words(values: Sequence[JSON]) -> Iterator[str]:
    for value in values:
        yield value if isinstance(value, str) else dumps(value).decode()
