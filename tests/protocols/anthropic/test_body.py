from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import CONTEXT
from trioproxy.errors import ErrorKind, Failure
from trioproxy.neutral.events import Failed, FinishReason
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import Citation, Opaque, Reasoning, Refusal, Signature, SignatureForm, Text, ToolCall
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.assembly import MESSAGE

BODY: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "EqwC"},
        {"type": "redacted_thinking", "data": "EmwK"},
        {
            "type": "text",
            "text": "cited",
            "citations": [
                {
                    "type": "web_search_result_location",
                    "cited_text": "x",
                    "title": "T",
                    "url": "https://a.example",
                    "encrypted_index": "y",
                }
            ],
        },
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
        {"type": "compaction", "content": "so far"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1]}, "caller": {"type": "direct"}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}, "caller": {"type": "direct"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 7,
        "output_tokens": 4,
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    },
    "container": {"id": "c"},
    "context_management": {"applied_edits": []},
}


def test_a_body_read() -> None:
    answer = fold(PROTOCOL.read_body(BODY))
    assert (answer.id, answer.model, answer.finish, answer.finish_raw) == (
        "msg_1",
        "claude-x",
        FinishReason.TOOL_CALLS,
        "tool_use",
    )
    assert answer.usage == Usage(input=15, output=4, cache_read=7, cache_write=3)
    thought, hidden, text, server, compaction, first, second, beside = answer.parts
    assert thought == Reasoning(text="hm", signature=Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE))
    assert hidden == Reasoning(signature=Signature(value="EmwK", form=SignatureForm.ANTHROPIC_REDACTED))
    assert isinstance(text, Text)
    assert (text.text, text.citations[0].url) == ("cited", "https://a.example")
    assert server == Opaque(protocol="anthropic", kind="server_tool_use", payload=BODY["content"][3])
    assert compaction == Opaque(protocol="anthropic", kind="compaction", payload=BODY["content"][4])
    assert first == ToolCall(call_id="toolu_1", name="f", arguments='{"a":[1]}')
    assert second == ToolCall(call_id="toolu_2", name="g", arguments="{}")
    assert isinstance(beside, Opaque)
    assert beside.kind == MESSAGE


def test_a_body_comes_back_as_it_was() -> None:
    written = PROTOCOL.write_body(fold(PROTOCOL.read_body(BODY)), CONTEXT)
    assert written.body == {**BODY, "model": "claude-asked"}
    assert written.losses == ()


def test_an_input_may_be_the_text_of_it() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": '{"x": 1}'}
    (said,) = fold(PROTOCOL.read_body({"type": "message", "content": [call], "stop_reason": "end_turn"})).parts
    assert isinstance(said, ToolCall)
    assert said.arguments == '{"x": 1}'


@pytest.mark.parametrize(
    "document",
    [{}, {"type": "message"}, {"content": "text"}, {"content": ["text"]}, {"content": None, "id": "msg_1"}],
)
def test_what_is_no_message(document: dict[str, Any]) -> None:
    (failed,) = PROTOCOL.read_body(document)
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, ErrorKind.OVERLOADED),
        ({"base_resp": {"status_code": 1008, "status_msg": "m"}, "content": []}, ErrorKind.BILLING),
    ],
)
def test_an_error_behind_a_200(document: dict[str, Any], kind: ErrorKind) -> None:
    (failed,) = PROTOCOL.read_body(document)
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.message) == (kind, "m")


def test_a_body_that_leaves_things_out() -> None:
    answer = fold(PROTOCOL.read_body({"content": [{"type": "tool_use", "name": "f"}]}))
    assert (answer.id, answer.usage, answer.finish) == ("", None, FinishReason.TOOL_CALLS)
    assert answer.parts == (ToolCall(call_id="toolu__0", name="f", arguments="{}"),)


def test_another_vendors_answer() -> None:
    answer = Answer(
        id="",
        model="gpt",
        parts=(
            Reasoning(summary=("a", "b"), signature=Signature(value="g", form=SignatureForm.OPENAI_ENCRYPTED)),
            Refusal(text="no"),
            Text(text="see", citations=(Citation(url="https://a.example", start=0),)),
            Opaque(protocol="openai_responses", kind="image_generation_call", payload={}),
        ),
        finish=FinishReason.STOP,
    )
    written = PROTOCOL.write_body(answer, CONTEXT)
    assert written.body["id"] == "msg_c0ffee"
    assert written.body["stop_reason"] == "refusal"
    assert set(written.body["usage"].values()) == {0}
    assert [block["type"] for block in written.body["content"]] == ["thinking", "text", "text"]
    assert written.body["content"][0]["thinking"] == "a\n\nb"
    assert [loss.path for loss in written.losses] == ["citations.start", "image_generation_call"]


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "7"])
def test_arguments_that_are_no_object(arguments: str) -> None:
    call = ToolCall(call_id="c", name="f", arguments=arguments)
    written = PROTOCOL.write_body(Answer(id="x", model="m", parts=(call,), finish=FinishReason.LENGTH), CONTEXT)
    assert written.body["content"][0]["input"] == {"_raw": arguments}
    assert [loss.path for loss in written.losses] == ["input"]


def test_an_answer_that_failed_is_an_error_body() -> None:
    failure = Failure(kind=ErrorKind.TIMEOUT, message="silence")
    written = PROTOCOL.write_body(Answer(id="x", model="m", failure=failure), CONTEXT)
    assert written.body == {"type": "error", "error": {"type": "timeout_error", "message": "silence"}}
