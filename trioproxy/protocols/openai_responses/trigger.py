"""A request to ``POST /v1/responses`` that ends in an item which asks for compaction: the same summary, as an answer like any other.

Codex compacts so since May 2026 (its "remote compaction v2"), wherever it takes the provider for OpenAI's: the last item of the input is
``{"type": "compaction_trigger"}``, and the response has one ``compaction`` item, whose content only whoever made it can read. The client itself
keeps the user's messages. Its first versions asked with an empty ``context_compaction`` and got the same item filled. Sources: the types of
openai 3.57 (``ResponseInputItemParam.CompactionTrigger``: "Must be the final input item"), Codex's pull requests 22809 and before.

The way of the answer is that of any stream: the events of the model's are folded here, and one item is told at the end.

Refuses to know: how a summary is made (``compaction.py`` asks for one), and what the client keeps of its history.
"""

from __future__ import annotations

import attrs

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    Growth,
    ResponseStarted,
    UsageReported,
)
from trioproxy.neutral.fold import Folder, unfold
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Conversation
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import Asked, Emulation, WriteContext, Written
from trioproxy.protocols.openai_responses.compaction import read_compaction, summary_of
from trioproxy.protocols.openai_responses.errors import render_error
from trioproxy.protocols.openai_responses.ids import item_id
from trioproxy.protocols.openai_responses.signatures import seal_summary
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.protocols.openai_responses.writer import StreamWriter
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import Object

__all__ = ["triggered"]

_ANSWERED = {"compaction_trigger": "compaction", "context_compaction": "context_compaction"}
"""The type of the item that asks, and of the one that answers."""


def triggered(asked: Asked) -> Emulation | None:
    """How a request is served whose last item asks for compaction; None for any other."""
    items = (asked.document or {}).get("input")
    last = items[-1] if isinstance(items, list) and items else None
    kind = (
        _ANSWERED.get(str(last.get("type"))) if isinstance(last, dict) and not last.get("encrypted_content") else None
    )
    if kind is None:
        return None
    return Emulation(
        read_request=_read,
        stream_writer=lambda context: _SummaryWriter(context, kind),
        write_body=lambda answer, context: _write_body(answer, context, kind),
    )


def _read(document: Object, asked: Asked) -> Conversation:
    conversation = read_compaction({**document, "input": document["input"][:-1]}, asked)
    return attrs.evolve(conversation, stream=asked.stream)


class _SummaryWriter:
    """See :class:`trioproxy.protocols.base.Writer`."""

    def __init__(self, context: WriteContext, kind: str) -> None:
        self._context = context
        self._kind = kind
        self._folder = Folder()
        self._writer = StreamWriter(context)
        self.losses: list[Loss] = self._writer.losses

    @property
    def response(self) -> Object:
        """The response as it stands."""
        return self._writer.response

    def feed(self, item: Event) -> list[Frame]:
        """Frames this event completes: nothing of the summary before all of it is there."""
        match item:
            case ResponseStarted() | UsageReported():
                return self._writer.feed(item)
            case Finished():
                return [frame for event in self._end() for frame in self._writer.feed(event)]
            case Failed():
                return self._writer.feed(item)
            case _:
                self._folder.feed(item)
                return []

    def more(self, growth: Growth) -> Row | None:
        """See :class:`~trioproxy.protocols.base.Writer`: each delta is fed."""
        return None

    def press(self, growth: Growth) -> None:
        """See :meth:`~trioproxy.protocols.base.Writer.press`. Never."""

    def close(self) -> list[Frame]:
        """Nothing is owed: the end of a stream is an event."""
        return []

    def _end(self) -> list[Event]:
        summary = summary_of(self._folder.answer())
        if not summary:
            message = "The model was asked for a summary of the conversation and answered without any text."
            return [Failed(failure=Failure(kind=ErrorKind.MALFORMED, message=message, fault=Fault.UPSTREAM))]
        item = {
            "id": item_id("cmp", None, self._context.token, 0),
            "type": self._kind,
            "encrypted_content": seal_summary(summary),
        }
        whole = Foreign(index=0, protocol=NAME, kind=self._kind, payload=item)
        return [whole, Finished(reason=FinishReason.STOP)]


def _write_body(answer: Answer, context: WriteContext, kind: str) -> Written:
    if answer.failure is not None:
        return Written(body=render_error(answer.failure))
    writer = _SummaryWriter(context, kind)
    for event in unfold(answer):
        writer.feed(event)
    return Written(body=writer.response, losses=tuple(writer.losses))
