"""What a wire protocol offers to the rest of the house: the :class:`Protocol` record.

A protocol folder fills one record with plain functions and machine factories. Everything is pure: ``now`` (Unix seconds) and random
tokens come in through contexts.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias
from typing import Protocol as TypingProtocol

import attrs

from trioproxy.errors import Failure
from trioproxy.immutable import immutable
from trioproxy.neutral.events import Delta, Event, Growth
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import ToolNaming
from trioproxy.neutral.request import Conversation
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = [
    "Asked",
    "Counting",
    "Emulation",
    "Endpoint",
    "Framing",
    "Metering",
    "ModelCard",
    "ModelPage",
    "ModelSpot",
    "Operation",
    "PeekRequest",
    "Press",
    "Protocol",
    "Reader",
    "Seals",
    "StreamSeen",
    "WriteContext",
    "WriteTarget",
    "Writer",
    "Written",
]


class Operation(enum.Enum):
    """What a client asks of a model. The values are the keys of ``paths`` in the catalogue."""

    __hash__ = object.__hash__  # members are looked up with every request; Enum's own is a function of Python

    GENERATE = "generate"
    COUNT_TOKENS = "count_tokens"
    COMPACT = "compact"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    IMAGES = "images"
    AUDIO = "audio"


class Framing(enum.Enum):
    """How a stream of frames lies on the wire: server-sent events, or one JSON array that grows (Gemini without alt=sse)."""

    SSE = "sse"
    JSON_ARRAY = "json_array"


@attrs.frozen(kw_only=True)
class Endpoint:
    """One path of a protocol. ``path`` is a template (``/v1beta/models/{model}:generateContent``; ``{model}`` may hold slashes);
    ``/v1/x`` is also served as ``/x``. ``stream`` is what the path itself says, None where the body says it."""

    method: str
    path: str
    operation: Operation
    stream: bool | None = None


@immutable(kw_only=True)
class PeekRequest:
    """What ``peek`` may look at. ``params`` are the template's names, percent-decoded; ``query`` is raw; ``body`` is decoded
    (no content encoding); ``content_type`` is lower-cased, "" where absent."""

    endpoint: Endpoint
    params: Mapping[str, str]
    query: str
    content_type: str
    body: bytes


class ModelSpot(enum.Enum):
    """Where the model's name stands: a JSON string in the body, a raw form field in the body, or the path."""

    JSON = "json"
    FORM = "form"
    PATH = "path"


@immutable(kw_only=True)
class Asked:
    """What the client asks, read from its bytes without understanding more than routing needs.

    ``model`` is the client's spelling. ``model_span`` is the byte range of the value in ``body`` (quotes included for JSON), None
    for PATH. ``framing`` is how the client wants a stream. ``document`` is the parsed body where it is a JSON object.
    """

    protocol: str
    endpoint: Endpoint
    model: str
    stream: bool
    body: bytes
    spot: ModelSpot
    model_span: tuple[int, int] | None = None
    framing: Framing = Framing.SSE
    query: str = ""
    content_type: str = ""
    document: Object | None = None

    @property
    def operation(self) -> Operation:
        """Shorthand for the endpoint's operation."""
        return self.endpoint.operation


@attrs.define(kw_only=True, eq=False)
class StreamSeen:
    """What a reader remembers of a stream so that an honest error can be appended to it in the pass-through lane.

    ``complete`` is true once the protocol's own terminal went by (a chat finish_reason counts); ``failed`` once the provider sent
    an error frame of its own. In both cases nothing is to be appended.
    """

    response_id: str = ""
    model: str = ""
    created: int | None = None
    sequence_number: int | None = None
    complete: bool = False
    failed: bool = False


