"""Every recorded answer, told to a client of every protocol as a stream and as a whole body, and read again as that client reads it."""

from __future__ import annotations

import itertools

import attrs
import pytest

from tests.support.recordings import FOLDER
from tests.translation.crossings import CONTEXT, WAYS, answered, legal, renamed
from tests.translation.gists import Gist, expected, gist_of
from trioproxy.neutral.events import Event, Foreign, ResponseStarted
from trioproxy.neutral.fold import fold, unfold
from trioproxy.neutral.parts import Media, Search
from trioproxy.protocols.table import NAMES

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of real providers beside the project")
of_each_pair = pytest.mark.parametrize(("source", "target"), list(itertools.product(NAMES, repeat=2)))


def _differing(before: Gist, after: Gist) -> list[str]:
    return [
        f"{name}: {getattr(before, name)!r:.300} became {getattr(after, name)!r:.300}"
        for name in (field.name for field in attrs.fields(Gist) if field.eq)
        if getattr(before, name) != getattr(after, name)
    ]


@needs_recordings
@of_each_pair
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_arrives_as_it_was_said(source: str, target: str, way: str) -> None:
    wrong: list[str] = []
    for recording, said in answered(source):
        events, _ = renamed(said)
        crossed = WAYS[way](events, target)
        begun = next((event.usage for event in events if isinstance(event, ResponseStarted)), None)
        before = expected(gist_of(fold(events), begun), target, way)
        wrong += [f"{recording}: {each}" for each in _differing(before, gist_of(crossed.answer))]
        if before.failed is None and crossed.answer.model != CONTEXT.model:
            wrong.append(f"{recording}: the model is {crossed.answer.model}")
    assert not wrong, "\n".join(wrong)


@needs_recordings
@of_each_pair
def test_a_stream_and_a_whole_body_say_the_same(source: str, target: str) -> None:
    """Folded or unfolded on the way, an answer is the same answer: the crossings of streaming and whole."""
    wrong: list[str] = []
    for recording, events in answered(source):
        answer = fold(events)
        shortest = legal(unfold(answer))
        streamed = expected(gist_of(WAYS["stream"](shortest, target).answer), target, "whole")
        whole = gist_of(WAYS["whole"](events, target).answer)
        wrong += [f"{recording}: {each}" for each in _differing(streamed, whole)]
    assert not wrong, "\n".join(wrong)


@needs_recordings
@of_each_pair
@pytest.mark.parametrize("way", WAYS)
def test_what_only_one_protocol_has_a_word_for_is_a_loss(source: str, target: str, way: str) -> None:
    wrong: list[str] = []
    for recording, events in answered(source):
        crossed = WAYS[way](events, target)
        alone = sum(_foreign_to(target, event) for event in events)
        if crossed.answer.failure is None and len(crossed.losses) < alone:
            wrong.append(f"{recording}: {alone} items, losses {[loss.path for loss in crossed.losses]}")
        if source == target and crossed.losses:
            wrong.append(f"{recording}: {crossed.losses} in the protocol of the provider itself")
    assert not wrong, "\n".join(wrong)


# What of another protocol's items a protocol has a word for.
SHOWN: dict[str, tuple[type, ...]] = {
    "openai_chat": (Media,),
    "openai_responses": (Media, Search),
    "anthropic": (Search,),
    "gemini": (Media, Search),
}


def _foreign_to(target: str, event: Event) -> bool:
    return isinstance(event, Foreign) and event.protocol != target and not isinstance(event.shown, SHOWN[target])
