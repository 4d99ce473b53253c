from __future__ import annotations

import json
from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind, Failure
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.parts import Text
from trioproxy.neutral.request import Role
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation, WriteContext
from trioproxy.protocols.openai_chat.completions import CompletionWriter, read_completion, write_completion

ASKED = Asked(
    protocol="openai_chat",
    endpoint=Endpoint(method="POST", path="/v1/completions", operation=Operation.COMPLETIONS),
    model="m",
    stream=False,
    body=b"",
    spot=ModelSpot.JSON,
)
CONTEXT = WriteContext(model="m", now=7, token="t0")


def written(*events: Event, context: WriteContext = CONTEXT) -> tuple[list[Any], CompletionWriter]:
    writer = CompletionWriter(context)
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    return [frame.data if frame.data == b"[DONE]" else json.loads(frame.data) for frame in frames], writer


@pytest.mark.parametrize("prompt", ["once", ["once"]])
def test_a_prompt_is_what_the_user_says(prompt: Any) -> None:
    body = {"model": "m", "prompt": prompt, "max_tokens": 5, "stop": ["."], "echo": False, "n": 1, "best_of": 1}
    conversation = read_completion({**body, "suffix": None, "logprobs": None}, ASKED)
    assert [(turn.role, turn.parts) for turn in conversation.turns] == [(Role.USER, (Text(text="once"),))]
    assert (conversation.sampling.max_tokens, conversation.sampling.stop) == (5, (".",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("echo", True),
        ("logprobs", 0),
        ("logprobs", 3),
        ("suffix", "the end"),
        ("best_of", 2),
        ("n", 2),
        ("n", True),
        ("prompt", ["a", "b"]),
        ("prompt", [1, 2]),
        ("prompt", None),
        ("prompt", ""),
        ("prompt", [""]),
    ],
)
def test_what_a_chat_model_cannot_do_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ClientFault) as caught:
        read_completion({"model": "m", "prompt": "once", name: value}, ASKED)
    assert caught.value.failure.param == name
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST


def test_a_stream_is_chunks_of_text() -> None:
    frames, writer = written(
        ResponseStarted(id="chatcmpl-1", model="up", created=3),
        PartStarted(index=0, kind=PartKind.TEXT),
        TextDelta(index=0, text="up"),
        RefusalDelta(index=0, text="on"),
        PartFinished(index=0),
        UsageReported(usage=Usage(input=1)),
        UsageReported(usage=Usage(output=2)),
        Finished(reason=FinishReason.LENGTH),
        TextDelta(index=0, text="late"),
    )
    head = {"id": "cmpl-1", "object": "text_completion", "created": 3, "model": "m"}
    assert [frame["choices"][0]["text"] for frame in frames[:3]] == ["up", "on", ""]
    assert {**frames[0], "choices": []} == {**head, "choices": []}
    assert frames[2]["choices"] == [{"index": 0, "text": "", "logprobs": None, "finish_reason": "length"}]
    assert frames[3]["choices"] == []
    assert (frames[3]["usage"]["prompt_tokens"], frames[3]["usage"]["completion_tokens"]) == (1, 2)
    assert frames[4:] == [b"[DONE]"]
    assert writer.document["choices"][0]["text"] == "upon"


def test_what_is_no_text_is_lost_by_name_once() -> None:
    frames, writer = written(
        ResponseStarted(id="", model="up"),
        ReasoningDelta(index=0, text="h"),
        ReasoningDelta(index=0, text="m"),
        ToolCallStarted(index=1, call_id="c", name="f"),
        ToolArgsDelta(index=1, text="{}"),
        Foreign(index=2, protocol="gemini", kind="grounding", payload={}),
        Finished(reason=FinishReason.TOOL_CALLS),
        context=WriteContext(model="m", now=7, token="t0", include_usage=False),
    )
    assert [loss.path for loss in writer.losses] == ["reasoning", "tool_calls", "grounding"]
    assert frames[0]["id"] == "cmpl-t0"
    assert frames[0]["created"] == 7
    assert frames[0]["choices"][0]["finish_reason"] == "stop"
    assert frames[1:] == [b"[DONE]"]


def test_a_failure_is_an_error_and_no_end() -> None:
    frames, _ = written(
        ResponseStarted(id="", model="up"),
        TextDelta(index=0, text="up"),
        Failed(failure=Failure(kind=ErrorKind.OVERLOADED, message="full")),
    )
    assert frames[-1]["error"]["message"] == "full"
    assert b"[DONE]" not in frames


def test_a_whole_answer_is_one_text_completion() -> None:
    answer = Answer(
        id="r1", model="up", parts=(Text(text="upon a"), Text(text=" time")), finish=FinishReason.STOP, usage=None
    )
    body = write_completion(answer, CONTEXT).body
    assert body["object"] == "text_completion"
    assert body["choices"] == [{"index": 0, "text": "upon a time", "logprobs": None, "finish_reason": "stop"}]
    failed = Answer(id="", model="", failure=Failure(kind=ErrorKind.OVERLOADED, message="full"))
    assert write_completion(failed, CONTEXT).body["error"]["message"] == "full"


def test_the_sdk_knows_a_completion() -> None:
    types = pytest.importorskip("openai.types")
    whole = Answer(id="r1", model="up", parts=(Text(text="upon"),), finish=FinishReason.LENGTH, usage=Usage(input=1))
    body = types.Completion.model_validate(write_completion(whole, CONTEXT).body)
    assert (body.choices[0].text, body.choices[0].finish_reason) == ("upon", "length")
    frames, _ = written(ResponseStarted(id="", model="up"), TextDelta(index=0, text="up"))
    assert types.Completion.model_validate({**frames[0], "choices": []}).object == "text_completion"
