"""Streams as servers send them. Each quirk here was seen in a recording or is told of in the server's own documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocols.openai_chat.chat import DONE, answer, call, calls, chunk, frame, legal, read
from tests.support.events import json_values
from trioproxy.errors import ErrorKind, Fault
from trioproxy.neutral.events import (
    Event,
    Failed,
    Finished,
    FinishReason,
    PartFinished,
    PartKind,
    PartStarted,
    ResponseStarted,
    TextDelta,
    UsageReported,
)
from trioproxy.neutral.parts import (
    Reasoning,
    Text,
    ToolCall,
)
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.openai_chat.reader import ChatReader
from trioproxy.wire.frames import Frame


def _failure(*frames: Frame) -> Any:
    last = read(*frames)[-1]
    assert isinstance(last, Failed)
    assert last.failure.fault is Fault.UPSTREAM
    return last.failure


# The plain stream.


def test_a_plain_stream_event_by_event() -> None:
    reader = ChatReader()
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    steps = [
        (chunk({"role": "assistant", "content": ""}), [ResponseStarted(id="c1", model="m", created=7)]),
        (chunk({"content": "Hi"}), [PartStarted(index=0, kind=PartKind.TEXT), TextDelta(index=0, text="Hi")]),
        (chunk({"content": " you"}), [TextDelta(index=0, text=" you")]),
        (chunk({}, "stop"), [PartFinished(index=0)]),
        (frame({"id": "c1", "choices": [], "usage": usage}), [UsageReported(usage=Usage(input=5, output=2))]),
        (DONE, [Finished(reason=FinishReason.STOP, raw="stop")]),
    ]
    for sent, expected in steps:
        assert reader.feed(sent) == expected
    assert reader.feed(chunk({"content": "late"})) == []
    assert reader.close() == []


def test_what_was_seen_is_kept_for_an_honest_ending() -> None:
    reader = ChatReader()
    reader.feed(chunk({"content": "Hi"}))
    assert (reader.seen.response_id, reader.seen.model, reader.seen.created) == ("c1", "m", 7)
    assert not reader.seen.complete
    seen = reader.seen
    reader.feed(chunk({}, "stop"))
    assert (seen.complete, seen.failed) == (True, False)


@pytest.mark.parametrize("end", [[], [DONE]])
def test_the_end_of_the_stream_after_a_finish_reason_is_the_end_of_the_answer(end: list[Frame]) -> None:
    assert answer(chunk({"content": "a"}), chunk({}, "stop"), *end).finish is FinishReason.STOP


@pytest.mark.parametrize("end", [[], [DONE], [chunk({}, "")], [chunk({}), DONE]])
def test_an_answer_without_a_finish_reason_is_never_a_success(end: list[Frame]) -> None:
    failure = _failure(chunk({"content": "a"}), *end)
    assert failure.kind is ErrorKind.TRUNCATED
    assert "finish_reason" in failure.message


def test_an_empty_stream_is_truncated() -> None:
    assert _failure().kind is ErrorKind.TRUNCATED
    assert _failure(Frame(b""), Frame(b"  ")).kind is ErrorKind.TRUNCATED


def test_nothing_seen_is_changed_by_our_own_verdict() -> None:
    reader = ChatReader()
    reader.feed(chunk({"content": "a"}))
    reader.close()
    assert not reader.seen.complete
    assert not reader.seen.failed


# First chunks, usage, finish reasons.


def test_azures_first_chunk_is_not_the_beginning() -> None:
    first = frame({"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
    events = read(first, chunk({"content": "a"}), chunk({}, "stop"), DONE)
    assert events[0] == ResponseStarted(id="c1", model="m", created=7)


@pytest.mark.parametrize(
    "last",
    [
        chunk({}, "stop", usage={"prompt_tokens": 5, "completion_tokens": 2}),
        chunk({}, "stop", x_groq={"usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
        frame(
            {"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 5, "completion_tokens": 2}}]}
        ),
    ],
)
def test_usage_in_the_finish_chunk(last: Frame) -> None:
    said = answer(chunk({"content": "a"}), last, DONE)
    assert said.usage == Usage(input=5, output=2)
    assert said.finish is FinishReason.STOP


def test_usage_that_grows_is_reported_when_it_changes() -> None:
    def counted(n: int) -> dict[str, int]:
        return {"prompt_tokens": 5, "completion_tokens": n}

    sent = [chunk({"content": "a"}, usage=counted(n)) for n in (1, 1, 2)]
    events = read(*sent, chunk({}, "stop", usage=counted(2)), DONE)
    assert [event.usage.output for event in events if isinstance(event, UsageReported)] == [1, 2]


def test_a_usage_chunk_closes_nothing() -> None:
    usage = frame({"id": "c1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    said = answer(
        calls(call(0, "a", "f", '{"x":')), usage, calls(call(0, arguments="1}")), chunk({}, "tool_calls"), DONE
    )
    assert said.parts == (ToolCall(call_id="a", name="f", arguments='{"x":1}'),)


def test_a_finish_reason_twice() -> None:
    said = answer(chunk({"content": "a"}, "length"), chunk({"content": ""}, "stop"), chunk({}, None), DONE)
    assert (said.finish, said.finish_raw) == (FinishReason.LENGTH, "length")


@pytest.mark.parametrize("name", ["stop_reason", "matched_stop"])
def test_a_server_that_says_which_stop_sequence_it_hit(name: str) -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", name: "END"}
    said = answer(chunk({"content": "a"}), frame({"choices": [choice]}), DONE)
    assert (said.finish, said.stop_sequence) == (FinishReason.STOP_SEQUENCE, "END")
    for token in (154827, "<|im_end|>", "</s>", "", None):
        said = answer(chunk({"content": "a"}), frame({"choices": [{**choice, name: token}]}), DONE)
        assert (said.finish, said.stop_sequence) == (FinishReason.STOP, None)


def test_text_in_the_finish_chunk_is_kept() -> None:
    assert answer(chunk({"content": "a"}), chunk({"content": "b"}, "stop"), DONE).parts == (Text(text="ab"),)


def test_what_comes_after_the_finish_reason_is_a_part_of_its_own() -> None:
    said = answer(chunk({"content": "a"}, "stop"), chunk({"content": "b"}), DONE)
    assert said.parts == (Text(text="a"), Text(text="b"))


@pytest.mark.parametrize("delta", [{"content": None, "tool_calls": None, "refusal": None, "reasoning": None}, {}, None])
def test_deltas_that_say_nothing(delta: Any) -> None:
    assert answer(chunk(delta), chunk({"content": "a"}), chunk(delta, "stop"), DONE).parts == (Text(text="a"),)


# Errors in a stream that began with 200.


def test_an_error_object_ends_the_stream() -> None:
    reader = ChatReader()
    error = {"error": {"message": "no more", "type": "server_error", "code": "overloaded"}}
    events = legal([*reader.feed(chunk({"content": "a"})), *reader.feed(frame(error)), *reader.close()])
    assert isinstance(events[-1], Failed)
    assert (events[-1].failure.kind, events[-1].failure.message) == (ErrorKind.OVERLOADED, "no more")
    assert reader.seen.failed
    assert reader.feed(DONE) == []


def test_an_error_chunk_after_the_finish_reason_is_still_an_error() -> None:
    late = {"id": "g", "error": {"code": 400, "message": "Token limit reached"}, "choices": [{"index": 0, "delta": {}}]}
    events = read(
        chunk({"content": "a"}, "length"), frame({**late, "usage": {"prompt_tokens": 4, "completion_tokens": 1}}), DONE
    )
    assert isinstance(events[-2], UsageReported)
    assert isinstance(events[-1], Failed)
    assert (events[-1].failure.kind, events[-1].failure.status) == (ErrorKind.INVALID_REQUEST, 400)


def test_an_event_named_error() -> None:
    assert _failure(chunk({"content": "a"}), frame({"message": "gone"}, event="error")).message == "gone"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("error", ErrorKind.INTERNAL),
        ("insufficient_system_resource", ErrorKind.OVERLOADED),
        ("network_error", ErrorKind.UNREACHABLE),
    ],
)
def test_a_finish_reason_that_is_a_failure(reason: str, kind: ErrorKind) -> None:
    failure = _failure(chunk({"content": "a"}), chunk({}, reason), DONE)
    assert failure.kind is kind
    assert reason in failure.message


def test_an_error_inside_the_choice() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "Bad gateway"}}
    failure = _failure(chunk({"content": "a"}), frame({"choices": [choice, choice]}), DONE)
    assert (failure.message, failure.status) == ("Bad gateway", 502)


@pytest.mark.parametrize("data", [b"{", b"nonsense", b'{"a": NaN}', b"\xff", b"[" * 2000])
def test_a_chunk_that_is_not_json_is_malformed(data: bytes) -> None:
    assert _failure(chunk({"content": "a"}), Frame(data)).kind is ErrorKind.MALFORMED


def test_a_chunk_that_is_not_an_object_is_malformed() -> None:
    assert _failure(frame([1])).kind is ErrorKind.MALFORMED


def test_thoughts_in_blocks_alone() -> None:
    def block(text: str, signature: str = "") -> Any:
        return {"thinking_blocks": [{"type": "thinking", "thinking": text, "signature": signature}, 7]}

    said = answer(
        chunk(block("I ")), chunk(block("see")), chunk(block("", "sig")), chunk({"content": "a"}, "stop"), DONE
    )
    assert said.parts == (Reasoning(text="I see"), Text(text="a"))
    twice = answer(chunk({"reasoning_content": "I ", **block("I ")}), chunk({"content": "a"}, "stop"), DONE)
    assert twice.parts == (Reasoning(text="I "), Text(text="a"))


# Properties.


def _detail(**members: Any) -> Any:
    return {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0, **members}


def _annotation(url: str, start: int = 0, end: int = 0) -> Any:
    return {"type": "url_citation", "url_citation": {"url": url, "title": "T", "start_index": start, "end_index": end}}


_STREAM = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning": "hm", "reasoning_details": [_detail(text="hm")]}),
    chunk({"reasoning_details": [_detail(signature="sig")]}),
    chunk({"content": "I look"}),
    calls(call(0, "x", "f", '{"a":')),
    calls(call(1, "y", "g", "")),
    calls(call(0, arguments="1}"), call(1, arguments="{}")),
    chunk({"annotations": [_annotation("https://a")]}),
    chunk({}, "tool_calls"),
    frame({"id": "c1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
    DONE,
]


@pytest.mark.parametrize("length", range(len(_STREAM)))
def test_a_prefix_is_a_success_only_behind_the_finish_reason(length: int) -> None:
    last = read(*_STREAM[:length])[-1]
    assert isinstance(last, Finished if length > 8 else Failed)


def _chunk_like() -> st.SearchStrategy[Any]:
    """Chunks with the right members and anything at all in them."""
    call_like = st.fixed_dictionaries(
        {},
        optional={
            "index": json_values() | st.integers(0, 2),
            "id": json_values() | st.sampled_from(["a", "b"]),
            "type": st.sampled_from(["function", "custom", 1]),
            "function": json_values()
            | st.fixed_dictionaries({"name": st.sampled_from(["f", "g", "", 3]), "arguments": json_values()}),
            "extra_content": json_values(),
        },
    )
    delta = st.fixed_dictionaries(
        {},
        optional={
            "content": json_values()
            | st.lists(st.fixed_dictionaries({"type": st.sampled_from(["thinking", "text"]), "text": json_values()})),
            "reasoning": json_values(),
            "reasoning_details": json_values()
            | st.lists(
                st.fixed_dictionaries(
                    {"type": st.sampled_from(["reasoning.text", 1]), "data": json_values(), "id": json_values()}
                )
            ),
            "refusal": json_values(),
            "annotations": json_values(),
            "tool_calls": json_values() | st.lists(call_like, max_size=2),
            "function_call": json_values(),
            "audio": json_values(),
        },
    )
    choice = st.fixed_dictionaries(
        {},
        optional={
            "index": json_values() | st.integers(0, 1),
            "delta": json_values() | delta,
            "message": json_values() | delta,
            "finish_reason": json_values() | st.sampled_from(["stop", "error", "tool_calls"]),
            "usage": json_values(),
        },
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "choices": json_values() | st.lists(choice, max_size=2),
            "usage": json_values(),
            "citations": json_values() | st.lists(words),
            "search_results": json_values() | st.lists(json_values()),
            "error": json_values(),
            "id": json_values(),
            "created": json_values(),
            "x_groq": json_values(),
        },
    )


words = st.text(max_size=5)


@settings(max_examples=150, deadline=None)
@given(st.lists(_chunk_like() | json_values(), max_size=5), st.booleans())
def test_whatever_a_server_sends_makes_a_legal_answer(chunks: list[Any], whole: bool) -> None:
    reader = ChatReader()
    events: list[Event] = []
    if whole and chunks:
        events += reader.take(chunks[0], whole=True)
    else:
        for each in chunks:
            events += reader.feed(Frame(json.dumps(each).encode()))
    legal([*events, *reader.close()])
