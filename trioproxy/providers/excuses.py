"""The word that Google takes in place of a signature, put where a history has none.

From Gemini 3 on the first call of each step needs the signature that Google gave with it. A client that did not keep it, or whose call was
another model's, has none to send, and Google answers 400 (https://ai.google.dev/gemini-api/docs/thought-signatures, "FAQs"). Refuses to
know: which models that is of, and requests that are translated, whose writer puts the word itself.
"""

from __future__ import annotations

from typing import Any

from trioproxy.providers.quirk import CHAT, GEMINI, Quirk, QuirkContext
from trioproxy.wire.jsoncodec import Object

__all__ = ["ANSWERS", "CALLS", "EXCUSE", "EXCUSED_CALLS", "IN_CHAT", "SIGNATURES"]

EXCUSE = "skip_thought_signature_validator"
IN_CHAT = {"google": {"thought_signature": EXCUSE}}
CALLS = ("functionCall", "function_call")
ANSWERS = ("functionResponse", "function_response")
SIGNATURES = ("thoughtSignature", "thought_signature")


def _excused(body: Object, context: QuirkContext) -> Object | None:
    name, excused = ("messages", _messages) if context.protocol == CHAT else ("contents", _contents)
    history = body.get(name)
    if not isinstance(history, list) or not history:
        return None
    changed = excused(history)
    return {**body, name: changed} if any(new is not old for new, old in zip(changed, history, strict=True)) else None


def _messages(history: list[Any]) -> list[Any]:
    return [_message(each) for each in history]


def _message(message: Any) -> Any:
    """A message whose first call has a signature, or the word for none: the calls beside it need nothing."""
    match message:
        case {"tool_calls": [{**first}, *others]} if not first.get("extra_content"):
            return {**message, "tool_calls": [{**first, "extra_content": IN_CHAT}, *others]}
        case _:
            return message


def _contents(history: list[Any]) -> list[Any]:
    """The contents, of which Google looks at those behind the user's last words alone; several of the model's in a row are one step."""
    asked = max((at for at, content in enumerate(history) if _asks(content)), default=-1)
    changed = history[: asked + 1]
    stepping = False
    for content in history[asked + 1 :]:
        parts = _parts(content) if _is_model(content) else []
        first = next((at for at, part in enumerate(parts) if _holds(part, CALLS)), None)
        if first is not None and not stepping and not _holds(parts[first], SIGNATURES):
            signed = {**parts[first], SIGNATURES[0]: EXCUSE}
            content = {**content, "parts": [*parts[:first], signed, *parts[first + 1 :]]}
        stepping = _is_model(content) and (stepping or first is not None)
        changed.append(content)
    return changed


def _asks(content: Any) -> bool:
    """Whether a user asks in it. One that also gives what functions answered may go on with the turn there is: Google says that a turn begins
    with the user's words and not with a function's response, and nothing of both in one content."""
    parts = _parts(content)
    return not _is_model(content) and bool(parts) and not any(_holds(part, ANSWERS) for part in parts)


def _is_model(content: Any) -> bool:
    return isinstance(content, dict) and content.get("role") == "model"


def _parts(content: Any) -> list[Any]:
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else []


def _holds(part: Any, names: tuple[str, ...]) -> bool:
    return isinstance(part, dict) and any(part.get(name) for name in names)


EXCUSED_CALLS = Quirk(
    name="excused-calls",
    doc="The first call of a step without Google's signature gets the word that Google takes in its place.",
    protocols=frozenset({CHAT, GEMINI}),
    marks=(b'"tool_calls"', *(f'"{name}"'.encode() for name in CALLS)),
    edit=_excused,
)
