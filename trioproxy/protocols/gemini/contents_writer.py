"""Neutral turns as ``contents``.

Google's rules for a history: a turn of calls is followed at once by a content with one response for each of them, in their order, and nothing
else; from Gemini 3 on the first call of each step carries a signature. :class:`ContentsWriter` writes turns as they come;
:meth:`~ContentsWriter.contents` then brings them in that form. What has to be made up or moved for it is a loss.
"""

from __future__ import annotations

from collections import Counter
from typing import assert_never

import attrs

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import own, settled, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import ToolNames
from trioproxy.neutral.parts import (
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolResult,
)
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.gemini.answer_writing import arguments_of
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.generations import demands_signatures, makes_images, takes_media_in_results
from trioproxy.protocols.gemini.media_writer import write_media
from trioproxy.protocols.gemini.signatures import SKIP_VALIDATION
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["NO_CALL_IDS", "ContentsWriter"]

NO_CALL_IDS = "gemini-no-call-ids"
"""The quirk of targets that take no ``id`` on calls and responses (Vertex AI)."""

_NO_RESULT = "The call gave no result."


@attrs.define(eq=False)
class _Piece:
    """One part on its way. ``makes`` and ``answers`` are the id of the call it makes or answers, None for any other part."""

    part: Object
    path: str
    makes: str | None = None
    answers: str | None = None
    beside: list[Object] = attrs.field(factory=list)


@attrs.define(eq=False)
class _Content:
    """Turns of one role in a row."""

    role: str
    fields: Object
    pieces: list[_Piece] = attrs.field(factory=list)


