"""An answer that a client kept as the chunks it came in, gathered again.

The chats of Google's SDKs keep each chunk of a stream as a content of its own and send all of them back (``google.genai.chats``,
``@google/genai``: ``sendMessageStream``); other clients keep all parts of all chunks in one content. So a sentence comes in pieces, and a
thought's signature as a part of its own behind the thought's last words. To another provider each piece would be a paragraph, a message, a
thought without its signature. Texts within one content are left as they are, because there a border may be meant; a thought with a heading of
its own is one of its own, unless a signature says that it is not. Refuses to know: how a part is spelled, and who made a signature.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from trioproxy.neutral.extras import own
from trioproxy.neutral.parts import Part, Reasoning, SignatureForm, Text
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.gemini.endpoints import NAME

__all__ = ["gathered"]

_HEADING = "**"
"""With which the sections of OpenAI's and Google's summaries of thoughts begin."""


def gathered(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns, the model's in a row made one; thoughts that go on are one part, and so are texts over the border of two contents."""
    told: list[Turn] = []
    for turn in turns:
        last = told[-1] if told else None
        if turn.role is not Role.ASSISTANT:
            told.append(turn)
        elif last is not None and last.role is Role.ASSISTANT and last.extras == turn.extras:
            told[-1] = _continued(last, turn)
        else:
            told.append(_continued(attrs.evolve(turn, parts=(), places=()), turn))
    return tuple(told)


def _continued(turn: Turn, more: Turn) -> Turn:
    """``turn`` and the parts of ``more`` behind it."""
    parts, places = list(turn.parts), list(turn.places)
    border = len(parts)
    for part, place in zip(more.parts, more.places, strict=True):
        if isinstance(part, Reasoning) and part.signature is not None and not part.text:
            _make_whole(parts, places)
        joined = _joined(parts[-1], part, bordering=len(parts) == border) if parts else None
        if joined is not None:
            parts[-1] = joined
        else:
            parts.append(part)
            places.append(place)
    return attrs.evolve(turn, parts=tuple(parts), places=tuple(places))


def _make_whole(parts: list[Part], places: list[str]) -> None:
    """One thought of those at the end: what follows signs them all."""
    while len(parts) > 1 and (joined := _joined(parts[-2], parts[-1], bordering=True)) is not None:
        parts[-2:] = [joined]
        places.pop()


def _joined(one: Part, other: Part, *, bordering: bool) -> Part | None:
    """Both as one part, None where they are two. ``bordering`` says that they stand in two contents."""
    match one, other:
        case Reasoning(signature=None), Reasoning() if not _says_more(one, other) and not _is_alone(other):
            if not bordering and other.text.startswith(_HEADING):
                return None
            return attrs.evolve(one, text=one.text + other.text, signature=other.signature)
        case Text(signature=None), Text() if bordering and not _says_more(one, other):
            return attrs.evolve(one if one.text else other, text=one.text + other.text, signature=other.signature)
        case _:
            return None


def _says_more(*parts: Text | Reasoning) -> bool:
    """Whether one of them has members that would be another part's then."""
    return any(own(part.extras, NAME) for part in parts)


def _is_alone(thought: Reasoning) -> bool:
    """Whether a signature hides a thought of its own and does not sign the words before it."""
    return thought.signature is not None and thought.signature.form is SignatureForm.ANTHROPIC_REDACTED
