"""A client's ``messages`` to turns.

System and developer messages that lead become the conversation's ``system``; one in the middle is a turn. A tool message is a turn of its
own with one result. How a message was spelled (a string or a list, ``developer``, members that were null) is noted beside it, for the writer
of this protocol.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import own, packed, spelling
from trioproxy.neutral.parts import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.openai_chat.call_ids import identified
from trioproxy.protocols.openai_chat.calls import google_signature
from trioproxy.protocols.openai_chat.content_reader import KINDS, read_cache, read_content
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.fields import Fields, fault
from trioproxy.protocols.openai_chat.images import IMAGES, read_image
from trioproxy.protocols.openai_chat.reasoning import read_blocks, read_details, reasoning_of
from trioproxy.protocols.outcomes import as_content
from trioproxy.wire.jsoncodec import JSON, Object, dumps

__all__ = ["Dialogue", "read_messages"]

_THOUGHTS = ("reasoning_content", "reasoning")


@attrs.frozen(kw_only=True)
class Dialogue:
    """What ``messages`` hold. ``groups`` tells which parts of ``system`` were one message and how that was spelled, ``places`` where each of
    them stood."""

    system: tuple[Text | Opaque, ...]
    places: tuple[str, ...]
    groups: tuple[Object, ...]
    turns: tuple[Turn, ...]


def read_messages(value: JSON) -> Dialogue:
    """Read ``messages``.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` naming the member that can't be understood.
    """
    if not isinstance(value, list) or not value:
        raise fault("messages", "must be an array of at least one message")
    system: list[Text | Opaque] = []
    places: list[str] = []
    groups: list[Object] = []
    turns: list[Turn] = []
    for position, each in enumerate(identified(value)):
        fields = Fields(each, f"messages[{position}]")
        role = fields.name("role")
        reader = _READERS.get(role)
        if reader is None:
            raise _unknown_role(fields, role)
        turn = _placed(reader(fields, role), fields)
        leads = turn.role is Role.SYSTEM and not turns and turn.parts
        if not leads:
            turns.append(turn)
            continue
        spoken = _spoken(turn)
        system += spoken
        places += turn.places
        groups.append({"count": len(spoken), "turn": attrs.evolve(turn, parts=())})
    return Dialogue(system=tuple(system), places=tuple(places), groups=tuple(groups), turns=tuple(turns))


def _placed(turn: Turn, fields: Fields) -> Turn:
    """The turn with the places of its parts: thoughts and calls have members of their own, the rest is ``content``."""
    said, calls = 0, 0
    places: list[str] = []
    for part in turn.parts:
        match part:
            case ToolResult():
                places.append(fields.path)
            case ToolCall():
                places.append(f"{fields.at('tool_calls')}[{calls}]")
                calls += 1
            case Reasoning(extras=extras) if "part" not in spelling(extras, NAME):
                places.append(fields.at("reasoning_content"))
            case Refusal(extras=extras) if "member" in spelling(extras, NAME):
                places.append(fields.at("refusal"))
            case Opaque(kind=kind) if kind == IMAGES:
                places.append(fields.at(IMAGES))
            case _:
                places.append(f"{fields.at('content')}[{said}]")
                said += 1
    return attrs.evolve(turn, places=tuple(places) or (fields.path,))


def _unknown_role(fields: Fields, role: str) -> ClientFault:
    if role == "function":
        # Its results name no call, and every other protocol pairs results with calls by id.
        return fault(
            fields.at("role"), "is the deprecated `function`: send the result with role `tool` and its `tool_call_id`"
        )
    known = ", ".join(_READERS)
    return fault(fields.at("role"), f"is {role!r}, which is none of {known}")


def _spoken(turn: Turn) -> list[Text | Opaque]:
    """A leading system message's parts; own fields of the message go with the first of them, or nobody would miss them."""
    parts = [part if isinstance(part, Text | Opaque) else _opaque(part) for part in turn.parts]
    lost = own(turn.extras, NAME) | ({"name": turn.name} if turn.name is not None else {})
    first = parts[0]
    if lost and isinstance(first, Text):
        fields = {**own(first.extras, NAME), "message": lost}
        parts[0] = attrs.evolve(first, extras=packed(NAME, fields, spelling=spelling(first.extras, NAME)))
    return parts


def _opaque(part: Part) -> Opaque:
    return Opaque(protocol=NAME, kind=type(part).__name__.lower(), payload=part, essential=True)


def _notes(fields: Fields, **notes: JSON) -> Object:
    """Notes on a message's spelling; call when every member was taken."""
    if fields.nulls:
        notes["nulls"] = tuple(fields.nulls)
    return {name: value for name, value in notes.items() if value is not None}


def _content(fields: Fields, *, result: bool = False) -> tuple[list[Part], str | None]:
    """The parts, and the spelling where it is not what the writer would choose by itself. A tool's ``result`` may be any JSON."""
    given, value = "content" in fields.names, fields.take("content")
    parts, form = read_content(as_content(value, KINDS, bare=True) if result else value, fields.at("content"))
    if form == "null":
        # The null itself is noted among the members that were null.
        return list(parts), None if given else "absent"
    plain = len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].extras
    usual = "string" if plain else "list"
    return list(parts), form if form != usual or not parts else None


def _cached(fields: Fields, parts: list[Part]) -> tuple[list[Part], Object]:
    """The parts, the last of them with the breakpoint that the message has as a whole (LiteLLM), and how that was spelled."""
    cache, spelled = read_cache(fields)
    if cache is None:
        return parts, {}
    for at in range(len(parts) - 1, -1, -1):
        last = parts[at]
        if isinstance(last, Text | Media):
            noted = {**spelling(last.extras, NAME), "whole": True}
            marked = attrs.evolve(
                last, cache=last.cache or cache, extras=packed(NAME, own(last.extras, NAME), spelling=noted)
            )
            return [*parts[:at], marked, *parts[at + 1 :]], spelled
    return parts, spelled


def _instruction(fields: Fields, role: str) -> Turn:
    parts, form = _content(fields)
    parts, spelled = _cached(fields, parts)
    name = fields.text("name")
    rest = fields.rest()
    notes = _notes(fields, role=role, content=form, cached=spelled or None)
    return Turn(role=Role.SYSTEM, parts=tuple(parts), name=name, extras=packed(NAME, rest, spelling=notes))


def _user(fields: Fields, role: str) -> Turn:
    parts, form = _content(fields)
    parts, spelled = _cached(fields, parts)
    name = fields.text("name")
    rest = fields.rest()
    notes = _notes(fields, content=form, cached=spelled or None)
    return Turn(role=Role.USER, parts=tuple(parts), name=name, extras=packed(NAME, rest, spelling=notes))


def _tool(fields: Fields, role: str) -> Turn:
    call_id = fields.name("tool_call_id")
    parts, form = _content(fields, result=True)
    content = tuple(part for part in parts if isinstance(part, Text | Media | Opaque))
    if len(content) != len(parts):
        raise fault(fields.at("content"), "of a tool message may hold text, images and files only")
    name = fields.text("name")
    cache, spelled = read_cache(fields)
    rest = fields.rest()
    extras = packed(NAME, rest, spelling=_notes(fields, content=form, **spelled))
    return Turn(
        role=Role.USER, parts=(ToolResult(call_id=call_id, content=content, name=name, cache=cache, extras=extras),)
    )


def _assistant(fields: Fields, role: str) -> Turn:
    if fields.take("function_call") is not None:
        raise fault(fields.at("function_call"), "is deprecated and names no id: send the call in `tool_calls`")
    said, form = _content(fields)
    said, spelled = _cached(fields, said)
    thoughts, kept = _thoughts(fields)
    parts: list[Part] = [*thoughts, *said, *_images(fields, kept)]
    refusal = fields.text("refusal")
    if refusal is not None:
        parts.append(Refusal(text=refusal, extras=packed(NAME, {}, spelling={"member": True})))
    calls = fields.array("tool_calls")
    parts += (_call(each, f"{fields.at('tool_calls')}[{position}]") for position, each in enumerate(calls or ()))
    name = fields.text("name")
    google = fields.object("extra_content")
    if google is not None:
        kept["extra_content"] = google
        parts = _google_signed(parts, google)
    rest = fields.rest()
    if rest.get("prefix") is False:
        # Mistral's word for a message that is to be continued; false is the default.
        kept["prefix"] = rest.pop("prefix")
    notes = _notes(
        fields, content=form, kept=kept or None, calls="empty" if calls == [] else None, cached=spelled or None
    )
    # `audio` is all there is of a spoken answer.
    extras = packed(NAME, rest, essential=("audio",), spelling=notes)
    return Turn(role=Role.ASSISTANT, parts=tuple(parts), name=name, extras=extras)


def _thoughts(fields: Fields) -> tuple[list[Reasoning], Object]:
    """The reasoning of an assistant message, and the members it stood in as they were: the same protocol gives them back unchanged."""
    kept: Object = {}
    words = ""
    for name in _THOUGHTS:
        value = fields.text(name)
        if value is not None:
            kept[name] = value
            words = words or value
    given = fields.array("reasoning_details")
    if given is not None:
        kept["reasoning_details"] = given
    blocks = fields.array("thinking_blocks")
    if blocks is not None:
        kept["thinking_blocks"] = blocks
    details = read_details(given) or read_blocks(blocks)
    if not details:
        return ([Reasoning(text=words)] if words else []), kept
    parts = reasoning_of(details)
    if words and not any(part.text for part in parts):
        # The words stand beside tokens that show nothing: they belong to the first.
        parts[0] = attrs.evolve(parts[0], text=words)
    return parts, kept


def _images(fields: Fields, kept: Object) -> list[Opaque]:
    """The images that the model made (OpenRouter's), for models that go on with them."""
    given = fields.array(IMAGES)
    if given is not None:
        kept[IMAGES] = given
    return [Opaque(protocol=NAME, kind=IMAGES, payload=each, shown=read_image(each)) for each in given or ()]


def _call(value: JSON, path: str) -> ToolCall:
    fields = Fields(value, path)
    call_id = fields.name("id")
    kind = ToolKind.CUSTOM if fields.text("type") == "custom" else ToolKind.FUNCTION
    body = Fields(fields.take(kind.value), fields.at(kind.value))
    name = body.name("name")
    member = "input" if kind is ToolKind.CUSTOM else "arguments"
    given = body.take(member)
    notes: Object = {}
    if "type" not in fields.names:
        notes["type"] = "absent"
    if given is not None and not isinstance(given, str):
        notes["arguments"] = given
    elif member not in body.names:
        notes["arguments"] = "absent"
    signature = google_signature(value)
    extra = fields.object("extra_content")
    cache, spelled = read_cache(fields)
    if extra is not None:
        spelled["extra_content"] = extra
    # Clients that store what they streamed send the index back: it says where the call stands, and so does the list.
    position = fields.integer("index")
    if position is not None:
        spelled["index"] = position
    rest = fields.rest()
    inner = body.rest()
    if inner:
        rest[kind.value] = inner
    if body.nulls:
        notes["inner_nulls"] = tuple(body.nulls)
    return ToolCall(
        call_id=call_id,
        name=name,
        arguments=given if isinstance(given, str) else "" if given is None else dumps(given).decode(),
        kind=kind,
        signature=signature,
        cache=cache,
        extras=packed(NAME, rest, spelling=_notes(fields, **notes, **spelled)),
    )


def _google_signed(parts: list[Part], extra: Object) -> list[Part]:
    """Gemini's signature of a whole message stands on its first call, else on its text."""
    signature = google_signature({"extra_content": extra})
    for kind in (ToolCall, Text):
        for position, part in enumerate(parts):
            if signature is not None and isinstance(part, kind) and part.signature is None:
                return [*parts[:position], attrs.evolve(part, signature=signature), *parts[position + 1 :]]
            if isinstance(part, kind):
                return parts
    return parts


_READERS: dict[str, Callable[[Fields, str], Turn]] = {
    "system": _instruction,
    "developer": _instruction,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
}