class ContentsWriter:
    """Writes one conversation. ``losses`` grows meanwhile."""

    def __init__(self, names: ToolNames, target: WriteTarget) -> None:
        self.losses: list[Loss] = []
        self._names = names
        self._target = target
        self._ids = NO_CALL_IDS not in target.quirks
        self._called: dict[str, str] = {}
        self._contents: list[_Content] = []

    def add(self, turn: Turn, path: str) -> None:
        """Write the next turn.

        Raises:
            ClientFault: INVALID_REQUEST, the turn holds what only another provider can read and the request can't do without.
        """
        self.losses += settled(turn.extras, NAME, path=path)
        if turn.name is not None:
            self.losses.append(Loss(f"{path}.name", "Gemini's turns have no names"))
        if turn.role is Role.SYSTEM:
            self.losses.append(
                Loss(f"{path}.role", "Gemini takes no instruction inside a conversation: given as the user's words")
            )
        role = "model" if turn.role is Role.ASSISTANT else "user"
        content = _Content(role, own(turn.extras, NAME))
        for number, part in enumerate(turn.parts):
            content.pieces += self._pieces(part, f"{path}.parts[{number}]")
        last = self._contents[-1] if self._contents else None
        if last is not None and (last.role, last.fields) == (content.role, content.fields):
            last.pieces += content.pieces
        elif content.pieces:
            self._contents.append(content)

    def instruction(self, system: tuple[Text | Opaque, ...]) -> list[Object]:
        """The parts of ``systemInstruction``."""
        parts = [piece.part for n, part in enumerate(system) for piece in self._pieces(part, f"system[{n}]")]
        # An instruction that says nothing is none.
        return parts if any(part != {"text": ""} for part in parts) else []

    def contents(self) -> list[Object]:
        """The contents in the form Google takes."""
        before: _Content | None = None
        for content in self._contents:
            if content.role == "user":
                self._settle(content, before.pieces if before is not None and before.role == "model" else [])
            elif demands_signatures(self._target.model):
                self._sign(content.pieces)
            before = content
        if before is not None and before.role == "model" and any(piece.makes is not None for piece in before.pieces):
            answers = _Content("user", {})
            self._settle(answers, before.pieces)
            self._contents.append(answers)
        return [written for content in self._contents for written in _written(content)]

    def _sign(self, pieces: list[_Piece]) -> None:
        """Put the word that stands for a signature where the model looks for one: on the first call, and for a model that makes images on the
        first words and each image ("Image part is missing a thought_signature")."""
        wanted = [next((piece for piece in pieces if "functionCall" in piece.part), None)]
        if makes_images(self._target.model):
            said = [piece for piece in pieces if piece.part.get("thought") is not True]
            wanted += [*said[:1], *(piece for piece in said if "inlineData" in piece.part)]
        for piece in wanted:
            if piece is not None:
                piece.part.setdefault("thoughtSignature", SKIP_VALIDATION)

    def _settle(self, content: _Content, before: list[_Piece]) -> None:
        """Put one response for each call of the turn before at the front, and tell as text what answers no call."""
        calls = [(piece.makes, piece) for piece in before if piece.makes is not None]
        unanswered = Counter(call_id for call_id, _ in calls)
        answers: dict[str, list[_Piece]] = {}
        others: list[_Piece] = []
        for piece in content.pieces:
            if piece.answers is None:
                others.append(piece)
            elif unanswered[piece.answers] > 0:
                unanswered[piece.answers] -= 1
                answers.setdefault(piece.answers, []).append(piece)
            else:
                others.append(self._told(piece))
        first = [answers[call_id].pop(0) if answers.get(call_id) else self._made_up(call) for call_id, call in calls]
        _tell_apart(calls, first)
        content.pieces = [*first, *others]

    def _made_up(self, call: _Piece) -> _Piece:
        self.losses.append(
            Loss(call.path, "the call has no result in the next turn: Gemini is told that there was none")
        )
        made = call.part["functionCall"]
        response: Object = {"name": made["name"], **({"id": made["id"]} if "id" in made else {})}
        return _Piece({"functionResponse": {**response, "response": {"error": _NO_RESULT}}}, call.path)

    def _told(self, piece: _Piece) -> _Piece:
        self.losses.append(Loss(piece.path, "the result answers no call of the turn before: given as text"))
        answer = piece.part["functionResponse"]
        response = answer["response"]
        said = next(iter(response.values())) if len(response) == 1 else response
        said = said if isinstance(said, str) else dumps(said).decode()
        piece.beside += answer.get("parts", [])
        piece.part = {"text": f"Result of an earlier call of {answer['name']}:\n{said}"}
        return piece

    def _pieces(self, part: Part, path: str) -> list[_Piece]:
        self.losses += settled(part.extras, NAME, path=path) if not isinstance(part, Opaque) else []
        if not isinstance(part, Opaque | Refusal | Reasoning) and part.cache is not None:
            self.losses.append(Loss(f"{path}.cache", "Gemini caches prompts by itself"))
        if isinstance(part, ToolCall):
            return [self._call(part, path)]
        return self._other(part, path)

    def _other(self, part: Text | Refusal | Reasoning | Media | ToolResult | Opaque, path: str) -> list[_Piece]:
        match part:
            case Text():
                if part.citations:
                    self.losses.append(Loss(f"{path}.citations", "Gemini takes no sources with a text"))
                beside = {**self._signed(part.signature, path), **own(part.extras, NAME)}
                if not part.text and not beside and "text" not in spelling(part.extras, NAME):
                    # Google's Vertex AI answers 400 to a text that is empty.
                    return []
                return [_Piece({"text": part.text, **beside}, path)]
            case Refusal():
                return [_Piece({"text": part.text}, path)] if part.text else []
            case Reasoning():
                return self._reasoning(part, path)
            case Media():
                written, losses = write_media(part, path)
                self.losses += losses
                return [_Piece(written, path)]
            case ToolResult():
                return [self._result(part, path)]
            case Opaque():
                return self._opaque(part, path)
            case _:
                assert_never(part)

    def _reasoning(self, part: Reasoning, path: str) -> list[_Piece]:
        text = "\n\n".join(each for each in (part.text, *part.summary) if each)
        signed = self._signed(part.signature, path)
        if not (text or signed or own(part.extras, NAME)):
            return []
        return [_Piece({"text": text, "thought": True, **signed, **own(part.extras, NAME)}, path)]

    def _call(self, call: ToolCall, path: str) -> _Piece:
        name = self._names.of(call.name, namespace=call.namespace)
        self._called[call.call_id] = name
        arguments, losses = arguments_of(call, path)
        self.losses += losses
        named = self._ids and "id" not in spelling(call.extras, NAME)
        extras = own(call.extras, NAME)
        made: Object = {"name": name, "args": arguments, **extras.pop("functionCall", {})}
        part = {
            "functionCall": {**({"id": call.call_id} if named else {}), **made},
            **self._signed(call.signature, path),
            **extras,
        }
        return _Piece(part, path, makes=call.call_id)

    def _result(self, result: ToolResult, path: str) -> _Piece:
        spelled, extras = spelling(result.extras, NAME), own(result.extras, NAME)
        name = self._called.get(result.call_id) or self._names.of(result.name or result.call_id)
        piece = _Piece({}, path, answers=result.call_id)
        inside: list[Object] = []
        texts: list[str] = []
        for number, part in enumerate(result.content):
            where = f"{path}.content[{number}]"
            written = [each.part for each in self._pieces(part, where)]
            if isinstance(part, Text):
                texts.append(part.text)
            elif "response" in spelled or takes_media_in_results(self._target.model):
                inside += written
            else:
                piece.beside += written
        response = spelled.get("response", {"error" if result.is_error else "result": "\n".join(texts)})
        call_id = spelled.get("id", result.call_id)
        piece.part = {
            "functionResponse": {
                **({"id": call_id} if self._ids and call_id is not None else {}),
                "name": name,
                "response": response,
                **({"parts": inside} if inside else {}),
                **extras.pop("functionResponse", {}),
            },
            **extras,
        }
        return piece

    def _opaque(self, part: Opaque, path: str) -> list[_Piece]:
        if part.protocol == NAME and isinstance(part.payload, dict):
            return [_Piece(part.payload, path)]
        if part.protocol != NAME and isinstance(part.shown, Media):
            written, losses = write_media(part.shown, path)
            self.losses += losses
            return [_Piece(written, path)]
        reason = f"{part.protocol} {part.kind} has no counterpart in Gemini"
        if part.essential:
            raise ClientFault(
                ErrorKind.INVALID_REQUEST,
                f"`{path}`: {reason}, and the request would mean something else without it. Remove it or ask a model that has it.",
                param=path,
            )
        self.losses.append(Loss(path, reason))
        return []

    def _signed(self, signature: Signature | None, path: str) -> Object:
        if signature is None:
            return {}
        if signature.form is SignatureForm.GEMINI_THOUGHT:
            return {"thoughtSignature": signature.value}
        self.losses.append(
            Loss(f"{path}.signature", f"only the provider that made an {signature.form.value} can read it")
        )
        return {}


