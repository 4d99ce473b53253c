"""What the deltas of a stream make of an answer: thoughts, refusals, sources, tool calls, and what only this protocol has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import DONE, answer, call, calls, chunk, frame, read
from trioproxy.errors import ErrorKind, Fault
from trioproxy.neutral.events import (
    CitationAdded,
    Failed,
    FinishReason,
    Foreign,
    PartFinished,
    PartSigned,
    RefusalDelta,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
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
from trioproxy.protocols.openai_chat.reader import ChatReader
from trioproxy.wire.frames import Frame


def _failure(*frames: Frame) -> Any:
    last = read(*frames)[-1]
    assert isinstance(last, Failed)
    assert last.failure.fault is Fault.UPSTREAM
    return last.failure


# Reasoning.


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_reasoning_under_either_name(member: str) -> None:
    said = answer(
        chunk({member: "hm", "content": None}), chunk({member: ""}), chunk({"content": "a"}), chunk({}, "stop"), DONE
    )
    assert said.parts == (Reasoning(text="hm"), Text(text="a"))


def test_reasoning_under_both_names_counts_once() -> None:
    said = answer(chunk({"reasoning_content": "hm", "reasoning": "hm"}), chunk({}, "stop"), DONE)
    assert said.parts == (Reasoning(text="hm"),)


def test_reasoning_that_resumes_is_a_part_of_its_own() -> None:
    sent = [
        chunk({"reasoning": "a"}),
        chunk({"content": "b"}),
        chunk({"reasoning": "c"}),
        chunk({"content": "d"}),
        chunk({}, "stop"),
    ]
    said = answer(*sent, DONE)
    assert said.parts == (Reasoning(text="a"), Text(text="b"), Reasoning(text="c"), Text(text="d"))


def _detail(**members: Any) -> Any:
    return {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0, **members}


def test_openrouters_details_sign_the_thoughts_they_repeat() -> None:
    sent = [
        chunk({"content": "", "reasoning": None, "reasoning_details": [_detail(text="", signature="")]}),
        chunk({"content": "", "reasoning": "This", "reasoning_details": [_detail(text="This")]}),
        chunk({"content": "", "reasoning": " one", "reasoning_details": [_detail(text=" one")]}),
        chunk({"content": "", "reasoning": None, "reasoning_details": [_detail(signature="sig")]}),
        chunk({"content": "a"}),
        chunk({}, "stop"),
    ]
    signature = Signature(value="sig", form=SignatureForm.ANTHROPIC_SIGNATURE)
    assert answer(*sent, DONE).parts == (Reasoning(text="This one", signature=signature), Text(text="a"))


def test_details_alone_are_thoughts_too() -> None:
    sent = [chunk({"reasoning_details": [_detail(text="hm")]}), chunk({}, "stop")]
    assert answer(*sent, DONE).parts == (Reasoning(text="hm"),)


def test_details_that_repeat_thoughts_said_in_words_are_not_said_twice() -> None:
    sent = [
        chunk({"reasoning_content": "h"}),
        chunk({"reasoning_content": "m"}),
        chunk({"reasoning_details": [_detail(text="hm", signature="sig")]}),
        chunk({}, "stop"),
    ]
    signature = Signature(value="sig", form=SignatureForm.ANTHROPIC_SIGNATURE)
    assert answer(*sent, DONE).parts == (Reasoning(text="hm", signature=signature),)


def test_encrypted_reasoning_behind_the_text() -> None:
    detail = {"type": "reasoning.encrypted", "format": "openai-responses-v1", "data": "gAAA", "id": "rs_1", "index": 0}
    said = answer(chunk({"content": "a"}), chunk({"reasoning_details": [detail]}), chunk({}, "stop"), DONE)
    signature = Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")
    assert said.parts == (Text(text="a"), Reasoning(signature=signature))


def test_magistrals_lists() -> None:
    def thinking(*texts: str) -> Frame:
        return chunk(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": each} for each in texts]}]}
        )

    sent = [
        thinking("a", "b"),
        thinking(),
        chunk({"content": [{"type": "text", "text": "c"}, "d", 7]}),
        chunk({"content": "e"}, "stop"),
    ]
    assert answer(*sent, DONE).parts == (Reasoning(text="ab"), Text(text="cde"))


def test_thoughts_in_a_list_as_a_string() -> None:
    said = answer(chunk({"content": [{"type": "thinking", "thinking": "a"}]}), chunk({}, "stop"), DONE)
    assert said.parts == (Reasoning(text="a"),)


def test_databricks_thoughts_in_a_list() -> None:
    def thinking(text: str) -> Frame:
        summary = [{"type": "summary_text", "text": text, "signature": ""}]
        return chunk({"content": [{"type": "reasoning", "summary": summary}]})

    sent = [thinking("a"), thinking("b"), chunk({"content": [{"type": "text", "text": "c"}]}, "stop")]
    assert answer(*sent, DONE).parts == (Reasoning(text="ab"), Text(text="c"))


def test_other_list_content_is_carried() -> None:
    entry = {"type": "reference", "reference_ids": [1]}
    said = answer(chunk({"content": [entry]}), chunk({}, "stop"), DONE)
    assert said.parts == (Opaque(protocol="openai_chat", kind="content", payload=[entry]),)


@pytest.mark.parametrize(
    "pieces", [["<think>hm</think>yes"], ["<thi", "nk>\nhm</th", "ink>\n\n", "yes"], list("\n<think>hm</think>yes")]
)
def test_thoughts_between_tags_are_reasoning(pieces: list[str]) -> None:
    sent = [*(chunk({"content": piece}) for piece in pieces), chunk({}, "stop"), DONE]
    assert answer(*sent).parts == (Reasoning(text="hm"), Text(text="yes"))


def test_a_tag_within_the_text_is_text() -> None:
    sent = [chunk({"content": "see "}), chunk({"content": "<think>hm</think>"}), chunk({}, "stop"), DONE]
    assert answer(*sent).parts == (Text(text="see <think>hm</think>"),)


def test_thoughts_that_never_end_are_no_text() -> None:
    assert answer(chunk({"content": "<think>hm"}), chunk({}, "length"), DONE).parts == (Reasoning(text="hm"),)


def test_text_held_back_for_a_tag_comes_with_the_end() -> None:
    events = read(chunk({"content": "<th"}), chunk({}, "stop"), DONE)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["<th"]


@pytest.mark.parametrize("after", [{"reasoning": "hm"}, {"refusal": "no"}, {"tool_calls": [call(0, "t", "f", "{}")]}])
def test_text_held_back_for_a_tag_comes_before_what_follows(after: Any) -> None:
    said = answer(chunk({"content": "\n"}), chunk(after), chunk({}, "stop"), DONE)
    assert said.parts[0] == Text(text="\n")
    assert len(said.parts) == 2


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_text"])
def test_the_names_of_reasoning(name: str) -> None:
    said = answer(chunk({name: "hm", "content": ""}), chunk({"content": "yes", name: None}), chunk({}, "stop"), DONE)
    assert said.parts == (Reasoning(text="hm"), Text(text="yes"))


# Refusals, sources, and what only this protocol has.


def test_a_refusal() -> None:
    events = read(chunk({"refusal": "I "}), chunk({"refusal": "can't"}), chunk({}, "stop"), DONE)
    assert [event.text for event in events if isinstance(event, RefusalDelta)] == ["I ", "can't"]
    said = answer(chunk({"refusal": "no"}), chunk({}, "stop"), DONE)
    assert (said.parts, said.finish) == ((Refusal(text="no"),), FinishReason.REFUSAL)


def _annotation(url: str, start: int = 0, end: int = 0) -> Any:
    return {"type": "url_citation", "url_citation": {"url": url, "title": "T", "start_index": start, "end_index": end}}


def test_annotations_cite_the_text() -> None:
    sent = [
        chunk({"content": "see a"}),
        chunk({"annotations": [_annotation("https://a", 4, 5)]}),
        chunk({}, "stop"),
        DONE,
    ]
    assert answer(*sent).parts == (
        Text(text="see a", citations=(Citation(url="https://a", title="T", start=4, end=5),)),
    )


def test_annotations_behind_a_tool_call_still_find_a_text() -> None:
    sent = [
        chunk({"content": "a"}),
        calls(call(0, "i", "f", "{}")),
        chunk({"annotations": [_annotation("https://a")]}, "stop"),
        DONE,
    ]
    text, used, cited = answer(*sent).parts
    assert (text, used) == (Text(text="a"), ToolCall(call_id="i", name="f", arguments="{}"))
    assert cited == Text(text="", citations=(Citation(url="https://a", title="T"),))


def test_other_annotations_are_carried() -> None:
    entry = {"type": "file", "file": {"hash": "x"}}
    events = read(chunk({"content": "a", "annotations": [entry]}), chunk({}, "stop"), DONE)
    assert Foreign(index=1, protocol="openai_chat", kind="annotations", payload=[entry]) in events


def test_perplexitys_citations_beside_the_choices() -> None:
    beside: dict[str, Any] = {
        "citations": ["https://a", "https://b"],
        "search_results": [{"url": "https://b", "title": "B"}],
    }
    sent = [chunk({"content": "x"}, **beside), chunk({"content": "y"}, "stop", **beside), DONE]
    cited = (Citation(url="https://a"), Citation(url="https://b", title="B"))
    assert answer(*sent).parts == (Text(text="xy", citations=cited),)
    assert sum(isinstance(event, CitationAdded) for event in read(*sent)) == 2


@pytest.mark.parametrize("member", ["audio", "executed_tools"])
def test_what_only_this_protocol_has_is_carried(member: str) -> None:
    payload = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
    said = answer(chunk({"content": "a"}), chunk({member: payload}), chunk({"content": "b"}), chunk({}, "stop"), DONE)
    assert said.parts == (Text(text="ab"), Opaque(protocol="openai_chat", kind=member, payload=payload))


def test_probabilities_and_other_choices_are_carried() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.1}]}
    other = {"index": 1, "delta": {"content": "b"}}
    first = {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs}
    said = answer(frame({"choices": [first, other]}), chunk({}, "stop"), DONE)
    assert said.parts == (
        Text(text="a"),
        Opaque(protocol="openai_chat", kind="logprobs", payload=logprobs),
        Opaque(protocol="openai_chat", kind="choice", payload=other),
    )


def test_copilots_second_choice_belongs_to_the_answer() -> None:
    text = {"index": 0, "delta": {"content": "a"}, "finish_reason": "tool_calls"}
    used = {"index": 1, "delta": {"tool_calls": [call(0, "i", "f", "{}")]}, "finish_reason": "tool_calls"}
    said = answer(frame({"choices": [text, used]}), DONE)
    assert said.parts == (Text(text="a"), ToolCall(call_id="i", name="f", arguments="{}"))
    assert said.finish is FinishReason.TOOL_CALLS


def test_a_whole_message_in_place_of_the_deltas() -> None:
    message = {
        "role": "assistant",
        "content": "a",
        "tool_calls": [{"id": "i", "function": {"name": "f", "arguments": "{}"}}],
    }
    said = answer(
        frame({"id": "c1", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}), DONE
    )
    assert said.parts == (Text(text="a"), ToolCall(call_id="i", name="f", arguments="{}"))


def test_perplexitys_message_beside_the_delta_is_a_repetition() -> None:
    def said(delta: str, so_far: str) -> Frame:
        choice = {"index": 0, "delta": {"content": delta}, "message": {"content": so_far}, "finish_reason": None}
        return frame({"choices": [choice]})

    last = frame({"choices": [{"index": 0, "message": {"content": "ab"}, "finish_reason": "stop"}]})
    assert answer(said("a", "a"), said("b", "ab"), last, DONE).parts == (Text(text="ab"),)


# Tool calls in the stream (how they are pieced together is tests/.../test_calls.py).


def test_parallel_calls_end_as_soon_as_they_are_whole() -> None:
    reader = ChatReader()
    reader.feed(chunk({"content": "a"}))
    assert reader.feed(calls(call(0, "x", "f", ""))) == [
        PartFinished(index=0),
        ToolCallStarted(index=1, call_id="x", name="f"),
    ]
    assert reader.feed(calls(call(0, arguments='{"a":1}'))) == [ToolArgsDelta(index=1, text='{"a":1}')]
    assert reader.feed(calls(call(1, "y", "g", "{"))) == [
        PartFinished(index=1),
        ToolCallStarted(index=2, call_id="y", name="g"),
        ToolArgsDelta(index=2, text="{"),
    ]


def test_interleaved_arguments_stay_apart() -> None:
    sent = [
        chunk({"content": "t"}),
        calls(call(0, "x", "f", '{"a":')),
        calls(call(1, "y", "g", '{"b":')),
        calls(call(0, arguments="1}"), call(1, arguments="2}")),
        chunk({}, "tool_calls"),
        DONE,
    ]
    assert answer(*sent).parts == (
        Text(text="t"),
        ToolCall(call_id="x", name="f", arguments='{"a":1}'),
        ToolCall(call_id="y", name="g", arguments='{"b":2}'),
    )


def test_stop_after_tool_calls_means_tool_calls() -> None:
    assert answer(calls(call(0, "x", "f", "{}")), chunk({}, "stop"), DONE).finish is FinishReason.TOOL_CALLS
    assert answer(calls(call(0, "x", "f", "{}")), chunk({}, "length"), DONE).finish is FinishReason.LENGTH
    assert answer(chunk({"content": "a"}), chunk({}, "tool_calls"), DONE).finish is FinishReason.STOP


def test_the_deprecated_function_call() -> None:
    sent = [
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
    ]
    (used,) = answer(*sent, DONE).parts
    assert isinstance(used, ToolCall)
    assert (used.name, used.arguments) == ("f", "{}")
    assert used.call_id.startswith("call_")


def test_a_custom_call() -> None:
    first = {"index": 0, "id": "x", "type": "custom", "custom": {"name": "sh", "input": ""}}
    sent = [calls(first), calls({"index": 0, "custom": {"input": "{} ls"}}), chunk({}, "tool_calls"), DONE]
    assert answer(*sent).parts == (ToolCall(call_id="x", name="sh", arguments="{} ls", kind=ToolKind.CUSTOM),)


def test_arguments_behind_a_whole_call_are_a_violation() -> None:
    sent = [calls(call(0, "x", "f", "{}")), calls(call(1, "y", "g", "{")), calls(call(0, arguments='{"a":1}'))]
    failure = _failure(*sent)
    assert failure.kind is ErrorKind.MALFORMED
    assert "already whole" in failure.message


@pytest.mark.parametrize("late", [False, True])
def test_a_call_without_a_name_is_a_violation(late: bool) -> None:
    nameless = calls(call(0, "x", arguments="{}"))
    sent = [chunk({"content": "a"}, "stop"), nameless] if late else [nameless, chunk({}, "tool_calls")]
    failure = _failure(*sent, DONE)
    assert (failure.kind, "name" in failure.message) == (ErrorKind.MALFORMED, True)


def _google(value: str) -> Any:
    return {"google": {"thought_signature": value}}


def test_geminis_signatures_on_calls_and_messages() -> None:
    signature = Signature(value="AV", form=SignatureForm.GEMINI_THOUGHT)
    own = {**call(0, "x", "f", "{}"), "extra_content": _google("AV")}
    assert answer(calls(own), chunk({}, "tool_calls"), DONE).parts == (
        ToolCall(call_id="x", name="f", arguments="{}", signature=signature),
    )
    on_call = chunk({"tool_calls": [call(0, "x", "f", "{}")], "extra_content": _google("AV")})
    assert answer(on_call, chunk({}, "tool_calls"), DONE).parts == (
        ToolCall(call_id="x", name="f", arguments="{}", signature=signature),
    )
    on_text = chunk({"content": "a", "extra_content": _google("AV")})
    assert answer(on_text, chunk({}, "stop"), DONE).parts == (Text(text="a", signature=signature),)
    alone = chunk({"extra_content": _google("AV")})
    assert answer(alone, chunk({}, "stop"), DONE).parts == (Reasoning(signature=signature),)


def test_a_call_that_signed_itself_is_not_signed_by_the_message() -> None:
    both = {
        "tool_calls": [{**call(0, "x", "f", "{}"), "extra_content": _google("own")}],
        "extra_content": _google("all"),
    }
    events = read(chunk(both), chunk({}, "tool_calls"), DONE)
    assert [event.signature.value for event in events if isinstance(event, PartSigned)] == ["own"]
