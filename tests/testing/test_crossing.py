"""A recording of one protocol answers the clients of all four."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import ANSWERS
from tests.testing.making import ask, question, save
from trioproxy.testing import replaying
from trioproxy.upstream.bundled import bundled_fixtures
from trioproxy.upstream.fixture import Fixture, RecordedRequest, read_fixture

PROTOCOLS = sorted(ANSWERS)
SAID = "Which way is north?"
MODEL = "model-of-the-day"
TOOL = "look_around"
_SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}}


def asked(protocol: str, *, stream: bool, tool: bool) -> tuple[str, dict[str, Any]]:
    """Path and body of the same question in a protocol."""
    body: dict[str, Any]
    match protocol:
        case "openai_chat":
            body = {"model": MODEL, "messages": [{"role": "user", "content": SAID}], "stream": stream}
            tools: Any = [{"type": "function", "function": {"name": TOOL, "parameters": _SCHEMA}}]
            path = "/v1/chat/completions"
        case "openai_responses":
            body = {"model": MODEL, "input": SAID, "stream": stream}
            tools = [{"type": "function", "name": TOOL, "parameters": _SCHEMA}]
            path = "/v1/responses"
        case "anthropic":
            body = {"model": MODEL, "max_tokens": 99, "messages": [{"role": "user", "content": SAID}], "stream": stream}
            tools = [{"name": TOOL, "input_schema": _SCHEMA}]
            path = "/v1/messages"
        case _:
            body = {"contents": [{"role": "user", "parts": [{"text": SAID}]}]}
            tools = [{"functionDeclarations": [{"name": TOOL, "parameters": _SCHEMA}]}]
            path = f"/v1beta/models/{MODEL}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    return path, body | ({"tools": tools} if tool else {})


def recorded(protocol: str, *, stream: bool, tool: bool) -> Fixture:
    """An answer of the shipped recordings to that question."""
    kind = ("tool-call" if tool else "text") + ("-stream" if stream else "")
    fixture = read_fixture((bundled_fixtures() / protocol / f"{kind}.json").read_bytes())
    target, body = asked(protocol, stream=stream, tool=tool)
    path, _, query = target.partition("?")
    request = RecordedRequest(path=path, query=query, body=json.dumps(body).encode())
    return Fixture(
        protocol=protocol,
        request=request,
        headers=fixture.headers,
        chunks=fixture.chunks,
        ended_at=fixture.ended_at,
    )


@pytest.mark.parametrize("match", ["shape", "sequence"])
@pytest.mark.parametrize("tool", [False, True], ids=["text", "tool"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", PROTOCOLS)
def test_every_client_gets_the_answer_in_its_own_words(
    wire: str, stream: bool, tool: bool, match: str, tmp_path: Path
) -> None:
    save(tmp_path, one=recorded(wire, stream=stream, tool=tool))
    with replaying(tmp_path, once=False, match=match) as llm:
        for client in PROTOCOLS:
            path, body = asked(client, stream=stream, tool=tool)
            status, answer = ask(llm.base_url + path, body)
            assert status == 200, answer
            assert not stream or ANSWERS[client].terminal in answer
            assert llm.calls[-1].recording == "one"
            assert not tool or b"get_weather" in answer
        assert llm.misses == []


@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_miss_names_the_nearest_whatever_it_was_recorded_in(client: str, tmp_path: Path) -> None:
    one = recorded("openai_chat", stream=True, tool=False)
    save(tmp_path, one=one)
    with replaying(tmp_path) as llm:
        path, body = asked(client, stream=True, tool=False)
        text = json.dumps(body).replace(SAID, "Which way is south?")
        status, answer = ask(llm.base_url + path, json.loads(text))
        assert status == 404
        words = json.loads(answer)["error"]["message"]
        assert "The nearest is one. It differs at last turn" in words
        assert "north" in words
        assert "south" in words
        [missed] = llm.misses
        assert missed.miss == words


def test_a_recording_of_the_clients_own_protocol_is_preferred(tmp_path: Path) -> None:
    save(tmp_path, **{name: recorded(name, stream=True, tool=False) for name in PROTOCOLS})
    with replaying(tmp_path) as llm:
        for client in PROTOCOLS:
            path, body = asked(client, stream=True, tool=False)
            assert ask(llm.base_url + path, body)[0] == 200
            assert llm.calls[-1].recording == client


def test_what_can_not_be_said_in_another_protocol_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, one=recorded("openai_chat", stream=True, tool=False))
    with replaying(tmp_path) as llm:
        body = question(SAID, model=MODEL) | {"messages": [{"role": "user", "content": [{"type": "odd"}]}]}
        status, answer = ask(llm.openai_base_url + "/chat/completions", body)
        assert status == 404
        assert b"no recording matches" in answer