def _tell_apart(calls: list[tuple[str, _Piece]], answers: list[_Piece]) -> None:
    """Give calls that came under one id an id of their own, and every answer its call's id and name."""
    seen: Counter[str] = Counter()
    for (call_id, call), answer in zip(calls, answers, strict=True):
        seen[call_id] += 1
        if seen[call_id] == 1 and len(calls) == 1:
            continue
        made, given = call.part["functionCall"], answer.part["functionResponse"]
        given["name"] = made["name"]
        if seen[call_id] > 1 and "id" in made:
            made["id"] = given["id"] = f"{made['id']}_{seen[call_id]}"


def _written(content: _Content) -> list[Object]:
    """Responses in a content of their own, then what they showed and all else in another: from Gemini 3.6 on anything beside a response is
    refused ("Requests ending with a model turn are not supported"), and older models took several contents of the user's in a row, too."""
    answers = [piece for piece in content.pieces if "functionResponse" in piece.part]
    others = [piece for piece in content.pieces if "functionResponse" not in piece.part]
    shown = [part for piece in answers for part in piece.beside]
    rest = [*shown, *(part for piece in others for part in (piece.part, *piece.beside))]
    parts = [each for each in ([piece.part for piece in answers], rest) if each]
    return [
        {**(content.fields if at == 0 else {}), "role": content.role, "parts": each} for at, each in enumerate(parts)
    ]
