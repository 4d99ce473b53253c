"""Ids for calls and results that came without any.

OpenAI refuses such a history. Some servers of this protocol answer with empty ids, or with none, and take results so as well, because they pair
both by their order, or (Ollama) by the name of the function; a client that talked to one of them may go on with any provider. Results whose ids
no call has, beside calls without any, are told apart by nothing, and the reader refuses them.

Knows: which call a result without an id belongs to. Refuses to know: what a call or a result says.
"""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["identified"]


def identified(messages: Sequence[JSON]) -> Sequence[JSON]:
    """The messages with an id on every call and result of a step in which results lack some: a result's is that of the first call of its name
    that waits for one, or of the first that waits. Other messages are given back as they are. An id is made of the call's place, so that a
    history has the same ids in every turn."""
    told: list[JSON] = []
    for place, message in enumerate(messages):
        if len(told) > place:
            continue
        if isinstance(message, dict) and _calls(message):
            told += _step(message, _results(messages, place + 1), place)
        else:
            told.append(message)
    return told


def _results(messages: Sequence[JSON], place: int) -> list[Object]:
    """The tool messages from this place on, up to any other one."""
    found: list[Object] = []
    for message in messages[place:]:
        if not isinstance(message, dict) or message.get("role") != "tool":
            break
        found.append(message)
    return found


def _step(message: Object, results: list[Object], place: int) -> list[JSON]:
    if not any(_blank(result, "tool_call_id") for result in results):
        return [message, *results]
    calls = [
        {**call, "id": f"call_{place}_{number}"} if _blank(call, "id") else call
        for number, call in enumerate(_calls(message))
    ]
    given = [result.get("tool_call_id") for result in results]
    waiting = [call for call in calls if call["id"] not in given]
    paired = [
        {**result, "tool_call_id": _awaited(result, waiting)} if _blank(result, "tool_call_id") and waiting else result
        for result in results
    ]
    return [{**message, "tool_calls": calls}, *paired]


def _awaited(result: Object, waiting: list[Object]) -> JSON:
    """The id of the call that this result is taken for; it waits no longer."""
    name = result.get("name")
    at = next((at for at, call in enumerate(waiting) if name is not None and _name(call) == name), 0)
    return waiting.pop(at)["id"]


def _name(call: Object) -> JSON:
    body = call.get(call.get("type") or "function")
    return body.get("name") if isinstance(body, dict) else None


def _calls(message: Object) -> list[Object]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) and all(isinstance(call, dict) for call in calls) else []


def _blank(document: Object, name: str) -> bool:
    return document.get(name) in (None, "")
