"""What is asked once more, without what a provider just refused.

A history may hold what nobody can see is out of place: thoughts that another account or a server that imitates the protocol signed, loops that a
model without thoughts began, instructions amid the conversation for a model whose template has them at the head alone, ids of calls as others
make them. The provider says so, in words that are known, and the same request without it is answered. Each remedy is those words and one edit of
the body that was sent; it costs nothing where nothing is refused. Refuses to know: who asks again, and how often.

Sources: the errors' own texts, quoted at each remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from trioproxy.errors import Failure
from trioproxy.neutral.loss import Loss
from trioproxy.providers.call_ids import legal_call_ids
from trioproxy.providers.excuses import EXCUSE, EXCUSED_CALLS
from trioproxy.providers.quirk import ANTHROPIC, CHAT, GEMINI, RESPONSES, Edit, QuirkContext
from trioproxy.wire.jsoncodec import Object

__all__ = ["REMEDIES", "Remedy", "remedies_for"]

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_CALLS = frozenset({"function_call", "custom_tool_call"})
_INSTRUCTING = frozenset({"system", "developer"})
_SIGNATURES = ("thoughtSignature", "thought_signature")
_NAMED = ("functionCall", "function_call", "functionResponse", "function_response")


@attrs.frozen(kw_only=True)
class Remedy:
    """One edit, for failures whose code or message has all the words of one of ``words`` (lower-case)."""

    name: str
    protocols: frozenset[str]
    words: tuple[tuple[str, ...], ...]
    edit: Edit

    def fits(self, failure: Failure) -> bool:
        """Whether the provider speaks of what this leaves out."""
        said = f"{failure.code or ''} {failure.message}".lower()
        return any(all(word in said for word in words) for words in self.words)


def remedies_for(protocol: str, failure: Failure) -> Iterator[Remedy]:
    """What may help in a protocol against a failure."""
    return (each for each in REMEDIES if protocol in each.protocols and each.fits(failure))


def _history(body: Object, name: str, change: Callable[[Any], Any]) -> Object | None:
    """The body with each entry of its history changed; None drops one. None where nothing changes."""
    history = body.get(name)
    if not isinstance(history, list):
        return None
    changed = [each for each in map(change, history) if each is not None]
    return {**body, name: changed} if changed and changed != history else None


def _lost(context: QuirkContext, path: str, reason: str) -> None:
    context.losses.append(Loss(path=path, reason=reason))


def _unsigned_messages(body: Object, context: QuirkContext) -> Object | None:
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
        changed = _unthinking(changed, context) or changed
    return changed


def _types(message: Object) -> set[Any]:
    return {block.get("type") for block in message["content"] if isinstance(block, dict)}


def _unthinking(body: Object, context: QuirkContext) -> Object | None:
    """Without the wish to think, and what only thinking requests may say."""
    if "thinking" not in body:
        return None
    changed = {name: value for name, value in body.items() if name != "thinking"}
    _lost(context, "thinking", "the tool calls being answered came without the thinking before them")
    managed = body.get("context_management")
    if isinstance(managed, dict) and isinstance(managed.get("edits"), list):
        edits = [each for each in managed["edits"] if "clear_thinking" not in str(each)]
        changed["context_management"] = {**managed, "edits": edits}
        if not edits:
            del changed["context_management"]
    return changed


def _unencrypted_items(body: Object, context: QuirkContext) -> Object | None:
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


def _unsigned_contents(body: Object, context: QuirkContext) -> Object | None:
    """Without signatures; calls have the word that Google takes in their place, where the model knows it."""
    excused = EXCUSED_CALLS.name in context.quirks

    def change(content: Any) -> Any:
        parts = content.get("parts") if isinstance(content, dict) else None
        return {**content, "parts": [bare(part) for part in parts]} if isinstance(parts, list) else content

    def bare(part: Any) -> Any:
        if not isinstance(part, dict):
            return part
        kept = {name: value for name, value in part.items() if name not in _SIGNATURES}
        called = "functionCall" in part or "function_call" in part
        return {**kept, _SIGNATURES[0]: EXCUSE} if called and excused else kept

    changed = _history(body, "contents", change)
    if changed is not None:
        _lost(context, "contents", "the provider can't read the signatures of before: they were left out")
    return changed


def _unnamed_contents(body: Object, context: QuirkContext) -> Object | None:
    """Without the ids of calls and responses, which stand in one order anyway."""

    def change(content: Any) -> Any:
        parts = content.get("parts") if isinstance(content, dict) else None
        return {**content, "parts": [bare(part) for part in parts]} if isinstance(parts, list) else content

    def bare(part: Any) -> Any:
        held = (
            {name: part[name] for name in _NAMED if isinstance(part.get(name), dict)} if isinstance(part, dict) else {}
        )
        return (
            {**part, **{name: {k: v for k, v in each.items() if k != "id"} for name, each in held.items()}}
            if held
            else part
        )

    changed = _history(body, "contents", change)
    if changed is not None:
        _lost(context, "contents", "the provider knows no ids of calls: they were left out")
    return changed


def _unsigned_chat(body: Object, context: QuirkContext) -> Object | None:
    """Without ``reasoning_details``, ``thinking_blocks``, and Google's signatures on calls."""
    excused = {"google": {_SIGNATURES[1]: EXCUSE}} if EXCUSED_CALLS.name in context.quirks else None

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


