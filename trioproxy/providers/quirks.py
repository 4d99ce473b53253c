"""Named edits of JSON bodies: what a provider, or a habit of clients, demands beyond its protocol.

Knows: each edit by name, the protocols it speaks of, and how to see cheaply that it does not apply. Refuses to know: when a body is to be
translated (then the protocol's writer does what is needed), and bytes.

An edit never changes the document it is given: the client's own may be needed for the next candidate. It gives back a new one, or None
where nothing had to change, so that a body no edit touches stays the client's bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import Operation
from trioproxy.providers.dialects import DIALECTS
from trioproxy.providers.effort import suffixed
from trioproxy.providers.histories import HISTORY_EDITS
from trioproxy.providers.quirk import ANTHROPIC, CHAT, GEMINI, RESPONSES, Edit, Quirk, QuirkContext
from trioproxy.providers.threads import NO_THREADS
from trioproxy.providers.vendors import VENDOR_EDITS
from trioproxy.wire.jsoncodec import Object

__all__ = ["ASK_FOR_USAGE", "QUIRKS", "Edited", "Quirk", "QuirkContext", "answered", "edited", "may_edit"]


ASK_FOR_USAGE = "ask-for-usage"


@attrs.frozen(kw_only=True)
class Edited:
    """A body after its edits, the header lines they ask for, and what they dropped."""

    body: Object
    headers: Mapping[str, str]
    losses: tuple[Loss, ...]


def edited(names: Iterable[str], raw: bytes | None, document: Object | None, context: QuirkContext) -> Edited | None:
    """The body after the edits of ``names`` and those that always hold in the protocol; None where nothing changes.

    ``raw`` are the bytes ``document`` was read from. None says that our own writer wrote it: it needs no edit but those of ``names``. A name
    the table does not have is none of this function's business.
    """
    if document is None:
        return None
    body: Object | None = None
    for quirk, edit in _editing(context.protocol, tuple(names), ours=raw is None):
        if raw is None or quirk.applies(raw):
            changed = edit(document if body is None else body, context)
            body = body if changed is None else changed
    if body is None:
        return None
    return Edited(body=body, headers=dict(context.headers), losses=tuple(context.losses))


def may_edit(names: Iterable[str], raw: bytes, protocol: str, *, suffixed: bool) -> bool:
    """Whether :func:`edited` may have something to do in a body of these bytes, whose model has a suffix or none."""
    editing = _editing(protocol, tuple(names), ours=False)
    return any([(suffixed or quirk.edit is not _suffix) and quirk.applies(raw) for quirk, _ in editing])


@functools.lru_cache(maxsize=1024)
def _editing(protocol: str, names: tuple[str, ...], *, ours: bool) -> list[tuple[Quirk, Edit]]:
    """The quirks that edit requests in a protocol, in order: those of ``names``, and the ones that always hold, but for requests of ours."""
    return [
        (quirk, quirk.edit)
        for quirk in QUIRKS.values()
        if quirk.edit is not None
        and protocol in quirk.protocols
        and (quirk.name in names or (quirk.always and not ours))
    ]


def answered(names: Iterable[str], protocol: str, document: Object) -> Object | None:
    """An answer (or one event of a stream) after the edits of ``names``; None where nothing changes."""
    body: Object | None = None
    for name in names:
        quirk = QUIRKS.get(name)
        if quirk is not None and quirk.answer is not None and protocol in quirk.protocols:
            changed = quirk.answer(document if body is None else body)
            body = body if changed is None else changed
    return body


def _conversation_id(body: Object, context: QuirkContext) -> Object | None:
    if "conversation_id" not in body:
        return None
    changed = {name: value for name, value in body.items() if name != "conversation_id"}
    if changed.get("previous_response_id") is None:
        changed["previous_response_id"] = body["conversation_id"]
    return changed


def _system_as_instructions(body: Object, context: QuirkContext) -> Object | None:
    items = body.get("input")
    if not isinstance(items, list):
        return None
    texts = {at: text for at, item in enumerate(items) if (text := _system_text(item)) is not None}
    if not texts:
        return None
    said = [*texts.values(), body.get("instructions")]
    changed = dict(body)
    changed["input"] = [item for at, item in enumerate(items) if at not in texts]
    changed["instructions"] = "\n\n".join(text for text in said if isinstance(text, str) and text)
    return changed


def _system_text(item: Any) -> str | None:
    """The text of a system item, None where it is none or holds more than text."""
    if not isinstance(item, dict) or item.get("role") != "system":
        return None
    content = item.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [
        part.get("text") for part in content if isinstance(part, dict) and part.get("type") in {"input_text", "text"}
    ]
    whole = [text for text in texts if isinstance(text, str)]
    return "\n".join(whole) if len(whole) == len(content) else None


def _betas_to_header(body: Object, context: QuirkContext) -> Object | None:
    betas = body.get("betas")
    if not isinstance(betas, list):
        return None
    sent = [beta.strip() for beta in context.client.get("anthropic-beta", "").split(",") if beta.strip()]
    named = [beta for beta in betas if isinstance(beta, str) and beta.isascii() and beta.isprintable()]
    if sent or named:
        context.headers["anthropic-beta"] = ",".join(dict.fromkeys((*sent, *named)))
    return {name: value for name, value in body.items() if name != "betas"}


_THINKING_SPELLINGS = {
    "include_thoughts": "includeThoughts",
    "thinking_budget": "thinkingBudget",
    "thinking_level": "thinkingLevel",
}


def _include_thoughts(body: Object, context: QuirkContext) -> Object | None:
    outer = next((name for name in ("generationConfig", "generation_config") if isinstance(body.get(name), dict)), None)
    if outer is None:
        return None
    config = body[outer]
    inner = next((name for name in ("thinkingConfig", "thinking_config") if isinstance(config.get(name), dict)), None)
    if inner is None:
        return None
    thinking = config[inner]
    if inner == "thinkingConfig" and not _THINKING_SPELLINGS.keys() & thinking.keys():
        return None
    renamed = {_THINKING_SPELLINGS.get(name, name): value for name, value in thinking.items()}
    # Where a client gives both spellings, the one that the API knows is the one that is meant.
    renamed |= {name: value for name, value in thinking.items() if name not in _THINKING_SPELLINGS}
    changed = {name: value for name, value in config.items() if name != inner} | {"thinkingConfig": renamed}
    return {**body, outer: changed}


_SESSIONS = ("session_id", "sessionId")


def _model_in_body(body: Object, context: QuirkContext) -> Object | None:
    """The client's name for the model is an alias, or stands behind a prefix: SDKs write it twice."""
    changed = _named_here(body, context.model)
    if isinstance(body.get("requests"), list):
        changed = {**changed, "requests": [_named_here(each, context.model) for each in body["requests"]]}
    if "generateContentRequest" in body:
        changed = {**changed, "generateContentRequest": _named_here(body["generateContentRequest"], context.model)}
    return changed if changed != body else None


