"""Turns to ``messages`` for an upstream.

Rules of the wire: results stand directly behind the message with their calls, before anything else a user says; a result is text, so its images
follow in a user message; the calls of one answer are in one message. A conversation that was read from this protocol keeps its messages as they
were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias, assert_never

import attrs

from trioproxy.neutral.extras import spelling
from trioproxy.neutral.parts import (
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from trioproxy.neutral.request import Conversation, Role, Turn
from trioproxy.protocols.openai_chat.content_writer import joined_text, write_content
from trioproxy.protocols.openai_chat.draft import Draft, nulls
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.images import IMAGES
from trioproxy.protocols.openai_chat.pairing import paired
from trioproxy.protocols.openai_chat.quirks import (
    CUSTOM_TOOLS,
    DEVELOPER_ROLE,
    GOOGLE_EXTRA_CONTENT,
    REASONING_CONTENT_HISTORY,
    REASONING_DETAILS,
    REASONING_MODEL,
    THINK_TAGS_HISTORY,
)
from trioproxy.protocols.openai_chat.reasoning import details_of
from trioproxy.protocols.openai_chat.writer import google_content
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["instruction_role", "wrapped_input", "write_messages"]

_ERROR_PREFIX = "Error: "
_OPENING = "(The conversation goes on from here.)"
_ASKING = frozenset({"system", "developer", "user"})


def wrapped_input(text: str) -> str:
    """The arguments of a custom call for a target that knows functions only."""
    return dumps({"input": text}).decode()


def write_messages(conversation: Conversation, draft: Draft) -> list[Object]:
    """All messages.

    Raises:
        ClientFault: INVALID_REQUEST where something that can't be left out has no place here; ``param`` names it.
    """
    messages = list(_instructions(conversation, draft))
    if not messages and not conversation.turns:
        # A Responses request may be nothing but its settings; here there has to be a message.
        return [{"role": "user", "content": ""}]
    at = 0
    ordered = conversation.turns if draft.native else paired(conversation.turns, draft)
    for role, run in groupby(ordered, key=lambda turn: turn.role):
        turns = list(run)
        paths = [f"messages[{at + offset}]" for offset in range(len(turns))]
        at += len(turns)
        match role:
            case Role.SYSTEM:
                messages += _instruction_run(turns, paths, draft)
            case Role.USER:
                messages += _user_run(turns, paths, draft)
            case Role.ASSISTANT:
                messages += _assistant_run(turns, paths, draft)
            case _:
                assert_never(role)
    if not draft.native and not any(message["role"] in _ASKING for message in messages):
        # Many servers refuse a history in which nobody asks.
        draft.lose("messages", "nobody asks anything in this history: an opening was put first")
        messages.insert(0, {"role": "user", "content": _OPENING})
    return messages


# Instructions.


def _speaking(parts: Sequence[Text | Opaque]) -> tuple[Text | Opaque, ...]:
    """The instructions but for those that are empty: some servers refuse a message without a word."""
    return tuple(part for part in parts if not isinstance(part, Text) or part.text)


def _instructions(conversation: Conversation, draft: Draft) -> Iterator[Object]:
    parts = conversation.system if draft.native else _speaking(conversation.system)
    groups: Sequence[Object] = spelling(conversation.extras, NAME).get("groups", ())
    if sum(group["count"] for group in groups) != len(parts):
        # Somebody changed the instructions since they were read: their old borders mean nothing.
        groups = ()
    at = 0
    for number, group in enumerate(groups):
        end = at + group["count"]
        turn = attrs.evolve(group["turn"], parts=parts[at:end])
        yield _instruction(turn, draft, f"system[{number}]", places=[f"system[{each}]" for each in range(at, end)])
        at = end
    if at == len(parts):
        return
    places = [f"system[{number}]" for number, part in enumerate(conversation.system) if part in parts]
    content = write_content(parts, draft, "system", places=places)
    listed = content if isinstance(content, list) else []
    texts = [part["text"] for part in listed if isinstance(part, dict) and part.keys() == {"type", "text"}]
    # Many servers take a string only, so a list is for those who take what it can say more.
    joined = "\n\n".join(texts) if texts and len(texts) == len(listed) else content
    if joined != []:
        yield {"role": instruction_role(draft), "content": joined}


def instruction_role(draft: Draft, spelled: str = "system") -> str:
    """The role of instructions at the target."""
    return "developer" if draft.has(DEVELOPER_ROLE, REASONING_MODEL) else spelled


def _instruction_run(turns: list[Turn], paths: list[str], draft: Draft) -> Iterator[Object]:
    for turn, path in zip(turns, paths, strict=True):
        message = _instruction(turn, draft, path)
        if message.get("content") != [] or draft.native:
            yield message


def _instruction(turn: Turn, draft: Draft, path: str, *, places: Sequence[str] | None = None) -> Object:
    notes = spelling(turn.extras, NAME)
    message: Object = {"role": instruction_role(draft, notes.get("role", "system"))}
    if not draft.native and any(isinstance(part, Media) for part in turn.parts):
        draft.lose(
            f"{path}.role", "instructions hold text only: these, with what they show, are given as the user's words"
        )
        message["role"] = "user"
    message["content"] = write_content(turn.parts, draft, path, form=notes.get("content"), places=places)
    return _completed(message, turn, draft, path)


def _completed(message: Object, turn: Turn, draft: Draft, path: str) -> Object:
    """The message with what all of them may have: a name, own fields, members that were null or absent."""
    if turn.name is not None:
        message["name"] = turn.name
    message.update(draft.own(turn.extras, path))
    message.update(spelling(turn.extras, NAME).get("cached", {}))
    message.update(nulls(turn.extras))
    if spelling(turn.extras, NAME).get("content") == "absent":
        del message["content"]
    return message


# Users and tools.


def _user_run(turns: list[Turn], paths: list[str], draft: Draft) -> Iterator[Object]:
    """Consecutive user turns: all results first, then what they showed, then what the user says."""
    shown: list[_Placed] = []
    for turn, path in zip(turns, paths, strict=True):
        for position, result in enumerate(turn.parts):
            if isinstance(result, ToolResult):
                yield _tool_message(result, draft, path if draft.native else f"{path}.content[{position}]", shown)
    if shown:
        yield {"role": "user", "content": _content(shown, draft, paths[0], form="list")}
    for turn, path in zip(turns, paths, strict=True):
        said = [each for each in _placed(turn, path) if not isinstance(each[0], ToolResult)]
        content = _content(said, draft, path, form=spelling(turn.extras, NAME).get("content"))
        if content != [] or (draft.native and not turn.parts):
            yield _completed({"role": "user", "content": content}, turn, draft, path)


def _tool_message(result: ToolResult, draft: Draft, path: str, shown: list[_Placed]) -> Object:
    notes = spelling(result.extras, NAME)
    message: Object = {"role": "tool", "tool_call_id": draft.call_id(result.call_id)}
    if draft.native:
        message["content"] = write_content(result.content, draft, path, form=notes.get("content"))
    else:
        message["content"] = _result_text(result, draft, path, shown)
    if result.name is not None and draft.native:
        message["name"] = draft.names.of(result.name)
    message.update(draft.own(result.extras, path))
    message.update(draft.cache(result.cache, result.extras, path))
    message.update(nulls(result.extras))
    if notes.get("content") == "absent":
        del message["content"]
    return message


def _result_text(result: ToolResult, draft: Draft, path: str, shown: list[_Placed]) -> str:
    media: list[_Placed] = []
    for position, part in enumerate(result.content):
        place = f"{path}.content[{position}]"
        if isinstance(part, Opaque):
            draft.opaque(part, place)
        elif isinstance(part, Media):
            media.append((part, place))
        else:
            draft.own(part.extras, place)
    text = joined_text(result.content, "\n")
    if media:
        draft.lose(f"{path}.content", "a tool message holds text only: its images and files follow in a user message")
        shown += [(Text(text=f"Content of the result of tool call {result.call_id}:"), path), *media]
        text = text or "The result is in the next user message."
    return f"{_ERROR_PREFIX}{text}" if result.is_error else text


_Placed: TypeAlias = tuple[Part, str]
"""A part, and where it stands in its turn."""


def _placed(turn: Turn, path: str) -> list[_Placed]:
    return [(part, f"{path}.content[{position}]") for position, part in enumerate(turn.parts)]


def _content(placed: Sequence[_Placed], draft: Draft, path: str, *, form: str | None) -> JSON:
    return write_content([part for part, _ in placed], draft, path, form=form, places=[place for _, place in placed])


# Assistants.


def _assistant_run(turns: list[Turn], paths: list[str], draft: Draft) -> Iterator[Object]:
    """Consecutive assistant turns: kept apart as this protocol's clients sent them, else one message, because calls must stand together."""
    if not draft.native and len(turns) > 1:
        turns = [_merged(turns)]
    for turn, path in zip(turns, paths, strict=False):
        message = _assistant(turn, draft, path)
        if message is not None:
            yield message


