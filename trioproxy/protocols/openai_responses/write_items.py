"""Turns become the items of ``input``.

A message is a run of texts, refusals and media in one turn; every call, result, reasoning and record of a provider's tool is an item of
its own. Turns that a client of this protocol sent become the items it sent, in its spelling. What another protocol said is put in this
one's words:

* reasoning goes back only with OpenAI's own encrypted content; any other is left out, because a provider takes none it did not write;
* call ids longer than the API takes are replaced by a digest, the same for call and result;
* calls and results that lost each other are paired again (``pairing.py``, for whole requests);
* a tool error, which has no member here, is said in the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, assert_never

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import settled, spelling
from trioproxy.neutral.loss import Loss
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
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.openai_responses.content import write_media, write_refusal, write_text
from trioproxy.protocols.openai_responses.fields import restore
from trioproxy.protocols.openai_responses.vocabulary import CACHES_ITSELF, CONTENT, NAME
from trioproxy.wire.jsoncodec import Object

__all__ = ["MAX_CALL_ID", "ItemWriter"]

MAX_CALL_ID = 64
"""The API answers 400 to a longer ``call_id`` ("string too long. Expected a string with maximum length 64")."""

_TEXT_TYPES = {Role.USER: "input_text", Role.SYSTEM: "input_text", Role.ASSISTANT: "output_text"}
_NOTHING = Text(text="")
"""What clients of Chat Completions put beside a model's calls: no message of its own."""
_CALLS = {ToolKind.FUNCTION: ("function_call", "arguments"), ToolKind.CUSTOM: ("custom_tool_call", "input")}


