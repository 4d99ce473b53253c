"""What we write parses in Google's own types (the ``sdk`` extra; skipped without it)."""

from __future__ import annotations

import base64
import warnings
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from tests.protocols.gemini.exchanges import (
    CONTEXT,
    answered,
    frames_of,
    legal,
    peeked,
    read_frames,
    request_of,
    requested,
)
from tests.support.events import legal_events
from tests.support.recordings import Recording
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import Event, Failed, PartSigned
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import SignatureForm
from trioproxy.protocols.base import ModelCard, StreamSeen, WriteTarget
from trioproxy.protocols.gemini import PROTOCOL
from trioproxy.wire.jsoncodec import loads

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    types = pytest.importorskip(
        "google.genai.types", reason="google-genai is not installed (pip install trioproxy[sdk])"
    )
    errors = pytest.importorskip("google.genai.errors")


def _response(document: dict[str, Any]) -> Any:
    return types.GenerateContentResponse.model_validate(document)


def _received(document: dict[str, Any]) -> Any:
    """As the SDK itself takes an answer: what Google says and its types have no field for yet is passed over."""
    return types.GenerateContentResponse._from_response(response=document, kwargs={})


def _stream(events: list[Event]) -> list[Any]:
    writer = PROTOCOL.stream_writer(CONTEXT)
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    return [loads(frame.data) for frame in frames]


@pytest.mark.parametrize("recording", answered())
def test_recorded_answers_in_google_s_types(recording: Recording) -> None:
    events = read_frames(frames_of(recording))
    answer = fold(events)
    chunks = [_received(document) for document in _stream(events)]
    whole = _received(PROTOCOL.write_body(answer, CONTEXT).body)
    finished = [each.candidates[0].finish_reason for each in chunks if each.candidates]
    assert whole.usage_metadata.total_token_count == (answer.usage.total if answer.usage else 0)
    if whole.candidates:
        assert finished[-1] == whole.candidates[0].finish_reason == answer.finish_raw


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(legal_events(foreign=("elsewhere",)))
def test_any_answer_in_googles_types(events: list[Event]) -> None:
    events = [_encoded(event) for event in events]
    *chunks, last = _stream(legal(events))
    text = "".join(_response(chunk).text or "" for chunk in chunks)
    if isinstance(events[-1], Failed):
        raised = errors.APIError(0, last)
        assert raised.code == events[-1].failure.http_status
        assert raised.message == events[-1].failure.message
        assert raised.status
        return
    assert _response(last).candidates[0].finish_reason
    whole = _response(PROTOCOL.write_body(fold(events), CONTEXT).body)
    assert sorted(whole.text or "") == sorted(text)
    calls = [call.id for call in whole.function_calls or []]
    assert calls == [call.id for chunk in chunks for call in _response(chunk).function_calls or []]


def _encoded(event: Event) -> Event:
    """The event with what stands for Google's signature in base64, as Google's are."""
    if not isinstance(event, PartSigned) or event.signature.form is not SignatureForm.GEMINI_THOUGHT:
        return event
    value = base64.b64encode(event.signature.value.encode()).decode()
    return attrs.evolve(event, signature=attrs.evolve(event.signature, value=value))


def test_errors_and_models_in_googles_types() -> None:
    failure = Failure(kind=ErrorKind.RATE_LIMITED, message="slow down", code="QUOTA", retry_after=3)
    (frame,) = PROTOCOL.error_frames(failure, StreamSeen())
    raised = errors.ClientError(429, loads(frame.data))
    assert (raised.code, raised.status, raised.message) == (429, "RESOURCE_EXHAUSTED", "slow down")
    card = ModelCard(id="gemini-x", owned_by="google", context_length=10)
    listed = PROTOCOL.render_models([card])["models"][0]
    assert types.Model.model_validate(_known(types.Model, listed)).name == "models/gemini-x"


def _known(model: Any, document: dict[str, Any]) -> dict[str, Any]:
    names = {field.alias for field in model.model_fields.values()}
    return {name: value for name, value in document.items() if name in names}


@pytest.mark.parametrize("recording", requested())
def test_recorded_requests_in_googles_types(recording: Recording) -> None:
    request = request_of(recording)
    conversation = PROTOCOL.read_request(request, peeked(request))
    body = PROTOCOL.write_request(conversation, WriteTarget(model="gemini-3-flash")).body
    for content in body["contents"]:
        types.Content.model_validate(content)
        for part in content["parts"]:
            if "inlineData" in part:
                base64.b64decode(part["inlineData"]["data"], validate=True)
    if "generationConfig" in body:
        types.GenerationConfig.model_validate(_known(types.GenerationConfig, body["generationConfig"]))
    for tool in body.get("tools", []):
        types.Tool.model_validate(tool)
    if "toolConfig" in body:
        types.ToolConfig.model_validate(body["toolConfig"])
