"""The ``input`` of a request: items become turns.

An assistant turn is everything the model said or ran in a row (reasoning, a message, calls, records of the provider's tools) up to its next
message, a user turn of tool results all results in a row: so a writer whose protocol wants parallel calls in one message finds them in
neighbours at least. Every other message is a turn of its own. Where an item began and what else stood on it is noted for this protocol's own
writer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import (
    CacheHint,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.openai_responses.agents import past, read_agent_message
from trioproxy.protocols.openai_responses.builtin import builtin_of_call, builtin_of_output
from trioproxy.protocols.openai_responses.content import PARTS, read_control, read_part
from trioproxy.protocols.openai_responses.fields import Fields, noted, refusal
from trioproxy.protocols.openai_responses.quoted import parts_in
from trioproxy.protocols.openai_responses.shown import read_shown
from trioproxy.protocols.openai_responses.signatures import MARK, UNSIGNED, open_summary, unseal
from trioproxy.protocols.openai_responses.vocabulary import COMPACTIONS, NAME, ItemPlace, ItemRule, rule_of
from trioproxy.protocols.outcomes import as_content
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["SUMMARY_NOTE", "ItemReader"]

SUMMARY_NOTE = "summary"
"""The note on a turn that is a compaction of our own making."""

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM, "developer": Role.SYSTEM}
# Members that name or date an item and mean nothing to anyone but this protocol.
_ITEM_MEMBERS = ("id", "status", "created_by", "internal_chat_message_metadata_passthrough")
_DIRECT: dict[str, JSON] = {"caller": {"type": "direct"}, "async": False}
_CALLS = {"function_call": (ToolKind.FUNCTION, "arguments"), "custom_tool_call": (ToolKind.CUSTOM, "input")}
_OUTPUTS = {"function_call_output": ToolKind.FUNCTION, "custom_tool_call_output": ToolKind.CUSTOM}


class ItemReader:
    """Takes items one by one. ``system`` are the texts that lead the conversation, ``turns`` the rest; ``asides`` the items that say something
    of the request rather than of the conversation, with their place in the input, ``loaded`` all tools that items brought, with the paths of
    their lists, and ``updates`` the configurations that items set, with their paths."""

    def __init__(self) -> None:
        self.system: list[Text] = []
        self.system_places: list[str] = []
        self.turns: list[Turn] = []
        self.asides: list[tuple[int, Object]] = []
        self.loaded: list[tuple[list[Any], str]] = []
        self.updates: list[tuple[Object, str]] = []
        self._calls: dict[str, str] = {}
        self._run: list[Part] = []
        self._places: list[str] = []
        self._running: ItemPlace | None = None
        self._spoken = False

    def read(self, items: Iterable[JSON], path: str = "input") -> None:
        """Take all items of the input.

        Raises:
            ClientFault: an item is malformed; ``param`` names the member.
        """
        for number, item in enumerate(items):
            where = f"{path}[{number}]"
            if not isinstance(item, dict):
                raise refusal(where, "an object")
            self._item(item, where, number)
        self._flush()
        self._let_go()

    def _item(self, item: Object, path: str, number: int) -> None:
        kind = item.get("type") or ("message" if "role" in item else "item_reference" if "id" in item else None)
        if not isinstance(kind, str):
            raise refusal(f"{path}.type", "the type of an item")
        if kind == "message":
            self._message(item, path)
        elif kind == "additional_tools":
            self.asides.append((number, item))
            self.loaded.append((Fields(item, path).list("tools"), f"{path}.tools"))
        elif kind == "configuration_update":
            self.asides.append((number, item))
            self.updates.append((item, path))
        elif kind == "agent_message":
            self._flush()
            self.turns.append(read_agent_message(item, path))
        elif kind == "reasoning":
            self._reasoning(item, path)
        elif kind in COMPACTIONS and (summary := open_summary(item.get("encrypted_content"))) is not None:
            self._flush()
            note = packed(NAME, {}, spelling={SUMMARY_NOTE: True})
            self.turns.append(Turn(role=Role.USER, parts=(Text(text=summary),), extras=note, places=(path,)))
        elif kind in _CALLS:
            self._say(ItemPlace.MODEL, _read_call(item, path, *_CALLS[kind]), path)
        elif kind in _OUTPUTS:
            self._say(ItemPlace.RESULT, _read_output(item, path, _OUTPUTS[kind]), path)
        else:
            self._other(item, path, kind)

    def _other(self, item: Object, path: str, kind: str) -> None:
        if kind == "tool_search_output":
            self.loaded.append((Fields(item, path).list("tools"), f"{path}.tools"))
        call, output = builtin_of_call(item), builtin_of_output(item)
        if call is not None:
            made = call.read_call(item, path)
            self._calls[str(item.get("id"))] = made.call_id
            self._say(ItemPlace.MODEL, made, path)
        elif output is not None:
            result = output.read_output(item, path)
            # The id of an output of `local_shell` is the call's, by one name or the other.
            call_id = self._calls.get(result.call_id, result.call_id)
            self._say(ItemPlace.RESULT, attrs.evolve(result, call_id=call_id), path)
        else:
            self._opaque(item, kind, rule_of(kind), path)

    def _let_go(self) -> None:
        """What agents said to one another in ciphertext is lost where the model answered since: only what is to be answered now turns on it."""
        last = max((at for at, turn in enumerate(self.turns) if turn.role is Role.ASSISTANT), default=0)
        self.turns[:last] = [past(turn) for turn in self.turns[:last]]

    def _opaque(self, item: Object, kind: str, rule: ItemRule, path: str) -> None:
        part = Opaque(protocol=NAME, kind=kind, payload=item, essential=rule.essential, shown=read_shown(item))
        if rule.place is ItemPlace.OWN:
            self._flush()
            self.turns.append(Turn(role=Role.USER, parts=(part,), places=(path,)))
        else:
            self._say(rule.place, part, path)

    def _message(self, item: Object, path: str) -> None:
        fields = Fields(item, path)
        spelled = fields.need("role")
        role = _ROLES.get(spelled)
        if role is None:
            raise refusal(fields.at("role"), f"one of {', '.join(_ROLES)}")
        content, cache = fields.take("content"), read_control(fields)
        note, extra = _note(fields, {"role": spelled}, typed="type" in item, string=isinstance(content, str))
        if role is Role.ASSISTANT:
            if self._spoken:
                # Two messages are two: where the other protocol has one text, a gap is to stand between them.
                self._flush()
            said, calls = _called_within(content)
            for place, part in enumerate(_marked(_noted_parts(said, fields.at("content"), note, extra), cache)):
                self._say(ItemPlace.MODEL, part, f"{fields.at('content')}[{place}]")
            for place, call in calls:
                where = f"{fields.at('content')}[{place}]"
                self._say(ItemPlace.MODEL, _read_call(call, where, *_CALLS[call["type"]]), where)
            self._spoken = True
            return
        self._flush()
        if role is Role.SYSTEM and not self.turns:
            parts = _marked(_noted_parts(content, fields.at("content"), note, extra), cache)
            if all(isinstance(part, Text) for part in parts):
                self.system += [part for part in parts if isinstance(part, Text)]
                self.system_places += [f"{fields.at('content')}[{place}]" for place in range(len(parts))]
                return
        parts = _marked(_parts(content, fields.at("content")), cache)
        extras = packed(NAME, extra, spelling={"message": note})
        places = tuple(f"{fields.at('content')}[{place}]" for place in range(len(parts))) or (path,)
        self.turns.append(Turn(role=role, parts=tuple(parts), extras=extras, places=places))

    def _reasoning(self, item: Object, path: str) -> None:
        fields = Fields(item, path)
        fields.take("type")
        spelled: dict[str, Any] = {"item": _item_members(fields)}
        summary = tuple(_reasoning_texts(fields, "summary", "summary_text", spelled))
        content = _reasoning_texts(fields, "content", "reasoning_text", spelled)
        sealed = fields.text("encrypted_content")
        if sealed is not None and sealed.startswith(MARK):
            self._sealed("".join(content) or "\n\n".join(summary), sealed, path)
            return
        signature = unseal(sealed, item_id=spelled["item"].get("id")).signature if sealed else None
        extras = fields.extras(notes=spelled)
        part = Reasoning(text="".join(content), summary=summary, signature=signature, extras=extras)
        self._say(ItemPlace.MODEL, part, path)

    def _sealed(self, text: str, value: str, path: str) -> None:
        """Reasoning of another vendor that this protocol's writer gave the client to keep."""
        if value == UNSIGNED:
            self._say(ItemPlace.MODEL, Reasoning(text=text), path)
            return
        opened = unseal(value)
        if opened.call_id is None:
            self._say(ItemPlace.MODEL, Reasoning(text=text, signature=opened.signature), path)
            return
        for at, part in enumerate(self._run):
            if isinstance(part, ToolCall) and part.call_id == opened.call_id:
                self._run[at] = attrs.evolve(part, signature=opened.signature)

    def _say(self, place: ItemPlace, part: Part, path: str) -> None:
        if self._running is not place:
            self._flush()
            self._running = place
        self._run.append(part)
        self._places.append(path)

    def _flush(self) -> None:
        if self._run:
            role = Role.ASSISTANT if self._running is ItemPlace.MODEL else Role.USER
            self.turns.append(Turn(role=role, parts=tuple(self._run), places=tuple(self._places)))
        self._run, self._places, self._running, self._spoken = [], [], None, False


