"""The tool runner of Anthropic's own Python client (the ``sdk`` extra) on a provider of another protocol: it begins a thread in every
conversation, goes on with its new messages alone, and sends all of them when it is told that nobody kept the thread."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from tests.translation.requests import read_request
from trioproxy.errors import ClientFault
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.table import protocol

MESSAGES, CHAT = protocol("anthropic"), protocol("openai_chat")


def test_the_tool_runner_goes_on_without_a_thread() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        web, anthropic = (pytest.importorskip(name) for name in ("httpx2", "anthropic"))
    asked: list[list[str]] = []
    answers = [
        {
            "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "x"}}],
            "stop_reason": "tool_use",
        },
        {
            "content": [{"type": "tool_use", "id": "t2", "name": "look", "input": {"at": "y"}}],
            "stop_reason": "tool_use",
        },
        {"content": [{"type": "text", "text": "done"}], "stop_reason": "end_turn"},
    ]

    def provider(request: Any) -> Any:
        document = json.loads(request.content)
        try:
            said = read_request("anthropic", document)
            sent = CHAT.write_request(said, WriteTarget(model="m")).body
        except ClientFault as fault:
            return web.Response(fault.failure.http_status, json=MESSAGES.render_error(fault.failure))
        asked.append([message["role"] for message in sent["messages"]])
        message = {"type": "message", "role": "assistant", "model": "m", "stop_sequence": None} | answers[
            len(asked) - 1
        ]
        usage = {"input_tokens": 1, "output_tokens": 1}
        return web.Response(200, json={**message, "id": f"msg_{len(asked)}", "usage": usage})

    client = anthropic.Anthropic(
        api_key="x", http_client=web.Client(transport=web.MockTransport(provider)), max_retries=0
    )

    @anthropic.beta_tool  # type: ignore[untyped-decorator]
    def look(at: str) -> str:
        """Look."""
        return at

    runner = client.beta.messages.tool_runner(
        model="m", max_tokens=9, tools=[look], messages=[{"role": "user", "content": "hi"}]
    )
    assert runner.until_done().content[0].text == "done"
    assert asked == [["user", *["assistant", "tool"] * turns] for turns in range(3)]
