"""What is asked once more, without what a provider just refused.

A history may hold what nobody can see is out of place: thoughts that another account or a server that imitates the protocol signed, loops that a
model without thoughts began, instructions amid the conversation for a model whose template has them at the head alone, ids of calls as others
make them. The provider says so, in words that are known, and the same request without it is answered. Each remedy is those words and one edit of
the body that was sent; it costs nothing where nothing is refused. Refuses to know: who asks again, and how often.

Sources: the errors' own texts, quoted at each remedy.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from trioproxy.errors import Failure
from trioproxy.providers.omissions import (
    asked_to_go_on,
    instructions_first,
    legal_ids,
    plain_chat,
    thoughts_beside_calls,
    unencrypted_items,
    unnamed_contents,
    unsigned_chat,
    unsigned_contents,
    unsigned_messages,
    unthinking,
)
from trioproxy.providers.quirk import ANTHROPIC, CHAT, GEMINI, RESPONSES, Edit

__all__ = ["REMEDIES", "Remedy", "remedies_for"]

_UNKNOWN = ("unsupported", "not permitted", "unknown", "unexpected", "not allowed", "cannot find field", "unrecognized")
_MEMBERS = ("reasoning_content", "reasoning_details", "extra_content", "thinking_blocks", "annotations", "refusal")


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


REMEDIES = (
    Remedy(
        # "messages.1.content.0: Invalid `signature` in `thinking` block", "… Invalid `data` in `redacted_thinking` block",
        # "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified"
        name="unsigned-messages",
        protocols=frozenset({ANTHROPIC}),
        words=(("signature", "thinking"), ("data", "redacted_thinking"), ("thinking", "cannot be modified")),
        edit=unsigned_messages,
    ),
    Remedy(
        # "Expected `thinking` or `redacted_thinking`, but found `text`. When `thinking` is enabled, a final `assistant` message must start
        # with a thinking block"
        name="unthinking",
        protocols=frozenset({ANTHROPIC}),
        words=(("expected `thinking`",), ("must start with a thinking block",)),
        edit=unthinking,
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
        edit=unencrypted_items,
    ),
    Remedy(
        # "Corrupted thought signature.", "Thought signature is not valid", "Function call is missing a thought_signature in functionCall parts"
        name="unsigned-contents",
        protocols=frozenset({GEMINI}),
        words=(("thought signature",), ("thought_signature",)),
        edit=unsigned_contents,
    ),
    Remedy(
        # Vertex AI: "Invalid JSON payload received. Unknown name "id" at 'contents[1].parts[0].function_call': Cannot find field."
        name="unnamed-contents",
        protocols=frozenset({GEMINI}),
        words=(('unknown name "id"', "function_call"), ('unknown name "id"', "function_response")),
        edit=unnamed_contents,
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
        edit=unsigned_chat,
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
        edit=instructions_first,
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
        edit=legal_ids,
    ),
    Remedy(
        # DeepSeek: "The `reasoning_content` in the thinking mode must be passed back to the API.", in Messages "The content[].thinking in the
        # thinking mode must be passed back"; Kimi: "thinking is enabled but reasoning_content is missing in assistant tool call message"
        name="thoughts-beside-calls",
        protocols=frozenset({CHAT, ANTHROPIC}),
        words=(("thinking", "must be passed back"), ("reasoning_content", "is missing")),
        edit=thoughts_beside_calls,
    ),
    Remedy(
        # DeepSeek: "The last message of deepseek-reasoner must be a user message, or an assistant message with prefix mode on"; Anthropic:
        # "This model does not support assistant message prefill. The conversation must end with a user message."
        name="asked-to-go-on",
        protocols=frozenset({CHAT, ANTHROPIC}),
        words=(("last message", "must be a user message"), ("must end with a user message",)),
        edit=asked_to_go_on,
    ),
    Remedy(
        # "property 'reasoning_content' is unsupported", "Extra inputs are not permitted, field: 'messages[1].reasoning_details'",
        # "Unknown name "extra_content" at 'messages[1]': Cannot find field."
        name="plain-chat",
        protocols=frozenset({CHAT}),
        words=tuple((name, phrase) for name in _MEMBERS for phrase in _UNKNOWN),
        edit=plain_chat,
    ),
)
"""In the order in which they are tried. No two speak of the same words of one protocol."""
