"""The effort of a model's name, in each protocol's words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.providers.effort import ask_of, suffixed
from trioproxy.providers.model import ModelFacts, Thinking, ThinkingSuffix

BUDGETS = ModelFacts(id="b", thinking=Thinking(minimum=1024, maximum=32000), thinks=True)
STRICT = ModelFacts(id="s", thinking=Thinking(minimum=128, maximum=32768, zero_allowed=False, dynamic_allowed=True))
LEVELS = ModelFacts(id="l", thinking=Thinking(levels=("low", "high")))
DYNAMIC = ModelFacts(id="d", thinking=Thinking(levels=("low", "high"), dynamic_allowed=True))
ADAPTIVE = ModelFacts(id="a", thinking=Thinking(adaptive=True, levels=("low", "medium", "high", "max")))
ALWAYS = ModelFacts(id="w", thinking=Thinking(adaptive=True, levels=("low", "high"), zero_allowed=False))
HIGH = {"output_config": {"effort": "high"}}
BARE_ADAPTIVE = ModelFacts(id="a", thinking=Thinking(adaptive=True))
THOUGHTLESS = ModelFacts(id="t", thinks=False)
UNSAID = ModelFacts(id="u", context_length=5)


def level(word: str) -> ThinkingSuffix:
    return ThinkingSuffix(level=word)


def budget(tokens: int) -> ThinkingSuffix:
    return ThinkingSuffix(budget=tokens)


def test_suffix_in_neutral_words() -> None:
    assert ask_of(level("high")) == ReasoningAsk(effort=Effort.HIGH)
    assert ask_of(budget(8192)) == ReasoningAsk(budget=8192)


@pytest.mark.parametrize(
    ("protocol", "suffix", "facts", "body", "expected"),
    [
        # Chat Completions
        ("openai_chat", level("high"), None, {"reasoning_effort": "low"}, {"reasoning_effort": "high"}),
        ("openai_chat", budget(8192), None, {}, {"reasoning_effort": "medium"}),
        ("openai_chat", level("medium"), LEVELS, {}, {"reasoning_effort": "low"}),
        ("openai_chat", level("none"), None, {"thinking": {"type": "enabled"}}, {"reasoning_effort": "none"}),
        ("openai_chat", level("high"), UNSAID, {}, {"reasoning_effort": "high"}),
        ("openai_chat", level("high"), THOUGHTLESS, {"reasoning_effort": "low", "n": 1}, {"n": 1}),
        # Responses
        (
            "openai_responses",
            level("high"),
            None,
            {"reasoning": {"effort": "low", "summary": "auto"}},
            {"reasoning": {"effort": "high", "summary": "auto"}},
        ),
        ("openai_responses", level("low"), None, {}, {"reasoning": {"effort": "low"}}),
        ("openai_responses", level("max"), None, {}, {"reasoning": {"effort": "max"}}),
        ("openai_responses", level("low"), THOUGHTLESS, {"reasoning": {"effort": "high"}}, {}),
        ("openai_responses", level("low"), THOUGHTLESS, {"reasoning": None, "x": 1}, {"x": 1}),
        # Messages
        (
            "anthropic",
            level("high"),
            BUDGETS,
            {"max_tokens": 64000, "temperature": 0.5, "top_k": 3},
            {"max_tokens": 64000, "thinking": {"type": "enabled", "budget_tokens": 24576}},
        ),
        ("anthropic", budget(100), BUDGETS, {}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("anthropic", budget(9000), BUDGETS, {"max_tokens": 5000}, {"max_tokens": 5000, "thinking": {"type": "enabled", "budget_tokens": 4999}}),
        ("anthropic", budget(9000), BUDGETS, {"max_tokens": 500, "thinking": {}}, {"max_tokens": 500}),
        ("anthropic", level("auto"), None, {}, {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        ("anthropic", level("auto"), BUDGETS, {}, {"thinking": {"type": "enabled", "budget_tokens": 16512}}),
        ("anthropic", level("none"), BUDGETS, {}, {"thinking": {"type": "disabled"}}),
        ("anthropic", level("max"), ADAPTIVE, {"temperature": 0}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        ("anthropic", level("xhigh"), ADAPTIVE, {"top_p": 0.5}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        ("anthropic", level("auto"), ADAPTIVE, {"top_p": 1}, {"top_p": 1, "thinking": {"type": "adaptive"}, **HIGH}),
        (
            "anthropic",
            level("low"),
            BUDGETS,
            {"tool_choice": None, "max_tokens": "9", "top_p": None, "temperature": "x"},
            {"tool_choice": None, "max_tokens": "9", "top_p": None, "temperature": "x", "thinking": {"type": "enabled", "budget_tokens": 1024}},
        ),
        ("anthropic", level("none"), ALWAYS, {}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        (
            "anthropic",
            level("high"),
            BARE_ADAPTIVE,
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low", "format": {}}},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high", "format": {}}},
        ),
        ("anthropic", level("high"), BUDGETS, {"tool_choice": {"type": "any"}, "thinking": {}}, {"tool_choice": {"type": "any"}}),
        ("anthropic", level("high"), THOUGHTLESS, {"output_config": {"effort": "low"}}, {}),
        # Gemini
        ("gemini", level("high"), LEVELS, {}, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "high"}}}),
        (
            "gemini",
            budget(99999),
            STRICT,
            {"generationConfig": {"topK": 1, "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}}},
            {"generationConfig": {"topK": 1, "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 32768}}},
        ),
        ("gemini", level("auto"), STRICT, {}, {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}}}),
        (
            "gemini",
            level("none"),
            None,
            {"generation_config": {"thinking_config": {"include_thoughts": True}}},
            {"generation_config": {"thinkingConfig": {"thinkingBudget": 0, "includeThoughts": False}}},
        ),
        ("gemini", level("auto"), LEVELS, {}, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}),
        ("gemini", level("high"), THOUGHTLESS, {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1}}}, {}),
        ("gemini", level("auto"), DYNAMIC, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}, {}),
    ],
)  # fmt: skip
def test_suffix_replaces_what_the_body_says(
    protocol: str, suffix: ThinkingSuffix, facts: ModelFacts | None, body: Any, expected: Any
) -> None:
    before = copy.deepcopy(body)

    assert suffixed(protocol, body, suffix, facts) == expected
    assert body == before


@pytest.mark.parametrize(
    ("protocol", "suffix", "facts", "body"),
    [
        ("openai_chat", level("high"), THOUGHTLESS, {"messages": []}),
        ("openai_chat", level("low"), None, {"reasoning_effort": "low"}),
        ("openai_responses", level("low"), THOUGHTLESS, {"input": "x"}),
        ("anthropic", level("none"), None, {"thinking": {"type": "disabled"}}),
        ("gemini", level("auto"), DYNAMIC, {"contents": []}),
        ("openai_chat", level("high"), ModelFacts(id="odd", thinking=Thinking(levels=("odd",))), {"x": 1}),
        ("openai_responses", level("high"), ModelFacts(id="odd", thinking=Thinking(levels=("odd",))), {"x": 1}),
    ],
)
def test_body_that_says_it_already_stays(
    protocol: str, suffix: ThinkingSuffix, facts: ModelFacts | None, body: Any
) -> None:
    assert suffixed(protocol, body, suffix, facts) is None


@pytest.mark.parametrize(
    ("suffix", "quirk", "facts", "expected", "lost"),
    [
        (level("none"), "thinking-switch", None, {"thinking": {"type": "disabled"}}, []),
        (level("high"), "thinking-switch", None, {"thinking": {"type": "enabled"}}, ["reasoning.effort"]),
        (level("high"), "thinking-switch", LEVELS, {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, []),
        (budget(2000), "enable-thinking", None, {"enable_thinking": True, "thinking_budget": 2000}, []),
        (level("low"), "reasoning-object", None, {"reasoning": {"effort": "low"}}, []),
        (level("low"), "reasoning-split", None, {"reasoning_split": True}, ["reasoning.effort"]),
        (level("low"), "no-reasoning-effort", None, {}, ["reasoning"]),
        (level("low"), "thinking-switch", THOUGHTLESS, {}, []),
        (level("xhigh"), "top-k", None, {"reasoning_effort": "xhigh"}, []),
    ],
)
def test_servers_of_chat_completions_with_words_of_their_own(
    suffix: ThinkingSuffix, quirk: str, facts: ModelFacts | None, expected: Any, lost: list[str]
) -> None:
    losses: list[Loss] = []
    body = {"reasoning_effort": "low", "thinking": {"type": "enabled"}, "n": 1}
    assert suffixed("openai_chat", body, suffix, facts, quirks=("x", quirk), losses=losses) == {"n": 1, **expected}
    assert [loss.path for loss in losses] == lost
    assert suffixed("openai_chat", body, suffix, facts, quirks=(quirk,)) == {"n": 1, **expected}
