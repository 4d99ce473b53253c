"""A Gemini client that asks for a word of several (``text/x.enum``) behind providers that answer in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.houses import Bench, posted
from tests.support.upstreams import Script

JSON = ((b"content-type", b"application/json"),)
SSE = ((b"content-type", b"text/event-stream"),)
ASKED = {
    "contents": [{"role": "user", "parts": [{"text": "What plays?"}]}],
    "generationConfig": {
        "responseMimeType": "text/x.enum",
        "responseSchema": {"type": "STRING", "enum": ["Oboe", "Horn"]},
    },
}


def chat(content: str) -> Script:
    message = {"role": "assistant", "content": content}
    body = {"id": "c", "model": "up", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return Script(headers=JSON, chunks=[json.dumps(body).encode()])


def text_of(document: Any) -> str:
    return "".join(part["text"] for part in document["candidates"][0]["content"]["parts"])


@pytest.mark.parametrize("content", ['{"answer": "Oboe"}', '"Oboe"', "Oboe"])
async def test_the_word_stands_alone(content: str) -> None:
    bench = Bench(chat(content))
    exchange = await bench.serve(posted("/v1beta/models/chat-m:generateContent", json.dumps(ASKED).encode()))
    assert text_of(json.loads(exchange.body)) == "Oboe"
    schema = bench.sent["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["answer"] == {"type": "string", "enum": ["Oboe", "Horn"]}


async def test_in_a_stream_too() -> None:
    deltas = [{"content": '{"ans'}, {"content": 'wer":"Ob'}, {"content": 'oe"}'}]
    chunks: list[Any] = [{"id": "c", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    frames = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    bench = Bench(Script(headers=SSE, chunks=[*frames, b"data: [DONE]\n\n"]))
    target = "/v1beta/models/chat-m:streamGenerateContent?alt=sse"
    exchange = await bench.serve(posted(target, json.dumps(ASKED).encode()))
    told = [json.loads(line[6:]) for line in exchange.body.decode().splitlines() if line.startswith("data: ")]
    assert "".join(text_of(document) for document in told) == "Oboe"


async def test_google_is_asked_as_it_was_said() -> None:
    bench = Bench(Script(headers=JSON, chunks=[b'{"candidates": [{"content": {"parts": [{"text": "\\"Oboe\\""}]}}]}']))
    exchange = await bench.serve(posted("/v1beta/models/gemini-m:generateContent", json.dumps(ASKED).encode()))
    assert bench.sent["generationConfig"] == ASKED["generationConfig"]
    assert text_of(json.loads(exchange.body)) == '"Oboe"'
