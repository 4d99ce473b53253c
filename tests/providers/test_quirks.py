"""Named edits: what each does, and that it leaves alone what it should."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import ThinkingSuffix
from trioproxy.providers.quirks import QUIRKS, Edited, QuirkContext, answered, edited


def edit(body: Any, protocol: str, *names: str, **more: Any) -> Edited | None:
    """The edited body; checks that the document given was not touched."""
    before = copy.deepcopy(body)
    context = QuirkContext(protocol=protocol, **more)
    done = edited(names, json.dumps(body).encode(), body, context)
    assert body == before
    return done


def body_of(done: Edited | None) -> Any:
    assert done is not None
    return done.body


def test_table_names_are_its_keys() -> None:
    assert all(name == quirk.name for name, quirk in QUIRKS.items())
    assert all(not quirk.always or quirk.edit is not None for quirk in QUIRKS.values())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda asked: asked,
        lambda asked: {"requests": [asked, asked, "odd"]},
        lambda asked: {"generateContentRequest": asked},
    ],
)
def test_a_model_that_google_is_told_beside_the_path_is_the_one_of_the_path(wrap: Any) -> None:
    asked = {"model": "models/team/alias", "content": {"role": "model", "parts": [{"text": '"models/'}]}}
    done = edit(wrap(asked), "gemini", model="up")
    assert body_of(done) == wrap({**asked, "model": "models/up"})
    assert edit(wrap({**asked, "model": "models/up"}), "gemini", model="up") is None
    assert edit(wrap({**asked, "model": "publishers/google/models/x"}), "gemini", model="up") is None


def test_conversation_id_becomes_previous_response_id() -> None:
    done = edit({"model": "m", "conversation_id": "resp_1", "input": "x"}, "openai_responses")

    assert body_of(done) == {"model": "m", "input": "x", "previous_response_id": "resp_1"}


@pytest.mark.parametrize(("explicit", "wins"), [("resp_2", "resp_2"), (None, "resp_1")])
def test_explicit_previous_response_id_wins(explicit: str | None, wins: str) -> None:
    done = edit({"conversation_id": "resp_1", "previous_response_id": explicit}, "openai_responses")

    assert body_of(done) == {"previous_response_id": wins}


def test_conversation_id_elsewhere_is_nothing() -> None:
    assert edit({"input": [{"conversation_id": "x"}]}, "openai_responses") is None
    assert edit({"conversation_id": "x"}, "openai_chat") is None


def test_body_that_is_no_object_is_left_alone() -> None:
    assert edited((), b"[]", None, QuirkContext(protocol="openai_chat")) is None


SYSTEM = {"role": "system", "content": [{"type": "input_text", "text": "S1"}, {"type": "text", "text": "S2"}]}
USER = {"role": "user", "content": "U"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": [SYSTEM, USER]}, {"input": [USER], "instructions": "S1\nS2"}),
        (
            {
                "input": [{"role": "system", "content": "A"}, USER, {"role": "system", "content": "B"}],
                "instructions": "I",
            },
            {"input": [USER], "instructions": "A\n\nB\n\nI"},
        ),
        (
            {"input": [{"type": "message", "role": "system", "content": ""}, USER]},
            {"input": [USER], "instructions": ""},
        ),
    ],
)
def test_system_items_become_instructions(body: Any, expected: Any) -> None:
    assert body_of(edit(body, "openai_responses", "system-as-instructions")) == expected


@pytest.mark.parametrize(
    "body",
    [
        {"input": "system"},
        {"input": [USER, "system"]},
        {"input": [{"role": "developer", "content": "system"}]},
        {"input": [{"role": "system", "content": None}]},
        {"input": [{"role": "system", "content": [{"type": "input_image", "image_url": "x"}]}]},
        {"input": [{"role": "system", "content": [{"type": "input_text", "text": 1}]}]},
    ],
)
def test_items_that_are_no_plain_system_text_stay(body: Any) -> None:
    assert edit(body, "openai_responses", "system-as-instructions") is None


def test_edit_that_is_not_named_is_not_made() -> None:
    assert edit({"input": [SYSTEM]}, "openai_responses") is None


def test_betas_are_lifted_into_the_header() -> None:
    done = edit({"betas": ["b1", "b2", 3, "bad\n"], "model": "m"}, "anthropic", client={"anthropic-beta": "b0, b1"})

    assert body_of(done) == {"model": "m"}
    assert done is not None
    assert done.headers == {"anthropic-beta": "b0,b1,b2"}


def test_empty_betas_send_no_header_and_odd_ones_stay() -> None:
    done = edit({"betas": []}, "anthropic")

    assert done == Edited(body={}, headers={}, losses=())
    assert edit({"betas": "b1"}, "anthropic") is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"thinkingConfig": {"include_thoughts": True}}, {"thinkingConfig": {"includeThoughts": True}}),
        (
            {"temperature": 1, "thinking_config": {"thinking_budget": 5, "thinking_level": "low"}},
            {"temperature": 1, "thinkingConfig": {"thinkingBudget": 5, "thinkingLevel": "low"}},
        ),
        (
            {"thinkingConfig": {"include_thoughts": True, "includeThoughts": False}},
            {"thinkingConfig": {"includeThoughts": False}},
        ),
        ({"thinking_config": {"includeThoughts": True}}, {"thinkingConfig": {"includeThoughts": True}}),
    ],
)
@pytest.mark.parametrize("outer", ["generationConfig", "generation_config"])
def test_thinking_settings_get_the_spelling_the_api_knows(outer: str, config: Any, expected: Any) -> None:
    assert body_of(edit({outer: config, "contents": []}, "gemini")) == {outer: expected, "contents": []}


@pytest.mark.parametrize(
    "body",
    [
        {"contents": ["include_thoughts"]},
        {"generationConfig": {"thinkingConfig": None, "x": "include_thoughts"}},
        {"generationConfig": {"thinkingConfig": {"includeThoughts": True}, "x": "thinking_"}},
        {"generationConfig": "thinking_config"},
        {"generationConfig": {"temperature": 1}, "contents": ["thinking_config"]},
    ],
)
def test_thinking_settings_that_are_right_stay(body: Any) -> None:
    assert edit(body, "gemini") is None


def test_defer_loading_is_taken_out_of_tools_and_not_out_of_schemas() -> None:
    schema = {"type": "object", "properties": {"defer_loading": {"type": "boolean"}}}
    tools = [
        {"google_search": {"defer_loading": True, "lat": "1"}},
        {"googleSearch": {"deferLoading": True}},
        {
            "functionDeclarations": [{"name": "f", "deferLoading": True, "parameters": schema}, "odd"],
            "defer_loading": True,
        },
        "odd",
    ]

    done = edit({"tools": tools}, "gemini")

    assert body_of(done)["tools"] == [
        {"google_search": {"lat": "1"}},
        {"googleSearch": {}},
        {"functionDeclarations": [{"name": "f", "parameters": schema}, "odd"]},
        "odd",
    ]


def test_defer_loading_elsewhere_stays() -> None:
    assert edit({"contents": [{"defer_loading": True}]}, "gemini") is None
    assert edit({"tools": [{"functionDeclarations": [{"parameters": {"defer_loading": 1}}]}]}, "gemini") is None


def test_stream_options_are_stripped_with_a_loss() -> None:
    done = edit({"stream": True, "stream_options": {"include_usage": True}}, "openai_chat", "strip-stream-options")

    assert body_of(done) == {"stream": True}
    assert done is not None
    assert [loss.path for loss in done.losses] == ["stream_options"]
    assert edit({"messages": ['"stream_options"']}, "openai_chat", "strip-stream-options") is None
    assert edit({"a": {"stream_options": 1}}, "openai_chat", "strip-stream-options") is None


def test_required_tool_choice_is_any_for_mistral() -> None:
    name = "mistral-tool-choice-any"

    assert body_of(edit({"tool_choice": "required"}, "openai_chat", name)) == {"tool_choice": "any"}
    assert edit({"tool_choice": "auto", "x": "required"}, "openai_chat", name) is None


def test_groq_gets_no_fields_it_refuses() -> None:
    messages = [{"role": "user", "name": "n", "content": "x"}, {"role": "user", "content": "y"}, "odd"]
    body = {"logprobs": True, "top_logprobs": 2, "logit_bias": {}, "n": 1, "messages": messages}

    done = edit(body, "openai_chat", "groq-unsupported")

    assert body_of(done) == {
        "n": 1,
        "messages": [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}, "odd"],
    }
    assert done is not None
    assert {loss.path for loss in done.losses} == {"logprobs", "top_logprobs", "logit_bias", "messages[0].name"}


def test_groq_edit_without_messages_or_names() -> None:
    assert body_of(edit({"logprobs": True}, "openai_chat", "groq-unsupported")) == {}
    assert body_of(edit({"messages": [{"name": "n"}]}, "openai_chat", "groq-unsupported")) == {"messages": [{}]}
    assert edit({"messages": [{"tool": {"name": "n"}}]}, "openai_chat", "groq-unsupported") is None


def test_suffix_is_written_into_the_body_of_generations_only() -> None:
    suffix = ThinkingSuffix(level="high")

    assert body_of(edit({"model": "m"}, "openai_chat", suffix=suffix)) == {"model": "m", "reasoning_effort": "high"}
    assert edit({"model": "m"}, "openai_chat", suffix=suffix, operation=Operation.EMBEDDINGS) is None


def test_edits_are_made_one_after_the_other() -> None:
    done = edit(
        {"conversation_id": "r", "input": [SYSTEM]},
        "openai_responses",
        "system-as-instructions",
        suffix=ThinkingSuffix(level="low"),
    )

    assert body_of(done) == {
        "input": [],
        "previous_response_id": "r",
        "instructions": "S1\nS2",
        "reasoning": {"effort": "low"},
    }


def test_quirk_of_a_writer_has_no_edit() -> None:
    assert edit({"model": "m"}, "anthropic", "unsigned-thinking", "nothing-known") is None


def test_losses_are_values() -> None:
    assert Loss("a", "b") == Loss(path="a", reason="b")


MESSAGE = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "t"}, {"type": "thinking", "thinking": "x"}, "odd"],
}
FILLED = {
    "role": "assistant",
    "type": "message",
    "content": [
        {"type": "tool_use", "id": "t", "caller": {"type": "direct"}},
        {"type": "thinking", "thinking": "x", "signature": ""},
        "odd",
    ],
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (MESSAGE, FILLED),
        ({"type": "message_start", "message": MESSAGE}, {"type": "message_start", "message": FILLED}),
        (
            {"type": "message", "usage": {"server_tool_use": {"web_search_requests": 2}}},
            {"type": "message", "usage": {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0}}},
        ),
        (
            {"type": "content_block_start", "content_block": {"type": "server_tool_use"}},
            {"type": "content_block_start", "content_block": {"type": "server_tool_use", "caller": {"type": "direct"}}},
        ),
        ({"type": "message_start", "message": FILLED}, None),
        ({"type": "content_block_start", "content_block": {"type": "text"}}, None),
        ({"type": "content_block_start", "content_block": None}, None),
        ({"type": "message_delta", "usage": {"server_tool_use": {}}}, None),
        ({"type": "message_start", "message": None}, None),
        ({"type": "ping"}, None),
        ({"type": "error", "error": {}}, None),
    ],
)
def test_answers_of_imitations_are_filled(document: Any, expected: Any) -> None:
    before = copy.deepcopy(document)

    assert answered(("fill-anthropic-answer",), "anthropic", document) == expected
    assert document == before


def test_answers_are_left_alone_without_the_quirk() -> None:
    assert answered(("unsigned-thinking", "nothing"), "anthropic", MESSAGE) is None
    assert answered(("fill-anthropic-answer",), "openai_chat", MESSAGE) is None
    assert answered(("fill-anthropic-answer", "fill-anthropic-answer"), "anthropic", MESSAGE) == FILLED


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = [
    "conversation_id", "previous_response_id", "input", "instructions", "betas", "generationConfig", "tools", "tool_choice",
    "thinking", "output_config", "reasoning", "max_tokens", "messages", "stream_options", "logprobs", "content", "usage", "message",
    "content_block", "type",
]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(MEMBERS), JSON_VALUES, max_size=6),
    st.sampled_from(["openai_chat", "openai_responses", "anthropic", "gemini"]),
    st.sampled_from([None, ThinkingSuffix(level="high"), ThinkingSuffix(budget=0), ThinkingSuffix(budget=5000)]),
)
def test_no_body_breaks_an_edit(body: Any, protocol: str, suffix: ThinkingSuffix | None) -> None:
    done = edit(body, protocol, *QUIRKS, suffix=suffix)

    assert done is None or isinstance(done.body, dict)
    answered(tuple(QUIRKS), protocol, body)


@pytest.mark.parametrize("name", ["session_id", "sessionId"])
def test_session_ids_do_not_go_to_google(name: str) -> None:
    assert body_of(edit({name: "s", "contents": []}, "gemini")) == {"contents": []}
    assert edit({"contents": [{"parts": [{"text": f'"{name}"'}]}]}, "gemini") is None
    assert edit({"contents": [{"parts": [{"functionCall": {"name": "f", "args": {name: "s"}}}]}]}, "gemini") is None


def test_temperature_within_minimaxs_range_in_messages_too() -> None:
    assert body_of(edit({"temperature": 0}, "anthropic", "temperature-to-one")) == {"temperature": 0.01}
