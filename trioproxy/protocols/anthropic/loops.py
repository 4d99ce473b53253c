"""A tool loop that is being answered, and whether it may be thought about.

The API: "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and
`tool_result` blocks)"; it takes a whole loop for one turn, and has no such rule in the adaptive mode. A loop that another model began has no
thoughts that Anthropic can read. Knows bodies that pass; a body of ours has its own rule (``rules.py``). Refuses to know: why thoughts are gone.
"""

from __future__ import annotations

from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["answerable", "unthinking"]

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


def answerable(document: Object) -> Object:
    """The request itself, or one that asks for no thinking where the loop that it answers was begun without."""
    thinking, messages = document.get("thinking"), document.get("messages")
    if not (isinstance(thinking, dict) and thinking.get("type") == "enabled" and isinstance(messages, list)):
        return document
    opening = _opening(messages)
    if opening is None or opening in _THOUGHTS:
        return document
    return unthinking(document)


def unthinking(document: Object) -> Object:
    """The request without the wish to think, and what only thinking requests may say."""
    changed = {name: value for name, value in document.items() if name != "thinking"}
    managed = document.get("context_management")
    if isinstance(managed, dict) and isinstance(managed.get("edits"), list):
        # "`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive"
        edits = [each for each in managed["edits"] if "clear_thinking" not in str(each)]
        changed = {name: value for name, value in changed.items() if name != "context_management"}
        changed |= {"context_management": {**managed, "edits": edits}} if edits else {}
    return changed


def _opening(messages: list[JSON]) -> str | None:
    """The type of the first block of the loop that is being answered, None where none is."""
    opening: str | None = None
    if "tool_result" not in _types(messages[-1]):
        return None
    for message in reversed(messages):
        types = _types(message)
        if not isinstance(message, dict) or message.get("role") == "system":
            continue
        if message.get("role") == "assistant":
            opening = types[0]
        elif "tool_result" not in types:
            break
    return opening


def _types(message: JSON) -> list[str]:
    content = message.get("content") if isinstance(message, dict) else None
    blocks = content if isinstance(content, list) else []
    return [str(block.get("type")) if isinstance(block, dict) else "" for block in blocks] or ["text"]
