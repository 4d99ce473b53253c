from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.openai_responses.test_compaction import ASKED, HISTORY
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Growth,
    PartFinished,
    PartKind,
    PartStarted,
    ResponseStarted,
    TextDelta,
    UsageReported,
)
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import Text
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Asked, Emulation, WriteContext
from trioproxy.protocols.openai_responses.compaction import PROMPT
from trioproxy.protocols.openai_responses.read_request import read_request
from trioproxy.protocols.openai_responses.signatures import open_summary
from trioproxy.protocols.openai_responses.trigger import triggered
from trioproxy.wire.jsoncodec import loads

CONTEXT = WriteContext(model="m", now=7, token="t0")
SAID: list[Event] = [
    ResponseStarted(id="r1", model="up"),
    PartStarted(index=0, kind=PartKind.REASONING),
    PartFinished(index=0),
    PartStarted(index=1, kind=PartKind.TEXT),
    TextDelta(index=1, text=" so "),
    TextDelta(index=1, text="far "),
    PartFinished(index=1),
    UsageReported(usage=Usage(input=9, output=2)),
    Finished(reason=FinishReason.LENGTH),
]
SILENT: list[Event] = [ResponseStarted(id="r1", model="up"), Finished(reason=FinishReason.STOP)]


def asked(*items: Any, stream: bool = True) -> Asked:
    return attrs.evolve(ASKED, document={"model": "m", "input": [*HISTORY, *items]}, stream=stream)


def emulation(kind: str = "compaction_trigger") -> Emulation:
    found = triggered(asked({"type": kind}))
    assert found is not None
    return found


def told(events: list[Event], kind: str = "compaction_trigger") -> list[Any]:
    writer = emulation(kind).stream_writer(CONTEXT)
    assert writer.more(Growth(1, ["x"])) is None
    assert writer.press(Growth(1, ["x"])) is None
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    assert writer.losses == []
    return [loads(frame.data) for frame in frames]


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"input": "compact"},
        {"input": []},
        {"input": [*HISTORY]},
        {"input": ["compaction_trigger"]},
        {"input": [{"type": {"compaction_trigger": 1}}]},
        {"input": [{"type": "compaction_trigger"}, *HISTORY]},
        {"input": [{"type": "context_compaction", "encrypted_content": "gAAA"}]},
    ],
)
def test_any_other_request_is_what_it_looks_like(document: Any) -> None:
    assert triggered(attrs.evolve(ASKED, document=document)) is None


def test_the_model_is_asked_for_a_summary_of_all_before_the_trigger() -> None:
    request = asked({"type": "compaction_trigger"})
    assert request.document is not None
    conversation = emulation().read_request(request.document, request)
    assert conversation.stream
    assert conversation.turns[-1].parts == (Text(text=PROMPT),)
    assert len(conversation.turns) == 5


@pytest.mark.parametrize(
    ("asks", "kind"), [("compaction_trigger", "compaction"), ("context_compaction", "context_compaction")]
)
def test_the_answer_is_one_item_with_the_summary(asks: str, kind: str) -> None:
    events = told(SAID, asks)
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in events] == [0, 1, 2, 3, 4]
    (item,) = events[-1]["response"]["output"]
    assert item == events[3]["item"]
    assert (item["type"], open_summary(item["encrypted_content"])) == (kind, "so far")
    assert events[-1]["response"]["usage"]["input_tokens"] == 9


def test_the_item_is_read_back_as_the_summary() -> None:
    for kind in ("compaction", "compaction_summary", "context_compaction"):
        item = {**told(SAID)[-1]["response"]["output"][0], "type": kind}
        turns = read_request({"model": "m", "input": [item, {"role": "user", "content": "go on"}]}, ASKED).turns
        assert turns[0].parts == (Text(text="so far"),)


def test_a_model_that_wrote_nothing_failed() -> None:
    last = told(SILENT)[-1]
    assert last["type"] == "response.failed"
    assert "without any text" in last["response"]["error"]["message"]


def test_a_failure_of_the_provider_stays_one() -> None:
    failure = Failure(kind=ErrorKind.TRUNCATED, message="it broke", fault=Fault.UPSTREAM)
    last = told([*SAID[:-1], Failed(failure=failure)])[-1]
    assert (last["type"], last["response"]["error"]["message"]) == ("response.failed", "it broke")
    assert emulation().write_body(fold([*SAID[:-1], Failed(failure=failure)]), CONTEXT).body["error"]


def test_a_whole_body_holds_the_item() -> None:
    body = emulation().write_body(fold(SAID), CONTEXT).body
    assert (body["status"], [item["type"] for item in body["output"]]) == ("completed", ["compaction"])
    assert body == told(SAID)[-1]["response"]
