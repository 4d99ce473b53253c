"""Chat Completions chunks to neutral events.

Every server of this protocol has its habits; what they have in common is little. This reader takes what it can from any of them and claims
an end only where the provider said so: a ``finish_reason`` makes an answer complete, the end of the connection never does. ``Finished``
waits for ``[DONE]`` or the end of the stream, because usage may follow the ``finish_reason``.

Other files know the details: ``assembly`` and ``calls`` how parts are put together, ``reasoning`` what signatures look like, ``finish`` and
``usage`` the words.
"""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    Delta,
    Event,
    Failed,
    Finished,
    PartKind,
    PartSigned,
    ReasoningDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    UsageReported,
)
from trioproxy.neutral.parts import Citation
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.error_text import said_in_event, said_instead
from trioproxy.protocols.openai_chat.assembly import AnswerAssembly
from trioproxy.protocols.openai_chat.calls import google_signature
from trioproxy.protocols.openai_chat.citations import read_annotation, read_sources
from trioproxy.protocols.openai_chat.errors import read_in_band
from trioproxy.protocols.openai_chat.finish import FAILING, read_finish, sequence_hit
from trioproxy.protocols.openai_chat.images import IMAGES, read_image
from trioproxy.protocols.openai_chat.plain import PlainChunk, plain_arguments, plain_chunk, plain_growth, thought_in
from trioproxy.protocols.openai_chat.reasoning import read_details, shown, thought_part
from trioproxy.protocols.openai_chat.think_tags import ThinkTags
from trioproxy.protocols.openai_chat.usage import read_usage, tier_alone
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, loads
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["CARRIED", "ChatReader"]

CARRIED = ("audio", "executed_tools")
"""Members of a delta that only this protocol has a word for: they become Foreign events."""

_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_text")