def _named_here(node: Any, model: str) -> Any:
    named = isinstance(node, dict) and str(node.get("model")).startswith("models/")
    return {**node, "model": f"models/{model}"} if named else node


def _session_id(body: Object, context: QuirkContext) -> Object | None:
    if not any(name in body for name in _SESSIONS):
        return None
    return {name: value for name, value in body.items() if name not in _SESSIONS}


_DEFERRING = frozenset({"defer_loading", "deferLoading"})


def _defer_loading(body: Object, context: QuirkContext) -> Object | None:
    tools = body.get("tools")
    if not isinstance(tools, list):
        return None
    changed = [_undeferred(tool) for tool in tools]
    return {**body, "tools": changed} if changed != tools else None


def _undeferred(tool: Any) -> Any:
    """A tool without the field: in itself, in a built-in tool's settings, in each declaration. Schemas are not looked into."""
    if not isinstance(tool, dict):
        return tool
    kept: Object = {}
    for name, value in tool.items():
        if name in _DEFERRING:
            continue
        if isinstance(value, list):
            kept[name] = [_without(item) for item in value]
        else:
            kept[name] = _without(value)
    return kept


def _without(value: Any) -> Any:
    if isinstance(value, dict) and _DEFERRING & value.keys():
        return {name: member for name, member in value.items() if name not in _DEFERRING}
    return value


def _suffix(body: Object, context: QuirkContext) -> Object | None:
    if context.suffix is None or context.operation is not Operation.GENERATE:
        return None
    return suffixed(context.protocol, body, context.suffix, context.facts, quirks=context.quirks, losses=context.losses)


