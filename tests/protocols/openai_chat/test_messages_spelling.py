"""Messages of this protocol's own clients, read and written: every spelling comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import rewritten

USER = {"role": "user", "content": "hi"}


CALL = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(
            [{"role": "system", "content": "a"}, {"role": "system", "content": [{"type": "text", "text": "b"}]}, USER],
            id="system",
        ),
        pytest.param(
            [
                {"role": "developer", "content": "a", "name": "n", "odd": 1},
                USER,
                {"role": "system", "content": "b", "name": None},
            ],
            id="names",
        ),
        pytest.param(
            [{"role": "system", "content": [{"type": "text", "text": "a", "odd": 1}], "name": "n"}, USER],
            id="both have own members",
        ),
        pytest.param(
            [
                {"role": "system", "content": "s", "cache_control": {"type": "ephemeral"}},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "a"}, {"type": "odd"}],
                    "cache_control": {"type": "ephemeral"},
                },
                {"role": "assistant", "content": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                {"role": "user", "content": None, "cache_control": {"type": "ephemeral"}},
            ],
            id="a whole message is kept",
        ),
        pytest.param(
            [
                USER,
                {
                    "role": "assistant",
                    "content": "b",
                    "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}],
                },
            ],
            id="blocks of thought",
        ),
        pytest.param(
            [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "data:application/pdf;base64,AA"}}],
                }
            ],
            id="a document in an image's place",
        ),
        pytest.param(
            [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a"}}]}, USER],
            id="a picture leads",
        ),
        pytest.param(
            [{"role": "system", "content": []}, USER, {"role": "system", "content": None}], id="empty instructions"
        ),
        pytest.param([{"role": "user", "content": [{"type": "text", "text": "a"}], "name": None, "odd": 1}], id="user"),
        pytest.param(
            [
                {"role": "user", "content": []},
                {"role": "user", "content": None},
                {"role": "user"},
                {"role": "user", "content": ""},
            ],
            id="empty",
        ),
        pytest.param(
            [USER, USER, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
            id="repeated roles",
        ),
        pytest.param(
            [
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "x", "content": "r"},
            ],
            id="call",
        ),
        pytest.param(
            [{"role": "assistant", "tool_calls": [CALL, {**CALL, "index": 1, "none": None}]}], id="no content"
        ),
        pytest.param(
            [{"role": "assistant", "content": "", "tool_calls": [], "refusal": None, "audio": None}],
            id="nothing and nulls",
        ),
        pytest.param([{"role": "assistant", "content": [], "tool_calls": [CALL], "prefix": False}], id="mistral"),
        pytest.param([{"role": "assistant", "content": "a", "refusal": "no"}], id="refusal"),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "odd": 1}],
                }
            ],
            id="texts",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "h"}]},
                        {"type": "text", "text": "a"},
                    ],
                }
            ],
            id="magistral",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "content": [
                        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "h", "signature": "s"}]},
                        {"type": "text", "text": "a"},
                    ],
                }
            ],
            id="databricks",
        ),
        pytest.param(
            [{"role": "assistant", "content": None, "reasoning_content": "", "reasoning": "hm", "tool_calls": [CALL]}],
            id="thoughts",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "content": "a",
                    "reasoning_details": [{"type": "reasoning.text", "text": "h", "signature": "s"}],
                }
            ],
            id="details",
        ),
        pytest.param([{"role": "assistant", "tool_calls": [{"id": "x", "function": {"name": "f"}}]}], id="bare call"),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": "x", "type": "function", "function": {"name": "f", "arguments": {"a": 1}, "odd": 1}}
                    ],
                }
            ],
            id="object",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": "x", "type": "function", "function": {"name": "f", "arguments": None, "odd": None}}
                    ],
                }
            ],
            id="null",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "x", "type": "function", "function": {"name": "f", "arguments": ""}}],
                }
            ],
            id="blank",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "tool_calls": [{**CALL, "extra_content": {"google": {"thought_signature": "AV"}}}],
                    "extra_content": {"a": 1},
                }
            ],
            id="google",
        ),
        pytest.param(
            [
                {
                    "role": "tool",
                    "tool_call_id": "x",
                    "content": [{"type": "text", "text": "r"}],
                    "name": "f",
                    "odd": 1,
                    "cache_control": {"type": "ephemeral"},
                }
            ],
            id="result",
        ),
        pytest.param(
            [{"role": "tool", "tool_call_id": "x"}, {"role": "tool", "tool_call_id": "y", "content": None}],
            id="empty results",
        ),
        pytest.param(
            [
                {
                    "role": "tool",
                    "tool_call_id": "x",
                    "content": [
                        {"type": "text", "text": "r"},
                        {"type": "image_url", "image_url": {"url": "https://a"}},
                    ],
                }
            ],
            id="a picture in a result",
        ),
        pytest.param(
            [
                {
                    "role": "assistant",
                    "content": "see",
                    "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}, "odd"],
                }
            ],
            id="pictures that the model made",
        ),
    ],
)
def test_messages_of_this_protocol_are_given_back_as_they_were(messages: list[Any]) -> None:
    assert rewritten(*messages)["messages"] == messages


def test_custom_calls_of_this_protocol() -> None:
    messages = [
        {"role": "assistant", "tool_calls": [{"id": "y", "type": "custom", "custom": {"name": "sh", "input": None}}]}
    ]
    assert rewritten(*messages, quirks=["custom-tools"])["messages"] == messages
