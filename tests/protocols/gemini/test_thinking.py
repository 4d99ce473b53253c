from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.extras import packed
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.gemini.thinking import write_thinking
from trioproxy.providers.model import Thinking

_LEVELS = Thinking(levels=("low", "high"), dynamic_allowed=True)
_BUDGETS = Thinking(minimum=128, maximum=32768, zero_allowed=False, dynamic_allowed=True)


def _written(
    ask: ReasoningAsk | None, model: str = "gemini-x", thinking: Any = None
) -> tuple[dict[str, Any], list[str]]:
    config, losses = write_thinking(ask, WriteTarget(model=model, thinking=thinking))
    assert not {"thinkingBudget", "thinkingLevel"} <= config.keys()
    return config, [loss.path for loss in losses]


@pytest.mark.parametrize(
    ("ask", "model", "thinking", "config", "losses"),
    [
        (None, "gemini-3-flash", None, {}, []),
        (ReasoningAsk(), "gemini-3-flash", None, {}, []),
        (ReasoningAsk(summary="auto"), "gemini-3-flash", None, {"includeThoughts": True}, []),
        (ReasoningAsk(visible=False), "gemini-3-flash", None, {"includeThoughts": False}, []),
        # Levels: what the catalogue says, else those of Gemini 3.
        (ReasoningAsk(effort=Effort.HIGH), "m", _LEVELS, {"thinkingLevel": "high", "includeThoughts": True}, []),
        (ReasoningAsk(effort=Effort.MEDIUM), "m", _LEVELS, {"thinkingLevel": "low", "includeThoughts": True}, ["reasoning.effort"]),
        (ReasoningAsk(effort=Effort.NONE), "m", _LEVELS, {"thinkingLevel": "low", "includeThoughts": False}, ["reasoning.effort"]),
        (ReasoningAsk(budget=20000), "m", _LEVELS, {"thinkingLevel": "high", "includeThoughts": True}, []),
        (ReasoningAsk(effort=Effort.AUTO), "m", _LEVELS, {"includeThoughts": True}, []),
        (
            ReasoningAsk(effort=Effort.AUTO),
            "m",
            Thinking(levels=("low", "medium")),
            {"thinkingLevel": "medium", "includeThoughts": True},
            ["reasoning.effort"],
        ),
        (ReasoningAsk(effort=Effort.LOW), "m", Thinking(levels=("turbo",)), {"includeThoughts": True}, ["reasoning.effort"]),
        (ReasoningAsk(effort=Effort.XHIGH), "gemini-3-pro", None, {"thinkingLevel": "high", "includeThoughts": True}, ["reasoning.effort"]),
        (ReasoningAsk(effort=Effort.AUTO), "gemini-3-pro", None, {"includeThoughts": True}, []),
        # Budgets: clamped to the catalogue's range, else what every 2.5 model takes.
        (ReasoningAsk(budget=64, visible=False), "m", _BUDGETS, {"thinkingBudget": 128, "includeThoughts": False}, ["reasoning.budget"]),
        (ReasoningAsk(effort=Effort.HIGH), "m", _BUDGETS, {"thinkingBudget": 24576, "includeThoughts": True}, []),
        (ReasoningAsk(effort=Effort.NONE), "m", _BUDGETS, {"thinkingBudget": 128, "includeThoughts": False}, ["reasoning.budget"]),
        (ReasoningAsk(effort=Effort.AUTO), "m", _BUDGETS, {"thinkingBudget": -1, "includeThoughts": True}, []),
        (ReasoningAsk(effort=Effort.LOW), "m", Thinking(), {"includeThoughts": True}, ["reasoning"]),
        (ReasoningAsk(effort=Effort.MAX), "gemini-2.5-pro", None, {"thinkingBudget": 24576, "includeThoughts": True}, []),
        (ReasoningAsk(effort=Effort.NONE, visible=True), "m", None, {"thinkingBudget": 0, "includeThoughts": False}, []),
        # A model nobody described gets the client's own word.
        (ReasoningAsk(budget=99999), "gemini-3-pro", None, {"thinkingBudget": 99999, "includeThoughts": True}, []),
        # A generation that does not think is not asked to.
        (ReasoningAsk(effort=Effort.HIGH), "gemini-2.0-flash", None, {}, ["reasoning"]),
    ],
)  # fmt: skip
def test_amounts(
    ask: ReasoningAsk | None, model: str, thinking: Any, config: dict[str, Any], losses: list[str]
) -> None:
    assert _written(ask, model, thinking) == (config, losses)


def test_what_a_gemini_client_left_unsaid_stays_so() -> None:
    unsaid = packed("gemini", {"new": 1}, spelling={"includeThoughts": None})
    assert _written(ReasoningAsk(budget=5, visible=False, extras=unsaid)) == ({"new": 1, "thinkingBudget": 5}, [])
    foreign = packed("anthropic", {"display": "omitted"})
    assert _written(ReasoningAsk(budget=5, visible=True, extras=foreign)) == (
        {"thinkingBudget": 5, "includeThoughts": True},
        ["reasoning.display"],
    )
