"""What a person, an agent and an accountant take from an answer, and the table of where that may differ behind a translation.

:func:`gist_of` forgets what no client acts on: borders between neighbouring texts, empty parts, how JSON is spelled. :data:`DIFFERENCES` lists
everything else that a target can't show as the provider said it, each with its reason; what the table does not name has to arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.parts import Reasoning, Refusal, Text, ToolCall, ToolKind
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.table import NAMES
from trioproxy.wire.jsoncodec import JSONError, dumps, loads

__all__ = ["DIFFERENCES", "Difference", "Gist", "canonical", "counted", "expected", "gist_of"]

Said: TypeAlias = tuple[str, ...]
"""``("text", words)``, ``("reasoning", words)``, ``("refusal", words)``, ``("call", id, name, arguments)`` or ``("custom", id, name, text)``."""

CHAT, RESPONSES, MESSAGES, GEMINI = NAMES
_CALLS = ("call", "custom")
_UNCOUNTED = Usage(input=0, output=0, cache_read=0, cache_write=0, reasoning=0)


@attrs.frozen(kw_only=True)
class Gist:
    """An answer without its spelling. ``cited`` are the URLs of sources in order; ``begun`` is what was counted at its beginning."""

    said: tuple[Said, ...]
    cited: tuple[str, ...]
    finish: FinishReason | None
    stop_sequence: str | None
    usage: Usage
    failed: str | None
    begun: Usage = attrs.field(default=_UNCOUNTED, eq=False)


def gist_of(answer: Answer, begun: Usage | None = None) -> Gist:
    """The gist of an answer, at whose beginning ``begun`` was counted."""
    texts = [part for part in answer.parts if isinstance(part, Text)]
    urls = [citation.url for text in texts for citation in text.citations if citation.url is not None]
    return Gist(
        said=_merged([each for part in answer.parts for each in _said(part)]),
        cited=tuple(dict.fromkeys(urls)),
        finish=answer.finish,
        stop_sequence=answer.stop_sequence,
        usage=counted(answer.usage),
        failed=answer.failure.message if answer.failure is not None else None,
        begun=counted(begun),
    )


def counted(usage: Usage | None) -> Usage:
    """The counts alone, an unknown one being 0."""
    counts: Any = {name: count or 0 for name, count in attrs.asdict(usage or Usage()).items()}
    return attrs.evolve(Usage(**counts), tier=None)


def _said(part: object) -> list[Said]:
    match part:
        case Text(text=text):
            return [("text", text)]
        case Refusal(text=text):
            return [("refusal", text)]
        case Reasoning(text=text, summary=summary):
            # Every client shows sections as paragraphs, whatever they are on the wire.
            return [("reasoning", "\n\n".join(each for each in (text, *summary) if each))]
        case ToolCall(kind=ToolKind.CUSTOM):
            return [("custom", part.call_id, part.name, part.arguments)]
        case ToolCall():
            return [("call", part.call_id, part.name, canonical(part.arguments))]
        case _:
            return []


def canonical(arguments: str) -> str:
    """Arguments as JSON values: keys in order, no white space. Text that is no JSON stays as it is, none at all is an empty object."""
    try:
        return dumps(_ordered(loads(arguments))).decode() if arguments.strip() else "{}"
    except JSONError:
        return arguments


def _ordered(value: object) -> object:
    match value:
        case dict():
            return {key: _ordered(value[key]) for key in sorted(value)}
        case list():
            return [_ordered(each) for each in value]
        case _:
            return value


def _merged(said: list[Said]) -> tuple[Said, ...]:
    merged: list[Said] = []
    for each in said:
        if each[0] in _CALLS:
            merged.append(each)
        elif each[1] and merged and merged[-1][0] == each[0]:
            merged[-1] = (each[0], merged[-1][1] + each[1])
        elif each[1]:
            merged.append(each)
    return tuple(merged)


@attrs.frozen(kw_only=True)
class Difference:
    """One thing that clients get otherwise than it was said: clients of ``targets``, where the answer is told in one of ``ways``."""

    targets: frozenset[str]
    ways: frozenset[str] = frozenset({"stream", "whole"})
    reason: str
    shown: Callable[[Gist], Gist]


def expected(gist: Gist, target: str, way: str) -> Gist:
    """The gist as a client of ``target`` is to get it."""
    for difference in DIFFERENCES:
        if target in difference.targets and way in difference.ways:
            gist = difference.shown(gist)
    return gist


def _ends(**words: FinishReason) -> Callable[[Gist], Gist]:
    """Reasons for which a target has another reason's word."""
    told = {FinishReason[name]: reason for name, reason in words.items()}
    return lambda gist: attrs.evolve(gist, finish=told.get(gist.finish, gist.finish) if gist.finish else None)


