from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from tests.protocols.openai_chat.chat import CONTEXT, NOW, conversation, read_body
from tests.protocols.openai_chat.naive import gist_of
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Event, FinishReason
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import (
    Citation,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
)
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Written
from trioproxy.protocols.openai_chat.body import write_body


def _write(*parts: Any, **members: Any) -> Written:
    return write_body(
        Answer(id="msg_1", model="up", parts=parts, finish=members.pop("finish", FinishReason.STOP), **members), CONTEXT
    )


def _message(*parts: Any, **members: Any) -> Any:
    return _write(*parts, **members).body["choices"][0]["message"]


def test_a_whole_body() -> None:
    written = _write(Text(text="hi"), created=5, usage=Usage(input=3, output=1))
    assert written.body == {
        "id": "chatcmpl-msg_1",
        "object": "chat.completion",
        "created": 5,
        "model": "asked-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }
    assert written.losses == ()


def test_what_the_provider_left_out_is_filled() -> None:
    body = _write().body
    assert body["created"] == NOW
    assert body["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert body["choices"][0]["message"]["content"] == ""
    assert _write(finish=None).body["choices"][0]["finish_reason"] == "stop"


def test_a_failure_is_an_error_body() -> None:
    failure = Failure(kind=ErrorKind.OVERLOADED, message="m", fault=Fault.UPSTREAM)
    written = write_body(Answer(id="", model="", failure=failure), CONTEXT)
    assert written.body == {"error": {"message": "m", "type": "server_error"}}


def test_every_kind_of_part() -> None:
    signature = Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE)
    google = Signature(value="AV", form=SignatureForm.GEMINI_THOUGHT)
    citation = Citation(url="https://a", title="A", start=0, end=1)
    message = _message(
        Reasoning(text="a", signature=signature),
        Reasoning(text="", summary=("b", "c")),
        Text(text="one "),
        Text(text="two", citations=(citation,), signature=google),
        ToolCall(call_id="1", name="f", arguments="{}", signature=google),
        ToolCall(call_id="2", name="sh", arguments="ls", kind=ToolKind.CUSTOM),
        finish=FinishReason.TOOL_CALLS,
    )
    extra = {"google": {"thought_signature": "AV"}}
    assert message == {
        "role": "assistant",
        "content": "one two",
        "refusal": None,
        "reasoning_content": "ab\n\nc",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "a", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.text", "text": "b\n\nc", "index": 1},
        ],
        "annotations": [
            {
                "type": "url_citation",
                "url_citation": {"start_index": 4, "end_index": 5, "title": "A", "url": "https://a"},
            }
        ],
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra},
            {"id": "2", "type": "custom", "custom": {"name": "sh", "input": "ls"}},
        ],
        "extra_content": extra,
    }


def test_a_call_without_arguments_has_an_empty_object() -> None:
    message = _message(
        ToolCall(call_id="1", name="f", arguments=""),
        ToolCall(call_id="2", name="sh", arguments="", kind=ToolKind.CUSTOM),
    )
    assert message["tool_calls"][0]["function"]["arguments"] == "{}"
    assert message["tool_calls"][1]["custom"]["input"] == ""


