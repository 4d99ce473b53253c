"""A Gemini upstream's stream as neutral events: each frame is one ``GenerateContentResponse``.

Knows: what the chunks of a stream have in common and how it ends. The parts inside are the business of ``answer_parts.py``.

The end: Google has no terminal but ``finishReason``, and closes right behind it. Some of its models (and servers that speak like it) write
a finishReason on every chunk, and usage may come behind it, so :class:`GeminiReader` marks the stream complete at the first one and gives
the end at :meth:`~GeminiReader.close`: waiting for the bytes to end costs nothing there, ending early would cut answers short. Who gives up
waiting after ``seen.complete`` may close the reader too: the answer is whole. A prompt that was blocked has no candidates; its end is the
content filter's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartStarted,
    ResponseStarted,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.error_text import said_instead
from trioproxy.protocols.gemini.answer_parts import AnswerParts
from trioproxy.protocols.gemini.errors import failure_of
from trioproxy.protocols.gemini.finish import BREAKDOWNS, NO_BLOCK, NO_REASON, block_named, finish_named, finish_of
from trioproxy.protocols.gemini.grounding import BESIDE_PARTS, citations_of, search_of
from trioproxy.protocols.gemini.plain import plain_chunk
from trioproxy.protocols.gemini.stamps import read_stamp
from trioproxy.protocols.gemini.usage import read_usage, unnamed_counts
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["CANDIDATE", "RESPONSE", "USAGE", "GeminiReader", "read_body"]

# The kinds of Foreign events that are no part: fields of the candidate, of the response and of the usage that the hub has no word for.
CANDIDATE = "candidate"
RESPONSE = "response"
USAGE = "usage"

_CANDIDATE_FIELDS = frozenset({"content", "finishReason", "index"})
_RESPONSE_FIELDS = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime"})
_ANSWERING = _RESPONSE_FIELDS | {"promptFeedback"}
"""A body with none of these is no answer of this protocol's."""


