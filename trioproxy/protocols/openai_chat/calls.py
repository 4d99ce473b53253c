"""Tool calls of one answer, put together from the pieces in which servers send them.

OpenAI numbers the calls (``tool_calls[].index``), names each once in its first piece and appends arguments. Servers that imitate it leave the
index out, send every call with index 0, repeat or delay id and name, give one id to two calls, send arguments as an object, as an empty object
that the true ones follow, or all of them a second time at the end. All of that is understood here, and only here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import attrs

from trioproxy.neutral.events import Event, PartFinished, PartSigned, ToolArgsDelta, ToolCallStarted
from trioproxy.neutral.jsonscan import CompletenessScanner
from trioproxy.neutral.parts import Signature, SignatureForm, ToolKind
from trioproxy.wire.jsoncodec import JSON, Object, dumps
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["CallAssembly", "google_signature"]


def google_signature(document: Object) -> Signature | None:
    """The thought signature in the ``extra_content`` of a message or call (Gemini's OpenAI-compatible endpoint)."""
    extra = document.get("extra_content")
    google = (extra.get("google") or extra.get("vertex")) if isinstance(extra, dict) else None
    value = google.get("thought_signature") if isinstance(google, dict) else None
    return Signature(value=value, form=SignatureForm.GEMINI_THOUGHT) if isinstance(value, str) and value else None


@attrs.frozen(kw_only=True)
class _Piece:
    """One entry of ``tool_calls``, its blanks as "". ``opens`` says that there is a member for arguments, so that the name is whole."""

    id: str
    name: str
    text: str
    opens: bool
    kind: ToolKind
    signature: Signature | None

    @classmethod
    def of(cls, entry: Object) -> _Piece:
        custom, function = entry.get("custom"), entry.get("function")
        is_custom = entry.get("type") == "custom" or (isinstance(custom, dict) and not _outweighs(function, custom))
        body = custom if is_custom else function
        # Some put the members of the function beside the id.
        body = body if isinstance(body, dict) else entry
        said = body.get("input" if is_custom else "arguments")
        return cls(
            id=_text(entry.get("id")),
            name=_text(body.get("name")),
            text=_text(said),
            opens=said is not None,
            kind=ToolKind.CUSTOM if is_custom else ToolKind.FUNCTION,
            signature=google_signature(entry),
        )


def _outweighs(function: JSON, custom: Object) -> bool:
    """Whether a call is a function's though it has a ``custom`` too: some send both, and the one that does not count is blank (Snowflake)."""
    return isinstance(function, dict) and (any(function.values()) or not any(custom.values()))


def _arguments(index: int, text: str) -> list[Event]:
    return [ToolArgsDelta(index=index, text=text)] if text else []


def _text(value: JSON) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value).decode()


@attrs.define(eq=False)
class _Call:
    """A call while it grows. ``index`` is its part's, None until it was announced."""

    kind: ToolKind
    id: str = ""
    name: str = ""
    index: int | None = None
    finished: bool = False
    touched: bool = False
    """Whether a piece of it came before."""
    held: str = ""
    """Arguments that came before it was announced."""
    begun: bool = False
    """Whether arguments were heard."""
    withheld: str = ""
    """An empty object that is not told yet: see :meth:`heard`."""
    signature: Signature | None = None
    scanner: CompletenessScanner = attrs.field(factory=CompletenessScanner)

    def is_another(self, piece: _Piece) -> bool:
        """Whether a piece under this call's index begins a call of its own: only a name can tell."""
        if not piece.name or not self.name:
            return False
        if not piece.id or not self.id:
            return self.scanner.whole and bool(piece.text.strip())
        if piece.name == self.name:
            # In the midst of arguments another id says nothing: some servers make one up for every piece.
            return piece.id != self.id and (self.scanner.whole or not self.begun)
        return piece.id != self.id or self.scanner.whole

    def repeats(self, piece: _Piece) -> bool:
        """Whether a piece says all of this call once more."""
        return bool(piece.name) and self.scanner.whole and not self.withheld and piece.text.lstrip()[:1] == "{"

    def heard(self, text: str) -> str:
        """What may be told of more arguments. An empty object that begins them is withheld: the true ones may follow in its place."""
        if self.withheld and text.lstrip()[:1] == "{":
            self.withheld, self.scanner = "", CompletenessScanner()
        opens = not self.begun
        self.begun = self.begun or bool(text)
        self.scanner.feed(text)
        if opens and self.kind is ToolKind.FUNCTION and text.strip() == "{}":
            self.withheld = text
            return ""
        return self.released() + text

    def released(self) -> str:
        """What was withheld, which is now certain."""
        text, self.withheld = self.withheld, ""
        return text