def test_a_refusal_has_no_content() -> None:
    body = _write(Refusal(text="no"), finish=FinishReason.REFUSAL).body
    assert body["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "no"}
    assert body["choices"][0]["finish_reason"] == "stop"


def test_a_client_of_the_deprecated_functions() -> None:
    said = conversation(functions=[{"name": "f"}])
    calls = [ToolCall(call_id=str(n), name="f", arguments="{}") for n in range(2)]
    answer = Answer(id="", model="", parts=tuple(calls), finish=FinishReason.TOOL_CALLS)
    written = write_body(answer, attrs.evolve(CONTEXT, conversation=said))
    choice = written.body["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
    assert [loss.path for loss in written.losses] == ["tool_calls[1]"]
    cut = write_body(attrs.evolve(answer, finish=FinishReason.LENGTH), attrs.evolve(CONTEXT, conversation=said))
    assert cut.body["choices"][0]["finish_reason"] == "length"


def _own(kind: str, payload: Any, protocol: str = "openai_chat") -> Opaque:
    return Opaque(protocol=protocol, kind=kind, payload=payload)


def test_own_items_are_put_back_and_joined() -> None:
    written = _write(
        Text(text="t"),
        _own("images", [1]),
        _own("images", [2]),
        _own("audio", {"id": "a", "data": "AA", "expires_at": 1}),
        _own("audio", {"data": "BB", "expires_at": 2}),
        _own("logprobs", {"content": [1]}),
        _own("logprobs", {"content": [2]}),
        _own("annotations", [{"type": "file"}]),
        _own("choice", {"index": 1, "message": {"content": "b"}}),
        _own("choice", {"index": 1, "delta": {"content": "b"}}),
        _own("grounding", {}, "gemini"),
    )
    choices = written.body["choices"]
    assert choices[0]["message"]["images"] == [1, 2]
    assert choices[0]["message"]["audio"] == {"id": "a", "data": "AABB", "expires_at": 2}
    assert choices[0]["message"]["annotations"] == [{"type": "file"}]
    assert choices[0]["logprobs"] == {"content": [1, 2]}
    assert choices[1:] == [{"index": 1, "message": {"content": "b"}}]
    assert [loss.path for loss in written.losses] == ["choices", "grounding"]


@pytest.mark.parametrize("text", ["", "t"])
def test_list_content_stands_behind_the_text(text: str) -> None:
    parts = [Text(text=text)] if text else []
    message = _message(*parts, _own("content", [{"type": "reference"}]))
    said = [{"type": "text", "text": text}] if text else []
    assert message["content"] == [*said, {"type": "reference"}]


# Reading.


def _body(message: Any, **choice: Any) -> Any:
    return {"id": "c", "model": "m", "created": 1, "choices": [{"index": 0, "message": message, **choice}]}


def test_a_body_needs_no_finish_reason() -> None:
    said = read_body(_body({"content": "a"}, finish_reason=None))
    assert (said.parts, said.finish, said.finish_raw) == ((Text(text="a"),), FinishReason.STOP, None)
    called = read_body(_body({"tool_calls": [{"id": "x", "function": {"name": "f", "arguments": "{}"}}]}))
    assert called.finish is FinishReason.TOOL_CALLS


def test_two_calls_without_ids_or_indexes() -> None:
    entry = {"id": "", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = read_body(_body({"tool_calls": [entry, entry]}, finish_reason="tool_calls"))
    ids = [part.call_id for part in said.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    "document", [{}, {"choices": []}, {"choices": None}, {"id": "x", "usage": {"prompt_tokens": 1}}]
)
def test_a_body_without_an_answer(document: Any) -> None:
    failure = read_body(document).failure
    assert failure is not None
    assert failure.kind is ErrorKind.MALFORMED


def test_an_error_in_a_200() -> None:
    failure = read_body({"error": {"message": "m", "code": 429}}).failure
    assert failure is not None
    assert (failure.kind, failure.message) == (ErrorKind.RATE_LIMITED, "m")
    assert read_body(
        {"error": {"message": "m"}, "choices": [{"index": 0}], "usage": {"prompt_tokens": 1}}
    ).usage == Usage(input=1)


def test_signed_blocks_of_thought_keep_their_texts() -> None:
    def detail(text: str, signature: str) -> Any:
        return {"type": "reasoning.text", "text": text, "signature": signature, "format": "anthropic-claude-v1"}

    message = {"reasoning": "ab", "reasoning_details": [detail("a", "1"), detail("b", "2")], "content": "c"}
    said = read_body(_body(message, finish_reason="stop"))
    assert [
        (part.text, part.signature.value) for part in said.parts if isinstance(part, Reasoning) and part.signature
    ] == [
        ("a", "1"),
        ("b", "2"),
    ]


@settings(max_examples=60, deadline=None)
@given(legal_events(may_fail=False, foreign=()))
def test_what_is_written_is_read_back(events: list[Event]) -> None:
    before = fold(events)
    written = write_body(before, CONTEXT)
    after = read_body(written.body)
    assert [loss.path for loss in written.losses] == ([] if before.stop_sequence is None else ["stop_sequence"])
    mine, theirs = gist_of(before), gist_of(after)
    thoughts = [
        part.text + ("\n\n" if part.text and part.summary else "") + "\n\n".join(part.summary)
        for part in before.parts
        if isinstance(part, Reasoning)
    ]
    mine["reasoning"] = "".join(thoughts)
    mine["finish"] = theirs["finish"]
    mine["usage"] = mine["usage"] or (0, 0, None, None)
    assert theirs == mine


def test_a_server_that_completes_whatever_it_was_asked() -> None:
    said = read_body({"object": "text_completion", "choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]})
    assert said.parts == (Text(text="a"),)
