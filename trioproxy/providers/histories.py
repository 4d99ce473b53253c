"""Edits of the messages of Chat Completions that one vendor demands: roles, members, and what belongs to what.

A client of this protocol writes histories as OpenAI takes them. Each edit here is for vendors that refuse some of it; none changes a body that
needs no change. Sources: the vendors' API references, and their answers to requests that did not keep to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from trioproxy.neutral.loss import Loss
from trioproxy.providers.excuses import EXCUSED_CALLS
from trioproxy.providers.quirk import CHAT, Quirk, QuirkContext
from trioproxy.wire.jsoncodec import Object

__all__ = ["HISTORY_EDITS", "NOT_SHOWN", "instructed_first"]

_KNOWN_TO_MISTRAL = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
NOT_SHOWN = " "
"""Thoughts that a client did not keep: the member has to be there and may not be empty."""


def _rewritten(body: Object, messages: list[Any]) -> Object | None:
    return {**body, "messages": messages} if messages != body.get("messages") else None


def _objects(body: Object) -> list[Any]:
    messages = body.get("messages")
    return messages if isinstance(messages, list) else []


def _developer_as_system(body: Object, context: QuirkContext) -> Object | None:
    return (
        _rewritten(
            body,
            [
                {**each, "role": "system"} if isinstance(each, dict) and each.get("role") == "developer" else each
                for each in _objects(body)
            ],
        )
        if _objects(body)
        else None
    )


def _mistral_messages(body: Object, context: QuirkContext) -> Object | None:
    known = [_known_members(_with_documents(each), at, context) for at, each in enumerate(_objects(body))]
    # All of them, because one that is the last now is not the next time, and a cached prompt stays.
    messages = list(_bridged(list(instructed_first(known, {"system"}, context)), context))
    last = messages[-1] if messages else None
    if isinstance(last, dict) and last.get("role") == "assistant" and not last.get("tool_calls"):
        messages[-1] = {**last, "prefix": True}
    return _rewritten(body, messages) if messages else None


def instructed_first(
    messages: list[Any], roles: Set[str], context: QuirkContext, *, begun: bool = False
) -> Iterator[Any]:
    """The messages with instructions, those of ``roles``, as the user's words where they are not at the head: "Unexpected role 'system' after
    role 'tool'", "Expected last role User or Tool … but got system". ``begun`` says that the head is elsewhere."""
    for at, message in enumerate(messages):
        instructs = isinstance(message, dict) and message.get("role") in roles
        begun = begun or not instructs
        if instructs and begun:
            context.losses.append(
                Loss(
                    path=f"messages[{at}]",
                    reason="the provider takes instructions at the head alone: told as the user's",
                )
            )
            message = {**message, "role": "user"}
        yield message


_BRIDGE = {"role": "assistant", "content": "OK."}
"""What stands between a tool's result and a user who speaks before the model did."""


def _bridged(messages: list[Any], context: QuirkContext) -> Iterator[Any]:
    """The messages with a word of the assistant's where a user follows a tool: "Unexpected role 'user' after role 'tool'"."""
    before: Any = None
    for at, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "user" and before == "tool":
            context.losses.append(
                Loss(path=f"messages[{at}]", reason="the assistant had to speak before it: a word was put in")
            )
            yield _BRIDGE
        before = role
        yield message


def _with_documents(message: Any) -> Any:
    """The message with its files as Mistral names them: ``document_url`` for what they hold, and an id beside the type."""
    content = message.get("content") if isinstance(message, dict) else None
    return {**message, "content": [_document(part) for part in content]} if isinstance(content, list) else message


def _document(part: Any) -> Any:
    match part:
        case {"type": "file", "file": {"file_data": str() as data, **file}}:
            url = (
                data
                if data[:6].lower().startswith(("data:", "http:", "https:"))
                else f"data:application/pdf;base64,{data}"
            )
            name = file.get("filename")
            return {"type": "document_url", "document_url": url, **({"document_name": name} if name else {})}
        case {"type": "file", "file": {"file_id": str() as identity}}:
            return {"type": "file", "file_id": identity}
        case _:
            return part


def _known_members(message: Any, at: int, context: QuirkContext) -> Any:
    if not isinstance(message, dict):
        return message
    known = _KNOWN_TO_MISTRAL.get(str(message.get("role")))
    if known is None or message.keys() <= known:
        return message
    for name in message.keys() - known:
        # What is null, empty or an SDK's own default says nothing.
        if message[name]:
            context.losses.append(Loss(path=f"messages[{at}].{name}", reason="the provider refuses it"))
    return {name: value for name, value in message.items() if name in known}


def _thoughts_beside_calls(body: Object, context: QuirkContext) -> Object | None:
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "disabled":
        return None
    return _rewritten(body, [_with_thoughts(each) for each in _objects(body)]) if _objects(body) else None


def _with_thoughts(message: Any) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant" or not message.get("tool_calls"):
        return message
    if isinstance(message.get("reasoning_content"), str) and message["reasoning_content"]:
        return message
    other = message.get("reasoning")
    return {**message, "reasoning_content": other if isinstance(other, str) and other else NOT_SHOWN}


def _paired_results(body: Object, context: QuirkContext) -> Object | None:
    return _rewritten(body, list(_paired(_objects(body), context))) if _objects(body) else None


def _paired(messages: list[Any], context: QuirkContext) -> Iterator[Any]:
    waiting: list[str] = []
    for at, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "assistant":
            calls = message.get("tool_calls")
            waiting = (
                [str(call.get("id")) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
            )
        if role != "tool":
            yield message
            continue
        answered = message.get("tool_call_id")
        if answered not in waiting and not answered and len(waiting) == 1:
            message = {**message, "tool_call_id": waiting[0]}
            answered = waiting[0]
        if answered in waiting:
            waiting.remove(answered)
            yield message
            continue
        context.losses.append(
            Loss(path=f"messages[{at}].tool_call_id", reason="it names no call before it: told as text")
        )
        yield {"role": "user", "content": f"Result of tool call {answered}:\n{_text(message.get('content'))}"}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return content if isinstance(content, str) else ""


HISTORY_EDITS = (
    Quirk(
        name="developer-as-system",
        doc="Messages of role `developer` become `system`.",
        protocols=frozenset({CHAT}),
        marks=(b'"developer"',),
        edit=_developer_as_system,
    ),
    Quirk(
        name="mistral-messages",
        doc="Messages have the members that Mistral knows, files are `document_url` parts, instructions amid the conversation are the user's, "
        "a word of the assistant's stands between a tool's result and a user, and an assistant's at the end is a `prefix`.",
        protocols=frozenset({CHAT}),
        edit=_mistral_messages,
    ),
    Quirk(
        name="paired-tool-results",
        doc="A result that names no call before it is told as the user's text; one without an id answers the only call there is.",
        protocols=frozenset({CHAT}),
        marks=(b'"tool"',),
        edit=_paired_results,
    ),
    EXCUSED_CALLS,
    Quirk(
        name="thoughts-beside-calls",
        doc="`reasoning_content` stands beside every call, blank where the client kept none.",
        protocols=frozenset({CHAT}),
        marks=(b'"tool_calls"',),
        edit=_thoughts_beside_calls,
    ),
)
"""In the order in which they are made."""