class Reader(TypingProtocol):
    """A :class:`~trioproxy.wire.machine.Machine` from upstream frames to neutral events.

    Tolerant of providers' quirks. ``close`` without a terminal yields ``Failed(TRUNCATED)``: EOF is never success. Malformed JSON
    yields ``Failed(MALFORMED)``, not an exception.
    """

    seen: StreamSeen

    def feed(self, item: Frame, /) -> list[Event]:
        """Events that this frame completes."""
        ...

    forgets: frozenset[type[Delta]]
    """Which deltas leave no trace in this reader: it need not be told of them (:meth:`grew`)."""
    counter: bytes
    """What stands before a number that every event has and :meth:`grew` is to be told, b"" where events have none."""

    def look(self, item: Frame, /) -> Delta | None:
        """What :meth:`feed` would give, where this frame holds nothing but more of an open part: one event, whose text is never empty.

        A typed look at the bytes costs a quarter of what :meth:`feed` does. None wherever it leaves a doubt. Nothing is taken.
        """
        ...

    def grew(self, model: Delta, texts: Sequence[str], number: int | None, /) -> None:
        """Take deltas like ``model`` (which :meth:`look` gave), with these texts, as if frames with them had been fed; ``number`` is the last
        frame's."""
        ...

    def skim(self, item: Frame, /) -> Delta | None:
        """:meth:`look` at a frame and take it, so that the reader stands as if it had been fed; None: nothing happened, it is to be fed."""
        ...

    def close(self) -> list[Event]:
        """The owed end of the stream: nothing after a terminal, else Finished (where complete) or Failed."""
        ...


Press: TypeAlias = Callable[[str], bytes]
"""From one more text to the data of the frame that says it."""


class Writer(TypingProtocol):
    """A :class:`~trioproxy.wire.machine.Machine` from neutral events to the client's frames, strict in what it emits.

    ``Failed`` becomes the protocol's native error frame and no terminal. ``losses`` grows as events without a home pass.
    """

    losses: list[Loss]

    def feed(self, item: Event, /) -> list[Frame]:
        """Frames this event completes, as early as the protocol allows."""
        ...

    def more(self, growth: Growth, /) -> Row | None:
        """The frames for the deltas that ``growth`` stands for, in one step; the writer stands as if it had been fed them.

        None, as wherever more than these frames is to be said, or less: nothing happened, the deltas are to be fed.
        """
        ...

    def press(self, growth: Growth, /) -> Press | None:
        """What makes the data of one frame of every further text behind ``growth``, which was told by :meth:`more`, for as long as nothing else
        is told. With each text the writer stands as if it had been fed the delta. None where a frame takes more than that."""
        ...

    def close(self) -> list[Frame]:
        """Frames owed at the end (none after Finished or Failed)."""
        ...


@attrs.frozen(kw_only=True)
class WriteTarget:
    """Who a request is written for. ``model`` is the upstream's name for it. ``max_tokens_default`` is used only where the
    protocol makes a limit compulsory. ``include_usage`` asks for usage in streams where that is a request option. ``operation`` is what is
    asked of the upstream: a body that only counts tokens has fewer fields than one that generates."""

    model: str
    provider: str = ""
    stream: bool = False
    include_usage: bool = True
    max_tokens_default: int = 32000
    max_output_tokens: int | None = None
    thinking: Any = None
    quirks: frozenset[str] = frozenset()
    operation: Operation = Operation.GENERATE


@attrs.frozen(kw_only=True)
class Written:
    """A document in a protocol's words, what could not be said in it, how tools are called in it, and the stop sequences at which the
    answer has to be cut because the target does not do so."""

    body: Object
    losses: tuple[Loss, ...] = ()
    naming: ToolNaming = attrs.field(factory=ToolNaming)
    stops: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class WriteContext:
    """What an answer's writer may need beside the events. ``model`` is the name the client asked for; ``now`` Unix seconds;
    ``token`` random hex for ids that the upstream did not give; ``conversation`` the request, for fields an answer echoes. ``keep`` takes the
    items of an answer that has come to its end, where a client may name one by its id later."""

    model: str
    now: int
    token: str
    conversation: Conversation | None = None
    include_usage: bool = True
    keep: Callable[[Sequence[JSON]], None] | None = None


@attrs.frozen(kw_only=True)
class ModelCard:
    """One line of a model list. ``created`` in Unix seconds."""

    id: str
    owned_by: str
    created: int = 0
    display_name: str | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None


@attrs.frozen
class ModelPage:
    """One page of a provider's own list. ``next`` is the query that asks for the page behind it, "" where this is the last."""

    cards: tuple[ModelCard, ...]
    next: str = ""


@attrs.frozen(kw_only=True)
class Counting:
    """``count_tokens`` of a protocol. ``read`` raises ``UpstreamFault`` (MALFORMED) where an answer holds no count."""

    read: Callable[[Object], int]
    render: Callable[[int], Object]


