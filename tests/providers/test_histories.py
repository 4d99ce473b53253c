"""Edits of messages for one vendor: what each does, and that it leaves alone what it should."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from trioproxy.providers.histories import HISTORY_EDITS
from trioproxy.providers.quirk import QuirkContext
from trioproxy.providers.quirks import Edited, edited


def edit(messages: Any, *names: str, **more: Any) -> Edited | None:
    """The edited body; checks that the document given was not touched."""
    body = {"messages": messages, **more}
    before = copy.deepcopy(body)
    done = edited(names, json.dumps(body).encode(), body, QuirkContext(protocol="openai_chat", model="m"))
    assert body == before
    return done


def messages_of(done: Edited | None) -> Any:
    assert done is not None
    return done.body["messages"]


def call(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}


ASKING = {"role": "assistant", "content": None, "tool_calls": [call("a")]}
HI = {"role": "user", "content": "hi"}


@pytest.mark.parametrize("quirk", HISTORY_EDITS, ids=lambda quirk: quirk.name)
@pytest.mark.parametrize("messages", [None, [], [HI], "odd", [1, "odd", None]])
def test_bodies_without_a_history_pass(quirk: Any, messages: Any) -> None:
    assert edit(messages, quirk.name) is None


def test_developers_are_the_system() -> None:
    sent = messages_of(edit([{"role": "developer", "content": "x"}, HI, "odd"], "developer-as-system"))
    assert sent == [{"role": "system", "content": "x"}, HI, "odd"]


def test_mistral_knows_few_members() -> None:
    said = {
        "role": "assistant",
        "content": "x",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "tool_calls": [call("a")],
    }
    done = edit([{"role": "user", "content": "x", "name": "bob"}, said, {"role": "odd", "x": 1}], "mistral-messages")
    assert messages_of(done) == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "x", "tool_calls": [call("a")]},
        {"role": "odd", "x": 1},
    ]
    assert done is not None
    assert [loss.path for loss in done.losses] == ["messages[0].name"]


def test_mistral_hears_the_assistant_between_a_result_and_a_user() -> None:
    result = {"role": "tool", "tool_call_id": "a", "content": "x"}
    done = edit([HI, ASKING, result, HI, HI, ASKING, result], "mistral-messages")
    assert messages_of(done) == [HI, ASKING, result, {"role": "assistant", "content": "OK."}, HI, HI, ASKING, result]
    assert done is not None
    assert [loss.path for loss in done.losses] == ["messages[3]"]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (
            {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
            {"type": "document_url", "document_url": "data:application/pdf;base64,AA", "document_name": "a.pdf"},
        ),
        ({"file_data": "https://a"}, {"type": "document_url", "document_url": "https://a"}),
        ({"file_data": "AA"}, {"type": "document_url", "document_url": "data:application/pdf;base64,AA"}),
        ({"file_id": "1-2"}, {"type": "file", "file_id": "1-2"}),
        ({"odd": 1}, {"type": "file", "file": {"odd": 1}}),
    ],
)
def test_mistral_names_files_its_own_way(file: Any, told: Any) -> None:
    text = {"type": "text", "text": "look"}
    done = edit([{"role": "user", "content": [text, {"type": "file", "file": file}]}, HI], "mistral-messages")

    assert told.get("file") == file if done is None else messages_of(done)[0]["content"] == [text, told]
    assert done is None or done.losses == ()


def test_mistral_takes_instructions_at_the_head_alone() -> None:
    head, result = {"role": "system", "content": "a"}, {"role": "tool", "content": "b", "tool_call_id": "a"}
    done = edit([head, head, HI, ASKING, result, head], "mistral-messages")
    bridge, told = {"role": "assistant", "content": "OK."}, {"role": "user", "content": "a"}
    assert messages_of(done) == [head, head, HI, ASKING, result, bridge, told]
    assert done is not None
    assert len(done.losses) == 2
    assert edit([head, HI], "mistral-messages") is None


def test_mistral_goes_on_from_a_prefix() -> None:
    said = {"role": "assistant", "content": "Sure:"}
    assert messages_of(edit([HI, said], "mistral-messages"))[-1] == {**said, "prefix": True}
    assert edit([HI, said, HI], "mistral-messages") is None
    assert edit([HI, ASKING], "mistral-messages") is None


def test_thoughts_stand_beside_calls() -> None:
    kept = {**ASKING, "reasoning_content": "hm"}
    other = {**ASKING, "reasoning": "so"}
    sent = messages_of(edit([ASKING, kept, other, {"role": "assistant", "content": "x"}], "thoughts-beside-calls"))
    assert [message.get("reasoning_content") for message in sent] == [" ", "hm", "so", None]
    assert edit([kept], "thoughts-beside-calls") is None
    assert edit([ASKING], "thoughts-beside-calls", thinking={"type": "disabled"}) is None
    assert edit([ASKING], "thoughts-beside-calls", thinking={"type": "enabled"}) is not None


def test_results_belong_to_the_calls_before_them() -> None:
    answer = {"role": "tool", "tool_call_id": "a", "content": "x"}
    assert edit([ASKING, answer, HI], "paired-tool-results") is None
    lost = {
        "role": "tool",
        "tool_call_id": "z",
        "content": [{"type": "text", "text": "p"}, {"type": "text", "text": "q"}, 1],
    }
    done = edit(
        [ASKING, {"role": "tool", "content": "x"}, lost, {"role": "tool", "content": None}], "paired-tool-results"
    )
    assert messages_of(done) == [
        ASKING,
        {"role": "tool", "content": "x", "tool_call_id": "a"},
        {"role": "user", "content": "Result of tool call z:\np\nq"},
        {"role": "user", "content": "Result of tool call None:\n"},
    ]
    assert done is not None
    assert [loss.path for loss in done.losses] == ["messages[2].tool_call_id", "messages[3].tool_call_id"]
    assert edit([{"role": "assistant", "tool_calls": "odd"}, answer], "paired-tool-results") is not None


def test_calls_without_googles_signature_are_excused() -> None:
    signed = {"extra_content": {"vertex": {"thought_signature": "x"}}}
    word = {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}}
    said = {"role": "assistant", "content": "so", "tool_calls": [call("a"), call("b")]}
    kept = {"role": "assistant", "content": None, "tool_calls": [{**call("c"), **signed}, call("d")]}
    done = edit([HI, said, kept], "excused-calls")
    assert messages_of(done) == [HI, {**said, "tool_calls": [{**call("a"), **word}, call("b")]}, kept]
    assert edit([HI, kept, {"role": "assistant", "tool_calls": ["odd"]}], "excused-calls") is None
