from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_responses.streams import frame, read
from trioproxy.errors import ErrorKind, Fault
from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartStarted,
    ReasoningDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.extras import own
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import Opaque, Reasoning, Refusal, Signature, SignatureForm, Text, ToolCall, ToolKind
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.protocols.openai_responses.signatures import UNSIGNED, seal
from trioproxy.wire.frames import Frame

CREATED = frame("response.created", sequence_number=0, response={"id": "resp_1", "model": "m", "created_at": 7.0})


def completed(*output: dict[str, Any], **response: Any) -> Frame:
    return frame(
        "response.completed", sequence_number=99, response={"id": "resp_1", "output": list(output), **response}
    )


def added(item: dict[str, Any], **at: Any) -> Frame:
    return frame("response.output_item.added", item=item, **at)


def done(item: dict[str, Any], **at: Any) -> Frame:
    return frame("response.output_item.done", item=item, **at)


def text_delta(text: str, **at: Any) -> Frame:
    return frame("response.output_text.delta", delta=text, **at)


def args_delta(text: str, **at: Any) -> Frame:
    return frame("response.function_call_arguments.delta", delta=text, **at)


def message(*texts: str, **members: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"type": "message", "role": "assistant", "content": content, **members}


def call(call_id: str, name: str, arguments: str, **members: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **members}


def answer(*frames: Frame) -> Answer:
    return fold(read(frames))


def texts(*frames: Frame) -> list[str]:
    return [part.text for part in answer(*frames).parts if isinstance(part, Text)]


def test_each_step_is_passed_on_at_once() -> None:
    reader = PROTOCOL.stream_reader()
    at = {"output_index": 0, "item_id": "msg_1", "content_index": 0}

    assert reader.feed(CREATED) == [ResponseStarted(id="resp_1", model="m", created=7)]
    assert reader.feed(frame("response.in_progress", response={})) == []
    assert reader.feed(added(message(id="msg_1"), output_index=0)) == []
    (started,) = reader.feed(frame("response.content_part.added", part={"type": "output_text", "text": ""}, **at))
    assert isinstance(started, PartStarted)
    assert (started.index, started.kind, started.item_id) == (0, PartKind.TEXT, "msg_1")
    assert reader.feed(text_delta("Hel", **at)) == [TextDelta(index=0, text="Hel")]
    assert reader.feed(text_delta("", **at)) == []
    assert reader.feed(frame("response.output_text.done", text="Hello", **at)) == [TextDelta(index=0, text="lo")]
    assert reader.feed(frame("response.content_part.done", part={"type": "output_text", "text": "Hello"}, **at)) == [
        PartFinished(index=0)
    ]
    assert reader.feed(done(message("Hello", id="msg_1"), output_index=0)) == []
    usage = {"input_tokens": 3, "output_tokens": 2.0, "output_tokens_details": None}
    assert reader.feed(completed(message("Hello", id="msg_1"), usage=usage)) == [
        UsageReported(usage=Usage(input=3, output=2)),
        Finished(reason=FinishReason.STOP, raw="completed"),
    ]
    assert reader.close() == []
    assert reader.feed(CREATED) == []


def test_what_is_seen_is_remembered() -> None:
    reader = PROTOCOL.stream_reader()
    reader.feed(CREATED)
    reader.feed(frame("response.web_search_call.searching", sequence_number=8, item_id="ws_1"))

    seen = reader.seen
    assert (seen.response_id, seen.model, seen.created, seen.sequence_number) == ("resp_1", "m", 7, 8)
    assert (seen.complete, seen.failed) == (False, False)
    reader.feed(completed())
    assert seen.complete


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([text_delta("hi", output_index=0, item_id="m1"), completed()], id="deltas without ceremony"),
        pytest.param([text_delta("hi"), completed()], id="a delta that names nothing"),
        pytest.param(
            [text_delta("h"), text_delta("i"), completed(message("hi"))], id="an unnamed item that is said again"
        ),
        pytest.param(
            [text_delta("h"), text_delta("i"), done(message("hi")), completed(message("hi"))], id="unnamed everywhere"
        ),
        pytest.param(
            [added(message(id="m1"), output_index=0), done(message("hi", id="m1"), output_index=0), completed()],
            id="only item done",
        ),
        pytest.param([done(message("hi")), completed(message("hi"))], id="only item done, unnamed"),
        pytest.param([CREATED, completed(message("hi", id="m1"))], id="only the final response"),
        pytest.param([frame("response.output_text.done", text="hi", output_index=0), completed()], id="only text done"),
        pytest.param(
            [frame("response.content_part.done", part={"type": "text", "text": "hi"}, output_index=0), completed()],
            id="only part done",
        ),
        pytest.param(
            [
                text_delta("h", output_index=0, item_id="a"),
                text_delta("i", output_index=0, item_id="b"),
                completed(message("hi", id="c")),
            ],
            id="another id in every event",
        ),
        pytest.param(
            [text_delta("h", item_id="a"), text_delta("i", item_id="a"), completed(message("hi", id="a"))],
            id="no index",
        ),
        pytest.param([text_delta("hi", output_index=0), completed(message("hi")), Frame(b"[DONE]")], id="[DONE]"),
        pytest.param([text_delta("hi", output_index=0), completed(message("h"))], id="a shorter repetition"),
    ],
)
def test_text_arrives_once_however_it_is_sent(frames: list[Frame]) -> None:
    assert texts(*frames) == ["hi"]


