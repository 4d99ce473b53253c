from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.gemini.exchanges import legal, read_frames
from tests.support.events import json_objects
from trioproxy.errors import ErrorKind, Fault
from trioproxy.neutral.events import (
    CitationAdded,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    ResponseStarted,
    TextDelta,
    UsageReported,
)
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import Opaque, Text, ToolCall
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.gemini.reader import GeminiReader, read_body
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import dumps


def _chunk(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    candidate = {key: fields.pop(key) for key in list(fields) if key.startswith(("finish", "grounding", "index"))}
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **candidate}], **fields}


def _frames(*documents: Any) -> list[Frame]:
    return [Frame(dumps(document)) for document in documents]


def test_text_beside_the_finish_is_not_lost_and_the_last_usage_wins() -> None:
    events = read_frames(
        _frames(
            _chunk(
                {"text": "Hel"},
                usageMetadata={"promptTokenCount": 11, "candidatesTokenCount": 1, "totalTokenCount": 12},
            ),
            _chunk(
                {"text": "lo"}, usageMetadata={"promptTokenCount": 11, "candidatesTokenCount": 1, "totalTokenCount": 12}
            ),
            _chunk(
                {"text": "!"},
                finishReason="STOP",
                usageMetadata={"promptTokenCount": 11, "candidatesTokenCount": 3, "totalTokenCount": 14},
            ),
        )
    )
    answer = fold(events)
    assert answer.parts == (Text(text="Hello!"),)
    assert answer.usage == Usage(input=11, output=3)
    assert [event for event in events if isinstance(event, UsageReported)] == [
        UsageReported(usage=Usage(input=11, output=1)),
        UsageReported(usage=Usage(input=11, output=3)),
    ]
    assert events[-1] == Finished(reason=FinishReason.STOP, raw="STOP")


def test_the_end_waits_for_the_end_of_the_bytes() -> None:
    reader = GeminiReader()
    events = [event for frame in _frames(_chunk({"text": "a"}, finishReason="STOP")) for event in reader.feed(frame)]
    assert reader.seen.complete
    assert not any(isinstance(event, Finished) for event in events)
    # A finishReason on every chunk, as older models write it, cuts nothing short.
    events += reader.feed(_frames(_chunk({"text": "b"}, finishReason="MAX_TOKENS"))[0])
    events += reader.close()
    assert fold(legal(events)).parts == (Text(text="ab"),)
    assert events[-1] == Finished(reason=FinishReason.LENGTH, raw="MAX_TOKENS")
    assert reader.close() == []
    assert reader.feed(Frame(b'{"error":{}}')) == []
    assert reader.feed_document({"error": {}}) == []


def test_who_answers_is_known_from_the_first_chunk() -> None:
    reader = GeminiReader()
    first = _chunk({"text": "a"}, responseId="r-1", modelVersion="gemini-x", createTime="2026-04-02T17:03:50Z")
    assert reader.feed(_frames(first)[0])[0] == ResponseStarted(id="r-1", model="gemini-x", created=1775149430)
    assert (reader.seen.response_id, reader.seen.model, reader.seen.created) == ("r-1", "gemini-x", 1775149430)
    assert not reader.seen.complete


def test_calls_without_an_id_are_told_apart_by_their_answer() -> None:
    def ids(**fields: Any) -> set[str]:
        chunk = _chunk({"functionCall": {"name": "f", "args": {}}}, finishReason="STOP", **fields)
        return {part.call_id for part in fold(read_body(chunk)).parts if isinstance(part, ToolCall)}

    assert len(ids(responseId="a") | ids(responseId="b") | ids(usageMetadata={"promptTokenCount": 1}) | ids()) == 4
    assert ids() == ids()
    answer = fold(read_body(_chunk({"functionCall": {"name": "f", "args": {}}}, finishReason="STOP")))
    assert answer.finish is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("data", [b"", b"[DONE]"])
def test_what_says_nothing_is_passed_over(data: bytes) -> None:
    assert [type(event) for event in read_frames([Frame(data)])] == [Failed]
    assert isinstance(read_frames([*_frames(_chunk({"text": "a"}, finishReason="STOP")), Frame(data)])[-1], Finished)


