from __future__ import annotations

from typing import Any

import pytest

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
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.extras import packed
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.anthropic.assembly import MESSAGE, Assembly, malformed

HEAD = {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 3, "output_tokens": 1}}
STARTED: list[Event] = [ResponseStarted(id="msg_1", model="claude-x"), UsageReported(usage=Usage(input=3, output=1))]


def started() -> Assembly:
    assembly = Assembly()
    assert assembly.start(HEAD) == STARTED
    return assembly


def block(opened: dict[str, Any], *deltas: dict[str, Any]) -> list[Event]:
    """The events of one block after the start of a message."""
    assembly = started()
    events = assembly.open(0, opened)
    for delta in deltas:
        events += assembly.delta(0, delta)
    events += assembly.stop(0)
    grammar = Grammar()
    for event in [*STARTED, *events]:
        grammar.feed(event)
    return events


def test_text() -> None:
    assert block({"type": "text", "text": ""}, {"type": "text_delta", "text": "hi"}, {"type": "text_delta"}) == [
        PartStarted(index=0, kind=PartKind.TEXT),
        TextDelta(index=0, text="hi"),
        PartFinished(index=0),
    ]


def test_text_in_the_start() -> None:
    assert block({"type": "text", "text": "hi", "odd": 1})[:2] == [
        PartStarted(index=0, kind=PartKind.TEXT, extras=packed("anthropic", {"odd": 1})),
        TextDelta(index=0, text="hi"),
    ]


def test_citations_in_both_places() -> None:
    one = {"type": "web_search_result_location", "url": "https://a.example", "encrypted_index": "x"}
    events = block(
        {"type": "text", "text": "", "citations": [one, 7]},
        {"type": "citations_delta", "citation": {**one, "url": "https://b.example"}},
        {"type": "citations_delta"},
    )
    assert [each.citation.url for each in events if isinstance(each, CitationAdded)] == [
        "https://a.example",
        "https://b.example",
    ]


def test_thinking_and_its_signature_in_pieces() -> None:
    assert block(
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "Eq"},
        {"type": "signature_delta", "signature": "wC"},
    ) == [
        PartStarted(index=0, kind=PartKind.REASONING),
        ReasoningDelta(index=0, text="hm"),
        PartSigned(index=0, signature=Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE)),
        PartFinished(index=0),
    ]


def test_thinking_without_a_signature() -> None:
    events = block({"type": "thinking", "thinking": "hm"})
    assert not any(isinstance(event, PartSigned) for event in events)


def test_hidden_thinking() -> None:
    assert block({"type": "redacted_thinking", "data": "EmwK"}) == [
        PartStarted(index=0, kind=PartKind.REASONING),
        PartSigned(index=0, signature=Signature(value="EmwK", form=SignatureForm.ANTHROPIC_REDACTED)),
        PartFinished(index=0),
    ]


CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}, "caller": {"type": "direct"}}
CALLED = ToolCallStarted(index=0, call_id="toolu_1", name="f")


def args(*pieces: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


@pytest.mark.parametrize(
    ("given", "pieces", "arguments"),
    [
        ({}, [""], ["{}"]),
        ({}, [], ["{}"]),
        (None, [], ["{}"]),
        ({}, ["", '{"a"', ": 1}"], ['{"a"', ": 1}"]),
        ({"a": 1}, [], ['{"a":1}']),
        ({"a": 1}, ['{"a": 1}'], ['{"a": 1}']),
    ],
)
def test_calls(given: Any, pieces: list[str], arguments: list[str]) -> None:
    assert block({**CALL, "input": given}, *args(*pieces)) == [
        CALLED,
        *(ToolArgsDelta(index=0, text=text) for text in arguments),
        PartFinished(index=0),
    ]


def test_a_call_that_code_made_and_one_without_an_id() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "s"}
    started_call = block({"type": "tool_use", "name": "f", "caller": caller})[0]
    assert started_call == ToolCallStarted(
        index=0, call_id="toolu_msg_1_0", name="f", extras=packed("anthropic", {"caller": caller})
    )


@pytest.mark.parametrize(
    ("opened", "deltas", "payload"),
    [
        ({"type": "web_search_tool_result", "content": [1]}, [], {"content": [1]}),
        ({"type": "server_tool_use", "id": "s", "input": {}}, args('{"q":', "1}"), {"id": "s", "input": {"q": 1}}),
        ({"type": "server_tool_use", "input": {"q": 2}}, [], {"input": {"q": 2}}),
        ({"type": "server_tool_use"}, [], {"input": {}}),
        ({"type": "mcp_tool_use", "input": {}}, args('{"q'), {"input": {"_raw": '{"q'}}),
        (
            {"type": "compaction", "content": None},
            [{"type": "compaction_delta", "content": "so far"}],
            {"content": "so far"},
        ),
        (
            {"type": "brand_new", "text": ""},
            [{"type": "new_delta", "text": "a"}, {"type": "new_delta", "text": "b"}, {"type": "x", "n": 1}],
            {"text": "ab", "n": 1},
        ),
    ],
)
def test_what_only_this_api_knows_is_carried_whole(opened: Any, deltas: Any, payload: Any) -> None:
    assert block(opened, *deltas) == [
        Foreign(index=0, protocol="anthropic", kind=opened["type"], payload={"type": opened["type"], **payload})
    ]


