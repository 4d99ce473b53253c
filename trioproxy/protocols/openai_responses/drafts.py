"""Output items while they are written: each step's events, and the item as it stands.

A draft knows its own item and nothing of the stream around it: it yields event types with their members, to which the writer adds the
number. The final response repeats every text, so a draft keeps the text it was given; this is the one place where an answer's length costs
memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from trioproxy.neutral.events import PartKind, ToolCallStarted
from trioproxy.neutral.jsonscan import CompletenessScanner
from trioproxy.neutral.parts import ToolKind
from trioproxy.protocols.openai_responses.builtin import Builtin, call_item
from trioproxy.wire.jsoncodec import Object

__all__ = ["BuiltinDraft", "CallDraft", "ForeignDraft", "Growing", "MessageDraft", "ReasoningDraft", "Said"]

Said = tuple[str, Object]
"""The type of an event and its members, without type and sequence number."""

Growing: TypeAlias = tuple[list[str], Said]
"""The texts to which more is added, and the event that says one more, with none in it."""


@attrs.define(eq=False)
class _Draft:
    """What every item has: its place in the output and its id."""

    output_index: int
    item_id: str

    def _added(self, item: Object) -> Said:
        return "response.output_item.added", {"output_index": self.output_index, "item": item}

    def _done(self, item: Object) -> Said:
        return "response.output_item.done", {"output_index": self.output_index, "item": item}

    def _at(self, **members: Any) -> Object:
        return {"item_id": self.item_id, "output_index": self.output_index, **members}


@attrs.define(eq=False)
class _Content:
    """A content part of a message."""

    kind: PartKind
    texts: list[str] = attrs.field(factory=list)
    annotations: list[Object] = attrs.field(factory=list)
    foreign: Object | None = None

    def document(self, text: str) -> Object:
        if self.foreign is not None:
            return self.foreign
        if self.kind is PartKind.REFUSAL:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": self.annotations, "logprobs": []}


class MessageDraft(_Draft):
    """A message with its content parts. ``own`` are members of this protocol's own (``phase``)."""

    def __init__(self, output_index: int, item_id: str, own: Mapping[str, Any]) -> None:
        super().__init__(output_index, item_id)
        self._own = own
        self._parts: list[_Content] = []

    def added(self) -> list[Said]:
        """The item opens."""
        return [self._added(self.item("in_progress"))]

    def part(self, kind: PartKind) -> tuple[int, list[Said]]:
        """A part opens: its number, and what is said."""
        part = _Content(kind)
        self._parts.append(part)
        number = len(self._parts) - 1
        return number, [("response.content_part.added", self._at(content_index=number, part=part.document("")))]

    def foreign(self, document: Object) -> list[Said]:
        """A part of a kind of its own, whole."""
        number, added = self.part(PartKind.TEXT)
        self._parts[number].foreign = document
        members = self._at(content_index=number, part=document)
        return [(added[0][0], members), ("response.content_part.done", members)]

    def delta(self, number: int, text: str) -> list[Said]:
        """More text of a part."""
        part = self._parts[number]
        part.texts.append(text)
        if part.kind is PartKind.REFUSAL:
            return [("response.refusal.delta", self._at(content_index=number, delta=text))]
        return [("response.output_text.delta", self._at(content_index=number, delta=text, logprobs=[]))]

    def more(self, number: int) -> Growing:
        """How a part of text grows."""
        said = "response.output_text.delta", self._at(content_index=number, delta="", logprobs=[])
        return self._parts[number].texts, said

    def length(self, number: int) -> int:
        """Characters of a part so far."""
        return sum(map(len, self._parts[number].texts))

    def cited(self, number: int, annotation: Object) -> list[Said]:
        """One annotation more."""
        annotations = self._parts[number].annotations
        annotations.append(annotation)
        members = self._at(content_index=number, annotation_index=len(annotations) - 1, annotation=annotation)
        return [("response.output_text.annotation.added", members)]

    def part_done(self, number: int) -> list[Said]:
        """A part is whole."""
        part = self._parts[number]
        text = "".join(part.texts)
        part.texts = [text]
        whole: Said = ("response.output_text.done", self._at(content_index=number, text=text, logprobs=[]))
        if part.kind is PartKind.REFUSAL:
            whole = ("response.refusal.done", self._at(content_index=number, refusal=text))
        return [whole, ("response.content_part.done", self._at(content_index=number, part=part.document(text)))]

    def done(self, status: str) -> list[Said]:
        """The item is whole."""
        return [self._done(self.item(status))]

    def item(self, status: str) -> Object:
        """The item as it stands."""
        content = [part.document("".join(part.texts)) for part in self._parts]
        return {
            "id": self.item_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
            **self._own,
        }