@pytest.mark.parametrize(
    "finish",
    [
        {},
        {"finishReason": "FINISH_REASON_UNSPECIFIED"},
        {"finishReason": None},
        {"finishReason": 0},
        {"finishReason": True},
        {"finishReason": 1.5},
        {"finishReason": {}},
    ],
)
def test_without_a_finish_reason_the_answer_is_cut_off(finish: dict[str, Any]) -> None:
    last = read_frames(_frames(_chunk({"text": "a"}, **finish)))[-1]
    assert isinstance(last, Failed)
    assert last.failure.kind is ErrorKind.TRUNCATED
    assert last.failure.fault is Fault.UPSTREAM


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'"x"',
        b"[1]",
        b'{"candidates":{}}',
        b'{"candidates":[1]}',
        b'{"candidates":[{"content":"x"}]}',
        b'{"candidates":[{"content":{"parts":{}}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$"}]}}]}}]}',
    ],
)
def test_what_is_no_gemini_stream_fails_as_malformed(data: bytes) -> None:
    events = read_frames([Frame(data), *_frames(_chunk({"text": "a"}, finishReason="STOP"))])
    assert isinstance(events[-1], Failed)
    assert events[-1].failure.kind is ErrorKind.MALFORMED
    assert not any(isinstance(event, TextDelta) for event in events)


def test_an_error_in_the_stream_is_the_providers_own() -> None:
    reader = GeminiReader()
    error = {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}
    events = read_frames([*_frames(_chunk({"text": "a"})), *_frames([error])], reader)
    assert isinstance(events[-1], Failed)
    assert events[-1].failure.kind is ErrorKind.RATE_LIMITED
    assert events[-1].failure.message == "quota"
    assert reader.seen.failed
    assert not reader.seen.complete


@pytest.mark.parametrize(
    ("word", "kind"),
    [("MALFORMED_FUNCTION_CALL", ErrorKind.MALFORMED), ("MISSING_THOUGHT_SIGNATURE", ErrorKind.INVALID_REQUEST)],
)
def test_a_model_that_broke_off_is_no_success(word: str, kind: ErrorKind) -> None:
    events = read_body(_chunk(finishReason=word, finishMessage="Malformed function call: print("))
    assert isinstance(events[-1], Failed)
    assert events[-1].failure.kind is kind
    assert word in events[-1].failure.message
    assert "print(" in events[-1].failure.message
    quiet = read_body(_chunk(finishReason=word))
    assert isinstance(quiet[-1], Failed)
    assert "(" not in quiet[-1].failure.message


def test_a_blocked_prompt_is_the_filters_end() -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT"}
    events = legal(
        read_body({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}})
    )
    assert events[-1] == Finished(reason=FinishReason.CONTENT_FILTER, raw="PROHIBITED_CONTENT")
    assert Foreign(index=0, protocol="gemini", kind="response", payload={"promptFeedback": feedback}) in events
    harmless = read_body({"promptFeedback": {"blockReason": "BLOCKED_REASON_UNSPECIFIED"}})
    assert isinstance(harmless[-1], Failed)
    answered = read_body({**_chunk({"text": "a"}, finishReason="STOP"), "promptFeedback": feedback})
    assert answered[-1] == Finished(reason=FinishReason.STOP, raw="STOP")


@pytest.mark.parametrize(
    ("number", "word", "reason"),
    [
        (1, "STOP", FinishReason.STOP),
        (2, "MAX_TOKENS", FinishReason.LENGTH),
        (3, "SAFETY", FinishReason.CONTENT_FILTER),
        (8, "OTHER", FinishReason.CONTENT_FILTER),
    ],
)
def test_a_reason_may_be_a_number(number: int, word: str, reason: FinishReason) -> None:
    last = read_frames(_frames(_chunk({"text": "a"}, finishReason=number)))[-1]
    assert last == Finished(reason=reason, raw=word)


def test_why_a_prompt_was_blocked_may_be_a_number() -> None:
    blocked = read_body({"promptFeedback": {"blockReason": 4}})
    assert blocked[-1] == Finished(reason=FinishReason.CONTENT_FILTER, raw="PROHIBITED_CONTENT")
    assert isinstance(read_body({"promptFeedback": {"blockReason": 0}})[-1], Failed)