class ChatReader:
    """One answer, from its frames (:meth:`feed`) or from its whole body (:meth:`take` with ``whole``)."""

    forgets: frozenset[type[Delta]] = frozenset({TextDelta, ReasoningDelta})  # of calls it knows whether they are whole
    counter = b""

    def __init__(self) -> None:
        self.seen = StreamSeen()
        self._started = False
        self._over = False
        self._parts = AnswerAssembly()
        self._tags = ThinkTags()
        self._thoughts_in_words = False
        self._adopted = {0}
        self._stopped: set[int] = set()
        self._sources: list[Citation] = []
        self._usage: Usage | None = None
        self._tier: JSON = None
        self._finish: str | None = None
        self._stop_sequence: str | None = None

    # Frames and documents.

    def feed(self, item: Frame) -> list[Event]:
        """Events that this frame completes; nothing after the end."""
        if self._over:
            return []
        growth = self.skim(item)
        if growth is not None:
            return [growth]
        if item.event is None and (self._parts.open is None or not self._tags.settled):
            chunk = plain_chunk(item.data)
            if chunk is not None:  # as the first ones are
                return self._plain(chunk)
        data = item.data.strip()
        if not data:
            return []
        if data == b"[DONE]":
            return self._end(
                "The provider sent [DONE] without ever giving a finish_reason, so the answer may not be whole."
            )
        try:
            document = loads(data)
        except JSONError as exc:
            broken = f"The provider sent a chunk that is not JSON: {exc}."
            return self._fail(ErrorKind.MALFORMED, said_in_event(item.event, data, broken))
        return self.take(document, named_error=item.event == "error")

    def skim(self, item: Frame) -> Delta | None:
        """See :meth:`~trioproxy.protocols.base.Reader.skim`."""
        delta = self.look(item)
        if type(delta) is ToolArgsDelta:
            self.grew(delta, [delta.text], None)
        return delta

    def grew(self, model: Delta, texts: Sequence[str], number: int | None) -> None:
        """See :meth:`~trioproxy.protocols.base.Reader.grew`."""
        self._parts.calls.grew(model.index, texts)

    def look(self, item: Frame) -> Delta | None:
        """See :meth:`~trioproxy.protocols.base.Reader.look`."""
        open_part = self._parts.open
        if item.event is not None or self._over:
            return None
        if b'"tool_calls":[' in item.data:  # as half of an agent's stream
            arguments = plain_arguments(item.data) if self._tags.silent else None
            return None if arguments is None else self._parts.calls.more(*arguments)
        if open_part is None or not self._tags.settled:
            return None
        growth = plain_growth(item.data)
        if growth is None or growth[0] is not open_part[0]:
            return None
        if growth[0] is PartKind.TEXT:
            return TextDelta(index=open_part[1], text=growth[1])
        return ReasoningDelta(index=open_part[1], text=growth[1]) if self._thoughts_in_words else None

    def close(self) -> list[Event]:
        """The end of the answer, where it was complete; else a failure. Nothing after the end."""
        if self._over:
            return []
        return self._end("The provider's stream ended without a finish_reason, so the answer is not whole.")

    def take(self, document: JSON, *, whole: bool = False, named_error: bool = False) -> list[Event]:
        """Events of one parsed chunk, or of a ``whole`` body. ``named_error`` says that the frame's event name was ``error``."""
        if not isinstance(document, dict):
            return self._fail(ErrorKind.MALFORMED, "The provider sent a chunk that is not a JSON object.")
        failure = read_in_band(document, named=named_error)
        choices = [each for each in _list(document.get("choices")) if isinstance(each, dict)]
        self._sources = read_sources(document) or self._sources
        events = self._start(document, choices)
        if failure is not None:
            return events + self._report(document) + self._refuse(failure)
        try:
            for choice in choices:
                events += self._choice(choice, whole=whole)
            for choice in choices:
                events += self._stop(choice)
                if self._over:
                    return events
            if whole:
                events += self._whole(document, choices)
        except ProtocolViolation as exc:
            return events + self._fail(ErrorKind.MALFORMED, f"The provider's answer breaks the protocol: {exc}.")
        return events if self._over else events + self._report(document)

    def _start(self, document: Object, choices: list[Object]) -> list[Event]:
        # Azure's first chunk has no choices and blanks for id and model; the answer begins with the next one.
        tier = document.get("service_tier")
        usage = None if self._started else read_usage(document.get("usage"), tier)
        if self._started or not (choices or usage):
            return []
        identity, model = _text(document.get("id")), _text(document.get("model"))
        return self._begin(identity, model, document.get("created"), tier, usage)

    def _begin(self, identity: str, model: str, created: JSON, tier: JSON, usage: Usage | None = None) -> list[Event]:
        self._started = True
        self._tier = tier
        usage = usage or tier_alone(tier)
        self.seen.response_id = identity
        self.seen.model = model
        self.seen.created = created if isinstance(created, int) else None
        self._parts.calls.response_id = f"{self.seen.response_id}/{self.seen.created}"
        return [ResponseStarted(id=identity, model=model, created=self.seen.created, usage=usage)]

    def _plain(self, chunk: PlainChunk) -> list[Event]:
        """What :meth:`take` would say of it."""
        events = (
            [] if self._started else self._begin(chunk.id or "", chunk.model or "", chunk.created, chunk.service_tier)
        )
        delta = chunk.choices[0].delta
        thought = thought_in(delta)
        if thought:
            events += self._rest_of_text()
            self._thoughts_in_words = True
            events += self._parts.grow(PartKind.REASONING, thought)
        return events + self._text(delta.content) if delta.content is not None else events

    def _whole(self, document: Object, choices: list[Object]) -> list[Event]:
        """A body needs no ``finish_reason`` to be whole, but an answer it must hold."""
        if not choices:
            return self._fail(ErrorKind.MALFORMED, said_instead(document, "The provider's answer holds no choices."))
        return self._complete("") if self._finish is None else []

    # Choices and their deltas.

    def _choice(self, choice: Object, *, whole: bool) -> list[Event]:
        delta, whole = self._said(choice, whole=whole)
        index = _place(choice)
        if index not in self._adopted:
            if not self._belongs(delta):
                return self._parts.carry("choice", choice)
            self._adopted.add(index)
        events = self._delta(delta, index, whole=whole)
        if choice.get("logprobs"):
            events += self._parts.carry("logprobs", choice["logprobs"])
        # Moonshot puts usage into the choice.
        return events + self._report(choice)

    def _stop(self, choice: Object) -> list[Event]:
        """What a choice says of its end. One chunk may end a choice and go on with another of the same answer."""
        reason = choice.get("finish_reason")
        index = _place(choice)
        if index not in self._adopted or not isinstance(reason, str) or not reason:
            return []
        self._stopped.add(index)
        if reason in FAILING:
            return self._refuse(read_in_band(choice) or _given_up(reason))
        if reason == "stop":
            self._stop_sequence = sequence_hit(choice) or self._stop_sequence
        return self._complete(reason)

    def _said(self, choice: Object, *, whole: bool) -> tuple[Object, bool]:
        """What a choice says, and whether that is a whole message.

        Perplexity sends the message so far beside each delta; others send a whole message in place of all deltas.
        """
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(message, dict) and (whole or (not isinstance(delta, dict) and self._parts.empty)):
            return message, True
        if whole and message is None and isinstance(choice.get("text"), str):
            return {"content": choice["text"]}, True  # a server that completes, whatever it was asked
        return (delta if isinstance(delta, dict) else {}), whole

    def _belongs(self, delta: Object) -> bool:
        """Copilot puts the tool calls of an answer into further choices, behind the text in the first. Nobody asked for a second answer here."""
        return bool(delta.get("tool_calls")) and not delta.get("content")

    def _delta(self, delta: Object, choice: int, *, whole: bool) -> list[Event]:
        parts = self._parts
        events = self._thoughts(delta)
        events += self._content(delta.get("content"))
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            events += [*self._rest_of_text(), *parts.grow(PartKind.REFUSAL, refusal)]
        for entry in _list(delta.get("annotations")):
            citation = read_annotation(entry)
            events += parts.cite([citation]) if citation is not None else parts.carry("annotations", [entry])
        calls = _several(delta.get("tool_calls"))
        if calls:
            events += self._rest_of_text()
        events += parts.calls.feed(calls, choice, numbered=whole)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            events += parts.calls.feed_legacy(legacy)
        for image in _list(delta.get(IMAGES)):
            events += parts.carry(IMAGES, [image], shown=read_image(image))
        for name in CARRIED:
            if delta.get(name):
                events += parts.carry(name, delta[name])
        signature = google_signature(delta)
        if signature is not None and not any(isinstance(event, PartSigned) for event in events):
            events += parts.sign_message(signature, called=bool(calls))
        return events

    def _thoughts(self, delta: Object) -> list[Event]:
        # DeepSeek and most others; OpenRouter, Groq, newer vLLM; GitHub Copilot.
        words = next((said for name in _THOUGHTS if (said := _text(delta.get(name)))), "") or shown(
            delta.get("thinking_blocks")
        )
        details = read_details(delta.get("reasoning_details"))
        repeated = "".join(detail.text for detail in details)
        events: list[Event] = []
        if words or details:
            events += self._rest_of_text()
        if words and words != repeated:
            self._thoughts_in_words = True
            events += self._parts.grow(PartKind.REASONING, words)
        # Where the thoughts come in words of their own, the details only repeat them beside their signature.
        for detail in details:
            if detail.text and not self._thoughts_in_words:
                events += self._parts.grow(PartKind.REASONING, detail.text)
            if detail.signature is not None:
                events += self._parts.sign(detail.signature)
        return events

    def _content(self, content: JSON) -> list[Event]:
        if isinstance(content, str):
            return self._text(content)
        events: list[Event] = []
        for entry in _several(content):
            if isinstance(entry, str):
                events += self._text(entry)
            elif not isinstance(entry, dict):
                continue
            elif (thought := thought_part(entry)) is not None:
                events += self._parts.grow(PartKind.REASONING, thought) if thought else []
            elif isinstance(entry.get("text"), str):
                events += self._text(entry["text"])
            else:
                events += self._parts.carry("content", [entry])
        return events

    def _text(self, text: str) -> list[Event]:
        return self._grown(self._tags.feed(text))

    def _rest_of_text(self) -> list[Event]:
        """Text that was held back because a tag might have begun in it: what follows it shows that none did."""
        return self._grown(self._tags.close())

    def _grown(self, pieces: list[tuple[PartKind, str]]) -> list[Event]:
        return [event for kind, piece in pieces for event in self._parts.grow(kind, piece)]

    # Usage and ends.

    def _report(self, holder: Object) -> list[Event]:
        groq = holder.get("x_groq")
        tier = holder.get("service_tier") or self._tier
        counted = groq.get("usage") if isinstance(groq, dict) else None
        usage = read_usage(holder.get("usage"), tier) or read_usage(counted, tier)
        if usage is None or not self._started:
            return []
        known = self._usage.updated(usage) if self._usage is not None else usage
        if known == self._usage:
            return []
        self._usage = known
        return [UsageReported(usage=usage)]

    def _complete(self, reason: str) -> list[Event]:
        """The provider said why it stopped: all parts end, whatever may still come, unless another choice of this answer goes on. The first
        reason stands."""
        if self._finish is None:
            self._finish = reason
        self.seen.complete = True
        return [] if self._stopped and self._adopted - self._stopped else self._conclude()

    def _conclude(self) -> list[Event]:
        events = self._rest_of_text()
        events += self._parts.cite(self._sources)
        self._sources = []
        return events + self._parts.finish()

    def _end(self, truncated: str) -> list[Event]:
        if self._finish is None:
            return self._fail(ErrorKind.TRUNCATED, truncated)
        try:
            events = self._conclude()
        except ProtocolViolation as exc:
            return self._fail(ErrorKind.MALFORMED, f"The provider's answer breaks the protocol: {exc}.")
        self._over = True
        parts = self._parts
        reason = read_finish(
            self._finish,
            called=bool(parts.calls),
            refused=parts.has(PartKind.REFUSAL) and not parts.has(PartKind.TEXT),
            stop_sequence=self._stop_sequence,
        )
        return [*events, Finished(reason=reason, stop_sequence=self._stop_sequence, raw=self._finish or None)]

    def _refuse(self, failure: Failure) -> list[Event]:
        """The provider's own error."""
        self.seen.failed = True
        self._over = True
        return [Failed(failure=failure)]

    def _fail(self, kind: ErrorKind, message: str) -> list[Event]:
        self._over = True
        return [Failed(failure=Failure(kind=kind, message=message, fault=Fault.UPSTREAM))]


def _place(choice: Object) -> int:
    at = choice.get("index")
    return at if isinstance(at, int) else 0


def _given_up(reason: str) -> Failure:
    message = f"The provider gave the answer up with finish_reason {reason!r}."
    return Failure(kind=FAILING[reason], message=message, fault=Fault.UPSTREAM)


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []


def _several(value: JSON) -> list[JSON]:
    """A list, or the one object that some servers put in its place."""
    return [value] if isinstance(value, dict) else _list(value)
