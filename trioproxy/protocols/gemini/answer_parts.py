"""The parts of a candidate as they arrive, and the neutral events they are.

Knows: which parts of consecutive chunks are one text, where a signature belongs, that function calls come whole or as ``partialArgs``, and
which parts only Google has a word for. Refuses to know: frames, usage, how an answer ends.

A text or thought part goes on as long as parts of its kind follow. A signature ends it (parts with signatures are not to be merged:
https://ai.google.dev/gemini-api/docs/thought-signatures), but it stays open until something follows, because its sources come behind it. A
signature on an empty text is that of the part before it, as streams send it.
"""

from __future__ import annotations

import hashlib

import attrs

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Base64Source, Citation, Media, MediaKind, Search
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.grounding import RememberedText
from trioproxy.protocols.gemini.partial_args import PartialArguments
from trioproxy.protocols.gemini.signatures import read_signature
from trioproxy.wire.jsoncodec import Object, dumps
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["AnswerParts", "foreign_kind"]

_SIDE_FIELDS = frozenset({"thought", "thoughtSignature", "partMetadata", "mediaResolution", "videoMetadata"})

_PROSE_FIELDS = frozenset({"text", "thought", "thoughtSignature"})
_CALL_PART_FIELDS = frozenset({"functionCall", "thoughtSignature"})
_CALL_FIELDS = frozenset({"id", "name", "args", "partialArgs", "willContinue"})


def foreign_kind(part: Object) -> str:
    """The name of the field that says what a part is (``executableCode``), ``part`` where none does."""
    return next((name for name in part if name not in _SIDE_FIELDS), "part")


@attrs.define(eq=False)
class _Prose:
    """The open text or thought part."""

    index: int
    kind: PartKind
    signed: bool = False
    text: RememberedText = attrs.field(factory=RememberedText)
    before: int = 0
    cited: list[Citation] = attrs.field(factory=list)


@attrs.define(eq=False)
class _Call:
    """The open function call, whose arguments are still coming."""

    index: int
    arguments: PartialArguments = attrs.field(factory=PartialArguments)
    written: bool = False


