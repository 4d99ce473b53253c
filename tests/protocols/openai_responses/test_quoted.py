from __future__ import annotations

import json
from typing import Any

import pytest

from tests.protocols.openai_responses.test_read_request import conversation_of, round_trip
from trioproxy.neutral.parts import Base64Source, Media, Text, ToolResult
from trioproxy.protocols.openai_responses.quoted import parts_in

TEXT = {"type": "input_text", "text": "a cat"}
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "original"}


def test_a_picture_in_a_string_is_a_picture() -> None:
    text, media = parts_in(json.dumps([TEXT, PICTURE]), "input[0].output")
    assert isinstance(text, Text)
    assert text.text == "a cat"
    assert isinstance(media, Media)
    assert media.source == Base64Source(data="AA==", mime="image/png")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat",
        json.dumps([TEXT]),
        json.dumps(PICTURE),
        json.dumps([PICTURE, 1]),
        json.dumps([PICTURE, {"type": ["string", "null"]}]),
        json.dumps([PICTURE, {"type": "output_text", "text": "x"}]),
        json.dumps([{"type": "input_image"}]),
        json.dumps([{"type": "input_image", "image_url": "data:image/png;base64"}]),
        json.dumps([{"type": "input_text", "text": '"input_image"'}]),
        json.dumps([PICTURE])[:-1],
        json.dumps([PICTURE]) + "\n1 match",
    ],
)
def test_all_else_is_text(text: str) -> None:
    assert parts_in(text, "input[0].output") == []


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call"])
def test_the_result_of_a_tool(kind: str) -> None:
    member = {"function_call": "arguments", "custom_tool_call": "input"}[kind]
    call: dict[str, Any] = {"type": kind, "call_id": "c", "name": "view_image", member: "{}"}
    output = {"type": f"{kind}_output", "call_id": "c", "output": json.dumps([PICTURE])}
    body = {"model": "m", "input": [call, output]}
    (result,) = conversation_of(body).turns[-1].parts
    assert isinstance(result, ToolResult)
    assert [type(part) for part in result.content] == [Media]
    assert round_trip(body) == body
