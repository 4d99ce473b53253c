"""Hypothesis strategies for answers: legal sequences of neutral events, as any provider may send them.

:func:`legal_events` is the vocabulary in full: interleaved parts, empty parts, signatures, citations, summaries, foreign items, usage
that grows, both ends. Every sequence obeys ``neutral/grammar.py`` (``tests/support/test_events.py`` says so), so that a writer that
chokes on one is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import msgspec
from hypothesis import strategies as st

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.parts import Citation, Signature, SignatureForm, ToolKind
from trioproxy.neutral.usage import Usage
from trioproxy.wire.jsoncodec import dumps

__all__ = ["citations", "failures", "json_objects", "legal_events", "pieces", "signatures", "usages"]

words = st.text(max_size=12)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,15}", fullmatch=True)


def json_values() -> st.SearchStrategy[object]:
    """Small JSON values."""
    scalars = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | words
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=5
    )


def json_objects() -> st.SearchStrategy[dict[str, object]]:
    """Small JSON objects, as tools take them."""
    return st.dictionaries(words, json_values(), max_size=3)


@st.composite
def pieces(draw: st.DrawFn, whole: str) -> list[str]:
    """``whole`` cut in up to four pieces, none of them empty."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=3))) if len(whole) > 1 else []
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if whole[a:b]]


def signatures(forms: Sequence[SignatureForm] = tuple(SignatureForm)) -> st.SearchStrategy[Signature]:
    """An opaque token of one of these forms (details are JSON, because that is what they are)."""

    def of(form: SignatureForm) -> st.SearchStrategy[Signature]:
        value = st.from_regex(r"[A-Za-z0-9+/]{4,12}", fullmatch=True)
        if form is SignatureForm.OPENROUTER_DETAILS:
            value = value.map(lambda data: dumps([{"type": "reasoning.encrypted", "data": data}]).decode())
        item = st.none() | st.just("rs_1") if form is SignatureForm.OPENAI_ENCRYPTED else st.none()
        return st.builds(Signature, value=value, form=st.just(form), item_id=item)

    return st.sampled_from(list(forms)).flatmap(of)


