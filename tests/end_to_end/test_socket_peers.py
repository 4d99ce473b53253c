"""Responses over WebSocket to a client that somebody else wrote: trio-websocket, over real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trio_websocket import WebSocketConnection, open_websocket

from tests.support.answers import ANSWERS
from tests.support.live import Answering, live

pytestmark = pytest.mark.timeout(60)

CONFIG = """
codex-api-key: [{api-key: K, base-url: "{url}/v1", models: [{name: m}]}]
claude-api-key: [{api-key: K, base-url: "{url}", models: [{name: c}]}]
"""


async def turn(socket: WebSocketConnection, **members: Any) -> list[dict[str, Any]]:
    """Ask for one response; its events."""
    await socket.send_message(json.dumps({"type": "response.create", "input": "hi", **members}))
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] not in ("response.completed", "response.failed", "error"):
        events.append(json.loads(await socket.get_message()))
    return events


@pytest.mark.parametrize(("model", "wire"), [("m", "openai_responses"), ("c", "anthropic")])
async def test_turns_that_build_on_each_other(model: str, wire: str) -> None:
    async with (
        live(Answering(pieces=[ANSWERS[wire].stream]), CONFIG) as house,
        open_websocket("127.0.0.1", house.serving.port, "/v1/responses", use_ssl=False) as socket,
    ):
        first = await turn(socket, model=model)
        await socket.ping()
        second = await turn(socket, model=model, input="and then?", previous_response_id=first[-1]["response"]["id"])
        for events in (first, second):
            assert [event["sequence_number"] for event in events] == list(range(len(events)))
            assert events[0]["type"] == "response.created"
            assert events[-1]["type"] == "response.completed"
        asked = json.loads(house.provider.requests[-1].body)
        history = json.dumps(asked.get("input") or asked["messages"])
        assert "hi" in history
        assert "and then?" in history


async def test_a_turn_that_fails_leaves_the_socket_open() -> None:
    async with (
        live(Answering(pieces=[ANSWERS["openai_responses"].stream]), CONFIG) as house,
        open_websocket("127.0.0.1", house.serving.port, "/v1/responses", use_ssl=False) as socket,
    ):
        [refused] = await turn(socket, model="nobody-serves-this")
        assert (refused["type"], refused["status"]) == ("error", 404)
        assert (await turn(socket, model="m"))[-1]["type"] == "response.completed"


@pytest.mark.parametrize("message", ["not JSON", b"\xff\xfe", "[]", '{"type": "response.create"}'])
async def test_a_message_that_is_no_request_is_told_and_the_socket_lives(message: str | bytes) -> None:
    async with (
        live(Answering(pieces=[ANSWERS["openai_responses"].stream]), CONFIG) as house,
        open_websocket("127.0.0.1", house.serving.port, "/v1/responses", use_ssl=False) as socket,
    ):
        await socket.send_message(message)
        refused = json.loads(await socket.get_message())
        assert (refused["type"], refused["status"]) == ("error", 400)
        assert house.provider.requests == []
        assert (await turn(socket, model="m"))[-1]["type"] == "response.completed"
