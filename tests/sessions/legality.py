"""What each vendor refuses of a history, by its own pages and error texts: the oracle of the sessions.

Each function takes a body and gives back what is wrong with it, in words. Refuses to know how the body came to be. Sources: as of the protocols'
pages (``docs/protocols``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["LEGALITY", "OWN_TOKENS"]

OWN_TOKENS = {"anthropic": "ANT", "openai_responses": "OAI", "gemini": "GEM", "openai_chat": "none"}
"""How the tokens begin that each vendor signs with in these tests."""

_EXCUSE = "skip_thought_signature_validator"
_SPOKEN = {
    "user": {"input_text", "input_image"},
    "developer": {"input_text"},
    "system": {"input_text"},
    "assistant": {"output_text", "refusal"},
}
_DATA = {"text", "inlineData", "functionCall", "functionResponse"}


def _list(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _of(blocks: list[Any], kind: str) -> list[Any]:
    return [block for block in blocks if block["type"] == kind]


def messages(body: Any) -> Iterator[str]:
    """Anthropic Messages."""
    turns: list[tuple[str, list[Any]]] = []
    for message in body["messages"]:
        blocks = _list(message["content"])
        if not blocks or any(not block["text"].strip() for block in _of(blocks, "text")):
            yield "a message or a text is empty"
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(blocks)
        else:
            turns.append((message["role"], blocks))
    turns = [turn for turn in turns if turn[0] != "system"]
    if turns[0][0] != "user":
        yield "the user does not speak first"
    calls: list[str] = []
    for role, blocks in turns:
        asked, results = _of(blocks, "tool_use"), [block["tool_use_id"] for block in _of(blocks, "tool_result")]
        if sorted(results) != sorted(calls[-len(results) or len(calls) :]) or (results and role != "user"):
            yield f"{results} do not answer the calls before them"
        if any(block["type"] != "tool_result" for block in blocks[: len(results)]):
            yield "results are not first"
        calls += [call["id"] for call in asked]
        if asked and role != "assistant":
            yield "a user calls"
        for call in asked:
            if not re.fullmatch(r"[a-zA-Z0-9_-]+", call["id"]) or not re.fullmatch(
                r"[a-zA-Z0-9_-]{1,128}", call["name"]
            ):
                yield f"{call} has an illegal id or name"
        tokens = [block.get("signature", block.get("data")) for block in blocks if "thinking" in block["type"]]
        if not all(token.startswith("ANT") for token in tokens):
            yield f"{tokens} are not all of Anthropic's"
    if len(set(calls)) != len(calls):
        yield f"ids are used twice: {calls}"
    if turns[-1][0] != "user":
        yield "the user does not speak last"
    yield from _answered(calls, [each for _, blocks in turns for each in _of(blocks, "tool_result")], "tool_use_id")
    if json.dumps(body).count('"cache_control": {') > 4:
        yield "more than four breakpoints"


def _answered(calls: list[str], results: list[Any], name: str) -> Iterator[str]:
    if sorted(calls) != sorted(result[name] for result in results):
        yield f"calls {calls} have results {[result[name] for result in results]}"


def chat(body: Any) -> Iterator[str]:
    """OpenAI Chat Completions."""
    waiting: list[str] = []
    for message in body["messages"]:
        role, content, calls = message["role"], message.get("content"), message.get("tool_calls")
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                yield f"{message['tool_call_id']} was not called before"
            waiting = [each for each in waiting if each != message["tool_call_id"]]
            continue
        if waiting:
            yield f"{waiting} have no result before {role} speaks"
        if calls is None and not content:
            yield f"{role} says nothing"
        if role == "assistant" and not message.keys() <= {"role", "content", "tool_calls", "refusal"}:
            yield f"the assistant has {sorted(message)}"
        waiting = [call["id"] for call in calls or ()]
        if len(set(waiting)) != len(waiting) or any(len(each) > 40 for each in waiting):
            yield f"{waiting} are used twice or too long"
        for call in calls or ():
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                yield f"{call} has no arguments"
            if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call["function"]["name"]):
                yield f"{call} has an illegal name"
    if waiting:
        yield f"{waiting} have no result"


def responses(body: Any) -> Iterator[str]:
    """OpenAI Responses."""
    calls: list[str] = []
    outputs: list[Any] = []
    items = body["input"]
    for at, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message":
            said = item["content"] if not isinstance(item["content"], str) else []
            if not {part["type"] for part in said} <= _SPOKEN[item["role"]]:
                yield f"{item['role']} says {said}"
        elif kind == "function_call":
            calls.append(item["call_id"])
            if len(item["call_id"]) > 64 or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", item["name"]):
                yield f"{item} has an illegal id or name"
        elif kind == "function_call_output":
            outputs.append(item)
            if item["call_id"] not in calls:
                yield f"{item['call_id']} was not called before"
        elif kind == "reasoning":
            behind = [each for each in items[at:] if each.get("type") != "reasoning"]
            if not str(item.get("encrypted_content")).startswith("OAI"):
                yield f"{item} is not OpenAI's"
            if not behind or (behind[0].get("type") != "function_call" and behind[0].get("role") != "assistant"):
                yield "reasoning without what it led to"
    if len(set(calls)) != len(calls):
        yield f"ids are used twice: {calls}"
    yield from _answered(calls, outputs, "call_id")


def contents(body: Any) -> Iterator[str]:
    """Gemini, generation 3."""
    before: list[Any] = []
    asked = max(at for at, each in enumerate(body["contents"]) if _asks(each))
    for at, content in enumerate([*body["contents"], {"role": "model", "parts": [{"text": "the answer"}]}]):
        parts, role = content["parts"], content.get("role", "user")
        for part in parts:
            if len(part.keys() & _DATA) != 1 or part.get("text") == "":
                yield f"{part} holds nothing, or too much"
            token = part.get("thoughtSignature", "GEM")
            if token != _EXCUSE and not token.startswith("GEM"):
                yield f"{token} is not Google's"
        waiting = [part["functionCall"] for part in before if "functionCall" in part]
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        owed = sorted(call["name"] for call in waiting)
        if (role == "user" or waiting) and owed != sorted(answer["name"] for answer in answers):
            yield f"calls {waiting} have responses {answers}"
        called = [part for part in parts if "functionCall" in part]
        if called and role != "model":
            yield "a user calls"
        if called and at > asked and "thoughtSignature" not in called[0]:
            yield f"{called[0]} is not signed, and belongs to what is being answered"
        before = parts


def _asks(content: Any) -> bool:
    return content.get("role") == "user" and not any("functionResponse" in part for part in content["parts"])


LEGALITY: dict[str, Callable[[Any], Iterator[str]]] = {
    "anthropic": messages,
    "openai_chat": chat,
    "openai_responses": responses,
    "gemini": contents,
}