def _item_members(fields: Fields) -> Object:
    return {name: value for name in _ITEM_MEMBERS if (value := fields.take(name)) is not None}


def _note(fields: Fields, members: Object, *, typed: bool, string: bool) -> tuple[Object, Object]:
    """What our own writer needs to write this message again, and the members that other protocols lose with it."""
    fields.take("type")
    members = {**members, **_item_members(fields)}
    extra = fields.rest()
    note = {"item": members, "blank": fields.blank(), "fields": tuple(extra), "typed": typed, "string": string}
    return note, extra


def _called_within(content: JSON) -> tuple[JSON, list[tuple[int, Object]]]:
    """What a message of the model's says, and the calls that a client put among it (as Anthropic has them), with their places."""
    if not isinstance(content, list):
        return content, []
    calls = [
        (at, each) for at, each in enumerate(content) if isinstance(each, dict) and str(each.get("type")) in _CALLS
    ]
    return [each for each in content if all(each is not call for _, call in calls)] if calls else content, calls


def _parts(content: JSON, path: str) -> list[Text | Refusal | Any]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(text=content)]
    if not isinstance(content, list):
        raise refusal(path, "a string or a list of content parts")
    return [read_part(part, f"{path}[{number}]") for number, part in enumerate(content)]


def _noted_parts(content: JSON, path: str, note: Object, extra: Mapping[str, Any]) -> list[Part]:
    """The parts of a message that shares its turn with others: the first one carries the note of the message."""
    parts: list[Part] = _parts(content, path)
    if not parts or not isinstance(parts[0], Text | Refusal):
        # Nothing to hang the note on: an empty text that our own writer leaves out.
        parts.insert(0, Text(text="", extras=packed(NAME, {}, spelling={"void": True})))
    first = parts[0]
    assert isinstance(first, Text | Refusal)
    parts[0] = attrs.evolve(first, extras=noted(first.extras, extra, message=note))
    return parts


