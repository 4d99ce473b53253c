from __future__ import annotations

from trioproxy.neutral.events import PartKind, ToolCallStarted
from trioproxy.neutral.parts import ToolKind
from trioproxy.protocols.openai_responses.drafts import CallDraft, ForeignDraft, MessageDraft, ReasoningDraft


def test_a_message_is_at_every_moment_what_was_said() -> None:
    draft = MessageDraft(3, "msg_1", {"phase": "commentary"})

    assert draft.added()[0][1] == {"output_index": 3, "item": draft.item("in_progress")}
    number, _ = draft.part(PartKind.TEXT)
    draft.delta(number, "ab")
    draft.delta(number, "c")
    assert draft.length(number) == 3
    assert draft.item("incomplete") == {
        "id": "msg_1",
        "type": "message",
        "status": "incomplete",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "abc", "annotations": [], "logprobs": []}],
        "phase": "commentary",
    }


def test_reasoning_without_a_word_has_an_empty_summary() -> None:
    draft = ReasoningDraft(0, "rs_1", {})

    assert [kind for kind, _ in (*draft.added(), *draft.done())] == [
        "response.output_item.added",
        "response.output_item.done",
    ]
    assert draft.item() == {"id": "rs_1", "type": "reasoning", "summary": []}


def test_a_call_says_its_arguments_three_times() -> None:
    started = ToolCallStarted(index=0, call_id="c", name="f", kind=ToolKind.CUSTOM)
    draft = CallDraft(0, "ctc_1", started, {})
    draft.delta("x")

    assert [kind for kind, _ in draft.done("completed")] == [
        "response.custom_tool_call_input.done",
        "response.output_item.done",
    ]
    assert draft.item("completed")["input"] == "x"


def test_a_foreign_item_is_whole_from_the_start() -> None:
    draft = ForeignDraft(2, {"type": "mcp_call", "id": "mcp_1"})

    assert [members["item"] for _, members in draft.done()] == [draft.item(), draft.item()]
    assert draft.item_id == "mcp_1"
