"""What an answer to a Gemini client is made of, streamed or whole: its parts, its identity, its ending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.events import Finished, FinishReason, ResponseStarted
from trioproxy.neutral.extras import foreign, own
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import NO_EXTRAS, Base64Source, Media, MediaKind, Search, Signature, ToolCall, ToolKind
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import WriteContext
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.finish import NO_BLOCK, finish_word
from trioproxy.protocols.gemini.signatures import write_signature
from trioproxy.protocols.gemini.stamps import write_stamp
from trioproxy.protocols.gemini.usage import write_usage
from trioproxy.wire.jsoncodec import JSONError, Object, loads

__all__ = [
    "LIMITS",
    "NO_TEXT",
    "RAW",
    "arguments_of",
    "blocks",
    "call_part",
    "cut_off",
    "ending",
    "foreign_loss",
    "identity",
    "lost_call",
    "prose_part",
    "shown_part",
]

LIMITS = frozenset({FinishReason.LENGTH, FinishReason.CONTEXT_LENGTH})
"""The ends at which the last call may be half of one."""

NO_TEXT: Object = {"text": ""}
"""The part of a chunk that has nothing to say: some clients read the first part without asking whether there is one."""

RAW = "_raw"
"""The one argument of a call whose arguments were no JSON object."""

_CUSTOM = "input"


def identity(started: ResponseStarted, context: WriteContext) -> Object:
    """What every chunk says of the whole answer. The model is the name the client asked for."""
    said: Object = {"modelVersion": context.model or started.model, "responseId": started.id or context.token}
    stamp = write_stamp(started.created) if started.created is not None else None
    return said if stamp is None else {**said, "createTime": stamp}


def prose_part(
    text: str, *, thought: bool, signature: Signature | None = None, fields: Mapping[str, Any] = NO_EXTRAS
) -> Object:
    """A text or thought part. ``fields`` are what Google itself said beside it."""
    part: Object = {"text": text, **fields}
    if thought:
        part["thought"] = True
    if signature is not None:
        part["thoughtSignature"] = write_signature(signature)
    return part


def arguments_of(call: ToolCall, path: str) -> tuple[Object, list[Loss]]:
    """A call's ``args``. Free text is the one argument ``input``; text that is no JSON object the one argument ``_raw``."""
    if call.kind is ToolKind.CUSTOM:
        return {_CUSTOM: call.arguments}, []
    try:
        value = loads(call.arguments) if call.arguments.strip() else {}
    except JSONError:
        value = call.arguments
    if isinstance(value, dict | None):
        return value or {}, []
    return {RAW: call.arguments}, [Loss(f"{path}.arguments", f"not a JSON object: given as the argument {RAW}")]


def cut_off(call: ToolCall) -> bool:
    """Whether a call's arguments are JSON that stops short: where the answer ran into a limit, it is no call that anybody should make."""
    if call.kind is ToolKind.CUSTOM or not call.arguments.strip():
        return False
    try:
        loads(call.arguments)
    except JSONError:
        return True
    return False


def lost_call(path: str) -> Loss:
    """The loss of a call that is :func:`cut_off`."""
    return Loss(path, "the call broke off at the limit; Gemini's calls are whole")


def call_part(call: ToolCall, path: str) -> tuple[Object, list[Loss]]:
    """A functionCall part."""
    arguments, losses = arguments_of(call, path)
    losses += foreign(call.extras, NAME, path=path)[0]
    if call.namespace is not None:
        losses.append(Loss(f"{path}.namespace", "Gemini has no tool namespaces"))
    extras = own(call.extras, NAME)
    made: Object = {"id": call.call_id, "name": call.name, "args": arguments, **extras.pop("functionCall", {})}
    part: Object = {"functionCall": made, **extras}
    if call.signature is not None:
        part["thoughtSignature"] = write_signature(call.signature)
    return part, losses


def shown_part(shown: Media | Search | None) -> Object | None:
    """The part for what another vendor made by itself; None where there is none for it."""
    match shown:
        case Media(kind=MediaKind.IMAGE, source=Base64Source(data=data, mime=mime)):
            return {"inlineData": {"mimeType": mime, "data": data}}
        case _:
            return None


def foreign_loss(protocol: str, kind: str, payload: Any, path: str) -> Loss | None:
    """The loss of what only another protocol has a word for, None for what is Gemini's own."""
    if protocol == NAME and isinstance(payload, dict):
        return None
    return Loss(path, f"{protocol} {kind} has no counterpart in Gemini")


def blocks(response: Object) -> bool:
    """Whether fields of a response say that its prompt was blocked."""
    feedback = response.get("promptFeedback")
    return isinstance(feedback, dict) and feedback.get("blockReason") not in (None, NO_BLOCK)


def ending(
    finished: Finished, usage: Usage | None, unnamed: Object, candidate: Object, *, blocked: bool
) -> tuple[Object, list[Loss]]:
    """The last fields of an answer. A blocked prompt has no candidate: the feedback that says so was written as it came."""
    losses: list[Loss] = []
    if finished.stop_sequence is not None:
        losses.append(Loss("stop_sequence", "Gemini does not say which stop sequence ended an answer"))
    if usage is not None and usage.cache_write:
        losses.append(Loss("usage.cache_write", "Gemini does not count tokens written to a cache"))
    body: Object = {"usageMetadata": write_usage(usage, unnamed)}
    if not blocked:
        body = {"candidates": [{**candidate, "finishReason": finish_word(finished), "index": 0}], **body}
    return body, losses
