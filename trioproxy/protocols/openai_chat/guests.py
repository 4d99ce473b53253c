"""What agents send to Chat Completions that is not Chat Completions, said in its words.

Cursor asks every server here as it asks the model's own vendor: for GPT models with a body of the Responses API (``input`` in place of
``messages``), for Claude models with Anthropic's blocks in ``content`` (``tool_use``, ``tool_result``, ``image``) and tools without a
``function`` around them. No server of this protocol understands that, so that such a request is written anew before it goes anywhere; any other
one stays as it came. Sources: what Cursor sends (github.com/router-for-me/CLIProxyAPI issues 658 and 3805), the API references of both vendors.

Refuses to know: what becomes of the request then. What is no body of either vendor is left for the reader of this protocol to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["as_chat"]


def as_chat(document: Object) -> Object | None:
    """The request in the words of this protocol; None where it is in them already."""
    said = _of_responses(document) if "messages" not in document and "input" in document else document
    messages = said.get("messages")
    if isinstance(messages, list) and any(map(_is_foreign, messages)):
        rewritten = [each for message in messages for each in _messages(message)]
        said = said if rewritten == messages else {**said, "messages": rewritten}
    tools = said.get("tools")
    if isinstance(tools, list) and any(map(_is_bare, tools)):
        said = {
            **said,
            "tools": [_nested(tool) if _is_bare(tool) else tool for tool in tools],
            **_chosen(said.get("tool_choice")),
        }
    elif isinstance(tools, list) and (kind := _kind_chosen(said.get("tool_choice"), tools)) is not None:
        said = {**said, **_chosen({**said["tool_choice"], "type": kind})}
    return None if said is document else said


def _chosen(choice: JSON) -> Object:
    """The choice of one who declares tools so."""
    if not isinstance(choice, dict):
        return {}
    said: Object = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    match choice:
        case {"type": "auto" | "none" as word}:
            return {**said, "tool_choice": word}
        case {"type": "any"}:
            return {**said, "tool_choice": "required"}
        case {"type": "tool" | "function" | "custom" as kind, "name": name}:
            kind = "function" if kind == "tool" else kind
            return {**said, "tool_choice": {"type": kind, kind: {"name": name}}}
        case _:
            return {}


def _kind_chosen(choice: JSON, tools: list[JSON]) -> str | None:
    """The kind of the tool that is chosen by a name where its object should be, though the tools are in this protocol's own form."""
    match choice:
        case {"type": "tool" | "function" | "custom", "name": str() as name, **rest} if (
            not {"function", "custom"} & rest.keys()
        ):
            return next(
                (kind for tool in tools for kind in ("function", "custom") if _is_named(tool, kind, name)), None
            )
        case _:
            return None


def _is_named(tool: JSON, kind: str, name: str) -> bool:
    body = tool.get(kind) if isinstance(tool, dict) else None
    return isinstance(body, dict) and body.get("name") == name


# Tools.


def _is_bare(tool: JSON) -> bool:
    """Whether a tool has its name where its object should be."""
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        return False
    return tool.get("type", "function") in ("function", "custom") and not ({"function", "custom"} & tool.keys())


def _nested(tool: Object) -> Object:
    kind = "custom" if tool.get("type") == "custom" and "input_schema" not in tool else "function"
    inner = {name: value for name, value in tool.items() if name not in ("type", "cache_control", "input_schema")}
    if "input_schema" in tool:
        inner["parameters"] = tool["input_schema"]
    match inner.get("format"):
        case {"type": "grammar", "syntax": syntax, "definition": definition}:
            inner["format"] = {"type": "grammar", "grammar": {"syntax": syntax, "definition": definition}}
        case _:
            pass
    return {"type": kind, kind: inner, **_kept(tool)}


# Messages with blocks of Anthropic's, or parts of Responses.


def _is_foreign(message: JSON) -> bool:
    """Whether anything in a message may be of another protocol. Every request is asked, so this looks at types alone."""
    content = message.get("content") if type(message) is dict else None
    if type(content) is not list:
        return False
    return any(type(part) is dict and type(kind := part.get("type")) is str and kind in _FOREIGN for part in content)


def _messages(message: JSON) -> Iterator[JSON]:
    """The messages that one becomes: results stand in messages of their own, before the rest of what a user says."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        yield message
        return
    content: list[JSON] = message["content"]
    parts: list[JSON] = []
    calls: list[JSON] = []
    details: list[JSON] = []
    told = [call.get("id") for call in _calls(message) if isinstance(call, dict)]
    for part in content:
        match part:
            case {"type": "tool_result", "tool_use_id": str() as answered, **rest}:
                yield _result(answered, rest)
            case {"type": "tool_use", "id": str() as call_id} if call_id in told:
                pass  # LangChain and others say a call in both words.
            case {"type": "tool_use", "id": str() as call_id, "name": str() as name, **rest}:
                arguments = dumps(rest.get("input") or {}).decode()
                calls.append({"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}})
            case {"type": "thinking", "thinking": str() as thought, "signature": str() as signature}:
                details.append({**_CLAUDE, "type": "reasoning.text", "text": thought, "signature": signature})
            case {"type": "redacted_thinking", "data": str() as data}:
                details.append({**_CLAUDE, "type": "reasoning.encrypted", "data": data})
            case _:
                parts.append(_part(part))
    if parts == content:
        yield message
    elif parts or calls or details or told:
        said = {**message, "content": parts or None}
        said |= {"tool_calls": [*_calls(message), *calls]} if calls else {}
        yield said | ({"reasoning_details": details} if details else {})


_CLAUDE = {"format": "anthropic-claude-v1"}


def _calls(message: Object) -> list[JSON]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []


def _result(answered: str, block: Mapping[Any, Any]) -> Object:
    content = block.get("content")
    if isinstance(content, list):
        parts = [_part(part) for part in content]
        content = [*([{"type": "text", "text": "Error:"}] if block.get("is_error") else []), *parts]
    elif block.get("is_error"):
        content = f"Error: {content or ''}"
    return {"role": "tool", "tool_call_id": answered, "content": content or "", **_kept(block)}


def _part(part: JSON) -> JSON:
    match part:
        case {"type": str() as kind} if kind in _PARTS:
            return _PARTS[kind](part) or part
        case _:
            return part


def _text(part: Mapping[Any, Any]) -> Object:
    return {"type": "text", "text": part.get("text") or "", **_kept(part)}


def _kept(part: Mapping[Any, Any]) -> Object:
    """What a part may have here as there."""
    return {"cache_control": part["cache_control"]} if "cache_control" in part else {}


def _source(part: Mapping[Any, Any]) -> str | None:
    """The URL of what a block of Anthropic's holds."""
    match part.get("source"):
        case {"type": "base64", "media_type": str() as mime, "data": str() as data}:
            return f"data:{mime};base64,{data}"
        case {"type": "url", "url": str() as url}:
            return url
        case _:
            return None


