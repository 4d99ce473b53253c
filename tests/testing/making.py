"""Small recordings, made here, and the plainest of clients."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from trioproxy.upstream.fixture import Chunk, Fixture, RecordedRequest, write_fixture

__all__ = ["ask", "chat_recording", "question", "save"]


def question(said: str, *, model: str = "m-1", stream: bool = True) -> dict[str, Any]:
    """A request of Chat Completions."""
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": said}]}


def chat_recording(said: str, answer: str = "hello", *, sequence: int = 0) -> Fixture:
    """A streamed answer of Chat Completions, a word a chunk."""

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        document = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [choice]}
        return f"data: {json.dumps(document, separators=(',', ':'))}\n\n".encode()

    events = [event({"role": "assistant", "content": word}) for word in answer.split()]
    events += [event({}, "stop"), b"data: [DONE]\n\n"]
    return Fixture(
        protocol="openai_chat",
        sequence=sequence,
        request=RecordedRequest(
            path="/v1/chat/completions",
            headers=((b"content-type", b"application/json"),),
            body=json.dumps(question(said)).encode(),
        ),
        headers=((b"content-type", b"text/event-stream"),),
        head_at=0.01,
        chunks=tuple(Chunk(0.02 * (number + 1), data) for number, data in enumerate(events)),
        ended_at=0.02 * len(events),
    )


def save(folder: Path, **recordings: Fixture) -> Path:
    """Write recordings by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, recording in recordings.items():
        (folder / f"{name}.json").write_bytes(write_fixture(recording))
    return folder


def ask(url: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of one POST."""
    lines = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, json.dumps(body).encode(), lines)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