def test_items_under_one_index_are_told_apart_by_their_ids() -> None:
    frames = [
        added(message(id="m1"), output_index=0),
        text_delta("hi", output_index=0, item_id="m1"),
        added(call("c1", "f", "", id="fc_1"), output_index=0),
        args_delta("{", output_index=0, item_id="fc_1"),
        text_delta("!", output_index=0, item_id="m1"),
        args_delta("}", output_index=0, item_id="fc_1"),
        completed(message("hi!", id="m1"), call("c1", "f", "{}", id="fc_1")),
    ]

    text, called = answer(*frames).parts
    assert isinstance(text, Text)
    assert isinstance(called, ToolCall)
    assert (text.text, called.arguments) == ("hi!", "{}")


def test_an_item_done_under_the_index_of_another_kind_is_an_item_of_its_own() -> None:
    frames = [
        added(message(id="m1"), output_index=0),
        text_delta("hi", output_index=0, item_id="m1"),
        done(call("c1", "f", "{}", id="fc_1"), output_index=0),
        completed(),
    ]

    assert [type(part) for part in answer(*frames).parts] == [Text, ToolCall]


def test_several_contents_are_several_parts_of_one_message() -> None:
    both = message("a", "b", id="m1", phase="commentary")
    parts = answer(text_delta("a", output_index=0, content_index=0), done(both, output_index=0), completed(both)).parts

    assert [part.text for part in parts if isinstance(part, Text)] == ["a", "b"]


def test_members_of_a_message_stay_with_it() -> None:
    reader = PROTOCOL.stream_reader()
    reader.feed(added(message(id="m1", phase="final_answer"), output_index=0))
    (started, _) = reader.feed(text_delta("x", output_index=0))

    assert isinstance(started, PartStarted)
    assert own(started.extras, "openai_responses") == {"phase": "final_answer"}


def test_a_refusal_is_one_and_ends_as_one() -> None:
    at = {"output_index": 0, "content_index": 0}
    refused = {"type": "message", "content": [{"type": "refusal", "refusal": "No way."}]}
    frames = [
        frame("response.content_part.added", part={"type": "refusal", "refusal": ""}, **at),
        frame("response.refusal.delta", delta="No", **at),
        frame("response.refusal.done", refusal="No way", **at),
        frame("response.content_part.done", part=refused["content"][0], **at),
        completed(refused),
    ]

    whole = answer(*frames)
    assert whole.parts[0] == Refusal(text="No way.", extras=whole.parts[0].extras)  # type: ignore[union-attr]
    assert whole.finish is FinishReason.REFUSAL


def test_annotations_are_citations_each_once() -> None:
    at = {"output_index": 0, "content_index": 0}
    sources = [
        {"type": "url_citation", "url": f"https://{n}.example/", "title": n, "start_index": 0, "end_index": 1}
        for n in "ab"
    ]
    part = {"type": "output_text", "text": "x", "annotations": sources}
    frames = [
        text_delta("x", **at),
        frame("response.output_text.annotation.added", annotation=sources[0], **at),
        frame("response.output_text.annotation.added", annotation=None, **at),
        frame("response.content_part.done", part=part, **at),
        frame("response.output_text.annotation.added", annotation=sources[1], **at),
        completed(),
    ]

    cited = [event.citation for event in read(frames) if isinstance(event, CitationAdded)]
    assert [(citation.url, citation.title, citation.start, citation.end) for citation in cited] == [
        ("https://a.example/", "a", 0, 1),
        ("https://b.example/", "b", 0, 1),
    ]