class ReasoningDraft(_Draft):
    """Reasoning: summary sections, full text, encrypted content. ``native`` tells that a provider of this protocol said it."""

    def __init__(self, output_index: int, item_id: str, own: Mapping[str, Any]) -> None:
        super().__init__(output_index, item_id)
        self._own = own
        self._sections: list[list[str]] = []
        self._section: int | None = None
        self._open = False
        self._text: list[str] = []
        self.encrypted: str | None = None
        self.native = False

    def added(self) -> list[Said]:
        """The item opens."""
        return [self._added(self.item())]

    def summary(self, section: int, text: str) -> list[Said]:
        """More of a summary section. A new section ends the one before it; what comes late for an ended one joins the open one."""
        said: list[Said] = []
        if self._section is None or section > self._section:
            said += self._section_done()
            self._section, self._open = section, True
            self._sections.append([])
            part = {"type": "summary_text", "text": ""}
            said.append(("response.reasoning_summary_part.added", self._summary_at(part=part)))
        self._sections[-1].append(text)
        said.append(("response.reasoning_summary_text.delta", self._summary_at(delta=text)))
        return said

    def text(self, text: str) -> list[Said]:
        """More of the full text."""
        said: list[Said] = []
        if not self._text:
            part = {"type": "reasoning_text", "text": ""}
            said.append(("response.content_part.added", self._at(content_index=0, part=part)))
        self._text.append(text)
        said.append(("response.reasoning_text.delta", self._at(content_index=0, delta=text)))
        return said

    def more(self, *, summary: bool) -> Growing | None:
        """How the section that is open (``summary``) or the full text grows; None where neither was begun."""
        if summary and self._open:
            return self._sections[-1], ("response.reasoning_summary_text.delta", self._summary_at(delta=""))
        if self._text and not summary:
            return self._text, ("response.reasoning_text.delta", self._at(content_index=0, delta=""))
        return None

    def done(self) -> list[Said]:
        """The item is whole."""
        said = self._section_done()
        if self._text:
            text = "".join(self._text)
            part = {"type": "reasoning_text", "text": text}
            said.append(("response.reasoning_text.done", self._at(content_index=0, text=text)))
            said.append(("response.content_part.done", self._at(content_index=0, part=part)))
        return [*said, self._done(self.item())]

    def item(self) -> Object:
        """The item as it stands."""
        summary = [{"type": "summary_text", "text": "".join(section)} for section in self._sections]
        item: Object = {"id": self.item_id, "type": "reasoning", "summary": summary, **self._own}
        if self._text:
            item["content"] = [{"type": "reasoning_text", "text": "".join(self._text)}]
        if self.encrypted is not None:
            item["encrypted_content"] = self.encrypted
        return item

    def _summary_at(self, **members: Any) -> Object:
        return self._at(summary_index=len(self._sections) - 1, **members)

    def _section_done(self) -> list[Said]:
        if not self._open:
            return []
        self._open = False
        text = "".join(self._sections[-1])
        part = {"type": "summary_text", "text": text}
        return [
            ("response.reasoning_summary_text.done", self._summary_at(text=text)),
            ("response.reasoning_summary_part.done", self._summary_at(part=part)),
        ]


_CALLS = {
    ToolKind.FUNCTION: ("function_call", "arguments", "response.function_call_arguments"),
    ToolKind.CUSTOM: ("custom_tool_call", "input", "response.custom_tool_call_input"),
}


