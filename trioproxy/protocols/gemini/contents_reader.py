"""``contents`` and ``systemInstruction`` of a Gemini request as turns.

Knows: every kind of part, and which call a ``functionResponse`` answers: ids are optional at Google's, so a response belongs to the first
unanswered call of its name in the step before it, and a call without an id gets one that is the same whenever the same history is read.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import attrs

from trioproxy.neutral.extras import packed
from trioproxy.neutral.mimes import of_address
from trioproxy.neutral.parts import (
    Base64Source,
    FileIdSource,
    Media,
    MediaKind,
    MediaSource,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    UrlSource,
)
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.fields import Fields, refusal
from trioproxy.protocols.gemini.gathering import gathered
from trioproxy.protocols.gemini.signatures import read_signature
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["ContentsReader", "media_kind"]

# "function" is how older clients mark the turn of function responses; no role means the user.
_ROLES = {"user": Role.USER, "model": Role.ASSISTANT, "function": Role.USER, "system": Role.SYSTEM}

_DATA = ("functionCall", "functionResponse", "inlineData", "fileData")
_HISTORY = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_KINDS = {"image": MediaKind.IMAGE, "audio": MediaKind.AUDIO, "video": MediaKind.VIDEO}
_RESPONSE_NAMES = frozenset({"result", "output", "error"})

_FILES_HOST = "generativelanguage.googleapis.com"
_VIDEO_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})


@attrs.define(eq=False)
class _Waiting:
    """A call that no response was read for. ``given`` says whether the client itself named it."""

    call_id: str
    name: str
    given: bool


class _CallBook:
    """Which calls wait for their response."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._count = 0

    def step(self) -> None:
        """A new turn of the model: what was not answered will not be."""
        self._waiting.clear()

    def call(self, given: str | None, name: str) -> str:
        call_id = given if given is not None else self._invented("call", name)
        self._waiting.append(_Waiting(call_id, name, given is not None))
        return call_id

    def answer(self, given: str | None, name: str) -> tuple[str, str]:
        """The id and the name of the call that is answered. A response without a name answers the first one that waits."""
        found = next((each for each in self._waiting if each.call_id == given), None) or next(
            (each for each in self._waiting if name in ("", each.name) and not (each.given and given is not None)), None
        )
        if found is None:
            return given if given is not None else self._invented("answer", name), name
        self._waiting.remove(found)
        return found.call_id, name or found.name

    def _invented(self, what: str, name: str) -> str:
        self._count += 1
        seed = f"{what}/{self._count}/{name}"
        return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"


