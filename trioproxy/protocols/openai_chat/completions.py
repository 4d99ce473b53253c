"""``POST /v1/completions`` for upstreams that only chat: the prompt becomes a user's message, the answer a ``text_completion``.

Source: the API reference, "Completions" (legacy). A chat model answers a prompt instead of continuing it, so what only a continuation can
have (``echo``, ``suffix``, ``logprobs``, several at once) is refused by name rather than imitated.
"""

from __future__ import annotations

from typing import assert_never

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
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
from trioproxy.neutral.fold import unfold
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Conversation
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Asked, StreamSeen, WriteContext, Written
from trioproxy.protocols.openai_chat.errors import error_frames, render_error
from trioproxy.protocols.openai_chat.fields import fault
from trioproxy.protocols.openai_chat.finish import write_finish
from trioproxy.protocols.openai_chat.request_reader import read_request
from trioproxy.protocols.openai_chat.usage import write_usage
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["CompletionWriter", "read_completion", "write_completion"]

_DONE = Frame(b"[DONE]")

# Member -> the values that ask for nothing a chat model can't do.
_REFUSED: dict[str, tuple[JSON, ...]] = {
    "echo": (None, False),
    "logprobs": (None, False),
    "suffix": (None, ""),
    "best_of": (None, 1),
    "n": (None, 1),
}


def read_completion(document: Object, asked: Asked) -> Conversation:
    """The conversation that is one prompt.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` naming the member that can't be understood, or that a chat model can't serve.
    """
    for name, harmless in _REFUSED.items():
        value = document.get(name)
        if not any(value == each and type(value) is type(each) for each in harmless):
            raise fault(name, "is not offered: this model is reached by a chat API, which answers one prompt once")
    body: Object = {name: value for name, value in document.items() if name not in _REFUSED and name != "prompt"}
    body["messages"] = [{"role": "user", "content": _prompt(document.get("prompt"))}]
    return read_request(body, asked)


def _prompt(value: JSON) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise fault("prompt", "must be one string: token ids and several prompts have no form in a chat API")
    if not value:
        raise fault("prompt", "must say something: a chat model answers it")
    return value


class CompletionWriter:
    """See :class:`~trioproxy.protocols.base.Writer`. ``document`` is the whole completion after the end."""

    def __init__(self, context: WriteContext) -> None:
        self.losses: list[Loss] = []
        self.document: Object = {}
        self._context = context
        self._head: Object = {}
        self._text: list[str] = []
        self._usage: Usage | None = None
        self._over = False

    def feed(self, item: Event) -> list[Frame]:
        """Frames for this event; nothing after the end."""
        if self._over:
            return []
        match item:
            case ResponseStarted():
                self._head = {
                    "id": f"cmpl-{item.id.removeprefix('chatcmpl-') or self._context.token}",
                    "object": "text_completion",
                    "created": item.created or self._context.now,
                    "model": self._context.model,
                }
                return []
            case TextDelta(text=text) | RefusalDelta(text=text):
                self._text.append(text)
                return [self._chunk(text, None)]
            case UsageReported(usage=usage):
                self._usage = usage if self._usage is None else self._usage.updated(usage)
                return []
            case Finished(reason=reason):
                return self._finish(reason)
            case Failed(failure=failure):
                self._over = True
                return list(error_frames(failure, StreamSeen()))
            case ReasoningDelta():
                self._lose("reasoning", "a completion is text alone")
                return []
            case ToolCallStarted():
                self._lose("tool_calls", "a completion is text alone")
                return []
            case Foreign(kind=kind):
                self._lose(kind, "a completion is text alone")
                return []
            case PartStarted() | PartFinished() | PartSigned() | CitationAdded() | ToolArgsDelta():
                return []
            case _:
                assert_never(item)

    def more(self, growth: Growth) -> None:
        """See :meth:`~trioproxy.protocols.base.Writer.more`. Never: few ask for completions."""

    def press(self, growth: Growth) -> None:
        """See :meth:`~trioproxy.protocols.base.Writer.press`. Never."""

    def close(self) -> list[Frame]:
        """Nothing is owed: readers end every stream with Finished or Failed."""
        return []

    def _lose(self, path: str, reason: str) -> None:
        loss = Loss(path, reason)
        if loss not in self.losses:
            self.losses.append(loss)

    def _chunk(self, text: str, finish: str | None) -> Frame:
        return Frame(dumps({**self._head, "choices": [_choice(text, finish)]}))

    def _finish(self, reason: FinishReason) -> list[Frame]:
        self._over = True
        finish = "stop" if reason is FinishReason.TOOL_CALLS else write_finish(reason)
        usage = write_usage(self._usage)
        self.document = {**self._head, "choices": [_choice("".join(self._text), finish)], "usage": usage}
        frames = [self._chunk("", finish)]
        if self._context.include_usage:
            frames.append(Frame(dumps({**self._head, "choices": [], "usage": usage})))
        return [*frames, _DONE]


def write_completion(answer: Answer, context: WriteContext) -> Written:
    """The body of an answer, an error body where it failed."""
    if answer.failure is not None:
        return Written(body=render_error(answer.failure))
    writer = CompletionWriter(context)
    for event in unfold(answer):
        writer.feed(event)
    return Written(body=writer.document, losses=tuple(writer.losses))


def _choice(text: str, finish: str | None) -> Object:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