def _image(part: Mapping[Any, Any]) -> Object | None:
    url = _source(part)
    return {"type": "image_url", "image_url": {"url": url}, **_kept(part)} if url is not None else None


def _document(part: Mapping[Any, Any]) -> Object | None:
    url, title = _source(part), part.get("title")
    named = {"filename": title} if isinstance(title, str) else {}
    if url is not None:
        return {"type": "file", "file": {**named, "file_data": url}, **_kept(part)}
    match part.get("source"):
        case {"type": "text", "data": str() as text}:
            return {"type": "text", "text": f"{title}:\n{text}" if named else text, **_kept(part)}
        case _:
            return None


def _input_image(part: Mapping[Any, Any]) -> Object | None:
    detail = {"detail": part["detail"]} if isinstance(part.get("detail"), str) else {}
    url = part.get("image_url")
    return {"type": "image_url", "image_url": {"url": url, **detail}} if isinstance(url, str) else None


def _input_file(part: Mapping[Any, Any]) -> Object | None:
    data = part.get("file_data") or part.get("file_url")
    file = {name: part[name] for name in ("filename", "file_id") if isinstance(part.get(name), str)}
    return {"type": "file", "file": {**file, **({"file_data": data} if data else {})}}


_PARTS: dict[str, Callable[[Mapping[Any, Any]], Object | None]] = {
    "image": _image,
    "document": _document,
    "input_text": _text,
    "output_text": _text,
    "input_image": _input_image,
    "input_file": _input_file,
}
"""Type of a part of another protocol -> what it is here; None where that can't be said."""


_FOREIGN = frozenset({"tool_use", "tool_result", "thinking", "redacted_thinking", *_PARTS})

# Bodies of the Responses API.

_NAMES = {"max_output_tokens": "max_completion_tokens"}
_SAID_OTHERWISE = frozenset({"input", "instructions", "text", "reasoning", "include", "truncation"})
"""Members that are said in other words, or that only shape what an answer of the Responses API looks like."""


def _of_responses(document: Object) -> Object:
    """A body of the Responses API in the words of this protocol. What has none here stays as it is, for the reader."""
    given = document["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list):
        return document
    messages: list[JSON] = []
    if document.get("instructions"):
        messages.append({"role": "system", "content": document["instructions"]})
    for item in items:
        _add(item, messages)
    said = {_NAMES.get(name, name): value for name, value in document.items() if name not in _SAID_OTHERWISE}
    text, reasoning = document.get("text"), document.get("reasoning")
    if isinstance(text, dict):
        said |= _form(text)
    if isinstance(reasoning, dict) and reasoning.get("effort") is not None:
        said["reasoning_effort"] = reasoning["effort"]
    return {**said, "messages": messages}


def _form(text: Object) -> Object:
    said: Object = {"verbosity": text["verbosity"]} if text.get("verbosity") is not None else {}
    match text.get("format"):
        case {"type": "json_schema", **schema}:
            said["response_format"] = {"type": "json_schema", "json_schema": schema}
        case {"type": str()} as form:
            said["response_format"] = form
    return said


def _add(item: JSON, messages: list[JSON]) -> None:
    """Add what one item of ``input`` says: calls to the message of the assistant that they follow."""
    match item:
        case {"type": ("function_call" | "custom_tool_call") as kind, "call_id": call_id, "name": name, **rest}:
            call = (
                {"type": "function", "function": {"name": name, "arguments": rest.get("arguments") or "{}"}}
                if kind == "function_call"
                else {"type": "custom", "custom": {"name": name, "input": rest.get("input") or ""}}
            )
            last = messages[-1] if messages else None
            if not isinstance(last, dict) or last.get("role") != "assistant":
                last = {"role": "assistant", "content": None}
                messages.append(last)
            last["tool_calls"] = [*_calls(last), {"id": call_id, **call}]
        case {"type": "function_call_output" | "custom_tool_call_output", "call_id": call_id, "output": output}:
            messages.append({"role": "tool", "tool_call_id": call_id, "content": output})
        case {"type": "reasoning"}:
            # Its vendor alone can read what is in it, and the answer does not depend on it.
            pass
        case {"role": _, "content": _, **rest}:
            message = {name: value for name, value in item.items() if name not in ("type", "id", "status", "phase")}
            messages.append(message)
        case _:
            messages.append(dict(item) if isinstance(item, dict) else item)
