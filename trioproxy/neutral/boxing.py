"""Answers by a schema that is no object's, for targets that answer with objects alone.

OpenAI refuses a list, a word or a choice of several at the root of a schema ("schema must be a JSON Schema of 'type: "object"', got 'type:
"array"'"), and Google's and Anthropic's clients ask for lists as a matter of course. So such a schema is put in a box, an object with one
member, and what the model answers is taken out of it again, as it comes. What comes in no box is left as it is. Refuses to know: which targets
those are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from trioproxy.neutral.events import Event, Failed, PartFinished, TextDelta
from trioproxy.neutral.jsonscan import CompletenessScanner
from trioproxy.neutral.request import Conversation, OutputKind

__all__ = ["Unboxer", "boxed"]

_MEMBER = "answer"
_LID = f'{{"{_MEMBER}":'
_TAIL = re.compile(r"[\s}]*\Z")
_MARKED = ("[", "{", '"')
_SHARED = ("$defs", "definitions")
_DEPTH = 64


def boxed(conversation: Conversation) -> Conversation:
    """The conversation with the form of its answer in a box; itself where it needs none, or where its references would not hold in one."""
    output = conversation.output
    if (
        output is None
        or output.kind is not OutputKind.JSON_SCHEMA
        or output.schema is None
        or _is_object(output.schema)
    ):
        return conversation
    if not all(
        reference.startswith(("#/$defs/", "#/definitions/")) for reference in _references(output.schema, _DEPTH)
    ):
        return conversation
    shared = {name: output.schema[name] for name in _SHARED if name in output.schema}
    inner = {name: value for name, value in output.schema.items() if name not in _SHARED and name != "$schema"}
    box = {
        "type": "object",
        "properties": {_MEMBER: inner},
        "required": [_MEMBER],
        "additionalProperties": False,
        **shared,
    }
    return attrs.evolve(conversation, output=attrs.evolve(output, schema=box))


def _is_object(schema: Mapping[str, Any]) -> bool:
    if "type" in schema:
        return bool(schema["type"] == "object")
    return not any(name in schema for name in ("items", "prefixItems", "enum", "const", "anyOf", "oneOf", "$ref"))


def _references(schema: Any, depth: int) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        schema = [*schema.values()]
    for each in schema if isinstance(schema, list) and depth else ():
        yield from _references(each, depth - 1)


@attrs.define(eq=False)
class _Box:
    """The text of one part: ``held`` was not told yet, ``open`` says whether it turned out to be in a box."""

    held: str = ""
    open: bool | None = None
    scanner: CompletenessScanner = attrs.field(factory=CompletenessScanner)
    begins: str = ""


class Unboxer:
    """A machine from events to events: takes each text out of its box. Holds back the lid, and braces that may be the bottom."""

    def __init__(self) -> None:
        self._boxes: dict[int, _Box] = {}

    def feed(self, item: Event) -> list[Event]:
        """The events that are left of this one, behind text that turned out to be the answer's."""
        match item:
            case TextDelta(index=index, text=text):
                return _told(index, self._taken(self._boxes.setdefault(index, _Box()), text))
            case PartFinished(index=index):
                return [*_told(index, _rest(self._boxes.pop(index, _Box()))), item]
            case Failed():
                owed = [told for index, box in self._boxes.items() for told in _told(index, box.held)]
                return [*owed, item]
            case _:
                return [item]

    def feed_all(self, events: Iterable[Event]) -> list[Event]:
        """Shorthand for feeding many."""
        return [out for event in events for out in self.feed(event)]

    @staticmethod
    def _taken(box: _Box, text: str) -> str:
        if box.open is False:
            return text
        text, box.held = box.held + text, ""
        if box.open is None:
            inside = _behind_lid(text)
            if inside is None:
                box.held = text
                return ""
            box.open = inside >= 0
            if not box.open:
                return text
            text = text[inside:]
        if not box.begins:
            text = text.lstrip()
            box.begins = text[:1]
        tail = _TAIL.search(text)
        at = tail.start() if tail is not None else len(text)
        box.held = text[at:]
        box.scanner.feed(text[:at])
        return text[:at]


def _told(index: int, text: str) -> list[Event]:
    return [TextDelta(index=index, text=text)] if text else []


def _behind_lid(text: str) -> int | None:
    """Where the lid ends in ``text``; -1 where it has none, None where it may yet have one."""
    seen = 0
    for at, sign in enumerate(text):
        if sign.isspace():
            continue
        if sign != _LID[seen]:
            return -1
        seen += 1
        if seen == len(_LID):
            return at + 1
    return None


def _rest(box: _Box) -> str:
    """What was held back, without the bottom of the box; all of it where the answer broke off before that."""
    inside, brace, _ = box.held.rpartition("}")
    if not box.open or not brace:
        return box.held
    box.scanner.feed(inside)
    return inside.rstrip() if box.scanner.whole or not box.begins.startswith(_MARKED) else box.held