def _by_kind(gist: Gist) -> Gist:
    prose = [each for kind in ("reasoning", "text", "refusal") for each in gist.said if each[0] == kind]
    return attrs.evolve(gist, said=_merged([*prose, *(each for each in gist.said if each[0] in _CALLS)]))


def _refusals_as_text(gist: Gist) -> Gist:
    return attrs.evolve(gist, said=_merged([("text", each[1]) if each[0] == "refusal" else each for each in gist.said]))


def _customs_as_functions(gist: Gist) -> Gist:
    said = tuple(
        ("call", each[1], each[2], canonical(dumps({"input": each[3]}).decode())) if each[0] == "custom" else each
        for each in gist.said
    )
    return attrs.evolve(gist, said=said)


def _failed(keep: Callable[[Gist], tuple[Said, ...]]) -> Callable[[Gist], Gist]:
    def shown(gist: Gist) -> Gist:
        if gist.failed is None:
            return gist
        return attrs.evolve(gist, said=keep(gist), cited=(), usage=_UNCOUNTED)

    return shown


_FILTERED = _ends(REFUSAL=FinishReason.CONTENT_FILTER)

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        targets=frozenset({CHAT, MESSAGES, GEMINI}),
        ways=frozenset({"whole"}),
        reason="a whole answer that failed is an error body and nothing else",
        shown=_failed(lambda gist: ()),
    ),
    Difference(
        targets=frozenset({CHAT, MESSAGES, GEMINI}),
        ways=frozenset({"stream"}),
        reason="a stream that fails ends in its error: counts come with the end, and there was none",
        shown=_failed(lambda gist: gist.said),
    ),
    Difference(
        targets=frozenset({MESSAGES}),
        ways=frozenset({"stream"}),
        reason="what was counted at the beginning is told there",
        shown=lambda gist: gist if gist.failed is None else attrs.evolve(gist, usage=gist.begun),
    ),
    Difference(
        targets=frozenset({GEMINI}),
        ways=frozenset({"stream"}),
        reason="Gemini's calls go out whole: one that broke off is not told",
        shown=_failed(lambda gist: tuple(each for each in gist.said if each[0] not in _CALLS)),
    ),
    Difference(
        targets=frozenset({CHAT}),
        ways=frozenset({"whole"}),
        reason="a chat message has one text, one refusal, one reasoning, and its calls behind them",
        shown=_by_kind,
    ),
    Difference(
        targets=frozenset({MESSAGES, GEMINI}),
        reason="no word for a refusal's text but text",
        shown=_refusals_as_text,
    ),
    Difference(
        targets=frozenset({MESSAGES, GEMINI}),
        reason="no tools of free text: it is the argument `input`",
        shown=_customs_as_functions,
    ),
    Difference(
        targets=frozenset({CHAT, RESPONSES}),
        reason="a refusal that is not told as a refusal is something a filter stopped",
        shown=lambda gist: gist if any(each[0] == "refusal" for each in gist.said) else _FILTERED(gist),
    ),
    Difference(
        targets=frozenset({GEMINI}),
        reason="a refusal is something a filter stopped",
        shown=_FILTERED,
    ),
    Difference(
        targets=frozenset({MESSAGES}),
        reason="one word for what a filter stopped and what the model refused",
        shown=_ends(CONTENT_FILTER=FinishReason.REFUSAL),
    ),
    Difference(
        targets=frozenset({CHAT, RESPONSES, GEMINI}),
        reason="a stop sequence ends an answer as a plain stop does",
        shown=lambda gist: attrs.evolve(_ends(STOP_SEQUENCE=FinishReason.STOP)(gist), stop_sequence=None),
    ),
    Difference(
        targets=frozenset({CHAT, RESPONSES, GEMINI}),
        reason="one word for the limits of the request and of the model",
        shown=_ends(CONTEXT_LENGTH=FinishReason.LENGTH),
    ),
    Difference(
        targets=frozenset({CHAT, RESPONSES, GEMINI}),
        reason="no word for a pause that the client is to end",
        shown=_ends(PAUSE=FinishReason.STOP),
    ),
    Difference(
        targets=frozenset({GEMINI}),
        reason="tokens written to a cache are not counted",
        shown=lambda gist: attrs.evolve(gist, usage=attrs.evolve(gist.usage, cache_write=0)),
    ),
)
