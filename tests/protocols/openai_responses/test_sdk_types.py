"""What we emit, strictly by the types of the official Python package, where that is installed."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given, settings

from tests.protocols.openai_responses.streams import Object, context, write
from tests.protocols.openai_responses.test_read_request import FULL, conversation_of
from tests.support.events import legal_events
from tests.support.recordings import Recording, recording_params
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Event, Failed
from trioproxy.neutral.fold import fold
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import StreamSeen, WriteTarget
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.wire.jsoncodec import dumps, loads_object

pytest.importorskip("openai", reason="the official package is not installed: its types can't be asked")


class _Types:
    """Strict validators; made once, because making them takes a second."""

    def __init__(self) -> None:
        pydantic, responses = importlib.import_module("pydantic"), importlib.import_module("openai.types.responses")
        params = importlib.import_module("openai.types.responses.response_create_params")
        self._event = pydantic.TypeAdapter(responses.ResponseStreamEvent)
        self._response = pydantic.TypeAdapter(responses.Response)
        self._request = pydantic.TypeAdapter(params.ResponseCreateParamsNonStreaming)

    def events(self, documents: list[Object]) -> None:
        for document in documents:
            self._event.validate_json(dumps(document), strict=True)

    def response(self, document: Object) -> None:
        self._response.validate_json(dumps(document), strict=True)

    def request(self, document: Object) -> None:
        self._request.validate_json(dumps({**document, "stream": False}))


@pytest.fixture(scope="module")
def types() -> _Types:
    return _Types()


def _known_code(events: list[Event]) -> list[Event]:
    """A failure without an upstream's own code: the package's types know a few codes only, its clients act on others."""
    return [
        Failed(failure=Failure(kind=event.failure.kind, message=event.failure.message))
        if isinstance(event, Failed)
        else event
        for event in events
    ]


@settings(max_examples=40)
@given(events=legal_events(foreign=("elsewhere",)))
def test_streams(types: _Types, events: list[Event]) -> None:
    documents, _ = write(_known_code(events), conversation_of(FULL))

    types.events(documents)


@settings(max_examples=40)
@given(events=legal_events(foreign=("elsewhere",)))
def test_bodies(types: _Types, events: list[Event]) -> None:
    types.response(PROTOCOL.write_body(fold(_known_code(events)), context()).body)


@pytest.mark.parametrize("kind", list(ErrorKind))
@pytest.mark.parametrize(
    "seen", [StreamSeen(), StreamSeen(response_id="resp_1", model="m", created=5, sequence_number=4)]
)
def test_errors_after_the_head(types: _Types, kind: ErrorKind, seen: StreamSeen) -> None:
    frames = PROTOCOL.error_frames(Failure(kind=kind, message="it broke", fault=Fault.UPSTREAM), seen)

    types.events([loads_object(frame.data) for frame in frames])


def test_requests(types: _Types) -> None:
    asked = conversation_of(FULL)
    plain = Conversation(model="m", system=asked.system, turns=asked.turns, tools=asked.tools)

    types.request(PROTOCOL.write_request(asked, WriteTarget(model="m")).body)
    types.request(PROTOCOL.write_request(plain, WriteTarget(model="m")).body)


def _is_whole_answer(recording: Recording) -> bool:
    return recording.status < 400 and isinstance(recording.document, dict)


OTHERS = [
    each
    for protocol in ("anthropic", "gemini", "openai_chat")
    for each in recording_params(protocol)
    if each.id == "no-recordings" or _is_whole_answer(each.values[0])
]


@pytest.mark.parametrize("recording", OTHERS)
def test_answers_of_other_protocols(types: _Types, recording: Recording) -> None:
    protocol: Any = pytest.importorskip(f"trioproxy.protocols.{recording.protocol}").PROTOCOL
    answer = fold(_known_code(protocol.read_body(recording.document)))

    types.response(PROTOCOL.write_body(answer, context()).body)