def _marked(parts: list[Any], cache: CacheHint | None) -> list[Any]:
    """The parts, the last of them with the breakpoint that their message has as a whole."""
    last = parts[-1] if parts else None
    if cache is None or not isinstance(last, Text | Media):
        return parts
    return [*parts[:-1], attrs.evolve(last, cache=last.cache or cache, extras=noted(last.extras, whole=True))]


def _read_call(item: Object, path: str, kind: ToolKind, member: str) -> ToolCall:
    fields = Fields(item, path)
    fields.take("type")
    fields.unsay(_DIRECT)
    spelled: dict[str, Any] = {"item": _item_members(fields)}
    # Clients that take an item's id for the call's send it alone, and some the arguments before they became text.
    call_id = fields.text("call_id") or spelled["item"].get("id") or fields.need("call_id")
    given = fields.peek(member)
    if isinstance(given, dict):
        fields.keep(member, dumps(given).decode())
    return ToolCall(
        call_id=call_id,
        name=fields.need("name"),
        arguments=fields.text(member) or "",
        kind=kind,
        namespace=fields.text("namespace"),
        extras=fields.extras(notes=spelled),
    )


def _read_output(item: Object, path: str, kind: ToolKind) -> ToolResult:
    fields = Fields(item, path)
    fields.take("type")
    fields.unsay(_DIRECT)
    spelled: dict[str, Any] = {"item": _item_members(fields)}
    # One without an id answers no call: what another task said, in histories of Codex (seen 2026).
    call_id, name = fields.text("call_id") or "", fields.text("name")
    output = fields.take("output")
    content: list[Any]
    match output:
        case {"content": str() as text}:
            # Of clients of 2025: {"content": "...", "success": false}.
            failed = output.get("success") is False
            note = packed(NAME, {}, spelling={"verbatim": item})
            said = (Text(text=text),)
            return ToolResult(call_id=call_id, content=said, is_error=failed, name=name, kind=kind, extras=note)
        case _:
            output = as_content(output, PARTS)
    if isinstance(output, str):
        pictured = parts_in(output, fields.at("output"))
        if pictured:
            spelled["verbatim"] = item
        content = pictured or [Text(text=output)]
    elif isinstance(output, list):
        spelled["list"] = True
        content = [read_part(part, f"{fields.at('output')}[{n}]") for n, part in enumerate(output)]
    else:
        raise refusal(fields.at("output"), "a string or a list of content parts")
    if any(isinstance(part, Refusal) for part in content):
        raise refusal(fields.at("output"), "text, images and files; a tool does not refuse")
    cache, extras = read_control(fields), fields.extras(notes=spelled)
    return ToolResult(call_id=call_id, content=tuple(content), name=name, kind=kind, cache=cache, extras=extras)


def _reasoning_texts(fields: Fields, name: str, kind: str, spelled: dict[str, Any]) -> list[str]:
    """The texts of a reasoning item's ``summary`` or ``content``, noted as they are where one text and its type are not all there is to
    them."""
    parts = fields.list(name)
    texts = [Fields(part, f"{fields.at(name)}[{number}]").need("text") for number, part in enumerate(parts)]
    if parts != [{"type": kind, "text": text} for text in texts] or (name == "content" and len(parts) > 1):
        spelled[name] = parts
    return texts