def test_deltas_nobody_knows_are_passed_over() -> None:
    events = block({"type": "text", "text": ""}, {"type": "sparkle_delta"}, {}, *args("{}"))
    assert events == [PartStarted(index=0, kind=PartKind.TEXT), PartFinished(index=0)]


def test_content_for_a_block_that_is_not_open() -> None:
    (failed,) = started().delta(4, {"type": "text_delta", "text": "x"})
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.MALFORMED
    assert "block 4" in failed.failure.message
    assert started().stop(4) == []


def test_a_block_that_was_not_closed() -> None:
    assembly = started()
    assembly.open(0, {"type": "text", "text": "a"})
    assert assembly.open(0, {"type": "text", "text": "b"})[:2] == [
        PartFinished(index=0),
        PartStarted(index=1, kind=PartKind.TEXT),
    ]
    assert assembly.finish()[0] == PartFinished(index=1)


def test_a_missing_start() -> None:
    nameless = ResponseStarted(id="", model="")
    assert Assembly().open(0, {"type": "text", "text": ""})[0] == nameless
    assert Assembly().update({}) == [nameless]
    assert Assembly().finish()[0] == nameless


def test_a_second_start() -> None:
    assembly = started()
    assert assembly.start(HEAD) == []
    assembly.open(0, {"type": "text", "text": ""})
    (failed,) = assembly.start(HEAD)
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.fault) == (ErrorKind.MALFORMED, Fault.UPSTREAM)
    assert assembly.over


def test_the_end() -> None:
    assembly = started()
    assert assembly.update(
        {"delta": {"stop_reason": "stop_sequence", "stop_sequence": "X"}, "usage": {"output_tokens": 9}}
    ) == [UsageReported(usage=Usage(input=3, output=9))]
    assert assembly.update({"delta": None}) == []
    assert assembly.finish() == [Finished(reason=FinishReason.STOP_SEQUENCE, stop_sequence="X", raw="stop_sequence")]
    assert assembly.over


def test_an_end_without_a_reason_is_told_by_the_calls() -> None:
    assembly = started()
    assembly.open(0, CALL)
    assert assembly.finish()[-1] == Finished(reason=FinishReason.TOOL_CALLS)


def test_what_is_said_beside_the_blocks() -> None:
    assembly = Assembly()
    assembly.start({**HEAD, "container": None, "type": "message", "content": []})
    assembly.update(
        {
            "delta": {"stop_reason": "end_turn", "container": {"id": "c"}, "stop_details": None},
            "usage": {"output_tokens": 2, "server_tool_use": {"web_search_requests": 1}},
            "context_management": {"applied_edits": []},
        }
    )
    assert assembly.finish()[0] == Foreign(
        index=0,
        protocol="anthropic",
        kind=MESSAGE,
        payload={
            "container": {"id": "c"},
            "context_management": {"applied_edits": []},
            "usage": {"server_tool_use": {"web_search_requests": 1}},
        },
    )


def refused(said: Any, *, spoke: bool = False) -> list[Event]:
    assembly = started()
    if spoke:
        assembly.open(0, {"type": "text", "text": "I can't."})
    details = {"type": "refusal", "explanation": said} if said != "none" else None
    assembly.update({"delta": {"stop_reason": "refusal", "stop_details": details}})
    return assembly.finish()


def test_a_refusals_explanation_is_its_part() -> None:
    assert refused("too dangerous")[:3] == [
        PartStarted(index=0, kind=PartKind.REFUSAL),
        RefusalDelta(index=0, text="too dangerous"),
        PartFinished(index=0),
    ]


@pytest.mark.parametrize(("said", "spoke"), [("why", True), ("", False), (None, False), ("none", False)])
def test_a_refusal_with_its_own_words_or_none(said: Any, spoke: bool) -> None:
    events = refused(said, spoke=spoke)
    assert not any(isinstance(event, RefusalDelta) for event in events)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.REFUSAL


def test_malformed_says_what_is_wrong() -> None:
    assert malformed("it is green").failure.message.endswith("Messages protocol: it is green")


def test_a_call_of_no_tool_is_no_answer() -> None:
    assembly = Assembly()
    assembly.open(0, {"type": "tool_use", "id": "t"})
    *_, closed, failed = assembly.finish()
    assert isinstance(closed, PartFinished)
    assert isinstance(failed, Failed)
    assert failed.failure.kind is ErrorKind.MALFORMED
