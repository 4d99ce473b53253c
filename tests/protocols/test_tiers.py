"""The tier that an answer was given at is told to a client of every protocol that has a word for it, in a stream and in a whole body."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translation.crossings import WAYS, Way, as_stream, legal, read_frames
from trioproxy.neutral.events import UsageReported
from trioproxy.neutral.fold import unfold
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.protocols.tiers import ANTHROPIC, OPENAI, read_tier
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import dumps

TOLD = {"openai_chat": OPENAI, "openai_responses": OPENAI, "anthropic": ANTHROPIC, "gemini": {}}
SAID = {**TOLD, "gemini": {"default": "standard", "flex": "flex", "priority": "priority"}}


def answered(name: str, told: Any) -> dict[str, Any]:
    counts = {"prompt_tokens": 1, "completion_tokens": 2, "input_tokens": 1, "output_tokens": 2}
    match name:
        case "anthropic":
            return {"content": [], "stop_reason": "end_turn", "usage": {**counts, "service_tier": told}}
        case "gemini":
            usage = {"promptTokenCount": 1, "candidatesTokenCount": 2, "serviceTier": told}
            return {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}
        case "openai_chat":
            choice = {"message": {"content": "a"}, "finish_reason": "stop"}
            return {"choices": [choice], "usage": counts, "service_tier": told}
        case _:
            return {"status": "completed", "output": [], "usage": counts, "service_tier": told}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("word", ["default", "flex", "priority", "scale", "batch"])
def test_a_tier_is_read_as_each_protocol_spells_it(name: str, word: str) -> None:
    told = SAID[name].get(word)
    events = protocol(name).read_body(answered(name, told))
    tiers = [event.usage.tier for event in events if isinstance(event, UsageReported)]
    assert tiers == [word if told else None]


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("word", ["default", "flex", "priority", "scale", "batch"])
def test_a_tier_arrives_where_there_is_a_word_for_it(target: str, way: Way, word: str) -> None:
    said = Answer(id="a", model="m", usage=Usage(input=1, output=2, tier=word))
    crossed = way(legal(unfold(said)), target)
    assert crossed.answer.usage is not None
    spoken = word if word in TOLD[target] else None
    # A response always names a tier.
    assert crossed.answer.usage.tier == (spoken or ("default" if target == "openai_responses" else None))


@pytest.mark.parametrize("said", ["auto", "", None, 7, {}])
def test_what_was_asked_for_is_no_tier(said: Any) -> None:
    assert read_tier(said) is None


@pytest.mark.parametrize(("said", "word"), [("on_demand", "default"), ("STANDARD", "default"), ("fast", "priority")])
def test_vendors_have_words_of_their_own(said: str, word: str) -> None:
    assert read_tier(said) == word


def test_a_later_report_may_name_no_tier() -> None:
    assert Usage(input=1, tier="flex").updated(Usage(output=2)) == Usage(input=1, output=2, tier="flex")


@pytest.mark.parametrize("counted", [{"usage": {"prompt_tokens": 1, "completion_tokens": 2}}, {}])
def test_a_tier_that_is_known_at_the_beginning_is_told_there(counted: dict[str, Any]) -> None:
    first = {
        "object": "chat.completion.chunk",
        "service_tier": "priority",
        "choices": [{"index": 0, "delta": {"content": "a"}}],
    }
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **counted}
    events = read_frames([Frame(dumps(each)) for each in (first, last)], "openai_chat")
    begun = as_stream(events, "anthropic").documents[0]["message"]["usage"]
    assert (begun["service_tier"], begun["input_tokens"]) == ("priority", 0)
    chunk = as_stream(events, "openai_chat").documents[0]
    assert chunk["service_tier"] == "priority"
    usage = as_stream(events, "openai_chat").answer.usage
    assert usage is not None
    assert usage.tier == "priority"
