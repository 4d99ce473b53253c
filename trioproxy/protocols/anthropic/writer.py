"""Neutral events to the frames of a Messages stream; a failure to its ``error`` event, with the open block left open and nothing behind it.

Source: platform.claude.com, "Streaming messages", "Error events".
"""

from __future__ import annotations

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Delta, Event, Failed, Finished, Growth, ReasoningDelta, TextDelta, ToolArgsDelta
from trioproxy.neutral.loss import Loss
from trioproxy.protocols.anthropic.errors import error_frames
from trioproxy.protocols.anthropic.telling import Telling
from trioproxy.protocols.base import Press, StreamSeen, WriteContext
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import dumps

__all__ = ["MessagesWriter"]

# What most events of an answer are, to the letter as the long way writes it.
_MORE: dict[type[Delta], bytes] = {
    TextDelta: b'{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%b}}',
    ReasoningDelta: b'{"type":"content_block_delta","index":%d,"delta":{"type":"thinking_delta","thinking":%b}}',
    ToolArgsDelta: b'{"type":"content_block_delta","index":%d,"delta":{"type":"input_json_delta","partial_json":%b}}',
}


class MessagesWriter:
    """The :class:`~trioproxy.protocols.base.Writer` of this protocol."""

    def __init__(self, context: WriteContext) -> None:
        self._telling = Telling(context)
        self.losses: list[Loss] = self._telling.losses
        self._over = False

    def feed(self, item: Event, /) -> list[Frame]:
        """Frames this event completes."""
        if isinstance(item, Failed):
            return self._failed(item.failure)
        self._over = isinstance(item, Finished)
        return [Frame(dumps(event), event["type"]) for event in self._telling.said(item)]

    def more(self, growth: Growth, /) -> Row | None:
        """See :meth:`~trioproxy.protocols.base.Writer.more`."""
        number = self._telling.goes_on(growth.index)
        if number is None:
            return None
        more = _MORE[growth.kind]
        return Row([more % (number, dumps(text)) for text in growth.texts], "content_block_delta")

    def press(self, growth: Growth, /) -> Press | None:
        """See :meth:`~trioproxy.protocols.base.Writer.press`."""
        number = self._telling.goes_on(growth.index)
        if number is None:
            return None
        around = _MORE[growth.kind] % (number, b"%b")
        return lambda text: around % dumps(text)

    def close(self) -> list[Frame]:
        """An error where the stream was given no end."""
        if self._over:
            return []
        message = "the answer broke off before its end"
        return self._failed(Failure(kind=ErrorKind.TRUNCATED, message=message, fault=Fault.UPSTREAM))

    def _failed(self, failure: Failure) -> list[Frame]:
        self._over = True
        return list(error_frames(failure, StreamSeen()))
