"""Neutral events to Chat Completions chunks, in the order and the words of OpenAI.

First a chunk with the role, then a chunk for each delta, then the finish chunk, the usage chunk (where the client asked for it) and
``[DONE]``. A failure is one ``{"error": ...}`` chunk with nothing behind it. What OpenAI has no word for goes where clients of other servers
look for it: ``reasoning_content`` (DeepSeek), ``reasoning_details`` (OpenRouter), ``extra_content`` (Gemini); what has no place is a Loss.
"""

from __future__ import annotations

from typing import assert_never

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    Foreign,
    Growth,
    PartFinished,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.extras import foreign
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Citation, Extras, Signature, SignatureForm, ToolKind
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Press, StreamSeen, WriteContext
from trioproxy.protocols.openai_chat.citations import nameless_source, write_annotation
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.errors import error_frames
from trioproxy.protocols.openai_chat.finish import lost_stop, write_finish
from trioproxy.protocols.openai_chat.images import IMAGES, write_image
from trioproxy.protocols.openai_chat.legacy import asks_legacy_functions
from trioproxy.protocols.openai_chat.reasoning import details_of
from trioproxy.protocols.openai_chat.sequencer import Sequencer
from trioproxy.protocols.openai_chat.usage import write_tier, write_usage
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["ChatWriter", "answer_id", "google_content", "lost_fields"]

_DONE = Frame(b"[DONE]")
_CONTENT = b'{"content":'
_REASONING = b'{"reasoning_content":'


def answer_id(upstream: str, token: str) -> str:
    """The id of an answer: the upstream's, in OpenAI's form, or one made of ``token``."""
    if upstream.startswith("chatcmpl-"):
        return upstream
    return f"chatcmpl-{upstream or token}"


def lost_fields(extras: Extras, path: str) -> list[Loss]:
    """The losses of an answer's part that has fields of another protocol: an answer can't be refused, so that none is essential."""
    losses, essential = foreign(extras, NAME, path=path)
    return [*losses, *(Loss(where, f"field without a counterpart in {NAME}") for where in essential)]


def google_content(signature: Signature) -> Object:
    """``extra_content`` as Gemini's OpenAI-compatible endpoint gives it and wants it back."""
    return {"google": {"thought_signature": signature.value}}


