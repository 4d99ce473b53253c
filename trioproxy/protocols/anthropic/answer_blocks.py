"""The parts of an answer as the blocks of a Messages stream: each says which events of the stream an event of its part comes to.

A block knows nothing of its neighbours: :mod:`~trioproxy.protocols.anthropic.writer` numbers them and keeps them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    PartFinished,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.extras import foreign, own
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Signature, SignatureForm, ToolKind
from trioproxy.protocols.anthropic.call_ids import legal_id
from trioproxy.protocols.anthropic.citations import citation_shown
from trioproxy.protocols.anthropic.endpoints import DIRECT_CALLER, NAME
from trioproxy.protocols.anthropic.seals import call_seal, seal
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["BlockOut", "ForeignBlocks", "TextBlock", "ThinkingBlock", "ToolBlock"]


class BlockOut(Protocol):
    """One part on its way out. ``losses`` is complete once :meth:`said` had the part's end."""

    losses: list[Loss]

    @property
    def goes_on(self) -> bool:
        """Whether its block has begun, and more text (of no section) says nothing but itself."""
        ...

    def said(self, event: Event) -> list[Object]:
        """Stream events without their block's number."""
        ...


class TextBlock:
    """A text or refusal part."""

    def __init__(self, start: PartStarted) -> None:
        self.losses, _ = foreign(start.extras, NAME)
        self._extras = own(start.extras, NAME)
        self.goes_on = False

    def said(self, event: Event) -> list[Object]:
        """See :class:`BlockOut`."""
        match event:
            case TextDelta(text=text) | RefusalDelta(text=text):
                return [*self._open(), _delta({"type": "text_delta", "text": text})] if text else []
            case CitationAdded(citation=citation):
                lost, _ = foreign(citation.extras, NAME, path="citations")
                self.losses += lost
                shown = citation_shown(citation)
                if shown is None:
                    self.losses.append(Loss("citations", f"{citation.title or 'a source'} has no URL to name it by"))
                    return []
                if citation.start is not None:
                    self.losses.append(Loss("citations.start", "citations point into sources, not into the answer"))
                return [*self._open(), _delta({"type": "citations_delta", "citation": shown})]
            case PartSigned():
                self.losses.append(Loss("signature", "text carries no signature"))
                return []
            case _:
                return [_STOP] if self.goes_on else []

    def _open(self) -> list[Object]:
        if self.goes_on:
            return []
        self.goes_on = True
        return [_start({"type": "text", "text": "", **self._extras})]


class ThinkingBlock:
    """A reasoning part: ``thinking`` with its signature, or ``redacted_thinking`` where it has nothing but a token."""

    def __init__(self, start: PartStarted) -> None:
        self.losses, _ = foreign(start.extras, NAME)
        self._extras = own(start.extras, NAME)
        self._opened = False
        self._section: int | None = None
        self._signature: Signature | None = None

    @property
    def goes_on(self) -> bool:
        """See :class:`BlockOut`."""
        return self._opened and self._section is None

    def said(self, event: Event) -> list[Object]:
        """See :class:`BlockOut`."""
        match event:
            case ReasoningDelta(text=text, summary=section):
                return self._more(text, section) if text else []
            case PartSigned(signature=signature):
                self._signature = signature
                return []
            case PartFinished():
                return self._end()
            case _:
                raise AssertionError(event)

    def _more(self, text: str, section: int | None) -> list[Object]:
        opened, self._opened = self._opened, True
        # Sections of a summary are paragraphs here.
        gap = "\n\n" if opened and section != self._section else ""
        self._section = section
        start = [] if opened else [_start({"type": "thinking", "thinking": "", "signature": "", **self._extras})]
        return [*start, _delta({"type": "thinking_delta", "thinking": gap + text})]

    def _end(self) -> list[Object]:
        signature = self._signature
        if self._opened:
            return [_delta({"type": "signature_delta", "signature": seal(signature)}), _STOP]
        if signature is None:
            return []
        if signature.form is SignatureForm.ANTHROPIC_SIGNATURE:
            start = _start({"type": "thinking", "thinking": "", "signature": "", **self._extras})
            return [start, _delta({"type": "signature_delta", "signature": signature.value}), _STOP]
        return [_start({"type": "redacted_thinking", "data": seal(signature), **self._extras}), _STOP]


class ToolBlock:
    """A tool call. Free text of a custom tool is put into the object that a call's input must be; a vendor's token for the call follows it in
    a block of its own."""

    def __init__(self, start: ToolCallStarted) -> None:
        self.losses, _ = foreign(start.extras, NAME)
        if start.namespace is not None:
            self.losses.append(Loss("namespace", "tools have no namespaces"))
        self._call = start
        self._custom = start.kind is ToolKind.CUSTOM
        self._signature: Signature | None = None
        self._wrapping = False

    @property
    def goes_on(self) -> bool:
        """See :class:`BlockOut`."""
        return not self._custom

    def said(self, event: Event) -> list[Object]:
        """See :class:`BlockOut`."""
        match event:
            case ToolCallStarted():
                block = {"type": "tool_use", "id": legal_id(event.call_id), "name": event.name, "input": {}}
                return [_start({**block, "caller": DIRECT_CALLER, **own(event.extras, NAME)})]
            case ToolArgsDelta(text=text):
                return [_input(self._wrapped(text) if self._custom else text)] if text else []
            case PartSigned(signature=signature):
                self._signature = signature
                return []
            case PartFinished():
                return self._end()
            case _:
                raise AssertionError(event)

    def _wrapped(self, text: str) -> str:
        inner = dumps(text).decode()[1:-1]
        opening = "" if self._wrapping else '{"input":"'
        self._wrapping = True
        return opening + inner

    def _end(self) -> list[Object]:
        closing: list[Object] = []
        if self._custom:
            closing = [_input('"}' if self._wrapping else '{"input":""}')]
        if self._signature is None:
            return [*closing, _STOP]
        token = call_seal(legal_id(self._call.call_id), self._signature)
        return [*closing, _STOP, _start({"type": "redacted_thinking", "data": token}), _STOP]


class ForeignBlocks:
    """Blocks that this protocol alone has a word for, whole. Their input goes as a delta, as the API sends it: SDKs read it from there."""

    goes_on = False

    def __init__(self, *payloads: Mapping[str, Any]) -> None:
        self.losses: list[Loss] = []
        self._blocks = [dict(payload) for payload in payloads]

    def said(self, event: Event) -> list[Object]:
        """See :class:`BlockOut`."""
        return [each for block in self._blocks for each in self._said(block)]

    @staticmethod
    def _said(block: Object) -> list[Object]:
        if block.get("type") == "compaction":
            growth = {name: value for name, value in block.items() if name in ("content", "encrypted_content")}
            start = {**block, **dict.fromkeys(growth)}
            return [_start(start), _delta({"type": "compaction_delta", **growth}), _STOP]
        if block.get("input"):
            text = dumps(block["input"]).decode()
            return [_start({**block, "input": {}}), _input(text), _STOP]
        return [_start(block), _STOP]


_STOP: Object = {"type": "content_block_stop"}


def _start(block: Object) -> Object:
    return {"type": "content_block_start", "content_block": block}


def _delta(delta: Object) -> Object:
    return {"type": "content_block_delta", "delta": delta}


def _input(text: str) -> Object:
    return _delta({"type": "input_json_delta", "partial_json": text})
