from __future__ import annotations

from typing import Any

import pytest

from tests.support.recordings import recordings
from trioproxy.errors import ClientFault, ErrorKind, Failure, UpstreamFault
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.parts import Reasoning, Text
from trioproxy.neutral.request import Role, ToolChoiceMode
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation, WriteContext
from trioproxy.protocols.openai_responses.compaction import PROMPT, read_compaction, write_compaction
from trioproxy.protocols.openai_responses.read_request import read_request
from trioproxy.protocols.openai_responses.signatures import open_summary

ASKED = Asked(
    protocol="openai_responses",
    endpoint=Endpoint(method="POST", path="/v1/responses/compact", operation=Operation.COMPACT, stream=False),
    model="m",
    stream=False,
    body=b"",
    spot=ModelSpot.JSON,
)
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}
HISTORY: list[Any] = [
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "ok"},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "a lot"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "second"}], "id": "msg_7"},
]


def context(document: dict[str, Any]) -> WriteContext:
    return WriteContext(model="m", now=7, token="t0", conversation=read_compaction(document, ASKED))


def answer(*parts: Any) -> Answer:
    return Answer(id="r1", model="up", parts=parts, usage=Usage(input=9, output=2), finish=FinishReason.STOP)


def test_the_model_is_asked_for_a_summary_and_for_nothing_else() -> None:
    body = {
        "model": "m",
        "instructions": "be brief",
        "input": HISTORY,
        "tools": [TOOL],
        "tool_choice": "required",
        "reasoning": {"effort": "high"},
    }
    conversation = read_compaction(body, ASKED)
    assert [part.text for part in conversation.system if isinstance(part, Text)] == ["be brief"]
    assert conversation.turns[-1].role is Role.USER
    assert conversation.turns[-1].parts == (Text(text=PROMPT),)
    assert conversation.tool_choice is not None
    assert conversation.tool_choice.mode is ToolChoiceMode.NONE
    assert (conversation.reasoning, conversation.output, conversation.stream) == (None, None, False)
    assert read_compaction({"model": "m", "input": "hi"}, ASKED).tool_choice is None


def test_the_answer_has_the_users_messages_and_the_summary() -> None:
    written = write_compaction(answer(Reasoning(text="hm"), Text(text=" so far ")), context({"input": HISTORY}))
    body = written.body
    compaction = body["output"].pop()
    assert compaction.keys() == {"id", "type", "encrypted_content"}
    assert open_summary(compaction["encrypted_content"]) == "so far"
    assert body["output"] == [
        {
            "id": "msg_t0_0",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "first"}],
        },
        {
            "id": "msg_7",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "second"}],
        },
    ]
    assert (body["id"], body["object"], body["created_at"]) == ("resp_r1_t0", "response.compaction", 7)
    assert (body["usage"]["input_tokens"], body["usage"]["output_tokens"]) == (9, 2)


def test_a_compacted_conversation_goes_on_and_may_be_compacted_again() -> None:
    first = write_compaction(answer(Text(text="so far")), context({"input": HISTORY})).body
    document = {"input": [*first["output"], {"role": "user", "content": "third"}]}
    turns = read_request(document, ASKED).turns
    said = [part.text for turn in turns for part in turn.parts if isinstance(part, Text)]
    assert said == ["first", "second", "so far", "third"]
    again = write_compaction(answer(Text(text="all of it")), context(document)).body
    texts = [item["content"][0]["text"] for item in again["output"][:-1]]
    assert texts == ["first", "second", "third"]


def test_without_a_summary_nothing_is_replaced() -> None:
    with pytest.raises(UpstreamFault, match="summary"):
        write_compaction(answer(Reasoning(text="hm"), Text(text=" ")), context({"input": HISTORY}))


def test_without_a_conversation_the_summary_stands_alone() -> None:
    body = write_compaction(answer(Text(text="s")), WriteContext(model="m", now=7, token="t0")).body
    assert [item["type"] for item in body["output"]] == ["compaction"]


def test_of_nothing_no_summary_is_asked() -> None:
    nothing: tuple[dict[str, Any], ...] = ({}, {"input": []}, {"instructions": "be brief"})
    for said in nothing:
        with pytest.raises(ClientFault) as caught:
            read_compaction({"model": "m", **said}, ASKED)
        assert caught.value.failure.param == "input"
    for elsewhere in ({"previous_response_id": "resp_1"}, {"conversation": "conv_1"}):
        assert len(read_compaction({"model": "m", **elsewhere}, ASKED).turns) == 1


def test_a_failed_answer_is_an_error() -> None:
    failure = Failure(kind=ErrorKind.OVERLOADED, message="full")
    written = write_compaction(Answer(id="", model="", failure=failure), context({"input": "hi"}))
    assert written.body["error"]["message"] == "full"


def test_the_sdk_knows_a_compaction() -> None:
    # The user's messages, which the native operation gives as well, are none of the items its strict types know.
    responses = pytest.importorskip("openai.types.responses")
    body = write_compaction(answer(Text(text="so far")), context({"input": HISTORY})).body
    assert responses.ResponseCompactionItem.model_validate(body["output"][-1]).id == "cmp_t0_2"
    alone = responses.CompactedResponse.model_validate({**body, "output": body["output"][-1:]})
    assert alone.usage.total_tokens == 11


def test_it_has_the_members_of_a_native_one() -> None:
    body = write_compaction(answer(Text(text="so far")), context({"input": HISTORY})).body
    answers = (each.document for each in recordings("openai_responses") if isinstance(each.document, dict))
    natives = [each for each in answers if each.get("object") == "response.compaction"]
    if not natives:
        pytest.skip("no recordings of native compaction here")
    for native in natives:
        assert body.keys() == native.keys()
        shapes = {item["type"]: item.keys() for item in body["output"]}
        assert all(shapes[item["type"]] == item.keys() for item in native["output"])