class ContentsReader:
    """Reads contents in order. Every method raises ``ClientFault`` (INVALID_REQUEST, ``param`` the path) for what it can't read."""

    def __init__(self) -> None:
        self._calls = _CallBook()
        self.system_places: tuple[str, ...] = ()

    def turns(self, contents: list[Any], path: str) -> tuple[Turn, ...]:
        """The turns of a conversation, the model's gathered (``gathering.py``)."""
        turns: list[Turn] = []
        for number, each in enumerate(contents):
            after_model = bool(turns) and turns[-1].role is Role.ASSISTANT
            turns += _apart(self._turn(each, f"{path}[{number}]", after_model=after_model))
        return gathered(turns)

    def system(self, value: Any, path: str) -> tuple[tuple[Text | Opaque, ...], Object]:
        """The instruction, and what its content says besides parts. A bare string is taken for its text, a list for its parts."""
        if isinstance(value, str):
            self.system_places = (path,)
            return (Text(text=value),), {}
        content = Fields({"parts": value} if isinstance(value, list) else value, path)
        parts = content.list("parts") or []
        self.system_places = tuple(f"{path}.parts[{n}]" for n in range(len(parts)))
        read = [self._part(part, place) for part, place in zip(parts, self.system_places, strict=True)]
        return tuple(_only(each, part) for each, part in zip(read, parts, strict=True)), content.rest()

    def _turn(self, value: Any, path: str, *, after_model: bool) -> Turn:
        if isinstance(value, str):
            return Turn(role=Role.USER, parts=(Text(text=value),), places=(path,))
        content = Fields(value, path)
        role = content.text("role") or "user"
        if role not in _ROLES:
            raise refusal(f"{path}.role", '"user" or "model"')
        if _ROLES[role] is Role.ASSISTANT and not after_model:
            self._calls.step()
        parts = tuple(self._part(part, f"{path}.parts[{n}]") for n, part in enumerate(content.list("parts") or []))
        places = tuple(f"{path}.parts[{n}]" for n in range(len(parts)))
        return Turn(role=_ROLES[role], parts=parts, extras=packed(NAME, content.rest()), places=places)

    def _part(self, value: Any, path: str) -> Part:
        if isinstance(value, str):
            return Text(text=value)
        part = Fields(value, path)
        signature = part.text("thoughtSignature") or None
        if "text" in part or part.rest().keys() <= {"thought"}:
            return _prose(part, signature)
        kind = next((name for name in _DATA if name in part), None)
        match kind:
            case "functionCall":
                return self._call(part, signature)
            case "functionResponse":
                return self._result(part, signature)
            case "inlineData":
                return _inline(part, signature)
            case "fileData":
                return _file(part, signature)
            case _:
                return _opaque(part, signature)

    def _call(self, part: Fields, signature: str | None) -> ToolCall:
        call = Fields(part.take("functionCall"), part.at("functionCall"))
        name, given = call.text("name"), call.text("id") or None
        if not name:
            raise refusal(call.at("name"), "the name of a function")
        return ToolCall(
            call_id=self._calls.call(given, name),
            name=name,
            arguments=dumps(call.object("args") or {}).decode(),
            signature=read_signature(signature) if signature is not None else None,
            extras=packed(
                NAME, _rest(part, "functionCall", call), spelling=None if given is not None else {"id": None}
            ),
        )

    def _result(self, part: Fields, signature: str | None) -> ToolResult:
        answer = Fields(part.take("functionResponse"), part.at("functionResponse"))
        given = answer.text("id") or None
        call_id, name = self._calls.answer(given, answer.text("name") or "")
        if not name:
            raise refusal(answer.at("name"), "the name of a function")
        response, beside = _response(answer.take("response")), answer.list("parts") or []
        media = [_only_in_result(self._part(each, answer.at(f"parts[{n}]")), each) for n, each in enumerate(beside)]
        return ToolResult(
            call_id=call_id,
            content=(Text(text=_said(response)), *media),
            is_error=response.keys() == {"error"},
            name=name,
            extras=packed(
                NAME,
                _rest(part, "functionResponse", answer, signature),
                spelling={"response": response, **({} if given == call_id else {"id": given})},
            ),
        )


def _apart(turn: Turn) -> list[Turn]:
    """The turn, or several where responses stand in the model's own content: they are the user's, whoever wrote them down."""
    if turn.role is not Role.ASSISTANT or not any(isinstance(part, ToolResult) for part in turn.parts):
        return [turn]
    runs = groupby(zip(turn.parts, turn.places, strict=True), key=lambda placed: isinstance(placed[0], ToolResult))
    turns: list[Turn] = []
    for answers, run in runs:
        parts, places = zip(*run, strict=True)
        turns.append(attrs.evolve(turn, role=Role.USER if answers else turn.role, parts=parts, places=places))
    return turns


def _prose(part: Fields, signature: str | None) -> Text | Reasoning:
    text, thought = part.text("text") or "", part.flag("thought") is True
    signed = read_signature(signature) if signature is not None else None
    if thought:
        return Reasoning(text=text, signature=signed, extras=packed(NAME, part.rest()))
    # An empty text of a Gemini client's own is noted, because nobody else's is sent to Google.
    spelled = None if text or signed else {"text": text}
    return Text(text=text, signature=signed, extras=packed(NAME, part.rest(), spelling=spelled))


