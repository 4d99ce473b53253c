"""What chunks say; and that the shipped recordings have every kind of event to say it with."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import pytest

from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.upstream.bundled import bundled_fixtures
from trioproxy.upstream.fixture import Chunk, Fixture
from trioproxy.upstream.meaning import events_of, meanings
from trioproxy.upstream.replay import read_folder

BUNDLED = read_folder(bundled_fixtures())
PROTOCOLS = ("anthropic", "gemini", "openai_chat", "openai_responses")


def said(name: str) -> list[str]:
    return meanings(BUNDLED[name])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("anthropic/server-tool-stream", "server_tool_use"),
        ("anthropic/server-tool-stream", "cites https://example.org/python"),
        ("anthropic/parallel-calls-stream", "calls get_weather (toolu_demo2)"),
        ("anthropic/parallel-calls-stream", 'arguments "Oslo"'),
        ("anthropic/max-tokens-stream", "finished: length (max_tokens)"),
        ("anthropic/refusal-stream", "finished: refusal"),
        ("anthropic/broken-stream", "fails: Overloaded"),
        ("anthropic/reasoning-stream", "signature"),
        ("anthropic/reasoning-stream", 'reasoning "To settle"'),
        ("openai_chat/refusal-stream", 'refusal " was asked"'),
        ("openai_chat/text-stream", "begins (gpt-5-mini)"),
        ("openai_responses/citations-stream", "of them cached"),
        ("openai_responses/server-tool-stream", "of them reasoning"),
        ("gemini/text-array", '"This", tokens: 9 in 1 out'),
    ],
)
def test_each_kind_of_event_has_its_words(name: str, words: str) -> None:
    assert any(words in line for line in said(name)), said(name)


def test_a_whole_answer_is_told_by_its_gist() -> None:
    [words] = said("anthropic/text")
    assert words.startswith('"This answer is a recording')
    assert words.endswith("finished: stop (end_turn), tokens: 15 in 131 out")


def test_what_is_not_understood_has_no_words() -> None:
    text = BUNDLED["openai_chat/text-stream"]
    assert set(meanings(attrs.evolve(text, protocol=""))) == {""}
    assert set(meanings(attrs.evolve(text, status=500))) == {""}
    broken = attrs.evolve(text, chunks=(text.chunks[0], Chunk(1, b"data: {\n\n"), text.chunks[1]))
    assert [words.partition(":")[0] for words in meanings(broken)] == ["begins (gpt-5-mini)", "fails", ""]
    huge = attrs.evolve(text, chunks=(Chunk(1, b"data: " + b"x" * (17 * 1024 * 1024)), Chunk(2, b"\n\n")))
    assert meanings(huge) == ["", ""]
    assert meanings(Fixture(protocol="anthropic", chunks=(Chunk(0, b"no"), Chunk(1, b" json")))) == ["", ""]
    assert meanings(Fixture(protocol="anthropic")) == []


# -- what the shipped recordings cover


def events(protocol: str) -> Iterable[list[Event]]:
    """Of each streamed recording of a protocol its events."""
    for name, fixture in BUNDLED.items():
        if fixture.protocol == protocol and name.endswith("-stream"):
            yield [event for chunk in events_of(fixture) for event in chunk]


def reasons(found: list[Event]) -> set[FinishReason]:
    return {event.reason for event in found if isinstance(event, Finished)}


def usage(found: list[Event], field: str) -> bool:
    return any(getattr(event.usage, field) for event in found if isinstance(event, UsageReported))


def kinds(found: list[Event]) -> set[str]:
    """The kinds of events, as a person would name them."""
    calls = [event for event in found if isinstance(event, ToolCallStarted)]
    told = {
        "a tool call": bool(calls),
        "parallel tool calls": len(calls) > 1,
        "a citation": any(isinstance(event, CitationAdded) for event in found),
        "a refusal": any(isinstance(event, RefusalDelta) for event in found)
        or bool(reasons(found) & {FinishReason.REFUSAL, FinishReason.CONTENT_FILTER}),
        "reasoning": any(isinstance(event, ReasoningDelta) for event in found)
        or any(isinstance(event, PartStarted) and event.kind is PartKind.REASONING for event in found),
        "a signature": any(isinstance(event, PartSigned) for event in found),
        "an end by the limit of tokens": FinishReason.LENGTH in reasons(found),
        "an item of the provider's own": any(isinstance(event, Foreign) for event in found),
        "an error in the midst": isinstance(found[-1], Failed) and len(found) > 3,
        "cached tokens": usage(found, "cache_read"),
        "reasoning tokens": usage(found, "reasoning"),
    }
    return {kind for kind, there in told.items() if there}


EVERY = {
    "a tool call",
    "parallel tool calls",
    "a citation",
    "a refusal",
    "reasoning",
    "a signature",
    "an end by the limit of tokens",
    "an item of the provider's own",
    "an error in the midst",
    "cached tokens",
    "reasoning tokens",
}
# Chat Completions has neither signatures nor items for tools that the provider runs; Messages counts no reasoning apart.
LACKING = {"openai_chat": {"a signature", "an item of the provider's own"}, "anthropic": {"reasoning tokens"}}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_shipped_recordings_have_every_kind_of_event(protocol: str) -> None:
    found: set[str] = set().union(*map(kinds, events(protocol)))
    assert found == EVERY - LACKING.get(protocol, set())