def test_a_content_part_of_an_unknown_kind_is_carried_whole() -> None:
    chart = {"type": "chart", "x": 1}
    odd = {"type": "message", "content": [chart, {"type": "output_text", "text": "x"}]}
    frames = [
        frame("response.content_part.added", part={"type": "chart"}, output_index=0),
        done(odd, output_index=0),
        completed(odd),
    ]

    first, second = answer(*frames).parts
    assert first == Opaque(protocol="openai_responses", kind="content/chart", payload=chart)
    assert isinstance(second, Text)


def test_reasoning_in_sections_and_encrypted() -> None:
    at = {"output_index": 0, "item_id": "rs_1"}
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "one."}, {"type": "summary_text", "text": "two"}],
        "encrypted_content": "gAAA",
    }
    frames = [
        added({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAold"}, output_index=0),
        frame(
            "response.reasoning_summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""}, **at
        ),
        frame("response.reasoning_summary_text.delta", summary_index=0, delta="one", **at),
        frame("response.reasoning_summary_text.done", summary_index=0, text="one.", **at),
        frame(
            "response.reasoning_summary_part.done", summary_index=0, part={"type": "summary_text", "text": "one."}, **at
        ),
        done(item, output_index=0),
        completed({**item, "encrypted_content": "gAAlater"}),
    ]

    (reasoning,) = answer(*frames).parts
    assert isinstance(reasoning, Reasoning)
    assert reasoning.summary == ("one.", "two")
    assert reasoning.signature == Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")


@pytest.mark.parametrize("name", ["response.reasoning_text", "response.reasoning"])
def test_reasoning_in_full(name: str) -> None:
    at = {"output_index": 0, "content_index": 0}
    part = {"type": "reasoning_text", "text": "so be it"}
    frames = [
        frame("response.content_part.added", part={"type": "reasoning_text", "text": ""}, **at),
        frame(f"{name}.delta", delta="so", **at),
        frame(f"{name}.done", text="so be", **at),
        frame("response.content_part.done", part=part, **at),
        done({"type": "reasoning", "content": [part], "summary": []}, output_index=0),
        completed(),
    ]

    (reasoning,) = answer(*frames).parts
    assert isinstance(reasoning, Reasoning)
    assert (reasoning.text, reasoning.summary, reasoning.signature) == ("so be it", (), None)


def test_reasoning_that_only_its_provider_understands_is_carried_whole() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}

    assert answer(added(item, output_index=0), done(item, output_index=0), completed(item)).parts == (
        Opaque(protocol="openai_responses", kind="reasoning", payload=item),
    )


@pytest.mark.parametrize(("last", "kept"), [({}, "early"), ({"encrypted_content": "late"}, "late")])
def test_the_token_of_the_announcement_is_kept_where_the_end_brings_none(last: Any, kept: str) -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}

    said = answer(
        added({**item, "encrypted_content": "early"}, output_index=0),
        done({**item, **last}, output_index=0),
        completed(),
    )

    (reasoning,) = said.parts
    assert isinstance(reasoning, Reasoning)
    assert reasoning.signature == Signature(value=kept, form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")


def test_a_signature_that_another_proxy_sealed_is_opened() -> None:
    claude = Signature(value="EqQB", form=SignatureForm.ANTHROPIC_SIGNATURE)
    content = [{"type": "reasoning_text", "text": "hm"}]
    item = {"type": "reasoning", "summary": [], "content": content, "encrypted_content": seal(claude)}
    on_call = {"type": "reasoning", "summary": [], "encrypted_content": seal(claude, call_id="a")}

    first, second = answer(completed(item, on_call)).parts
    assert isinstance(first, Reasoning)
    assert first.signature == claude
    assert second == Opaque(protocol="openai_responses", kind="reasoning", payload=on_call)


def test_a_thought_that_another_proxy_marked_as_unsigned_is_unsigned() -> None:
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}

    (reasoning,) = answer(completed({**item, "encrypted_content": UNSIGNED})).parts
    assert isinstance(reasoning, Reasoning)
    assert (reasoning.text, reasoning.signature) == ("hm", None)


def test_late_words_of_reasoning_that_is_over_are_not_said_twice() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}]}
    late = frame("response.reasoning_summary_text.delta", delta="a", output_index=0, summary_index=0)

    (reasoning,) = answer(added(item, output_index=0), done(item, output_index=0), late, completed(item)).parts
    assert isinstance(reasoning, Reasoning)
    assert reasoning.summary == ("a",)


