"""Whole bodies, both ways: a Message object is what its stream comes to. Source: platform.claude.com, API reference, Messages."""

from __future__ import annotations

import attrs

from trioproxy.neutral.events import Event, Failed
from trioproxy.neutral.fold import unfold
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.response import Answer
from trioproxy.protocols.anthropic.assembly import Assembly, malformed
from trioproxy.protocols.anthropic.errors import error_in_answer, render_error
from trioproxy.protocols.anthropic.telling import Telling
from trioproxy.protocols.base import WriteContext, Written
from trioproxy.protocols.error_text import said_instead
from trioproxy.wire.jsoncodec import JSONError, Object, loads

__all__ = ["read_body", "write_body"]


def read_body(document: Object) -> list[Event]:
    """The events of a whole answer; a :class:`~trioproxy.neutral.events.Failed` for an error behind a 200, or for what is no message."""
    failure = error_in_answer(document)
    if failure is not None:
        return [Failed(failure=failure)]
    content = document.get("content")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        none = malformed("the body has no list of content blocks")
        said = said_instead(document, none.failure.message)
        return [Failed(failure=attrs.evolve(none.failure, message=said))]
    assembly = Assembly()
    events = assembly.start(document)
    for number, block in enumerate(content):
        events += assembly.open(number, block)
        events += assembly.stop(number)
    return [*events, *assembly.finish()]


def write_body(answer: Answer, context: WriteContext) -> Written:
    """The Message object of an answer, or the error body of one that failed."""
    if answer.failure is not None:
        return Written(body=render_error(answer.failure))
    telling = Telling(context)
    folded = _Folded()
    for event in unfold(answer):
        for said in telling.said(event):
            folded.take(said)
    return Written(body=folded.message, losses=(*telling.losses, *folded.losses))


class _Folded:
    """Stream events put back together, as any client of the stream does it."""

    def __init__(self) -> None:
        self.message: Object = {}
        self.losses: list[Loss] = []
        self._block: Object = {}
        self._input: list[str] = []

    def take(self, event: Object) -> None:
        match event["type"]:
            case "message_start":
                self.message = event["message"]
            case "content_block_start":
                self._block = dict(event["content_block"])
                self._input = []
                self.message["content"].append(self._block)
            case "content_block_delta":
                self._grow(event["delta"])
            case "content_block_stop":
                self._close()
            case "message_delta":
                self.message.update(event["delta"])
                self.message.update({name: value for name, value in event.items() if name not in ("type", "delta")})
            case _:
                pass

    def _grow(self, delta: Object) -> None:
        block = self._block
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "citations_delta":
                block.setdefault("citations", []).append(delta["citation"])
            case "input_json_delta":
                self._input.append(delta["partial_json"])
            case _:
                block.update({name: value for name, value in delta.items() if name != "type"})

    def _close(self) -> None:
        text = "".join(self._input)
        if not text:
            return
        try:
            value = loads(text)
        except JSONError:
            value = text
        if not isinstance(value, dict):
            self.losses.append(
                Loss("input", "arguments that are no JSON object are given as the text they are, under `_raw`")
            )
            value = {"_raw": text}
        self._block["input"] = value
