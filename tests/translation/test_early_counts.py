"""Counts that come with an answer's beginning: a Messages client is told them there, where it looks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.translation.crossings import as_stream, read_frames
from trioproxy.wire.sse import SSEDecoder

GEMINI: tuple[Any, ...] = (
    {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "Hi"}]}}],
        "usageMetadata": {"promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 1},
    },
    {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": "!"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 2},
    },
)
CHAT: tuple[Any, ...] = (
    {
        "choices": [{"index": 0, "delta": {"content": "Hi"}}],
        "usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens": 1},
    },
    {
        "choices": [{"index": 0, "delta": {"content": "!"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens": 2},
    },
)
MESSAGES: tuple[Any, ...] = (
    {
        "type": "message_start",
        "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi!"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
)


@pytest.mark.parametrize(("provider", "said"), [("gemini", GEMINI), ("openai_chat", CHAT), ("anthropic", MESSAGES)])
def test_counts_that_come_at_the_beginning_are_told_there(provider: str, said: tuple[Any, ...]) -> None:
    decoder = SSEDecoder()
    stream = "".join(f"data: {json.dumps(each)}\n\n" for each in said).encode()
    documents = as_stream(read_frames([*decoder.feed(stream), *decoder.close()], provider), "anthropic").documents
    counts = [
        each.get("message", each)["usage"] for each in documents if each["type"] in ("message_start", "message_delta")
    ]
    assert [(each["input_tokens"], each["cache_read_input_tokens"], each["output_tokens"]) for each in counts] == [
        (5, 4, 1),
        (5, 4, 2),
    ]