def test_calls_stream_each_under_its_own_index() -> None:
    reader = PROTOCOL.stream_reader()
    reader.feed(CREATED)
    (first,) = reader.feed(added(call("c1", "f", "", id="fc_1", caller={"type": "direct"}), output_index=0))
    (second,) = reader.feed(added(call("c2", "g", "", id="fc_2", namespace="n"), output_index=1))

    assert isinstance(first, ToolCallStarted)
    assert isinstance(second, ToolCallStarted)
    assert (first.index, first.call_id, first.name, first.item_id) == (0, "c1", "f", "fc_1")
    assert own(first.extras, "openai_responses") == {"caller": {"type": "direct"}}
    assert (second.index, second.namespace) == (1, "n")
    assert reader.feed(args_delta('{"a"', output_index=0, item_id="fc_1")) == [ToolArgsDelta(index=0, text='{"a"')]
    assert reader.feed(args_delta("{", output_index=1, item_id="fc_2")) == [ToolArgsDelta(index=1, text="{")]
    ended = frame("response.function_call_arguments.done", arguments='{"a":1}', output_index=0, item_id="fc_1")
    assert reader.feed(ended) == [ToolArgsDelta(index=0, text=":1}"), PartFinished(index=0)]
    assert reader.feed(done(call("c1", "f", '{"a":1}', id="fc_1"), output_index=0)) == []
    ends = reader.feed(completed(call("c1", "f", '{"a":1}', id="fc_1"), call("c2", "g", "{}", id="fc_2")))
    assert ends == [
        ToolArgsDelta(index=1, text="}"),
        PartFinished(index=1),
        Finished(reason=FinishReason.TOOL_CALLS, raw="completed"),
    ]


def test_a_custom_call_has_free_text() -> None:
    at = {"output_index": 0, "item_id": "ctc_1"}
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "patch", "input": ""}
    frames = [
        added(item, output_index=0),
        frame("response.custom_tool_call_input.delta", delta="*** ", **at),
        frame("response.custom_tool_call_input.done", input="*** Begin", **at),
        completed(),
    ]

    (called,) = answer(*frames).parts
    assert isinstance(called, ToolCall)
    assert (called.kind, called.arguments, called.name) == (ToolKind.CUSTOM, "*** Begin", "patch")


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([added(call("c1", "f", "{}", id="i"), output_index=0), completed()], id="whole when announced"),
        pytest.param(
            [added(call("c1", "f", "{}", id="i"), output_index=0), args_delta("{}", output_index=0), completed()],
            id="announced whole and streamed",
        ),
        pytest.param([done(call("c1", "f", "{}", id="i"), output_index=0), completed()], id="only done"),
        pytest.param([completed(call("c1", "f", "{}", id="i"))], id="only in the final response"),
        pytest.param(
            [
                added({"type": "function_call", "id": "i"}, output_index=0),
                done(call("c1", "f", "{}", id="i"), output_index=0),
                completed(call("c1", "f", "{}", id="other")),
            ],
            id="named late, and another id at the end",
        ),
    ],
)
def test_a_call_arrives_once_however_it_is_sent(frames: list[Frame]) -> None:
    (called,) = answer(CREATED, *frames).parts
    assert isinstance(called, ToolCall)
    assert (called.call_id, called.name, called.arguments) == ("c1", "f", "{}")


def test_a_call_without_an_id_gets_one() -> None:
    nameless = {"type": "function_call", "name": "f", "arguments": "{}"}
    (called,) = answer(completed(nameless)).parts
    assert isinstance(called, ToolCall)
    assert called.call_id == "call_0"


def test_arguments_of_a_call_nobody_announced_open_it_so_that_a_stall_is_noticed() -> None:
    reader = PROTOCOL.stream_reader()

    started, opened, delta = reader.feed(args_delta("{", item_id="fc_1", output_index=0))

    assert isinstance(started, ResponseStarted)
    assert isinstance(opened, ToolCallStarted)
    assert (opened.call_id, opened.name) == ("fc_1", "")
    assert delta == ToolArgsDelta(index=0, text="{")


