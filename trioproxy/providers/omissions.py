"""Requests without what one provider or another refuses in a history, or with what it misses there: the edits behind ``remedies.py``.

Each leaves its document alone and gives back a new one, None where it finds nothing; what it changes it enters as a loss. Refuses to know: in
which words a provider refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.anthropic import loops
from trioproxy.protocols.anthropic.rules import GO_ON
from trioproxy.providers.call_ids import legal_call_ids
from trioproxy.providers.excuses import ANSWERS, CALLS, EXCUSE, EXCUSED_CALLS, IN_CHAT, SIGNATURES
from trioproxy.providers.histories import NOT_SHOWN, instructed_first
from trioproxy.providers.quirk import ANTHROPIC, CHAT, QuirkContext
from trioproxy.wire.jsoncodec import Object

__all__ = [
    "asked_to_go_on",
    "instructions_first",
    "legal_ids",
    "plain_chat",
    "thoughts_beside_calls",
    "unencrypted_items",
    "unnamed_contents",
    "unsigned_chat",
    "unsigned_contents",
    "unsigned_messages",
    "unthinking",
]

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_CALLS = frozenset({"function_call", "custom_tool_call"})
_INSTRUCTING = frozenset({"system", "developer"})
_NAMED = CALLS + ANSWERS
_BLANK = {"type": "thinking", "thinking": NOT_SHOWN, "signature": ""}
_PLAIN = frozenset({"role", "content", "name", "tool_calls"})
_PLAIN_CALL = frozenset({"id", "type", "function", "custom"})


def _history(body: Object, name: str, change: Callable[[Any], Any]) -> Object | None:
    """The body with each entry of its history changed; None drops one. None where nothing changes."""
    history = body.get(name)
    if not isinstance(history, list):
        return None
    changed = [each for each in map(change, history) if each is not None]
    return {**body, name: changed} if changed and changed != history else None


def _lost(context: QuirkContext, path: str, reason: str) -> None:
    context.losses.append(Loss(path=path, reason=reason))


def unsigned_messages(body: Object, context: QuirkContext) -> Object | None:
    """Without thinking blocks: a tool loop that lost them can't be thought about within a budget."""

    def change(message: Any) -> Any:
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list):
            return message
        kept = [block for block in content if not (isinstance(block, dict) and block.get("type") in _THOUGHTS)]
        return {**message, "content": kept} if kept else None

    changed = _history(body, "messages", change)
    if changed is None:
        return None
    _lost(context, "messages", "the provider can't read its thoughts of before: they were left out")
    last = changed["messages"][-1]
    answers = isinstance(last, dict) and isinstance(last.get("content"), list) and "tool_result" in _types(last)
    thinks = body.get("thinking")
    if answers and isinstance(thinks, dict) and thinks.get("type") == "enabled":
        changed = unthinking(changed, context) or changed
    return changed


def _types(message: Object) -> set[Any]:
    return {block.get("type") for block in message["content"] if isinstance(block, dict)}


def unthinking(body: Object, context: QuirkContext) -> Object | None:
    """Without the wish to think, and what only thinking requests may say."""
    if "thinking" not in body:
        return None
    _lost(context, "thinking", "the tool calls being answered came without the thinking before them")
    return loops.unthinking(body)


def unencrypted_items(body: Object, context: QuirkContext) -> Object | None:
    """Without reasoning items, and without the ids that tell a call to belong to one."""

    def change(item: Any) -> Any:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "reasoning":
            return None
        return {name: value for name, value in item.items() if name != "id"} if kind in _CALLS else item

    changed = _history(body, "input", change)
    if changed is not None:
        _lost(context, "input", "the provider can't read the reasoning of before: it was left out")
    return changed


def unsigned_contents(body: Object, context: QuirkContext) -> Object | None:
    """Without signatures; calls have the word that Google takes in their place, where the model knows it."""
    excused = EXCUSED_CALLS.name in context.quirks

    def bare(part: Any) -> Any:
        if not isinstance(part, dict):
            return part
        kept = {name: value for name, value in part.items() if name not in SIGNATURES}
        called = any(name in part for name in CALLS)
        return {**kept, SIGNATURES[0]: EXCUSE} if called and excused else kept

    changed = _history(body, "contents", _each_part(bare))
    if changed is not None:
        _lost(context, "contents", "the provider can't read the signatures of before: they were left out")
    return changed


