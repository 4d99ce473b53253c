"""Ids of calls as a provider takes them, the same on a call and its result.

Models name calls as they like: Kimi by the function and a number, vLLM in 46 characters, small servers from 0 on in every turn. A session that
moves to a vendor with rules of its own brings such ids along. Knows: where ids stand in each protocol, and what the vendors of OpenAI's and
Anthropic's protocols refuse. Refuses to know: when that matters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import attrs

from trioproxy.providers.quirk import ANTHROPIC, CHAT, RESPONSES
from trioproxy.wire.jsoncodec import Object

__all__ = ["legal_call_ids"]

_LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,40}")
"""OpenAI takes 40 characters in Chat Completions (64 in Responses), Anthropic these alone."""

_Rename = Callable[[str], str]


def legal_call_ids(body: Object, protocol: str) -> Object | None:
    """The body with ids of calls that are short, of legal characters, and used once; None where they are."""
    name, change = _PLACES[protocol]
    history = body.get(name)
    if not isinstance(history, list):
        return None
    ids = _Ids()
    changed = [change(entry, ids) if isinstance(entry, dict) else entry for entry in history]
    return {**body, name: changed} if changed != history else None


@attrs.define(eq=False)
class _Ids:
    """The names that calls have got. A result belongs to the last call of its id."""

    _given: dict[str, str] = attrs.field(factory=dict, init=False)
    _used: set[str] = attrs.field(factory=set, init=False)

    def call(self, original: str) -> str:
        legal = original if _LEGAL.fullmatch(original) else f"call_{_digest(original)}"
        unique, number = legal, 2
        while unique in self._used:
            unique, number = f"{legal[:36]}_{number}", number + 1
        self._used.add(unique)
        self._given[original] = unique
        return unique

    def result(self, original: str) -> str:
        return self._given.get(original, original)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _renamed(node: Any, name: str, rename: _Rename) -> Any:
    known = isinstance(node, dict) and isinstance(node.get(name), str)
    return {**node, name: rename(node[name])} if known else node


def _chat(message: Object, ids: _Ids) -> Object:
    if isinstance(message.get("tool_calls"), list):
        return {**message, "tool_calls": [_renamed(call, "id", ids.call) for call in message["tool_calls"]]}
    changed: Object = _renamed(message, "tool_call_id", ids.result)
    return changed


def _responses(item: Object, ids: _Ids) -> Object:
    answers = str(item.get("type")).endswith("_output")
    changed: Object = _renamed(item, "call_id", ids.result if answers else ids.call)
    return changed


def _messages(message: Object, ids: _Ids) -> Object:
    content = message.get("content")
    return {**message, "content": [_block(block, ids) for block in content]} if isinstance(content, list) else message


def _block(block: Any, ids: _Ids) -> Any:
    match block:
        case {"type": "tool_use"}:
            return _renamed(block, "id", ids.call)
        case {"type": "tool_result"}:
            return _renamed(block, "tool_use_id", ids.result)
        case _:
            return block


_PLACES: dict[str, tuple[str, Callable[[Object, _Ids], Object]]] = {
    CHAT: ("messages", _chat),
    RESPONSES: ("input", _responses),
    ANTHROPIC: ("messages", _messages),
}