def test_a_part_behind_the_end_of_its_message_is_not_said() -> None:
    late = frame("response.output_text.done", item_id="m1", output_index=0, content_index=1, text="late")

    said = answer(done(message("hi", id="m1"), output_index=0), late, completed())

    assert [part.text for part in said.parts if isinstance(part, Text)] == ["hi"]
    assert said.finish is FinishReason.STOP


def test_a_call_that_is_never_named_is_no_answer() -> None:
    streamed = answer(CREATED, args_delta("{}", item_id="fc_1", output_index=0), completed())
    whole = fold(PROTOCOL.read_body({"object": "response", "output": [{"type": "function_call", "call_id": "c"}]}))

    for said in (streamed, whole):
        assert said.failure is not None
        assert (said.failure.kind, "never given a name" in said.failure.message) == (ErrorKind.MALFORMED, True)


def test_a_call_that_is_named_at_last_is_said_again_whole() -> None:
    frames = [
        args_delta("{", item_id="fc_1", output_index=0),
        done(call("c1", "f", "{}", id="fc_1"), output_index=0),
        completed(),
    ]

    said = answer(*frames)
    nameless, called = said.parts
    # Clients are told of the second alone (`trioproxy.neutral.unnamed`).
    assert said.finish is FinishReason.TOOL_CALLS
    assert isinstance(nameless, ToolCall)
    assert nameless.name == ""
    assert isinstance(called, ToolCall)
    assert (called.call_id, called.name, called.arguments) == ("c1", "f", "{}")


def test_more_of_a_call_without_a_name_is_no_plain_growth() -> None:
    reader = PROTOCOL.stream_reader()
    frames = [args_delta(text, item_id="fc_1", output_index=0) for text in ("{", "}")]
    reader.feed(frames[0])

    assert reader.look(frames[1]) is None


@pytest.mark.parametrize("item_id", [{}, {"item_id": ""}, {"item_id": 7}], ids=["absent", "empty", "odd"])
@pytest.mark.parametrize("name", ["function_call_arguments", "custom_tool_call_input"])
def test_arguments_of_no_call_are_malformed(name: str, item_id: dict[str, Any]) -> None:
    reader = PROTOCOL.stream_reader()
    reader.feed(CREATED)

    (failed,) = reader.feed(frame(f"response.{name}.delta", delta="{", output_index=3, **item_id))

    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.MALFORMED
    assert f"response.{name}.delta" in failed.failure.message
    assert reader.feed(completed()) == []
    assert reader.close() == []


def test_custom_arguments_nobody_announced() -> None:
    (called,) = answer(frame("response.custom_tool_call_input.delta", delta="x", item_id="ctc_1"), completed()).parts
    assert isinstance(called, ToolCall)
    assert called.kind is ToolKind.CUSTOM


def test_late_arguments_of_a_call_that_is_over_are_left_out() -> None:
    at = {"output_index": 0, "item_id": "fc_1"}
    frames = [
        added(call("c1", "f", "", id="fc_1"), output_index=0),
        frame("response.function_call_arguments.done", arguments="{}", **at),
        args_delta("{}", **at),
        completed(),
    ]
    (called,) = answer(*frames).parts
    assert isinstance(called, ToolCall)
    assert called.arguments == "{}"


def test_the_providers_own_items_are_carried_whole() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    frames = [
        added({"type": "web_search_call", "id": "ws_1", "status": "in_progress"}, output_index=0),
        frame("response.web_search_call.in_progress", output_index=0, item_id="ws_1"),
        done(search, output_index=0),
        completed(search),
    ]
    events = read(frames)

    assert [event for event in events if isinstance(event, Foreign)] == [
        Foreign(index=0, protocol="openai_responses", kind="web_search_call", payload=search)
    ]


def test_an_item_that_never_ended_is_carried_as_far_as_it_got() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}

    assert answer(added(item, output_index=0), completed()).parts == (
        Opaque(protocol="openai_responses", kind="web_search_call", payload=item),
    )


@pytest.mark.parametrize(
    ("details", "reason", "raw"),
    [
        ({"reason": "max_output_tokens"}, FinishReason.LENGTH, "max_output_tokens"),
        ({"reason": "content_filter"}, FinishReason.CONTENT_FILTER, "content_filter"),
        ({"reason": "steered"}, FinishReason.LENGTH, "steered"),
        (None, FinishReason.LENGTH, "incomplete"),
    ],
)
def test_an_incomplete_response_tells_why(details: object, reason: FinishReason, raw: str) -> None:
    events = read([CREATED, frame("response.incomplete", response={"incomplete_details": details})])

    assert events[-1] == Finished(reason=reason, raw=raw)