class AnswerParts:
    """One candidate's parts. ``seed`` (the response's id) goes into the ids of calls that have none, so that they are the same at each
    reading."""

    def __init__(self) -> None:
        self.seed = ""
        self.calls = 0
        self._next = 0
        self._prose: _Prose | None = None
        self._call: _Call | None = None
        self._spoken = 0

    def feed(self, part: Object) -> list[Event]:
        """The events a part is.

        Raises:
            ProtocolViolation: it has a form no answer has.
        """
        call = part.get("functionCall")
        if call is not None:
            if not isinstance(call, dict):
                raise ProtocolViolation("a functionCall is not an object")
            return self._function(call, part)
        if isinstance(part.get("text"), str) or part.keys() <= _PROSE_FIELDS:
            return self._text(part)
        return [*self.finish(), self.foreign(foreign_kind(part), part, shown=_image(part))]

    def foreign(self, kind: str, payload: Object, *, shown: Media | Search | None = None) -> Foreign:
        """Something only Google has a word for, in its place; ``shown`` is the image in it, or the search."""
        self._next += 1
        return Foreign(index=self._next - 1, protocol=NAME, kind=kind, payload=payload, shown=shown)

    def open_text(self) -> tuple[str | None, int] | None:
        """The text that sources may be named for now, and the bytes of text before it; None where no text is open."""
        prose = self._prose
        return (prose.text.whole, prose.before) if prose is not None and prose.kind is PartKind.TEXT else None

    def cite(self, citation: Citation) -> list[Event]:
        """A source of the open text, told once: some models give all sources so far with each chunk."""
        prose = self._prose
        if prose is None or citation in prose.cited:
            return []
        prose.cited.append(citation)
        return [CitationAdded(index=prose.index, citation=citation)]

    def finish(self) -> list[Event]:
        """The end of what is open."""
        return [*self._finish_prose(), *self._finish_call()]

    def more(self, text: str, *, thought: bool) -> Event | None:
        """More text of the part that is open, and goes on; None, and nothing done, where another would begin."""
        prose = self._prose
        kind = PartKind.REASONING if thought else PartKind.TEXT
        if prose is None or prose.signed or prose.kind is not kind or self._call is not None:
            return None
        if thought:
            return ReasoningDelta(index=prose.index, text=text)
        prose.text.add(text)
        self._spoken += len(text.encode())
        return TextDelta(index=prose.index, text=text)

    def _text(self, part: Object) -> list[Event]:
        text, signature = part.get("text") or "", _signature(part)
        if not isinstance(text, str):
            raise ProtocolViolation("a text is no string")
        kind = PartKind.REASONING if part.get("thought") is True else PartKind.TEXT
        extras = packed(NAME, _besides(part, _PROSE_FIELDS))
        if not (text or signature or extras):
            return []
        events = self._finish_call()
        prose = self._prose
        fits = prose is not None and not prose.signed and not extras and (prose.kind is kind or not text)
        if prose is None or not fits:
            events += self._finish_prose()
            prose = self._prose = _Prose(index=self._index(), kind=kind, before=self._spoken)
            events.append(PartStarted(index=prose.index, kind=kind, extras=extras))
        if text and kind is PartKind.TEXT:
            events.append(TextDelta(index=prose.index, text=text))
            prose.text.add(text)
            self._spoken += len(text.encode())
        elif text:
            events.append(ReasoningDelta(index=prose.index, text=text))
        if signature is not None:
            prose.signed = True
            events.append(PartSigned(index=prose.index, signature=read_signature(signature)))
        return events

    def _function(self, call: Object, part: Object) -> list[Event]:
        events = self._finish_prose()
        if isinstance(call.get("name"), str) and call["name"]:
            events += self._finish_call()
            self._call = _Call(self._index())
            inner = _besides(call, _CALL_FIELDS)
            extras = {**_besides(part, _CALL_PART_FIELDS), **({"functionCall": inner} if inner else {})}
            events.append(
                ToolCallStarted(
                    index=self._call.index, call_id=self._id(call), name=call["name"], extras=packed(NAME, extras)
                )
            )
            self.calls += 1
        elif call.get("name") or (self._call is None and call):
            raise ProtocolViolation("a functionCall has no name")
        if self._call is None:
            return events
        signature = _signature(part)
        if signature is not None:
            events.append(PartSigned(index=self._call.index, signature=read_signature(signature)))
        events += self._arguments(self._call, call)
        if call.get("willContinue") is not True:
            events += self._finish_call()
        return events

    @staticmethod
    def _arguments(open_call: _Call, call: Object) -> list[Event]:
        whole, entries = call.get("args"), call.get("partialArgs") or []
        if isinstance(whole, dict | list | str) and whole not in ("", []) and not open_call.written:
            open_call.written = True
            # Servers that speak like Google may give the text of the object, or what is none.
            return [
                ToolArgsDelta(index=open_call.index, text=whole if isinstance(whole, str) else dumps(whole).decode())
            ]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ProtocolViolation("a functionCall's partialArgs are not a list of objects")
        text = "".join(open_call.arguments.feed(entry) for entry in entries)
        return [ToolArgsDelta(index=open_call.index, text=text)] if text else []

    def _finish_call(self) -> list[Event]:
        call, self._call = self._call, None
        if call is None:
            return []
        rest: list[Event] = [] if call.written else [ToolArgsDelta(index=call.index, text=call.arguments.close())]
        return [*rest, PartFinished(index=call.index)]

    def _finish_prose(self) -> list[Event]:
        prose, self._prose = self._prose, None
        return [PartFinished(index=prose.index)] if prose is not None else []

    def _index(self) -> int:
        self._next += 1
        return self._next - 1

    def _id(self, call: Object) -> str:
        given = call.get("id")
        if isinstance(given, str) and given:
            return given
        name = f"{self.seed}/{self.calls}/{call['name']}"
        return f"call_{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def _image(part: Object) -> Media | None:
    """The image that a part of the model's own is, None where it is something else."""
    match part.get("inlineData"):
        case {"mimeType": str() as mime, "data": str() as data} if mime.startswith("image/"):
            return Media(kind=MediaKind.IMAGE, source=Base64Source(data=data, mime=mime))
        case _:
            return None


def _besides(fields: Object, named: frozenset[str]) -> Object:
    """What an object says beyond the fields named."""
    return {name: value for name, value in fields.items() if name not in named and value is not None}


def _signature(part: Object) -> str | None:
    value = part.get("thoughtSignature")
    return value if isinstance(value, str) and value else None