def _merged(turns: list[Turn]) -> Turn:
    parts: list[Part] = []
    for turn in turns:
        if _speaks(parts) and _speaks(turn.parts):
            parts.append(Text(text="\n\n"))
        parts += turn.parts
    return attrs.evolve(turns[0], parts=tuple(parts))


def _speaks(parts: Iterable[Part]) -> bool:
    return any(isinstance(part, Text) and part.text for part in parts)


def _assistant(turn: Turn, draft: Draft, path: str) -> Object | None:
    notes = spelling(turn.extras, NAME)
    message: Object = {"role": "assistant"}
    placed = _placed(turn, path)
    calls = [(part, place) for part, place in placed if isinstance(part, ToolCall)]
    spoken = [(part, place) for part, place in placed if _is_said(part, draft, place)]
    said = [part for part, _ in spoken]
    message["content"] = _said(spoken, draft, path, form=notes.get("content"), has_calls=bool(calls))
    for part in turn.parts:
        if isinstance(part, Refusal) and spelling(part.extras, NAME).get("member"):
            message["refusal"] = part.text
    if "kept" in notes:
        message.update(notes["kept"])
    else:
        message.update(_thoughts(turn, draft, path, has_calls=bool(calls), said=message["content"]))
    if calls:
        message["tool_calls"] = [
            _call(call, draft, f"{path}.tool_calls[{position}]" if draft.native else place)
            for position, (call, place) in enumerate(calls)
        ]
    elif notes.get("calls") == "empty":
        message["tool_calls"] = []
    if not (message["content"] or calls or notes or draft.native):
        # Nothing is left of the turn but thoughts, and servers refuse a message that says nothing ("content or tool_calls must be set").
        if message.keys() - {"role", "content"}:
            draft.lose(f"{path}.reasoning", "a turn that broke off amid its thoughts is no message")
        return None
    if "kept" not in notes:
        message.update(_signed_words(said, draft, path))
    return _completed(message, turn, draft, path)