@attrs.frozen(kw_only=True)
class Metering:
    """Where a whole body of a protocol tells its usage, whatever else it holds: the top-level ``member``, and how its value is read."""

    member: str
    read: Callable[[Object], Usage | None]


@attrs.frozen(kw_only=True)
class Emulation:
    """An operation of a protocol that any upstream can serve by generating: how its request is read, and its answers worded.

    ``read_request`` raises ``ClientFault`` that names the field no conversation can hold.
    """

    read_request: Callable[[Object, Asked], Conversation]
    stream_writer: Callable[[WriteContext], Writer]
    write_body: Callable[[Answer, WriteContext], Written]


@attrs.frozen(kw_only=True)
class Seals:
    """What of ours travels in requests of a protocol and means nothing to its own vendor: other vendors' signatures.

    ``marks`` are bytes of which one stands in every body that may hold any; ``opened`` gives the document without them (a new one), None
    where there is nothing to take out.
    """

    marks: tuple[bytes, ...]
    opened: Callable[[Object], Object | None]


@attrs.frozen(kw_only=True)
class Protocol:
    """A wire protocol, whole. One value per folder, gathered in ``table.py``.

    Errors: ``peek`` and ``read_request`` raise ``ClientFault`` that names the field; ``write_request`` raises ``ClientFault``
    (INVALID_REQUEST, ``param`` set) for what would change the meaning if dropped; ``read_body`` yields ``Failed`` for an error body
    inside a 200.
    """

    name: str
    title: str
    endpoints: tuple[Endpoint, ...]

    peek: Callable[[PeekRequest], Asked]

    read_request: Callable[[Object, Asked], Conversation]
    write_request: Callable[[Conversation, WriteTarget], Written]

    stream_reader: Callable[[], Reader]
    stream_writer: Callable[[WriteContext], Writer]
    read_body: Callable[[Object], list[Event]]
    write_body: Callable[[Answer, WriteContext], Written]

    glance: Callable[[bytes], list[Event] | None]
    """What a whole body tells whoever follows how an answer goes and not what it says: its usage, where it is an answer in order. None, as
    wherever a look leaves doubt: ``read_body`` is to read it."""

    read_error: Callable[[int, Mapping[str, str], bytes], Failure]
    """(status, lower-cased headers, body) of an upstream's non-2xx answer."""
    render_error: Callable[[Failure], Object]
    """The native JSON body of an error status."""
    error_frames: Callable[[Failure, StreamSeen], Sequence[Frame]]
    """The native error of a stream whose head was sent; no terminal follows it."""
    keepalive: bytes | None
    """Bytes to send at an event border while the upstream is silent; None where clients don't bear any."""

    render_models: Callable[[Sequence[ModelCard]], Object]
    render_model: Callable[[ModelCard], Object]
    read_models: Callable[[JSON], ModelPage]
    """A provider's own list; raises ``ProtocolViolation`` where the document is none."""

    headers: Mapping[str, str] = MappingProxyType({})
    """What a vendor wants with every request; sent where the client sends none of these names."""
    request_id: bytes = b"x-request-id"
    """The header in which the vendor's own API tells the id of a request, where its SDKs look for it under that name alone."""
    errors_tell_id: bool = False
    """Whether the body of an error has that id too, as ``request_id``."""
    stream_at: tuple[str, str] = ("", "")
    """What follows the model in the path, and the query, of a request for a stream, where that is asked for at a place of its own."""
    words: Mapping[str, str] = MappingProxyType({})
    """What the hub and the writers call a field -> what a client of this protocol calls it, for refusals and losses."""
    seals: Seals | None = None
    """None where nothing of ours travels in it that its vendor refuses."""
    counting: Counting | None = None
    """None where the protocol has no ``count_tokens``."""
    metering: Metering | None = None
    """None where only answers tell their usage."""
    emulations: Mapping[Operation, Emulation] = MappingProxyType({})
    """The operations that can be served by generating."""
    disguised: Callable[[Asked], Emulation | None] = lambda asked: None
    """How a request is served that looks like one to generate and asks for another operation; None for all that are what they look like."""
    object_answers: bool = False
    """Whether an answer by a schema has to be an object."""
    told_within: Callable[[Failure], bool] = lambda failure: False
    """Whether the vendor tells of this in the stream that was asked for, after a good head, and its clients act on it there alone."""