def test_other_candidates_are_not_read() -> None:
    other = {"content": {"parts": [{"text": "no"}]}, "index": 1, "finishReason": "STOP"}
    first = {"content": {"parts": [{"text": "yes"}]}, "index": 0, "finishReason": "STOP"}
    assert fold(read_body({"candidates": [other, first]})).parts == (Text(text="yes"),)


def test_sources_are_citations_and_the_metadata_stays_whole() -> None:
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}],
        "groundingSupports": [{"segment": {"endIndex": 5, "text": "Hello"}, "groundingChunkIndices": [0]}],
    }
    events = read_frames(
        _frames(
            _chunk({"text": "Hel"}),
            _chunk({"text": "lo", "thoughtSignature": "c2ln"}),
            _chunk(finishReason="STOP", groundingMetadata=metadata),
        )
    )
    (cited,) = [event for event in events if isinstance(event, CitationAdded)]
    assert (cited.citation.start, cited.citation.end) == (0, 5)
    assert fold(events).parts[1] == Opaque(protocol="gemini", kind="candidate", payload={"groundingMetadata": metadata})
    without_text = read_body(_chunk({"functionCall": {"name": "f"}}, finishReason="STOP", groundingMetadata=metadata))
    assert not any(isinstance(event, CitationAdded) for event in without_text)


def test_a_source_that_each_chunk_repeats_is_told_once() -> None:
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://a.example/"}}],
        "groundingSupports": [{"segment": {"endIndex": 2, "text": "He"}, "groundingChunkIndices": [0]}],
    }
    events = read_frames(
        _frames(
            _chunk({"text": "He"}, groundingMetadata=metadata),
            _chunk({"text": "llo"}, finishReason="STOP", groundingMetadata=metadata),
        )
    )
    text = fold(events).parts[0]
    assert isinstance(text, Text)
    assert [(each.start, each.end) for each in text.citations] == [(0, 2)]


def test_counts_without_a_name_come_at_the_end() -> None:
    usage = {"promptTokenCount": 1, "totalTokenCount": 1, "trafficType": "ON_DEMAND"}
    events = legal(read_body(_chunk({"text": "a"}, finishReason="STOP", usageMetadata=usage)))
    assert events[-2] == Foreign(index=1, protocol="gemini", kind="usage", payload={"trafficType": "ON_DEMAND"})
    twice = _frames(
        _chunk({"text": "a"}, usageMetadata={"promptTokenCount": 1, "totalTokenCount": 1}),
        _chunk(usageMetadata={"trafficType": "ON_DEMAND"}),
        _chunk(finishReason="STOP", usageMetadata=usage),
    )
    assert [type(event) for event in read_frames(twice)].count(UsageReported) == 1
    odd = read_body(_chunk({"text": "a"}, finishReason="STOP", usageMetadata=[]))
    assert fold(odd).usage is None


_part_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "$.x", "STOP", ""]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(
            ["text", "thought", "thoughtSignature", "functionCall", "name", "args", "partialArgs", "jsonPath", "stringValue",
             "willContinue", "content", "parts", "candidates", "finishReason", "usageMetadata", "promptTokenCount",
             "groundingMetadata", "groundingChunks", "promptFeedback", "blockReason", "error", "web", "index"]
        ),
        inner,
        max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(_part_values | json_objects(), max_size=4))
def test_no_json_breaks_it(documents: list[Any]) -> None:
    read_frames(_frames(*documents))
    read_frames(_frames(*[{"candidates": [{"content": {"parts": [document]}}]} for document in documents]))


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    assert isinstance(read_frames([Frame(piece) for piece in pieces])[-1], Failed)


def test_a_body_needs_no_reason_but_an_answer() -> None:
    assert fold(read_body(_chunk({"text": "a"}))).finish is FinishReason.STOP
    assert fold(read_body(_chunk({"functionCall": {"name": "f"}}))).finish is FinishReason.TOOL_CALLS
    assert fold(read_body({"candidates": []})).failure is not None
    assert fold(read_body(_chunk())).failure is not None
