"""Whole Chat Completions bodies: to neutral events, and from a folded answer."""

from __future__ import annotations

from typing import assert_never

import attrs

from trioproxy.neutral.events import Event
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import (
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
)
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import WriteContext, Written
from trioproxy.protocols.openai_chat.citations import nameless_source, write_annotation
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.errors import render_error
from trioproxy.protocols.openai_chat.finish import lost_stop, write_finish
from trioproxy.protocols.openai_chat.images import IMAGES, write_image
from trioproxy.protocols.openai_chat.legacy import asks_legacy_functions
from trioproxy.protocols.openai_chat.reader import ChatReader
from trioproxy.protocols.openai_chat.reasoning import details_of
from trioproxy.protocols.openai_chat.usage import write_tier, write_usage
from trioproxy.protocols.openai_chat.writer import answer_id, google_content, lost_fields
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["read_body", "write_body"]


def read_body(document: Object) -> list[Event]:
    """The events of a whole answer; Failed for an error that came with status 200."""
    reader = ChatReader()
    return [*reader.take(document, whole=True), *reader.close()]


def write_body(answer: Answer, context: WriteContext) -> Written:
    """The body of an answer, an error body where it failed."""
    if answer.failure is not None:
        return Written(body=render_error(answer.failure))
    message = _Message()
    for part in answer.parts:
        message.add(part)
    reason = write_finish(answer.finish, refused=bool(message.refusal)) if answer.finish is not None else "stop"
    choice: Object = {"index": 0, "message": message.document(legacy=asks_legacy_functions(context.conversation))}
    if "function_call" in choice["message"]:
        reason = "function_call" if reason == "tool_calls" else reason
    choice["logprobs"] = message.logprobs
    choice["finish_reason"] = reason
    body: Object = {
        "id": answer_id(answer.id, context.token),
        "object": "chat.completion",
        "created": answer.created or context.now,
        "model": context.model,
        "choices": [choice, *message.choices],
        "usage": write_usage(answer.usage),
        **write_tier(answer.usage),
    }
    return Written(body=body, losses=(*message.losses, *lost_stop(answer.stop_sequence)))


@attrs.define(eq=False)
class _Message:
    """The assistant message of one answer, part by part."""

    text: str = ""
    refusal: str = ""
    thoughts: list[str] = attrs.field(factory=list)
    tokens: list[tuple[str, Signature | None]] = attrs.field(factory=list)
    calls: list[Object] = attrs.field(factory=list)
    annotations: list[Object] = attrs.field(factory=list)
    carried: Object = attrs.field(factory=dict)
    logprobs: JSON = None
    choices: list[Object] = attrs.field(factory=list)
    losses: list[Loss] = attrs.field(factory=list)

    def add(self, part: Text | Reasoning | Refusal | ToolCall | Opaque) -> None:
        """Take the next part."""
        if not isinstance(part, Opaque):
            path = f"tool_calls[{len(self.calls)}]" if isinstance(part, ToolCall) else type(part).__name__.lower()
            self.losses += lost_fields(part.extras, path)
        match part:
            case Text():
                self._cite(part)
                self.text += part.text
                if part.signature is not None:
                    self.carried["extra_content"] = google_content(part.signature)
            case Reasoning(text=text, summary=summary, signature=signature):
                shown = "\n\n".join((*([text] if text else []), *summary))
                self.thoughts.append(shown)
                self.tokens.append((shown, signature))
            case Refusal(text=text):
                self.refusal += text
            case ToolCall():
                self.calls.append(_call(part))
            case Opaque():
                self._carry(part)
            case _:
                assert_never(part)

    def document(self, *, legacy: bool) -> Object:
        """The ``message`` object. OpenAI's says null where there is no text or no refusal."""
        message: Object = {"role": "assistant", "content": self.text or None, "refusal": self.refusal or None}
        if not (self.text or self.refusal or self.calls):
            message["content"] = ""
        thoughts = "".join(self.thoughts)
        if thoughts:
            message["reasoning_content"] = thoughts
        if any(signature is not None for _, signature in self.tokens):
            message["reasoning_details"] = self._details()
        if self.annotations:
            message["annotations"] = self.annotations
        if self.calls and legacy:
            message["function_call"] = self.calls[0]["function"]
            reason = "the deprecated function_call holds one call only"
            self.losses += (Loss(f"tool_calls[{number}]", reason) for number in range(1, len(self.calls)))
        elif self.calls:
            message["tool_calls"] = self.calls
        entries = self.carried.pop("content", None)
        if entries:
            # Mistral's lists: what is no text stands behind it.
            message["content"] = [*([{"type": "text", "text": self.text}] if self.text else []), *entries]
        return message | self.carried

    def _cite(self, part: Text) -> None:
        for each in part.citations:
            lost = nameless_source(each)
            if lost is not None:
                self.losses.append(lost)
            else:
                self.annotations.append(write_annotation(each, offset=len(self.text), length=len(part.text)))

    def _details(self) -> list[Object]:
        details: list[Object] = []
        for text, signature in self.tokens:
            details += details_of(text, signature, index=len(details))
        return details

    def _carry(self, part: Opaque) -> None:
        payload = part.payload
        images = self.carried.get(IMAGES) or []
        if part.protocol != NAME and (image := write_image(part.shown, len(images))) is not None:
            self.carried[IMAGES] = [*images, image]
        elif part.protocol != NAME:
            self.losses.append(Loss(part.kind, f"{part.protocol} item without a counterpart in {NAME}"))
        elif part.kind == "choice" and "message" in payload:
            self.choices.append(payload)
        elif part.kind == "choice":
            self.losses.append(Loss("choices", "pieces of another choice can't be put into a whole answer"))
        elif part.kind == "logprobs":
            self.logprobs = _joined(self.logprobs, payload)
        elif part.kind == "annotations":
            self.annotations += payload
        else:
            self.carried[part.kind] = _joined(self.carried.get(part.kind), payload)


def _call(call: ToolCall) -> Object:
    document: Object = {"id": call.call_id, "type": call.kind.value}
    if call.kind is ToolKind.CUSTOM:
        document["custom"] = {"name": call.name, "input": call.arguments}
    else:
        # Clients parse the text: a call without arguments has an empty object.
        document["function"] = {"name": call.name, "arguments": call.arguments or "{}"}
    if call.signature is not None and call.signature.form is SignatureForm.GEMINI_THOUGHT:
        document["extra_content"] = google_content(call.signature)
    return document


def _joined(so_far: JSON, piece: JSON) -> JSON:
    """Two pieces of something that streams: lists and strings run on, objects member by member, else the later one stands."""
    if so_far is None:
        return piece
    match so_far, piece:
        case (list(), list()) | (str(), str()):
            return so_far + piece
        case dict(), dict():
            return {**so_far, **{name: _joined(so_far.get(name), value) for name, value in piece.items()}}
        case _:
            return piece