def _instructions_first(body: Object, context: QuirkContext) -> Object | None:
    """Instructions behind the first word of anybody else are the user's, as they are for vendors that have none there."""
    history = body.get("messages")
    if not isinstance(history, list):
        return None
    changed: list[Any] = []
    spoken = context.protocol == ANTHROPIC  # its instructions stand elsewhere
    for at, message in enumerate(history):
        instructs = isinstance(message, dict) and message.get("role") in _INSTRUCTING
        spoken = spoken or not instructs
        if instructs and spoken:
            _lost(
                context, f"messages[{at}]", "the model takes instructions at the head alone: it is told as the user's"
            )
            message = {**message, "role": "user"}
        changed.append(message)
    return {**body, "messages": changed} if changed != history else None


def _legal_ids(body: Object, context: QuirkContext) -> Object | None:
    changed = legal_call_ids(body, context.protocol)
    if changed is not None:
        _lost(context, "messages", "the provider refuses ids of calls that others made: they were renamed")
    return changed


REMEDIES = (
    Remedy(
        # "messages.1.content.0: Invalid `signature` in `thinking` block", "… Invalid `data` in `redacted_thinking` block",
        # "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified"
        name="unsigned-messages",
        protocols=frozenset({ANTHROPIC}),
        words=(("signature", "thinking"), ("data", "redacted_thinking"), ("thinking", "cannot be modified")),
        edit=_unsigned_messages,
    ),
    Remedy(
        # "Expected `thinking` or `redacted_thinking`, but found `text`. When `thinking` is enabled, a final `assistant` message must start
        # with a thinking block"
        name="unthinking",
        protocols=frozenset({ANTHROPIC}),
        words=(("expected `thinking`",), ("must start with a thinking block",)),
        edit=_unthinking,
    ),
    Remedy(
        # OpenAI: invalid_encrypted_content, "The encrypted content gAAA… could not be verified", "Item with id 'rs_…' not found",
        # "Item 'fc_…' of type 'function_call' was provided without its required 'reasoning' item"; xAI: "Could not decrypt the provided
        # encrypted_content", "Could not decode the compaction blob"
        name="unencrypted-items",
        protocols=frozenset({RESPONSES}),
        words=(
            ("encrypted content",),
            ("encrypted_content",),
            ("decode the compaction blob",),
            ("item with id 'rs_",),
            ("'reasoning'", "provided without its required"),
        ),
        edit=_unencrypted_items,
    ),
    Remedy(
        # "Corrupted thought signature.", "Thought signature is not valid", "Function call is missing a thought_signature in functionCall parts"
        name="unsigned-contents",
        protocols=frozenset({GEMINI}),
        words=(("thought signature",), ("thought_signature",)),
        edit=_unsigned_contents,
    ),
    Remedy(
        # Vertex AI: "Invalid JSON payload received. Unknown name "id" at 'contents[1].parts[0].function_call': Cannot find field."
        name="unnamed-contents",
        protocols=frozenset({GEMINI}),
        words=(('unknown name "id"', "function_call"), ('unknown name "id"', "function_response")),
        edit=_unnamed_contents,
    ),
    Remedy(
        # What Google, Anthropic and OpenAI say of signatures, of servers that pass it on.
        name="unsigned-chat",
        protocols=frozenset({CHAT}),
        words=(
            ("thought signature",),
            ("thought_signature",),
            ("signature", "thinking"),
            ("encrypted content",),
            ("encrypted_content",),
        ),
        edit=_unsigned_chat,
    ),
    Remedy(
        # Templates of open models: "System message must be at the beginning."; Mistral's: "Unexpected role 'system' after role 'tool'";
        # Anthropic (models before Opus 4.8): "Unexpected role "system". The Messages API accepts a top-level `system` parameter"
        name="instructions-first",
        protocols=frozenset({CHAT, ANTHROPIC}),
        words=(
            ("system message must be at the beginning",),
            ("unexpected role 'system'",),
            ('unexpected role "system"',),
            ("system role", "beginning"),
            ("role 'system' is not supported",),
        ),
        edit=_instructions_first,
    ),
    Remedy(
        # OpenAI: "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40", "Invalid
        # 'input[3].call_id': string too long"; Anthropic: "tool_use.id: String should match pattern", "`tool_use` ids must be unique"
        name="legal-call-ids",
        protocols=frozenset({CHAT, RESPONSES, ANTHROPIC}),
        words=(
            ("tool_call", "string too long"),
            ("call_id", "string too long"),
            ("tool_use", "should match pattern"),
            ("tool_use", "must be unique"),
        ),
        edit=_legal_ids,
    ),
)
"""In the order in which they are tried. No two speak of the same words of one protocol."""