class CallDraft(_Draft):
    """A function or custom tool call."""

    def __init__(self, output_index: int, item_id: str, call: ToolCallStarted, own: Mapping[str, Any]) -> None:
        super().__init__(output_index, item_id)
        self.call_id = call.call_id
        self._call = call
        self._own = own
        self._type, self._member, self._event = _CALLS[call.kind]
        self._text: list[str] = []

    def added(self) -> list[Said]:
        """The item opens."""
        return [self._added(self.item("in_progress"))]

    def delta(self, text: str) -> list[Said]:
        """More argument text."""
        self._text.append(text)
        return [(f"{self._event}.delta", self._at(delta=text))]

    def more(self) -> Growing:
        """How the arguments grow."""
        return self._text, (f"{self._event}.delta", self._at(delta=""))

    @property
    def status(self) -> str:
        """``incomplete`` where the arguments break off in the middle: the model reached its limit there."""
        text = "".join(self._text)
        begun = self._call.kind is ToolKind.FUNCTION and text.startswith("{")
        return "incomplete" if begun and not CompletenessScanner().feed(text) else "completed"

    def done(self, status: str) -> list[Said]:
        """The call is whole. A function called with nothing is called with ``{}``: clients parse what they get."""
        said = self.delta("{}") if not any(self._text) and self._call.kind is ToolKind.FUNCTION else []
        whole = {self._member: "".join(self._text)}
        return [*said, (f"{self._event}.done", self._at(**whole)), self._done(self.item(status))]

    def item(self, status: str) -> Object:
        """The item as it stands."""
        item: Object = {
            "id": self.item_id,
            "type": self._type,
            "status": status,
            self._member: "".join(self._text),
            "call_id": self._call.call_id,
            "name": self._call.name,
            **self._own,
        }
        if self._call.namespace is not None:
            item["namespace"] = self._call.namespace
        return item


class BuiltinDraft(_Draft):
    """A call of a tool that OpenAI defines: its item holds an object, so nothing is said before the arguments are whole. Arguments of which
    none can be made leave it the function call it was, so that the client sees them."""

    def __init__(self, output_index: int, item_id: str, call: ToolCallStarted, builtin: Builtin) -> None:
        super().__init__(output_index, item_id)
        self.call_id = call.call_id
        self._call = call
        self._builtin = builtin
        self._text: list[str] = []

    def delta(self, text: str) -> list[Said]:
        """More argument text."""
        self._text.append(text)
        return []

    @property
    def status(self) -> str:
        """As of a function call."""
        return "completed" if self._built("completed") is not None else self._plain().status

    def done(self, status: str) -> list[Said]:
        """The call is whole."""
        if self._built(status) is not None:
            return [self._added(self.item("in_progress")), self._done(self.item(status))]
        plain = CallDraft(self.output_index, self.item_id, self._call, {})
        return [*plain.added(), *plain.delta(self._arguments), *plain.done(status)]

    def item(self, status: str) -> Object:
        """The item as it stands."""
        return self._built(status) or self._plain().item(status)

    @property
    def _arguments(self) -> str:
        return "".join(self._text) or "{}"

    def _plain(self) -> CallDraft:
        plain = CallDraft(self.output_index, self.item_id, self._call, {})
        plain.delta(self._arguments)
        return plain

    def _built(self, status: str) -> Object | None:
        return call_item(
            self._builtin,
            item_id=self.item_id,
            call_id=self._call.call_id,
            arguments=self._arguments,
            status=status,
        )


class ForeignDraft(_Draft):
    """An item of this protocol that the hub has no word for, whole."""

    def __init__(self, output_index: int, payload: Object) -> None:
        super().__init__(output_index, str(payload.get("id", "")))
        self._payload = payload

    def done(self) -> list[Said]:
        """The item, opened and whole at once."""
        return [self._added(self._payload), self._done(self._payload)]

    def run(self, begun: Object, progress: Iterable[str]) -> list[Said]:
        """The item opened as ``begun``, the events of its progress, and the item whole."""
        return [self._added(begun), *((kind, self._at()) for kind in progress), self._done(self._payload)]

    def item(self) -> Object:
        """The item."""
        return self._payload