class ItemWriter:
    """Writes items one after another into ``items``; ``ends`` are the places behind each turn's last. ``named`` gives a tool's name at the
    target; ``losses`` grows."""

    def __init__(self, named: Callable[[ToolCall], str], losses: list[Loss]) -> None:
        self.items: list[Object] = []
        self.ends: list[int] = []
        self._named = named
        self._losses = losses
        self._message: Object | None = None
        self._string = False
        self._foreign = False

    def instructions(self, parts: Iterable[Text | Opaque]) -> str | None:
        """What leads the conversation: the texts that are instructions, joined by a blank line. Those a client sent as items become
        items."""
        texts: list[str] = []
        itemised = False
        for number, part in enumerate(parts):
            path = f"system[{number}]"
            if isinstance(part, Opaque):
                self._opaque(part, path)
                continue
            notes = spelling(part.extras, NAME)
            itemised = itemised or "message" in notes
            if itemised:
                self._content(part, Role.SYSTEM, path)
            else:
                self._losses += settled(part.extras, NAME, path=path)
                if part.cache is not None:
                    self._losses.append(Loss(f"{path}.cache", CACHES_ITSELF))
                if part.citations:
                    self._losses.append(Loss(f"{path}.citations", "instructions are text alone here"))
                texts.append(part.text)
        self._close()
        return "\n\n".join(text for text in texts if text) or None

    def turn(self, turn: Turn, path: str) -> None:
        """The items of one turn.

        Raises:
            ClientFault: a part can't be said here and may not be left out.
        """
        self._losses += settled(turn.extras, NAME, path=path)
        if turn.name is not None:
            self._losses.append(Loss(f"{path}.name", "a message has no name here"))
        notes = spelling(turn.extras, NAME)
        if "verbatim" in notes:
            self.items.append(notes["verbatim"])
            self.ends.append(len(self.items))
            return
        note = notes.get("message")
        if note is not None:
            self._open(turn.role, note, turn)
        empty = all(part == _NOTHING for part in turn.parts)
        for number, part in enumerate(turn.parts):
            if empty or part != _NOTHING:
                self._part(part, turn.role, f"{path}.parts[{number}]")
        self._close()
        self.ends.append(len(self.items))

    def _part(self, part: Part, role: Role, path: str) -> None:
        match part:
            case Text() | Refusal() | Media():
                self._content(part, role, path)
            case Opaque():
                self._opaque(part, path)
            case Reasoning():
                self._close()
                self._reasoning(part, path)
            case ToolCall():
                self._close()
                self._call(part, path)
            case ToolResult():
                self._close()
                self._result(part, path)
            case _:
                assert_never(part)

    def _open(
        self, role: Role, note: Mapping[str, Any], turn: Turn | None = None, extra: Object | None = None
    ) -> Object:
        message: Object = {"type": "message"} if note["typed"] else {}
        message |= {**note["item"], "content": []}
        message |= extra or {}
        if turn is not None:
            restore(message, turn.extras)
        for name, value in note["blank"].items():
            message.setdefault(name, value)
        begun = self._begin(message, foreign=False)
        self._string = note["string"]
        return begun

    def _begin(self, message: Object, *, foreign: bool = True) -> Object:
        self._close()
        self._message, self._foreign = message, foreign
        self.items.append(message)
        return message

    def _close(self) -> None:
        message, self._message, self._string = self._message, None, False
        if message is not None and self._foreign and message["role"] == Role.ASSISTANT.value:
            # As parts, what a model said has to have the id it was given; as a string it needs none.
            texts = [_plain(part) for part in message["content"]]
            said = "".join(text for text in texts if text is not None)
            if not said and None not in texts:
                self.items.pop()
            elif None not in texts:
                message["content"] = said

    def _content(self, part: Text | Refusal | Media, role: Role, path: str) -> None:
        if role is Role.ASSISTANT and isinstance(part, Media):
            self._losses.append(Loss(path, "a model's message holds text here and nothing else"))
            return
        notes = spelling(part.extras, NAME)
        note = notes.get("message")
        if note is not None:
            extra = {name: part.extras[NAME][name] for name in note["fields"]}
            self._open(role, note, extra=extra)
        if "void" in notes:
            return
        message = self._message
        if message is None:
            message = self._begin({"type": "message", "role": role.value, "content": []})
        if self._string and isinstance(part, Text):
            message["content"] = part.text
            self._close()
            return
        message["content"].append(self._written(part, role, path))
        self._string = False

    def _written(self, part: Text | Refusal | Media, role: Role, path: str) -> Object:
        match part:
            case Text():
                return write_text(part, _TEXT_TYPES[role], self._losses, path)
            case Refusal():
                return write_refusal(part, self._losses, path)
            case Media():
                return write_media(part, self._losses, path)
            case _:
                assert_never(part)

    def _opaque(self, part: Opaque, path: str) -> None:
        if part.protocol != NAME:
            _leave_out(part, self._losses, path)
        elif part.kind.startswith(CONTENT) and self._message is not None:
            self._message["content"].append(part.payload)
        else:
            self._close()
            self.items.append(part.payload)

    def _reasoning(self, part: Reasoning, path: str) -> None:
        notes = spelling(part.extras, NAME)
        self._losses += settled(part.extras, NAME, path=path)
        signature = part.signature
        encrypted = signature is not None and signature.form is SignatureForm.OPENAI_ENCRYPTED
        if not encrypted and "item" not in notes:
            self._losses.append(
                Loss(path, "reasoning goes back to an OpenAI model only with its own encrypted content")
            )
            return
        item: Object = {"type": "reasoning", **notes.get("item", {})}
        if signature is not None and signature.item_id:
            item["id"] = signature.item_id
        item["summary"] = notes.get("summary") or [{"type": "summary_text", "text": text} for text in part.summary]
        if "item" not in notes:
            if part.text:
                self._losses.append(
                    Loss(f"{path}.text", "the encrypted content holds the reasoning; its text is left out")
                )
        elif part.text:
            item["content"] = notes.get("content") or [{"type": "reasoning_text", "text": part.text}]
        if encrypted and signature is not None:
            item["encrypted_content"] = signature.value
        self.items.append(restore(item, part.extras))

    def _call(self, part: ToolCall, path: str) -> None:
        notes = spelling(part.extras, NAME)
        if "verbatim" in notes:
            self.items.append(notes["verbatim"])
            return
        self._losses += settled(part.extras, NAME, path=path)
        self._uncached(part, notes, path)
        kind, member = _CALLS[part.kind]
        call_id = part.call_id if "item" in notes else _fitted(part.call_id)
        item: Object = {"type": kind, **notes.get("item", {}), "call_id": call_id, "name": self._named(part)}
        # An empty text is no JSON, and the API refuses it.
        item[member] = part.arguments or ("{}" if part.kind is ToolKind.FUNCTION and "item" not in notes else "")
        namespace = notes.get("namespace", part.namespace)
        if namespace is not None and "item" in notes:
            item["namespace"] = namespace
        self.items.append(restore(item, part.extras))

    def _result(self, part: ToolResult, path: str) -> None:
        notes = spelling(part.extras, NAME)
        if "verbatim" in notes:
            self.items.append(notes["verbatim"])
            return
        self._losses += settled(part.extras, NAME, path=path)
        self._uncached(part, notes, path)
        call_id = part.call_id if "item" in notes else _fitted(part.call_id)
        item: Object = {"type": f"{_CALLS[part.kind][0]}_output"}
        item |= {**notes.get("item", {}), "call_id": call_id, "output": self._output(part, path)}
        if part.name is not None and "item" in notes:
            item["name"] = part.name
        self.items.append(restore(item, part.extras))

    def _uncached(self, part: ToolCall | ToolResult, notes: Mapping[str, Any], path: str) -> None:
        if part.cache is not None and "item" not in notes:
            self._losses.append(Loss(f"{path}.cache", "items of calls have no cache breakpoints"))

    def _output(self, part: ToolResult, path: str) -> str | list[Object]:
        listed = "list" in spelling(part.extras, NAME)
        texts = [each.text for each in part.content if isinstance(each, Text)]
        if not listed and len(texts) == len(part.content):
            text = "\n".join(texts)
            return f"Error: {text}" if part.is_error else text
        content: list[Object] = []
        for number, each in enumerate(part.content):
            where = f"{path}.content[{number}]"
            if not isinstance(each, Opaque):
                content.append(self._written(each, Role.USER, where))
            elif each.protocol == NAME:
                content.append(each.payload)
            else:
                _leave_out(each, self._losses, where)
        return [{"type": "input_text", "text": "Error:"}, *content] if part.is_error else content


def _plain(part: Object) -> str | None:
    """The text of a part that is nothing else."""
    match part:
        case {"type": "output_text", "text": str() as text, "annotations": []}:
            return text
        case _:
            return None


def _leave_out(part: Opaque, losses: list[Loss], path: str) -> None:
    if part.essential:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            f"`{path}`: `{part.kind}` has no counterpart in the Responses API, and the request would not mean the same without it. "
            "Take it out or ask a model that has it.",
            param=path,
        )
    losses.append(Loss(path, f"{part.protocol} {part.kind} without a counterpart in {NAME}"))


def _fitted(call_id: str) -> str:
    if len(call_id) <= MAX_CALL_ID:
        return call_id
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:40]}"
