from __future__ import annotations

from pathlib import Path

import pytest

import trioproxy.upstream.bundled as module
from tests.support.upstreams import RecordedProgress
from trioproxy.upstream.base import UpstreamRequest
from trioproxy.upstream.bundled import bundled_fixtures
from trioproxy.upstream.redact import Redactor
from trioproxy.upstream.replay import ReplayUpstream, read_folder
from trioproxy.wire.jsoncodec import dumps
from trioproxy.wire.sse import SSEDecoder

PROTOCOLS = ("anthropic", "gemini", "openai_chat", "openai_responses")
CASES = (
    "error",
    "reasoning",
    "reasoning-stream",
    "text",
    "text-stream",
    "tool-answer",
    "tool-call",
    "tool-call-stream",
)
BUNDLED = read_folder(bundled_fixtures())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_shows_every_kind_of_answer(protocol: str) -> None:
    names = {name.removeprefix(f"{protocol}/") for name in BUNDLED if name.startswith(f"{protocol}/")}

    assert names >= set(CASES)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_recording_is_whole_paced_and_clean(name: str) -> None:
    fixture = BUNDLED[name]

    assert fixture.protocol == name.partition("/")[0]
    assert fixture.chunks
    assert 0 < fixture.head_at <= fixture.chunks[0].at <= fixture.ended_at
    assert Redactor().redact(fixture) == fixture
    if any(value.startswith(b"text/event-stream") for _, value in fixture.headers):
        decoder = SSEDecoder()
        frames = decoder.feed(fixture.body)
        assert decoder.at_boundary
        assert len(frames) == len(fixture.chunks)
        gaps = [after.at - before.at for before, after in zip(fixture.chunks, fixture.chunks[1:], strict=False)]
        assert all(gap <= 0.061 for gap in gaps)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_streamed_text_comes_in_many_small_pieces(protocol: str) -> None:
    assert len(BUNDLED[f"{protocol}/text-stream"].chunks) >= 40


def question(protocol: str, text: str, *, stream: bool = True, tool: str | None = None) -> UpstreamRequest:
    """What a client of that protocol would ask."""
    turn = {"role": "user", "content": text}
    path = {
        "anthropic": "/v1/messages",
        "openai_chat": "/v1/chat/completions",
        "openai_responses": "/v1/responses",
        "gemini": "/v1beta/models/any-model:" + ("streamGenerateContent?alt=sse" if stream else "generateContent"),
    }[protocol]
    body: dict[str, object] = {"model": "any-model", "stream": stream}
    match protocol:
        case "gemini":
            body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
            tools: list[object] = [{"functionDeclarations": [{"name": tool}]}]
        case "openai_responses":
            body["input"] = [turn]
            tools = [{"type": "function", "name": tool}]
        case "openai_chat":
            body["messages"] = [turn]
            tools = [{"type": "function", "function": {"name": tool}}]
        case _:
            body["messages"] = [turn]
            tools = [{"name": tool, "input_schema": {}}]
    if tool is not None:
        body["tools"] = tools
    return UpstreamRequest(method="POST", url=f"http://demo{path}", headers=(), body=dumps(body))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("text", "tool", "case"),
    [
        ("Hello!", None, "text"),
        ("Tell me about trio.", None, "text"),
        ("Hello!", "some_other_tool", "text"),
        ("What is the weather like?", "get_weather", "tool-call"),
        ("What is the weather like?", "some_other_tool", "text"),
        ("Is 2027 prime?", None, "reasoning"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_demonstration_answers_whatever_is_asked(
    protocol: str, text: str, tool: str | None, case: str, stream: bool
) -> None:
    upstream = ReplayUpstream(bundled_fixtures(), 0, "any")

    response = await upstream.open(question(protocol, text, stream=stream, tool=tool), RecordedProgress())

    assert response.name == f"{protocol}/{case}{'-stream' if stream else ''}"
    assert response.status == 200


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_demonstration_shows_an_error_when_asked_to(protocol: str, stream: bool) -> None:
    upstream = ReplayUpstream(bundled_fixtures(), 0, "any")

    response = await upstream.open(question(protocol, "Please show me an error.", stream=stream), RecordedProgress())

    assert response.status == 429


def test_in_an_installation_the_fixtures_lie_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "trioproxy"
    (package / "upstream").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(package / "upstream" / "bundled.py"))
    with pytest.raises(FileNotFoundError, match="reinstall trioproxy"):
        bundled_fixtures()

    (package / "fixtures").mkdir()

    assert bundled_fixtures() == package / "fixtures"
