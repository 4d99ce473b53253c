"""A whole answer, as ``fold.py`` makes it from events."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from trioproxy.errors import Failure
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.parts import Opaque, Reasoning, Refusal, Text, ToolCall
from trioproxy.neutral.usage import Usage

__all__ = ["Answer", "AnswerPart"]

AnswerPart: TypeAlias = Text | Reasoning | Refusal | ToolCall | Opaque


@attrs.frozen(kw_only=True)
class Answer:
    """One whole answer: exactly one of ``finish`` and ``failure`` is set."""

    id: str
    model: str
    created: int | None = None
    parts: tuple[AnswerPart, ...] = ()
    usage: Usage | None = None
    finish: FinishReason | None = None
    stop_sequence: str | None = None
    finish_raw: str | None = None
    failure: Failure | None = None