def citations() -> st.SearchStrategy[Citation]:
    """A source, with and without offsets."""
    spans = st.none() | st.tuples(st.integers(0, 9), st.integers(10, 20))
    return st.builds(
        lambda url, title, cited, span: Citation(
            url=url, title=title, cited_text=cited, start=span[0] if span else None, end=span[1] if span else None
        ),
        st.sampled_from(["https://a.example/", "https://b.example/x?y=1"]),
        st.none() | words,
        st.none() | words,
        spans,
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Token counts that keep the arithmetic of ``neutral/usage.py``."""
    whole_input, output = draw(st.integers(0, 10_000)), draw(st.integers(0, 10_000))
    read = draw(st.none() | st.integers(0, whole_input))
    written = draw(st.none() | st.integers(0, whole_input - (read or 0)))
    reasoning = draw(st.none() | st.integers(0, output))
    return Usage(input=whole_input, output=output, cache_read=read, cache_write=written, reasoning=reasoning)


def _cumulative(reports: Iterable[Usage]) -> list[Usage]:
    """Those reports that keep the arithmetic of what was reported before them."""
    kept: list[Usage] = []
    known = Usage()
    for report in reports:
        whole = known.updated(report)
        cached = (whole.cache_read or 0) + (whole.cache_write or 0)
        if cached <= (whole.input or 0) and (whole.reasoning or 0) <= (whole.output or 0):
            kept.append(report)
            known = whole
    return kept


def failures() -> st.SearchStrategy[Failure]:
    """What an upstream may die of."""
    return st.builds(
        Failure,
        kind=st.sampled_from(list(ErrorKind)),
        message=words.filter(str.strip),  # a blank one says nothing
        fault=st.just(Fault.UPSTREAM),
        status=st.none() | st.sampled_from([400, 429, 500, 529]),
        code=st.none() | st.just("some_code"),
        type=st.none() | st.just("some_type"),
        param=st.none() | st.just("model"),
    )


@st.composite
def _text(draw: st.DrawFn) -> list[Event]:
    deltas: list[Event] = [TextDelta(index=0, text=piece) for piece in draw(pieces(draw(words)))]
    cited: list[Event] = [CitationAdded(index=0, citation=each) for each in draw(st.lists(citations(), max_size=2))]
    signed = draw(st.none() | signatures([SignatureForm.GEMINI_THOUGHT]))
    return [PartStarted(index=0, kind=PartKind.TEXT), *deltas, *cited, *_signed(signed)]


@st.composite
def _reasoning(draw: st.DrawFn) -> list[Event]:
    deltas: list[Event]
    if draw(st.booleans()):
        deltas = [ReasoningDelta(index=0, text=piece) for piece in draw(pieces(draw(words)))]
    else:
        sections = draw(st.lists(words.filter(bool), max_size=3))
        deltas = [
            ReasoningDelta(index=0, text=piece, summary=number)
            for number, section in enumerate(sections)
            for piece in draw(pieces(section))
        ]
    return [PartStarted(index=0, kind=PartKind.REASONING), *deltas, *_signed(draw(st.none() | signatures()))]


@st.composite
def _refusal(draw: st.DrawFn) -> list[Event]:
    return [
        PartStarted(index=0, kind=PartKind.REFUSAL),
        *(RefusalDelta(index=0, text=p) for p in draw(pieces(draw(words)))),
    ]


@st.composite
def _tool(draw: st.DrawFn) -> list[Event]:
    kind = draw(st.sampled_from([ToolKind.FUNCTION, ToolKind.FUNCTION, ToolKind.CUSTOM]))
    whole = draw(words) if kind is ToolKind.CUSTOM else dumps(draw(json_objects())).decode()
    signed = draw(st.none() | signatures([SignatureForm.GEMINI_THOUGHT]))
    start = ToolCallStarted(index=0, call_id="", name=draw(names), kind=kind)
    return [start, *(ToolArgsDelta(index=0, text=piece) for piece in draw(pieces(whole))), *_signed(signed)]


def _foreign(protocol: str) -> st.SearchStrategy[list[Event]]:
    payload = json_objects()
    return payload.map(lambda each: [Foreign(index=0, protocol=protocol, kind="odd_item", payload=each)])


def _signed(signature: Signature | None) -> list[Event]:
    return [PartSigned(index=0, signature=signature)] if signature is not None else []


_PARTS = {"text": _text, "reasoning": _reasoning, "refusal": _refusal, "tool": _tool}


@st.composite
def legal_events(
    draw: st.DrawFn,
    *,
    parts: Sequence[str] = ("text", "reasoning", "refusal", "tool"),
    foreign: Sequence[str] = ("elsewhere",),
    interleaved: bool = True,
    may_fail: bool = True,
) -> list[Event]:
    """One legal sequence from ResponseStarted to its end.

    ``parts`` are the kinds of part that may come, ``foreign`` the protocols whose Foreign items may. With ``interleaved`` several parts may
    be open at once. A sequence that fails is cut anywhere, with parts open. Tool calls have the ids ``call_0``, ``call_1``, ...
    """
    kinds = [_PARTS[kind]() for kind in parts] + [_foreign(protocol) for protocol in foreign]
    plans = draw(st.lists(st.one_of(kinds), max_size=5))
    body = _numbered(
        draw(_mixed(plans)) if interleaved else [(n, e) for n, plan in enumerate(plans) for e in _closed(plan)]
    )
    has_tools = any(isinstance(event, ToolCallStarted) for event in body)
    reports = _cumulative(draw(st.lists(usages(), max_size=2)))
    places = sorted(draw(st.integers(0, len(body))) for _ in reports)
    for place, usage in reversed([*zip(places, reports, strict=True)]):
        body.insert(place, UsageReported(usage=usage))
    created = draw(st.none() | st.integers(0, 2**31))
    identity = draw(st.sampled_from(["", "resp-1", "chatcmpl-1", "msg_1"]))
    start = ResponseStarted(id=identity, model=draw(st.sampled_from(["", "upstream-model"])), created=created)
    if may_fail and draw(st.integers(0, 3)) == 0:
        return [start, *body[: draw(st.integers(0, len(body)))], Failed(failure=draw(failures()))]
    return [start, *body, draw(_finished(has_tools=has_tools))]


@st.composite
def _finished(draw: st.DrawFn, *, has_tools: bool) -> Finished:
    ends = [FinishReason.LENGTH, FinishReason.CONTENT_FILTER, FinishReason.CONTEXT_LENGTH]
    ends += [FinishReason.TOOL_CALLS] if has_tools else [FinishReason.STOP, FinishReason.STOP_SEQUENCE]
    ends += [] if has_tools else [FinishReason.REFUSAL, FinishReason.PAUSE]
    reason = draw(st.sampled_from(ends))
    stop = draw(st.none() | words) if reason is FinishReason.STOP_SEQUENCE else None
    return Finished(reason=reason, stop_sequence=stop)


def _closed(plan: list[Event]) -> list[Event]:
    return plan if isinstance(plan[0], Foreign) else [*plan, PartFinished(index=0)]


@st.composite
def _mixed(draw: st.DrawFn, plans: list[list[Event]]) -> list[tuple[int, Event]]:
    """The events of all plans with the number of their plan, each plan in its own order, plans starting in order."""
    waiting = [(number, _closed(plan)) for number, plan in enumerate(plans)]
    running: list[tuple[int, list[Event]]] = []
    out: list[tuple[int, Event]] = []
    while waiting or running:
        if waiting and (not running or (len(running) < 3 and draw(st.booleans()))):
            running.append(waiting.pop(0))
            number, events = running[-1]
        else:
            number, events = draw(st.sampled_from(running))
        out.append((number, events[0]))
        del events[0]
        running = [each for each in running if each[1]]
    return out


def _numbered(mixed: list[tuple[int, Event]]) -> list[Event]:
    """Each event with its part's index, in order of appearance, and each call with an id of its own."""
    indexes: dict[int, int] = {}
    out: list[Event] = []
    calls = 0
    for number, event in mixed:
        index = indexes.setdefault(number, len(indexes))
        if isinstance(event, ToolCallStarted):
            event = attrs.evolve(event, call_id=f"call_{calls}")
            calls += 1
        evolve: Any = msgspec.structs.replace if isinstance(event, msgspec.Struct) else attrs.evolve
        out.append(evolve(event, index=index))
    return out
