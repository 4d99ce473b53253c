"""Everything that is written, by the types of Anthropic's own SDK. Runs where ``anthropic`` is installed, which no test environment needs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.protocols.anthropic.wires import CONTEXT, told
from tests.support.events import legal_events
from tests.support.recordings import recordings
from trioproxy.neutral.events import Event
from trioproxy.neutral.fold import fold
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.base import ModelCard

pydantic = pytest.importorskip("pydantic")
types = pytest.importorskip("anthropic.types")
beta = pytest.importorskip("anthropic.types.beta")

accumulate = pytest.importorskip("anthropic.lib.streaming._beta_messages").accumulate_event

EVENTS = [pydantic.TypeAdapter(kind) for kind in (types.RawMessageStreamEvent, beta.BetaRawMessageStreamEvent)]
# Recorded before the block's `trigger` became compulsory.
OLD = "anthropic-anthropic-fallback"


def check_stream(events: list[Event], adapters: list[Any]) -> None:
    for document in told(events):
        if document["type"] != "error":
            for adapter in adapters:
                adapter.validate_python(document)


@given(legal_events())
def test_any_stream(events: list[Event]) -> None:
    check_stream(events, EVENTS)


@given(legal_events(may_fail=False))
def test_any_body(events: list[Event]) -> None:
    body = PROTOCOL.write_body(fold(events), CONTEXT).body
    types.Message.model_validate(body)
    beta.BetaMessage.model_validate(body)


@given(legal_events(may_fail=False))
def test_the_sdk_puts_a_stream_together_as_its_body(events: list[Event]) -> None:
    message: Any = None
    buffers: dict[int, bytes] = {}
    for document in told(events):
        event = EVENTS[1].validate_python(document)
        message = accumulate(event=event, current_snapshot=message, json_bufs=buffers, request_headers={})
    body = PROTOCOL.write_body(fold(events), CONTEXT).body
    kept = message.to_dict()
    assert kept["content"] == body["content"]
    assert {name: kept[name] for name in ("id", "model", "stop_reason", "stop_sequence", "usage")} == {
        name: body[name] for name in ("id", "model", "stop_reason", "stop_sequence", "usage")
    }


BODIES = [each for each in recordings("anthropic") if each.status == 200 and not each.stream and each.id != OLD]


@pytest.mark.skipif(not BODIES, reason="no recordings of real providers beside the project")
def test_every_recording_told_again() -> None:
    for recording in BODIES:
        events = PROTOCOL.read_body(recording.document)
        check_stream(events, EVENTS[1:])
        beta.BetaMessage.model_validate(PROTOCOL.write_body(fold(events), CONTEXT).body)


def test_models() -> None:
    model = PROTOCOL.render_model(ModelCard(id="m", owned_by="x", created=1, context_length=2, max_output_tokens=3))
    assert types.ModelInfo.model_validate(model).id == "m"