class GeminiReader:
    """A machine from frames to events. See :class:`~trioproxy.protocols.base.Reader`."""

    forgets: frozenset[type[Delta]] = frozenset()
    counter = b""

    def __init__(self) -> None:
        self.seen = StreamSeen()
        self._parts = AnswerParts()
        self._started = False
        self._over = False
        self._finish = ""
        self._finish_message = ""
        self._blocked = ""
        self._metadata: Object = {}
        self._usage: Usage | None = None
        self._said: Object = {}
        self._searched: set[str] = set()

    def feed(self, item: Frame) -> list[Event]:
        """The events of one chunk."""
        if self._over or not item.data or item.data == b"[DONE]":
            return []
        growth = self._growth(item)
        if growth is not None:
            return growth
        try:
            document = loads(item.data)
        except JSONError as exc:
            return self._broken(f"a chunk of the provider's stream is not JSON: {exc}")
        events: list[Event] = []
        for each in document if isinstance(document, list) else [document]:
            events += self.feed_document(each)
        return events

    def look(self, item: Frame) -> None:
        """See :meth:`~trioproxy.protocols.base.Reader.look`. Never: every chunk of Google's has counts."""

    skim = look

    def grew(self, model: Delta, texts: Sequence[str], number: int | None) -> None:
        """See :meth:`~trioproxy.protocols.base.Reader.grew`. Never."""

    def _growth(self, item: Frame) -> list[Event] | None:
        """The events of a chunk that continues the open part and counts, and does nothing else; None where it may do more."""
        chunk = plain_chunk(item.data) if self._started else None
        if chunk is None:
            return None
        part = chunk.candidates[0].content.parts[0]
        delta = self._parts.more(part.text, thought=part.thought)
        if delta is None:
            return None
        self.seen.response_id = self.seen.response_id or chunk.response_id
        self.seen.model = self.seen.model or chunk.model_version
        return [delta, *self._count(chunk.usage_metadata)]

    def feed_document(self, document: JSON) -> list[Event]:
        """The events of one chunk that is parsed already."""
        if self._over:
            return []
        failure = failure_of(document)
        if failure is not None:
            self._over = self.seen.failed = True
            return [Failed(failure=failure)]
        events: list[Event] = []
        try:
            if not isinstance(document, dict):
                raise ProtocolViolation("a chunk is not an object")
            events += self._response(document)
        except ProtocolViolation as exc:
            events += self._broken(f"the provider's stream is no Gemini stream: {exc}")
        return events

    def close(self) -> list[Event]:
        """The end, by the last finishReason that went by."""
        if self._over:
            return []
        self._over = True
        if not self.seen.complete:
            return [
                _failed(
                    ErrorKind.TRUNCATED, "the provider's stream ended without a finishReason: the answer is cut off."
                )
            ]
        events = self._parts.finish()
        unnamed = unnamed_counts(self._metadata)
        if unnamed:
            events.append(self._parts.foreign(USAGE, unnamed))
        breakdown = BREAKDOWNS.get(self._finish)
        if breakdown is not None:
            said = f" ({self._finish_message})" if self._finish_message else ""
            message = (
                f"the model broke off with {self._finish}{said}. Ask again; if it stays so, look at the tools' schemas."
            )
            return [*events, _failed(breakdown, message, type=self._finish)]
        if self._blocked and not self._finish:
            return [*events, Finished(reason=FinishReason.CONTENT_FILTER, raw=self._blocked)]
        reason = finish_of(self._finish, calls=self._parts.calls > 0)
        return [*events, Finished(reason=reason, raw=self._finish)]

    def _broken(self, message: str) -> list[Event]:
        self._over = True
        return [_failed(ErrorKind.MALFORMED, message)]

    def _response(self, document: Object) -> list[Event]:
        events = self._start(document)
        feedback = document.get("promptFeedback")
        blocked = block_named(feedback.get("blockReason")) if isinstance(feedback, dict) else ""
        if blocked and blocked != NO_BLOCK:
            self._blocked = blocked
            self.seen.complete = True
        rest = {name: value for name, value in document.items() if name not in _RESPONSE_FIELDS and value is not None}
        if rest:
            events.append(self._parts.foreign(RESPONSE, rest))
        for candidate in _objects(document.get("candidates"), "candidates"):
            if not candidate.get("index"):
                events += self._candidate(candidate)
        return [*events, *self._count(document.get("usageMetadata"))]

    def _start(self, document: Object) -> list[Event]:
        identity, model = _string(document.get("responseId")), _string(document.get("modelVersion"))
        self.seen.response_id = self.seen.response_id or identity
        self.seen.model = self.seen.model or model
        if self._started:
            return []
        self._started = True
        self.seen.created = read_stamp(document.get("createTime"))
        # Without an id of its own the response is told apart by all that its first chunk says.
        self._parts.seed = identity or hashlib.sha256(dumps(document)).hexdigest()
        counted = document.get("usageMetadata")
        usage = read_usage(counted) if isinstance(counted, dict) else None
        return [ResponseStarted(id=identity, model=model, created=self.seen.created, usage=usage)]

    def _candidate(self, candidate: Object) -> list[Event]:
        content = candidate.get("content") or {}
        if not isinstance(content, dict):
            raise ProtocolViolation("a candidate's content is not an object")
        events: list[Event] = []
        for part in _objects(content.get("parts"), "parts"):
            events += self._parts.feed(part)
        if BESIDE_PARTS & candidate.keys():
            events += self._cite(candidate)
        rest = {name: value for name, value in candidate.items() if name not in _CANDIDATE_FIELDS and value is not None}
        if rest:
            events.append(self._parts.foreign(CANDIDATE, rest, shown=search_of(candidate, self._searched)))
        finish = finish_named(candidate.get("finishReason"))
        if finish and finish != NO_REASON:
            self._finish, self._finish_message = finish, _string(candidate.get("finishMessage"))
            self.seen.complete = True
        return events

    def _cite(self, candidate: Object) -> list[Event]:
        text = self._parts.open_text()
        found = citations_of(candidate, *text) if text is not None else []
        return [event for citation in found for event in self._parts.cite(citation)]

    def _count(self, metadata: JSON) -> list[Event]:
        if not isinstance(metadata, dict) or metadata == self._said:
            return []
        self._said = metadata
        self._metadata = {**self._metadata, **metadata}
        usage = read_usage(metadata)
        if usage is None or usage == self._usage:
            return []
        self._usage = usage
        return [UsageReported(usage=usage)]


def read_body(document: Object) -> list[Event]:
    """A whole answer: a stream of one chunk. A body needs no finishReason to be whole, but an answer it must hold."""
    reader = GeminiReader()
    if not _ANSWERING & document.keys() and failure_of(document) is None:
        said = said_instead(document, "The provider's answer holds no candidates.")
        return [Failed(failure=Failure(kind=ErrorKind.MALFORMED, message=said, fault=Fault.UPSTREAM))]
    events = reader.feed_document(document)
    if any(isinstance(event, PartStarted | ToolCallStarted) for event in events):
        reader.seen.complete = True
    return [*events, *reader.close()]


def _failed(kind: ErrorKind, message: str, *, type: str | None = None) -> Failed:
    return Failed(
        failure=Failure(kind=kind, message=message[:1].upper() + message[1:], fault=Fault.UPSTREAM, type=type)
    )


def _objects(value: JSON, name: str) -> list[Object]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ProtocolViolation(f"{name} are not a list of objects")
    return value


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