def unnamed_contents(body: Object, context: QuirkContext) -> Object | None:
    """Without the ids of calls and responses, which stand in one order anyway."""

    def bare(part: Any) -> Any:
        return {name: _without_id(name, value) for name, value in part.items()} if isinstance(part, dict) else part

    changed = _history(body, "contents", _each_part(bare))
    if changed is not None:
        _lost(context, "contents", "the provider knows no ids of calls: they were left out")
    return changed


def _each_part(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What changes a content of Gemini's, part by part."""

    def changed(content: Any) -> Any:
        parts = content.get("parts") if isinstance(content, dict) else None
        return {**content, "parts": [change(part) for part in parts]} if isinstance(parts, list) else content

    return changed


def _without_id(name: str, value: Any) -> Any:
    named = name in _NAMED and isinstance(value, dict)
    return {member: inner for member, inner in value.items() if member != "id"} if named else value


def unsigned_chat(body: Object, context: QuirkContext) -> Object | None:
    """Without ``reasoning_details``, ``thinking_blocks``, and Google's signatures on calls."""
    excused = IN_CHAT if EXCUSED_CALLS.name in context.quirks else None

    def change(message: Any) -> Any:
        if not isinstance(message, dict) or message.get("role") != "assistant":
            return message
        kept = {
            name: value
            for name, value in message.items()
            if name not in ("reasoning_details", "thinking_blocks", "extra_content")
        }
        if isinstance(kept.get("tool_calls"), list):
            kept["tool_calls"] = [bare(call) for call in kept["tool_calls"]]
        return kept

    def bare(call: Any) -> Any:
        if not isinstance(call, dict):
            return call
        kept = {name: value for name, value in call.items() if name != "extra_content"}
        return {**kept, "extra_content": excused} if excused is not None else kept

    changed = _history(body, "messages", change)
    if changed is not None:
        _lost(context, "messages", "the provider can't read its thoughts of before: they were left out")
    return changed


def instructions_first(body: Object, context: QuirkContext) -> Object | None:
    """Instructions behind the first word of anybody else are the user's, as they are for vendors that have none there."""
    history = body.get("messages")
    if not isinstance(history, list):
        return None
    # Anthropic's instructions stand elsewhere.
    changed = list(instructed_first(history, _INSTRUCTING, context, begun=context.protocol == ANTHROPIC))
    return {**body, "messages": changed} if changed != history else None


def legal_ids(body: Object, context: QuirkContext) -> Object | None:
    changed = legal_call_ids(body, context.protocol)
    if changed is not None:
        _lost(context, "messages", "the provider refuses ids of calls that others made: they were renamed")
    return changed


def thoughts_beside_calls(body: Object, context: QuirkContext) -> Object | None:
    """With thoughts beside every call of the model's, blank where there are none to be had."""

    def change(message: Any) -> Any:
        if not isinstance(message, dict) or message.get("role") != "assistant":
            return message
        if context.protocol == CHAT:
            calls, thought = message.get("tool_calls"), message.get("reasoning_content")
            return {**message, "reasoning_content": NOT_SHOWN} if calls and not thought else message
        content = message.get("content")
        types = _types(message) if isinstance(content, list) else set()
        lacking = "tool_use" in types and not types & _THOUGHTS
        return {**message, "content": [_BLANK, *content]} if lacking and isinstance(content, list) else message

    changed = _history(body, "messages", change)
    if changed is not None:
        _lost(
            context,
            "messages",
            "the provider wants its thoughts beside calls, and they were another's: blank ones were put there",
        )
    return changed


def asked_to_go_on(body: Object, context: QuirkContext) -> Object | None:
    """With a user behind a model that spoke last."""
    history = body.get("messages")
    last = history[-1] if isinstance(history, list) and history else None
    if not isinstance(history, list) or not isinstance(last, dict) or last.get("role") != "assistant":
        return None
    _lost(context, "messages", "the model does not go on from a message of its own: it is asked to")
    return {**body, "messages": [*history, {"role": "user", "content": GO_ON}]}


def plain_chat(body: Object, context: QuirkContext) -> Object | None:
    """With messages of the assistant that hold what every server of Chat Completions knows."""

    def change(message: Any) -> Any:
        if not isinstance(message, dict) or message.get("role") != "assistant":
            return message
        kept = {name: value for name, value in message.items() if name in _PLAIN}
        if isinstance(kept.get("tool_calls"), list):
            kept["tool_calls"] = [bare(call) for call in kept["tool_calls"]]
        return kept

    def bare(call: Any) -> Any:
        return {name: value for name, value in call.items() if name in _PLAIN_CALL} if isinstance(call, dict) else call

    changed = _history(body, "messages", change)
    if changed is not None:
        _lost(context, "messages", "the provider refuses members that answers of others have: they were left out")
    return changed