def _is_said(part: Part, draft: Draft, place: str) -> bool:
    """Whether a part belongs into ``content``: thoughts and calls have places of their own."""
    match part:
        case Reasoning(extras=extras):
            return "part" in spelling(extras, NAME)
        case Refusal(extras=extras):
            return not spelling(extras, NAME).get("member")
        case Opaque(protocol=protocol, kind=kind) if (protocol, kind) == (NAME, IMAGES):
            return False
        case Media() if not draft.native:
            draft.lose(place, f"an assistant message holds text only: its {part.kind.value} is left out")
            return False
        case _:
            return not isinstance(part, ToolCall)


def _said(spoken: list[_Placed], draft: Draft, path: str, *, form: str | None, has_calls: bool) -> JSON:
    if not spoken:
        return [] if form == "list" else None if draft.native or has_calls else ""
    content = _content(spoken, draft, path, form=form)
    plain = isinstance(content, list) and all(
        isinstance(part, dict) and part.keys() == {"type", "text"} for part in content
    )
    if form != "list" and plain:
        # Pieces of one text that was cut by citations or thoughts; most servers take a string only.
        return "".join(part["text"] for part in content)
    return content


def _thoughts(turn: Turn, draft: Draft, path: str, *, has_calls: bool, said: JSON) -> Object:
    """The reasoning of an assistant turn in the form the target wants back."""
    thoughts = [part for part in turn.parts if isinstance(part, Reasoning) and not spelling(part.extras, NAME)]
    if draft.has(REASONING_DETAILS):
        details: list[Object] = []
        for part in thoughts:
            details += details_of(_shown(part), part.signature, index=len(details))
        return {"reasoning_details": details} if details else {}
    text = "\n\n".join(shown for part in thoughts if (shown := _shown(part)))
    if draft.has(REASONING_CONTENT_HISTORY):
        # Beside calls the member must be there (DeepSeek, Kimi), even where another model's thoughts were never shown.
        return {"reasoning_content": text} if text or has_calls else {}
    if draft.has(THINK_TAGS_HISTORY) and text and not isinstance(said, list):
        # As the vendor said them itself, and wants them kept (platform.minimax.io, "Interleaved thinking").
        return {"content": f"<think>\n{text}\n</think>\n\n{said or ''}"}
    for position, each in enumerate(turn.parts):
        if isinstance(each, Reasoning) and not spelling(each.extras, NAME):
            draft.lose(f"{path}.content[{position}]", "the target takes no reasoning back")
    return {}