class ChatWriter:
    """See :class:`~trioproxy.protocols.base.Writer`."""

    def __init__(self, context: WriteContext) -> None:
        self.losses: list[Loss] = []
        self._context = context
        self._legacy = asks_legacy_functions(context.conversation)
        self._over = False
        self._sequencer = Sequencer()
        self._before, self._behind = b"", b""
        self._head: Object = {}
        self._usage: Usage | None = None
        self._calls: dict[int, tuple[int, ToolKind]] = {}
        # Function calls that have no argument text yet: clients parse the text, so that one without any gets an empty object.
        self._silent: set[int] = set()
        self._thoughts: dict[int, list[str]] = {}
        self._summary: dict[int, int] = {}
        self._offsets: dict[int, int] = {}
        # Sources that name no place in their text: they are of all of it, which is known at its end.
        self._unplaced: dict[int, list[Citation]] = {}
        self._length = 0
        self._details = 0
        self._annotations = 0
        self._images = 0
        self._refused = False

    def feed(self, item: Event) -> list[Frame]:
        """Frames for this event; nothing after the end."""
        if self._over:
            return []
        frames: list[Frame] = []
        for event in self._sequencer.feed(item):
            frames += self._write(event)
        return frames

    def more(self, growth: Growth) -> Row | None:
        """See :meth:`~trioproxy.protocols.base.Writer.more`."""
        around = self._around(growth)
        if around is None:
            return None
        if growth.kind is ToolArgsDelta:
            self._silent.discard(growth.index)
        elif growth.kind is ReasoningDelta:
            self._thoughts.setdefault(growth.index, []).extend(growth.texts)
        else:
            self._length += sum(map(len, growth.texts))
        opening, closing = around
        return Row([b"%b%b%b" % (opening, dumps(text), closing) for text in growth.texts])

    def press(self, growth: Growth) -> Press | None:
        """See :meth:`~trioproxy.protocols.base.Writer.press`."""
        around = self._around(growth)
        if around is None:
            return None
        opening, closing = around
        counted = growth.kind is TextDelta
        thoughts = self._thoughts.setdefault(growth.index, []) if growth.kind is ReasoningDelta else None

        def press(text: str) -> bytes:
            if counted:
                self._length += len(text)
            elif thoughts is not None:
                thoughts.append(text)
            return b"%b%b%b" % (opening, dumps(text), closing)

        return press

    def _around(self, growth: Growth) -> tuple[bytes, bytes] | None:
        """What stands before and behind each text; None where more than a chunk a text is to be said, or less."""
        index, closing = growth.index, b"}" + self._behind
        if self._over or not self._sequencer.passes(index):
            return None
        if growth.kind is ReasoningDelta:
            return self._before + _REASONING, closing
        if growth.kind is TextDelta:
            return self._before + _CONTENT, closing
        if self._legacy:
            return None
        number, kind = self._calls[index]
        member = b'"custom":{"input":' if kind is ToolKind.CUSTOM else b'"function":{"arguments":'
        return b'%b{"tool_calls":[{"index":%d,%b' % (self._before, number, member), b"}}]" + closing

    def close(self) -> list[Frame]:
        """Nothing is owed: readers end every stream with Finished or Failed."""
        return []

    def _write(self, item: Event) -> list[Frame]:
        match item:
            case TextDelta(text=text):
                self._length += len(text)
                return [self._delta({"content": text})]
            case ToolArgsDelta(index=index, text=text):
                return self._arguments(index, text)
            case ReasoningDelta():
                return self._thought(item)
            case RefusalDelta(text=text):
                self._refused = True
                return [self._delta({"refusal": text})]
            case ResponseStarted():
                return [self._start(item)]
            case PartStarted(index=index, extras=extras):
                self._offsets[index] = self._length
                self.losses += lost_fields(extras, item.kind.value)
                return []
            case ToolCallStarted(extras=extras):
                self.losses += lost_fields(extras, f"tool_calls[{len(self._calls)}]")
                return self._call(item)
            case PartSigned(index=index, signature=signature):
                return self._sign(index, signature)
            case CitationAdded(index=index, citation=citation):
                return self._cite(index, citation)
            case PartFinished(index=index):
                self._thoughts.pop(index, None)
                if index in self._silent:
                    return self._arguments(index, "{}")
                return [self._annotation(index, citation) for citation in self._unplaced.pop(index, ())]
            case Foreign():
                return self._restore(item)
            case UsageReported(usage=usage):
                self._usage = usage if self._usage is None else self._usage.updated(usage)
                return []
            case Finished():
                return self._finish(item)
            case Failed(failure=failure):
                self._over = True
                return list(error_frames(failure, StreamSeen()))
            case _:
                assert_never(item)

    # Chunks.

    def _start(self, started: ResponseStarted) -> Frame:
        self._head = {
            "id": answer_id(started.id, self._context.token),
            "object": "chat.completion.chunk",
            "created": started.created or self._context.now,
            "model": self._context.model,
            **write_tier(started.usage),
        }
        # Every chunk is the same but for its delta: encode the rest once.
        self._before = dumps(self._head)[:-1] + b',"choices":[{"index":0,"delta":'
        self._behind = b',"finish_reason":null}]}'
        return self._delta({"role": "assistant", "content": ""})

    def _delta(self, delta: Object) -> Frame:
        return Frame(b"".join((self._before, dumps(delta), self._behind)))

    def _chunk(self, choices: list[Object], **fields: JSON) -> Frame:
        return Frame(dumps({**self._head, "choices": choices, **fields}))

    def _finish(self, finished: Finished) -> list[Frame]:
        self._over = True
        reason = write_finish(finished.reason, refused=self._refused)
        self.losses += lost_stop(finished.stop_sequence)
        if self._legacy and reason == "tool_calls":
            reason = "function_call"
        self._head |= write_tier(self._usage)
        frames = [self._chunk([{"index": 0, "delta": {}, "finish_reason": reason}])]
        if self._context.include_usage:
            frames.append(self._chunk([], usage=write_usage(self._usage)))
        return [*frames, _DONE]

    def _cite(self, index: int, citation: Citation) -> list[Frame]:
        lost = nameless_source(citation)
        if lost is not None:
            self.losses.append(lost)
            return []
        if citation.start is None or citation.end is None:
            self._unplaced.setdefault(index, []).append(citation)
            return []
        return [self._annotation(index, citation)]

    def _annotation(self, index: int, citation: Citation) -> Frame:
        offset = self._offsets[index]
        annotation = write_annotation(citation, offset=offset, length=self._length - offset)
        self._annotations += 1
        # OpenAI's SDK puts lists together by the index of their entries.
        return self._delta({"annotations": [{"index": self._annotations - 1, **annotation}]})

    # Reasoning.

    def _thought(self, delta: ReasoningDelta) -> list[Frame]:
        text = delta.text
        if delta.summary is not None:
            # Sections have no place of their own here: a blank line keeps them apart.
            if self._summary.get(delta.index, delta.summary) != delta.summary:
                text = f"\n\n{text}"
            self._summary[delta.index] = delta.summary
        self._thoughts.setdefault(delta.index, []).append(text)
        return [self._delta({"reasoning_content": text})]

    def _sign(self, index: int, signature: Signature) -> list[Frame]:
        call = self._calls.get(index)
        if call is not None and (self._legacy or signature.form is not SignatureForm.GEMINI_THOUGHT):
            self.losses.append(
                Loss(f"tool_calls[{call[0]}]", f"a call can't carry a signature ({signature.form.value})")
            )
            return []
        if call is not None:
            # OpenAI's SDK takes no piece of a function call without its function.
            body = self._piece(call[1], "")
            return [
                self._delta({"tool_calls": [{"index": call[0], **body, "extra_content": google_content(signature)}]})
            ]
        if signature.form is SignatureForm.GEMINI_THOUGHT and index not in self._thoughts:
            return [self._delta({"extra_content": google_content(signature)})]
        details = details_of("".join(self._thoughts.pop(index, ())), signature, index=self._details)
        self._details += len(details)
        return [self._delta({"reasoning_details": details})]

    # Tool calls.

    def _call(self, started: ToolCallStarted) -> list[Frame]:
        number = len(self._calls)
        self._calls[started.index] = (number, started.kind)
        if started.kind is ToolKind.FUNCTION:
            self._silent.add(started.index)
        if self._legacy:
            if number:
                self.losses.append(Loss(f"tool_calls[{number}]", "the deprecated function_call holds one call only"))
                return []
            return [self._delta({"function_call": {"name": started.name, "arguments": ""}})]
        body = (
            {"type": "custom", "custom": {"name": started.name, "input": ""}}
            if started.kind is ToolKind.CUSTOM
            else {"type": "function", "function": {"name": started.name, "arguments": ""}}
        )
        return [self._delta({"tool_calls": [{"index": number, "id": started.call_id, **body}]})]

    def _arguments(self, index: int, text: str) -> list[Frame]:
        number, kind = self._calls[index]
        self._silent.discard(index)
        if self._legacy:
            return [self._delta({"function_call": {"arguments": text}})] if number == 0 else []
        return [self._delta({"tool_calls": [{"index": number, **self._piece(kind, text)}]})]

    @staticmethod
    def _piece(kind: ToolKind, text: str) -> Object:
        return {"custom": {"input": text}} if kind is ToolKind.CUSTOM else {"function": {"arguments": text}}

    # What only one protocol has a word for.

    def _restore(self, item: Foreign) -> list[Frame]:
        if item.protocol != NAME and (image := write_image(item.shown, self._images)) is not None:
            self._images += 1
            return [self._delta({IMAGES: [image]})]
        if item.protocol != NAME:
            self.losses.append(Loss(item.kind, f"{item.protocol} item without a counterpart in {NAME}"))
            return []
        if item.kind == "choice":
            choice = dict(item.payload)
            choice.setdefault("delta", choice.pop("message", {}))
            return [self._chunk([choice])]
        if item.kind == "logprobs":
            return [self._chunk([{"index": 0, "delta": {}, "logprobs": item.payload, "finish_reason": None}])]
        return [self._delta({item.kind: item.payload})]