def _inline(part: Fields, signature: str | None) -> Media:
    blob = Fields(part.take("inlineData"), part.at("inlineData"))
    mime, data = blob.text("mimeType"), blob.text("data") or ""
    if not mime:
        # No provider can be told what these bytes are.
        raise refusal(blob.at("mimeType"), "the type of the data")
    # The Python SDK spells bytes in the URL-safe alphabet; everybody else's base64 is the standard one.
    source = Base64Source(data=data.replace("-", "+").replace("_", "/"), mime=mime)
    return _media(media_kind(mime), source, part, "inlineData", blob, signature)


def _file(part: Fields, signature: str | None) -> Media:
    file = Fields(part.take("fileData"), part.at("fileData"))
    mime, uri = file.text("mimeType"), file.text("fileUri")
    if not uri:
        raise refusal(file.at("fileUri"), "the URI of a file")
    host = _host(uri)
    kind = MediaKind.VIDEO if host in _VIDEO_HOSTS else media_kind(mime or of_address(uri) or "")
    if host is None or host == _FILES_HOST:
        # Uploaded to Google, or in its storage: no other provider can read it.
        return _media(kind, FileIdSource(file_id=uri, protocol=NAME), part, "fileData", file, signature, mime=mime)
    return _media(kind, UrlSource(url=uri, mime=mime), part, "fileData", file, signature)


def _media(
    kind: MediaKind,
    source: MediaSource,
    part: Fields,
    field: str,
    inner: Fields,
    signature: str | None,
    *,
    mime: str | None = None,
) -> Media:
    name = inner.text("displayName")
    spelled = {"displayName": name, "mimeType": mime}
    return Media(
        kind=kind,
        source=source,
        filename=name,
        extras=packed(
            NAME,
            _rest(part, field, inner, signature),
            spelling={key: value for key, value in spelled.items() if value is not None},
        ),
    )


def _opaque(part: Fields, signature: str | None) -> Opaque:
    payload = part.rest()
    kind = next((name for name in _HISTORY if name in payload), next(iter(payload)))
    if signature is not None:
        payload["thoughtSignature"] = signature
    # What Google's own tools did is history; a part nobody knows may be the point of the request.
    return Opaque(protocol=NAME, kind=kind, payload=payload, essential=kind not in _HISTORY)


def _only(part: Part, raw: Any) -> Text | Opaque:
    return part if isinstance(part, Text | Opaque) else Opaque(protocol=NAME, kind="part", payload=raw, essential=True)


def _only_in_result(part: Part, raw: Any) -> Text | Media | Opaque:
    return part if isinstance(part, Media) else _only(part, raw)


def _rest(part: Fields, field: str, inner: Fields, signature: str | None = None) -> Object:
    """What a part says beyond its one datum ``inner``, and what that says beyond what was taken, under its name."""
    fields = {**part.rest(), **({field: inner.rest()} if inner.rest() else {})}
    return fields if signature is None else {**fields, "thoughtSignature": signature}


def _response(value: Any) -> Object:
    """A response as Google has it, an object; anything else that a client puts there is the result in one."""
    if value is None or isinstance(value, dict):
        return value or {}
    return {"result": value}


def _said(response: Object) -> str:
    """The text of a response: what it holds under the one name Google gives it, else all of it."""
    value = response[next(iter(response))] if len(response) == 1 and response.keys() <= _RESPONSE_NAMES else response
    return value if isinstance(value, str) else dumps(value).decode()


def _host(uri: str) -> str | None:
    """The host a web address names, None for what is none."""
    try:
        place = urlsplit(uri)
        return place.hostname if place.scheme in ("http", "https") else None
    except ValueError:
        return None


def media_kind(mime: str) -> MediaKind:
    """What a medium of this type is to a model."""
    return _KINDS.get(mime.partition("/")[0].lower(), MediaKind.DOCUMENT)
