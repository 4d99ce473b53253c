"""Clients that lead a session: each keeps its history as agents of its protocol do, and asks with all of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import attrs

__all__ = ["PLAYERS", "TOOLS", "Call", "Player"]

TOOLS = ("run_shell", "read-file", "mcp__a_server_with_a_long_name__and_a_tool_whose_name_is_long")
_SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}


@attrs.frozen
class Call:
    """A call as the client heard it."""

    call_id: str
    name: str
    arguments: Any


@attrs.define(eq=False)
class Player:
    """A client. ``history`` are the entries of its protocol."""

    history: list[Any] = attrs.field(factory=list)

    def ask(self, model: str) -> tuple[str, Any]:
        """The path and the body of its next request."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """The user speaks."""
        raise NotImplementedError

    def instruct(self, text: str) -> None:
        """An instruction amid the conversation; where the protocol has none, the user's."""
        self.say(text)

    def hear(self, body: Any) -> list[Call]:
        """Keep an answer; the calls in it."""
        raise NotImplementedError

    def answer(self, results: list[tuple[Call, str | None]], text: str | None) -> None:
        """Give results (None: the tool said nothing), and say something beside them."""
        raise NotImplementedError


class Chat(Player):
    def ask(self, model: str) -> tuple[str, Any]:
        tools = [{"type": "function", "function": {"name": name, "parameters": _SCHEMA}} for name in TOOLS]
        return "/v1/chat/completions", {"model": model, "messages": copy.deepcopy(self.history), "tools": tools}

    def say(self, text: str) -> None:
        self.history.append({"role": "user", "content": text})

    def instruct(self, text: str) -> None:
        self.history.append({"role": "system", "content": text})

    def hear(self, body: Any) -> list[Call]:
        message = {name: value for name, value in body["choices"][0]["message"].items() if value is not None}
        if message.keys() & {"content", "tool_calls"}:
            self.history.append(message)
        calls = [(call["id"], call["function"]) for call in message.get("tool_calls", ())]
        return [Call(call_id, called["name"], json.loads(called["arguments"])) for call_id, called in calls]

    def answer(self, results: list[tuple[Call, str | None]], text: str | None) -> None:
        self.history += [
            {"role": "tool", "tool_call_id": call.call_id, "content": said or ""} for call, said in results
        ]
        if text is not None:
            self.say(text)


class Responses(Player):
    def ask(self, model: str) -> tuple[str, Any]:
        tools = [{"type": "function", "name": name, "parameters": _SCHEMA, "strict": False} for name in TOOLS]
        asked = {"model": model, "input": copy.deepcopy(self.history), "tools": tools, "store": False}
        return "/v1/responses", {**asked, "include": ["reasoning.encrypted_content"]}

    def say(self, text: str) -> None:
        self.history.append({"role": "user", "content": [{"type": "input_text", "text": text}]})

    def instruct(self, text: str) -> None:
        self.history.append({"role": "developer", "content": [{"type": "input_text", "text": text}]})

    def hear(self, body: Any) -> list[Call]:
        self.history += body["output"]
        calls = [item for item in body["output"] if item["type"] == "function_call"]
        return [Call(call["call_id"], call["name"], json.loads(call["arguments"])) for call in calls]

    def answer(self, results: list[tuple[Call, str | None]], text: str | None) -> None:
        self.history += [
            {"type": "function_call_output", "call_id": call.call_id, "output": said or ""} for call, said in results
        ]
        if text is not None:
            self.say(text)


class Messages(Player):
    def ask(self, model: str) -> tuple[str, Any]:
        tools = [{"name": name, "input_schema": _SCHEMA} for name in TOOLS]
        system = [{"type": "text", "text": each, "cache_control": {"type": "ephemeral"}} for each in ("one", "two")]
        asked = {"model": model, "max_tokens": 32000, "messages": copy.deepcopy(self.history), "tools": tools}
        return "/v1/messages?beta=true", {**asked, "system": system, "thinking": {"type": "adaptive"}}

    def say(self, text: str) -> None:
        self.history.append({"role": "user", "content": text})

    def instruct(self, text: str) -> None:
        self.history.append({"role": "system", "content": text})

    def hear(self, body: Any) -> list[Call]:
        if body["content"]:
            self.history.append({"role": "assistant", "content": body["content"]})
        calls = [block for block in body["content"] if block["type"] == "tool_use"]
        return [Call(call["id"], call["name"], call["input"]) for call in calls]

    def answer(self, results: list[tuple[Call, str | None]], text: str | None) -> None:
        content: list[Any] = [
            {"type": "tool_result", "tool_use_id": call.call_id, **({"content": said} if said is not None else {})}
            for call, said in results
        ]
        self.history.append(
            {"role": "user", "content": content + [{"type": "text", "text": text}] * (text is not None)}
        )


class Gemini(Player):
    def ask(self, model: str) -> tuple[str, Any]:
        tools = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": _SCHEMA} for name in TOOLS]}]
        asked = {
            "contents": copy.deepcopy(self.history),
            "tools": tools,
            "systemInstruction": {"parts": [{"text": "one"}]},
        }
        thinking = {"thinkingConfig": {"includeThoughts": True}}
        return f"/v1beta/models/{model}:generateContent", {**asked, "generationConfig": thinking}

    def say(self, text: str) -> None:
        self.history.append({"role": "user", "parts": [{"text": text}]})

    def hear(self, body: Any) -> list[Call]:
        content = body["candidates"][0].get("content", {})
        if content.get("parts"):
            self.history.append(content)
        calls = [part["functionCall"] for part in content.get("parts", ()) if "functionCall" in part]
        return [Call(call["id"], call["name"], call["args"]) for call in calls]

    def answer(self, results: list[tuple[Call, str | None]], text: str | None) -> None:
        parts: list[Any] = [
            {
                "functionResponse": {
                    "id": call.call_id,
                    "name": call.name,
                    "response": {"output": said} if said is not None else {},
                }
            }
            for call, said in results
        ]
        self.history.append({"role": "user", "parts": parts})
        if text is not None:
            self.say(text)


PLAYERS: dict[str, type[Player]] = {
    "openai_chat": Chat,
    "openai_responses": Responses,
    "anthropic": Messages,
    "gemini": Gemini,
}