class CallAssembly:
    """Takes entries of ``tool_calls`` and yields events.

    ``claim`` gives a new part its index, and the events that end what was open before it. A call is announced as soon as its name and its id
    are known; where no id comes with the name, the first argument text, a second piece or the end of the answer makes do with an invented one.
    """

    def __init__(self, claim: Callable[[], tuple[list[Event], int]]) -> None:
        self._claim = claim
        self._by_key: dict[object, _Call] = {}
        self._calls: list[_Call] = []
        self._ids: set[str] = set()
        self.response_id = ""

    def __bool__(self) -> bool:
        """Whether any call was announced."""
        return any(call.index is not None for call in self._calls)

    @property
    def latest(self) -> int | None:
        """The part index of the newest announced call that is still open."""
        return next(
            (call.index for call in reversed(self._calls) if call.index is not None and not call.finished), None
        )

    def feed(self, entries: Iterable[JSON], choice: int = 0, *, numbered: bool = False) -> list[Event]:
        """Events of one ``tool_calls`` list of a ``choice``, each of which numbers its own. ``numbered`` takes the position for an index that is
        missing (whole messages).

        Raises:
            ProtocolViolation: arguments for a call that was whole, so that nobody can take them any more.
        """
        events: list[Event] = []
        for position, entry in enumerate(entries):
            if isinstance(entry, dict):
                index = entry.get("index")
                number = index if isinstance(index, int) else position if numbered else None
                key = (choice, number) if choice and number is not None else number
                events += self._take(key, _Piece.of(entry))
        return events

    def more(self, number: int, text: str) -> ToolArgsDelta | None:
        """More arguments of the call of this number, where it is open and waits for nothing else; None where it is not. They are not taken."""
        call = self._by_key.get(number)
        if call is None or call.index is None or call.finished or call.withheld or not call.begun or not text:
            return None
        return ToolArgsDelta(index=call.index, text=text)

    def grew(self, index: int, texts: Iterable[str]) -> None:
        """Take more arguments of the call that is the part with this index."""
        call = next(call for call in self._calls if call.index == index)
        for text in texts:
            call.scanner.feed(text)

    def feed_legacy(self, function_call: Object) -> list[Event]:
        """Events of the deprecated ``function_call``, of which an answer has one at most."""
        return self._take("function_call", _Piece.of({"function": function_call}))

    def finish_whole(self) -> list[Event]:
        """End the open calls whose arguments are one whole JSON value: nothing more can come for them."""
        return self._finish(call for call in self._open() if call.scanner.whole and call.kind is ToolKind.FUNCTION)

    def finish(self) -> list[Event]:
        """End every open call, announcing those that waited for an id.

        Raises:
            ProtocolViolation: a call that never got a name.
        """
        if any(call.index is None and not call.name and (call.id or call.held) for call in self._calls):
            raise ProtocolViolation("a tool call was never given a name")
        events = self._announce_waiting()
        return events + self._finish(self._open())

    def _open(self) -> list[_Call]:
        return [call for call in self._calls if call.index is not None and not call.finished]

    def _finish(self, calls: Iterable[_Call]) -> list[Event]:
        events: list[Event] = []
        for call in calls:
            call.finished = True
            assert call.index is not None
            events += _arguments(call.index, call.released())
            events.append(PartFinished(index=call.index))
        return events

    def _take(self, key: object, piece: _Piece) -> list[Event]:
        call = self._call(key, piece)
        if call.index is None:
            call.id = call.id or piece.id
            if piece.name != call.name:
                # In pieces, while no arguments have come: OpenAI's own package puts names together so.
                call.name += piece.name
            call.signature = piece.signature or call.signature
            call.held += piece.text
            ready = (call.id and piece.opens) or call.held or call.touched
            call.touched = True
            return self._announce(call) if call.name and ready else []
        events: list[Event] = []
        if call.repeats(piece):
            return []
        if piece.text:
            if call.finished and piece.text.strip():
                raise ProtocolViolation("arguments came for a tool call that was already whole")
            events += _arguments(call.index, call.heard(piece.text))
        if piece.signature is not None:
            events.append(PartSigned(index=call.index, signature=piece.signature))
        return [] if call.finished else events

    def _call(self, key: object, piece: _Piece) -> _Call:
        """The call that a piece belongs to, a new one where it begins one."""
        if key is not None:
            known = self._by_key.get(key)
        elif piece.id:
            # Without an index a new id begins a call, unless it has no name: some servers make up an id for every piece.
            known = next((call for call in self._calls if call.id == piece.id), None)
            if known is None and not piece.name and self._calls:
                known = self._calls[-1]
        else:
            known = self._calls[-1] if self._calls else None
        if known is not None and not known.is_another(piece):
            return known
        call = _Call(piece.kind)
        self._calls.append(call)
        if key is not None:
            self._by_key[key] = call
        return call

    def _announce_waiting(self, before: _Call | None = None) -> list[Event]:
        events: list[Event] = []
        for call in self._calls:
            if call is before:
                break
            if call.index is None and call.name:
                events += self._announce(call)
        return events

    def _announce(self, call: _Call) -> list[Event]:
        events = self._announce_waiting(call)
        closing, call.index = self._claim()
        if not call.id or call.id in self._ids:
            # None, or one that another call has: results could not be told apart.
            call.id = self._invented_id(call)
        self._ids.add(call.id)
        events += [*closing, ToolCallStarted(index=call.index, call_id=call.id, name=call.name, kind=call.kind)]
        if call.held:
            events += _arguments(call.index, call.heard(call.held))
            call.held = ""
        if call.signature is not None:
            events.append(PartSigned(index=call.index, signature=call.signature))
        return events

    def _invented_id(self, call: _Call) -> str:
        seed = f"{self.response_id}/{self._calls.index(call)}/{call.name}"
        return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"