def _filled_answer(document: Object) -> Object | None:
    """Members that the vendor's own SDKs take for granted, and that imitations of its API leave out."""
    message = document.get("message") if document.get("type") == "message_start" else document
    if (
        isinstance(message, dict)
        and ("content" in message or "usage" in message)
        and document.get("type") != "message_delta"
    ):
        filled = _filled_message(message)
        if filled is None:
            return None
        return {**document, "message": filled} if message is not document else filled
    block = document.get("content_block")
    if document.get("type") == "content_block_start" and isinstance(block, dict):
        whole = _filled_block(block)
        return None if whole is block else {**document, "content_block": whole}
    return None


def _filled_message(message: Object) -> Object | None:
    changed = dict(message)
    changed.setdefault("type", "message")
    if isinstance(message.get("content"), list):
        changed["content"] = [_filled_block(block) for block in message["content"]]
    usage = message.get("usage")
    counts = usage.get("server_tool_use") if isinstance(usage, dict) else None
    if isinstance(usage, dict) and isinstance(counts, dict):
        changed["usage"] = {**usage, "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0} | counts}
    return changed if changed != message else None


def _filled_block(block: Any) -> Any:
    if isinstance(block, dict) and block.get("type") in {"tool_use", "server_tool_use"} and "caller" not in block:
        return {**block, "caller": {"type": "direct"}}
    if isinstance(block, dict) and block.get("type") == "thinking" and "signature" not in block:
        return {**block, "signature": ""}
    return block


_TABLE = (
    Quirk(
        name="conversation-id",
        doc="`conversation_id` means `previous_response_id`; an explicit one wins.",
        protocols=frozenset({RESPONSES}),
        marks=(b'"conversation_id"',),
        edit=_conversation_id,
        always=True,
    ),
    Quirk(
        name="system-as-instructions",
        doc="System items of `input` become `instructions`, before those that are there.",
        protocols=frozenset({RESPONSES}),
        marks=(b'"system"',),
        edit=_system_as_instructions,
    ),
    Quirk(
        name="betas-to-header",
        doc="The array `betas` of the body becomes the `anthropic-beta` header.",
        protocols=frozenset({ANTHROPIC}),
        marks=(b'"betas"',),
        edit=_betas_to_header,
        always=True,
    ),
    Quirk(
        name="include-thoughts",
        doc="`include_thoughts`, `thinking_budget`, `thinking_level` in the spelling that the API knows.",
        protocols=frozenset({GEMINI}),
        marks=(b"thinking_", b"include_thoughts"),
        edit=_include_thoughts,
        always=True,
    ),
    Quirk(
        name="defer-loading",
        doc="`defer_loading` is taken out of tools: the API refuses it.",
        protocols=frozenset({GEMINI}),
        marks=tuple(name.encode() for name in sorted(_DEFERRING)),
        edit=_defer_loading,
        always=True,
    ),
    Quirk(
        name="model-in-body",
        doc="A body that names its model beside the path (embeddings, counting) names the one that the path does: the API refuses another.",
        protocols=frozenset({GEMINI}),
        marks=(b'"models/',),
        edit=_model_in_body,
        always=True,
    ),
    Quirk(
        name="session-id",
        doc="`session_id` is taken out: the API refuses it.",
        protocols=frozenset({GEMINI}),
        marks=tuple(f'"{name}"'.encode() for name in _SESSIONS),
        edit=_session_id,
        always=True,
    ),
    Quirk(
        name="thinking-suffix",
        doc="The effort in the model's name (`model(high)`) is written into the body; it outranks what is there.",
        protocols=frozenset({CHAT, RESPONSES, ANTHROPIC, GEMINI}),
        edit=_suffix,
        always=True,
    ),
    Quirk(
        name=ASK_FOR_USAGE,
        doc="A passing stream is asked for its usage where the client did not ask; the chunk that tells it is taken out again.",
        protocols=frozenset({CHAT}),
    ),
    Quirk(
        name="fill-anthropic-answer",
        doc="Members that imitations of the Messages API leave out of answers are filled in.",
        protocols=frozenset({ANTHROPIC}),
        answer=_filled_answer,
    ),
)

QUIRKS: Mapping[str, Quirk] = MappingProxyType(
    {quirk.name: quirk for quirk in (*_TABLE, *VENDOR_EDITS, *HISTORY_EDITS, NO_THREADS, *DIALECTS)}
)
"""Every quirk by name, in the order in which edits are made."""