def test_a_failed_response_keeps_its_words() -> None:
    reader = PROTOCOL.stream_reader()
    error = {"code": "context_length_exceeded", "message": "too long", "param": "input"}
    events = read([CREATED, frame("response.failed", response={"error": error, "usage": {"input_tokens": 1}})], reader)

    failed = events[-1]
    assert isinstance(failed, Failed)
    failure = failed.failure
    assert (failure.kind, failure.message, failure.code, failure.param, failure.fault) == (
        ErrorKind.INVALID_REQUEST,
        "too long",
        "context_length_exceeded",
        "input",
        Fault.UPSTREAM,
    )
    assert events[-2] == UsageReported(usage=Usage(input=1))
    assert (reader.seen.failed, reader.seen.complete) == (True, False)


def test_a_failure_without_words_is_one() -> None:
    failed = read([frame("response.failed")])[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.INTERNAL
    assert failed.failure.message


def test_a_failure_may_be_explained_behind_itself() -> None:
    error = {"type": "invalid_request_error", "code": "content_policy_violation", "message": "blocked"}
    events = read(
        [
            CREATED,
            frame("response.failed", response={"error": None}),
            frame("error", message=None, code=None, error=error),
        ]
    )

    [failed] = [event for event in events if isinstance(event, Failed)]
    assert (failed.failure.kind, failed.failure.message) == (ErrorKind.INVALID_REQUEST, "blocked")


def test_a_cancelled_response_is_no_success() -> None:
    failed = read([CREATED, frame("response.cancelled", response={})])[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.TRUNCATED


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            frame("error", code="server_is_overloaded", message="busy", param=None, sequence_number=3), id="flat"
        ),
        pytest.param(frame("error", error={"type": "overloaded_error", "code": None, "message": "busy"}), id="nested"),
        pytest.param(Frame(b'{"error":{"code":"slow_down","message":"busy"}}'), id="untyped"),
        pytest.param(Frame(b'{"message":"busy","status":503}', event="error"), id="named by its frame"),
        pytest.param(frame("response.error", error={"message": "busy", "status": 529}), id="by another name"),
    ],
)
def test_an_error_event_keeps_its_words(sent: Frame) -> None:
    reader = PROTOCOL.stream_reader()

    events = [*reader.feed(sent), *reader.close()]

    (failed,) = events
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.message) == (ErrorKind.OVERLOADED, "busy")
    assert reader.seen.failed


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Frame(b'{"type":'), id="not JSON"),
        pytest.param(Frame(b"[1]"), id="not an object"),
        pytest.param(frame("response.output_item.done"), id="no item"),
        pytest.param(frame("response.output_text.delta", delta=5), id="a delta that is no text"),
    ],
)
def test_what_can_not_be_read_is_a_failure_and_no_exception(bad: Frame) -> None:
    failed = read([CREATED, bad, completed()])[-1]

    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize(
    "odd", [Frame(b""), Frame(b" [DONE] "), frame("response.audio.delta", delta="x"), Frame(b"{}")]
)
def test_what_says_nothing_changes_nothing(odd: Frame) -> None:
    assert read([CREATED, odd, completed()]) == read([CREATED, completed()])


def test_the_end_of_the_bytes_is_no_end() -> None:
    events: list[Event] = read([CREATED, text_delta("x", output_index=0)])

    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.TRUNCATED


def test_final_output_that_is_no_list_of_items_is_left_out() -> None:
    assert answer(CREATED, frame("response.completed", response={"output": ["x", 1]})).parts == ()
    assert answer(CREATED, frame("response.completed", response={"output": None})).parts == ()
    assert answer(CREATED, frame("response.completed")).parts == ()


def test_queued_and_in_progress_begin_a_stream_as_well() -> None:
    response = {"id": "resp_2", "model": "m"}
    assert read([frame("response.queued", response=response), completed()])[0] == ResponseStarted(
        id="resp_2", model="m"
    )


def test_a_reasoning_delta_finds_its_item_by_nothing_at_all() -> None:
    frames = [
        added({"type": "reasoning", "id": "rs_1"}, output_index=0),
        frame("response.reasoning_summary_text.delta", delta="x", summary_index=0),
        completed(),
    ]
    events = read(frames)
    assert [event for event in events if isinstance(event, ReasoningDelta)] == [
        ReasoningDelta(index=0, text="x", summary=0)
    ]