def _signed_words(said: list[Part], draft: Draft, path: str) -> Object:
    """The thought signature that Gemini put on its words. A message has a place for one, at Gemini's own compatible endpoint."""
    signatures = [part.signature for part in said if isinstance(part, Text) and part.signature is not None]
    if not signatures:
        return {}
    if draft.has(GOOGLE_EXTRA_CONTENT) and signatures[-1].form is SignatureForm.GEMINI_THOUGHT:
        return {"extra_content": google_content(signatures[-1])}
    draft.lose(f"{path}.signature", "the target takes no thought signatures")
    return {}


def _shown(part: Reasoning) -> str:
    return "\n\n".join((*([part.text] if part.text else []), *part.summary))


def _call(call: ToolCall, draft: Draft, path: str) -> Object:
    notes = spelling(call.extras, NAME)
    own = draft.own(call.extras, path)
    name = draft.names.of(call.name, namespace=call.namespace)
    if call.kind is ToolKind.CUSTOM and draft.has(CUSTOM_TOOLS):
        kind, body = "custom", {"name": name, "input": call.arguments}
    elif call.kind is ToolKind.CUSTOM:
        kind, body = "function", {"name": name, "arguments": wrapped_input(call.arguments)}
    else:
        # Most servers parse the arguments, so that an empty string is an error there.
        kind, body = "function", {"name": name, "arguments": call.arguments or ("" if draft.native else "{}")}
    if "arguments" in notes:
        member = "input" if kind == "custom" else "arguments"
        del body[member]
        body |= {} if notes["arguments"] == "absent" else {member: notes["arguments"]}
    body |= own.pop(kind, {}) | nulls(call.extras, "inner_nulls")
    document: Object = {"id": draft.call_id(call.call_id), "type": kind, kind: body}
    if notes.get("type") == "absent":
        del document["type"]
    if "index" in notes:
        document["index"] = notes["index"]
    if "extra_content" in notes:
        document["extra_content"] = notes["extra_content"]
    elif call.signature is not None and call.signature.form is SignatureForm.GEMINI_THOUGHT:
        if draft.has(GOOGLE_EXTRA_CONTENT):
            document["extra_content"] = google_content(call.signature)
        else:
            draft.lose(f"{path}.signature", "the target takes no thought signatures")
    return {**document, **own, **draft.cache(call.cache, call.extras, path), **nulls(call.extras)}
