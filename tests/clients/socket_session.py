"""OpenAI's Python SDK over one WebSocket, a session of several turns with tool calls: ``python socket_session.py BASE_URL KEY MODEL``."""

from __future__ import annotations

import sys
from typing import Any

from openai import OpenAI

MARK = "tool-ran-ok"
PROMPT = 'please [[fake:tool run {"cmd":"echo %s"}]]' % MARK
TOOL = {
    "type": "function",
    "name": "run",
    "description": "run",
    "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]},
    "strict": False,
}
ROUNDS = 3


def turn(connection: Any, **members: Any) -> Any:
    """One response, whole."""
    connection.send({"type": "response.create", "store": False, "tools": [TOOL], **members})
    for event in connection:
        if event.type == "response.completed":
            return event.response
        if event.type in ("response.failed", "response.incomplete", "error"):
            raise SystemExit(f"failed: {event}")
    raise SystemExit("the socket ended")


def session(base: str, key: str, model: str) -> None:
    """Three rounds of a question, a tool call and its answer, each with the new items only."""
    client: Any = OpenAI(base_url=f"{base}/v1", api_key=key)
    with client.responses.connect() as connection:
        previous = None
        for number in range(ROUNDS):
            response = turn(
                connection, model=model, input=[{"role": "user", "content": PROMPT}], previous_response_id=previous
            )
            calls = [item for item in response.output if item.type == "function_call"]
            outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": MARK} for call in calls]
            response = turn(connection, model=model, input=outputs, previous_response_id=response.id)
            previous = response.id
            sys.stdout.write(f"{number}: {response.output_text}\n")


if __name__ == "__main__":
    session(*sys.argv[1:])
