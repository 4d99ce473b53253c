from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Finished,
    FinishReason,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Citation, Signature, SignatureForm, ToolKind
from trioproxy.protocols.anthropic.answer_blocks import BlockOut, ForeignBlocks, TextBlock, ThinkingBlock, ToolBlock
from trioproxy.protocols.anthropic.seals import call_seal, seal

OWN = Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE)
HIDDEN = Signature(value="EmwK", form=SignatureForm.ANTHROPIC_REDACTED)
OPENAI = Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")
GEMINI = Signature(value="CoQB", form=SignatureForm.GEMINI_THOUGHT)
DONE = PartFinished(index=0)


def said(block: BlockOut, *events: Event) -> list[Any]:
    """The blocks and deltas themselves, ``stop`` for an end."""
    told = [each for event in events for each in block.said(event)]
    return [each.get("content_block") or each.get("delta") or "stop" for each in told]


def text(**extras: Any) -> TextBlock:
    return TextBlock(PartStarted(index=0, kind=PartKind.TEXT, **extras))


def thinking(**extras: Any) -> ThinkingBlock:
    return ThinkingBlock(PartStarted(index=0, kind=PartKind.REASONING, **extras))


def signed(signature: Signature) -> PartSigned:
    return PartSigned(index=0, signature=signature)


def test_text_opens_with_its_first_word() -> None:
    block = text(extras={**packed("anthropic", {"odd": 1}), **packed("gemini", {"other": 2})})
    assert said(block, TextDelta(index=0, text="")) == []
    assert said(block, TextDelta(index=0, text="a"), RefusalDelta(index=0, text="b"), DONE) == [
        {"type": "text", "text": "", "odd": 1},
        {"type": "text_delta", "text": "a"},
        {"type": "text_delta", "text": "b"},
        "stop",
    ]
    assert [loss.path for loss in block.losses] == ["other"]


def test_an_empty_part_leaves_nothing() -> None:
    assert said(text(), DONE) == []
    assert said(thinking(), DONE) == []


def test_citations() -> None:
    block = text()
    citation = Citation(url="https://a.example", start=1, end=2, extras=packed("gemini", {"odd": 1}))
    started, delta, end = said(block, CitationAdded(index=0, citation=citation), DONE)
    assert (started["type"], delta["type"], end) == ("text", "citations_delta", "stop")
    assert delta["citation"]["url"] == "https://a.example"
    assert [loss.path for loss in block.losses] == ["citations.odd", "citations.start"]


def test_a_source_without_a_url_is_a_loss() -> None:
    block = TextBlock(PartStarted(index=0, kind=PartKind.TEXT))
    assert said(block, CitationAdded(index=0, citation=Citation(title="report.pdf", start=0, end=1)), DONE) == []
    assert [(loss.path, loss.reason) for loss in block.losses] == [("citations", "report.pdf has no URL to name it by")]


def test_signed_text() -> None:
    block = text()
    assert said(block, TextDelta(index=0, text="a"), signed(GEMINI), DONE)[-1] == "stop"
    assert [loss.path for loss in block.losses] == ["signature"]


@pytest.mark.parametrize(
    ("signature", "written"),
    [(OWN, "EqwC"), (None, seal(None)), (OPENAI, seal(OPENAI)), (GEMINI, seal(GEMINI))],
)
def test_thinking(signature: Signature | None, written: str) -> None:
    events: list[Event] = [ReasoningDelta(index=0, text="hm"), *([signed(signature)] if signature else []), DONE]
    assert said(thinking(), *events) == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": written},
        "stop",
    ]


def test_sections_of_a_summary_are_paragraphs() -> None:
    sections = [(0, "a"), (0, "b"), (1, ""), (1, "c"), (None, "d")]
    out = said(thinking(), *(ReasoningDelta(index=0, text=words, summary=number) for number, words in sections), DONE)
    assert [each["thinking"] for each in out[1:5]] == ["a", "b", "\n\nc", "\n\nd"]


@pytest.mark.parametrize(
    ("signature", "written"),
    [
        (HIDDEN, [{"type": "redacted_thinking", "data": "EmwK"}, "stop"]),
        (OPENAI, [{"type": "redacted_thinking", "data": seal(OPENAI)}, "stop"]),
        (
            OWN,
            [
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "signature_delta", "signature": "EqwC"},
                "stop",
            ],
        ),
    ],
)
def test_a_token_alone(signature: Signature, written: list[Any]) -> None:
    assert said(thinking(), signed(signature), DONE) == written


def call(**fields: Any) -> tuple[ToolBlock, ToolCallStarted]:
    started = ToolCallStarted(index=0, call_id="call_1", name="f", **fields)
    return ToolBlock(started), started


OPENED = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}, "caller": {"type": "direct"}}


def args(text: str) -> ToolArgsDelta:
    return ToolArgsDelta(index=0, text=text)


def test_a_call() -> None:
    block, started = call()
    assert said(block, started, args(""), args("{"), args("}"), DONE) == [
        OPENED,
        {"type": "input_json_delta", "partial_json": "{"},
        {"type": "input_json_delta", "partial_json": "}"},
        "stop",
    ]
    assert block.losses == []


def test_a_calls_own_fields_and_a_namespace() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "s"}
    block, started = call(namespace="ns", extras={**packed("anthropic", {"caller": caller}), **packed("x", {"odd": 1})})
    assert said(block, started) == [{**OPENED, "caller": caller}]
    assert [loss.path for loss in block.losses] == ["odd", "namespace"]


@pytest.mark.parametrize(("pieces", "whole"), [([], '{"input":""}'), (['a"', "é\n"], '{"input":"a\\"é\\n"}')])
def test_a_custom_tools_text_is_wrapped(pieces: list[str], whole: str) -> None:
    block, started = call(kind=ToolKind.CUSTOM)
    out = said(block, started, *(args(piece) for piece in pieces), DONE)
    assert "".join(each["partial_json"] for each in out[1:-1]) == whole


def test_a_calls_token_follows_in_a_block_of_its_own() -> None:
    block, started = call()
    assert said(block, started, signed(GEMINI), args("{}"), DONE)[-3:] == [
        "stop",
        {"type": "redacted_thinking", "data": call_seal("call_1", GEMINI)},
        "stop",
    ]


@pytest.mark.parametrize(
    ("payload", "written"),
    [
        (
            {"type": "server_tool_use", "id": "s", "input": {"q": 1}},
            [
                {"type": "server_tool_use", "id": "s", "input": {}},
                {"type": "input_json_delta", "partial_json": '{"q":1}'},
                "stop",
            ],
        ),
        ({"type": "server_tool_use", "input": {}}, [{"type": "server_tool_use", "input": {}}, "stop"]),
        (
            {"type": "web_search_tool_result", "content": []},
            [{"type": "web_search_tool_result", "content": []}, "stop"],
        ),
        (
            {"type": "compaction", "content": "so far", "signature": "x"},
            [
                {"type": "compaction", "content": None, "signature": "x"},
                {"type": "compaction_delta", "content": "so far"},
                "stop",
            ],
        ),
    ],
)
def test_blocks_that_only_this_api_knows(payload: Any, written: Any) -> None:
    assert said(ForeignBlocks(payload), DONE) == written


def test_events_of_other_parts_are_a_bug() -> None:
    block, _ = call()
    odd = Finished(reason=FinishReason.STOP)
    for each in (block, thinking()):
        with pytest.raises(AssertionError):
            each.said(odd)
