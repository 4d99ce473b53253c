from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.anthropic.wires import ADAPTIVE, BOTH, BUDGETS, TARGET, Thinking, lost, read, write
from trioproxy.neutral.extras import packed
from trioproxy.neutral.request import Effort, ReasoningAsk
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.thinking_writer import adaptive_alone
from trioproxy.protocols.base import Written

LARGE = attrs.evolve(TARGET, max_tokens_default=200_000)


def asked(facts: Thinking | None, **fields: Any) -> Written:
    return write(target=attrs.evolve(LARGE, thinking=facts), reasoning=ReasoningAsk(**fields))


def adaptive(effort: str | None, **fields: Any) -> dict[str, Any]:
    config = {} if effort is None else {"output_config": {"effort": effort}}
    return {"thinking": {"type": "adaptive", **fields}, **config}


def said(written: Written) -> dict[str, Any]:
    return {name: written.body[name] for name in ("thinking", "output_config") if name in written.body}


OFF = {"thinking": {"type": "disabled"}}


def enabled(budget: int) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


@pytest.mark.parametrize(
    ("effort", "budgets", "both", "alone"),
    [
        (Effort.NONE, OFF, OFF, OFF),
        (Effort.MINIMAL, enabled(1024), adaptive("low"), adaptive("low")),
        (Effort.LOW, enabled(1024), adaptive("low"), adaptive("low")),
        (Effort.MEDIUM, enabled(8192), adaptive("medium"), adaptive("medium")),
        (Effort.HIGH, enabled(24576), adaptive("high"), adaptive("high")),
        (Effort.XHIGH, enabled(32768), adaptive("max"), adaptive("xhigh")),
        (Effort.MAX, enabled(64000), adaptive("max"), adaptive("max")),
        (Effort.AUTO, enabled(32512), adaptive("high"), adaptive("high")),
    ],
)
def test_levels_for_each_kind_of_model(effort: Effort, budgets: Any, both: Any, alone: Any) -> None:
    assert said(asked(BUDGETS, effort=effort)) == budgets
    assert said(asked(BOTH, effort=effort)) == both
    assert said(asked(ADAPTIVE, effort=effort)) == alone


@pytest.mark.parametrize(
    ("budget", "budgets", "alone"),
    [
        (0, OFF, OFF),
        (-1, enabled(32512), adaptive("high")),
        (100, enabled(1024), adaptive("low")),
        (5000, enabled(5000), adaptive("medium")),
        (100_000, enabled(64000), adaptive("xhigh")),
    ],
)
def test_budgets_for_each_kind_of_model(budget: int, budgets: Any, alone: Any) -> None:
    assert said(asked(BUDGETS, budget=budget)) == budgets
    assert said(asked(ADAPTIVE, budget=budget)) == alone


def test_a_model_nothing_is_known_of_gets_a_budget() -> None:
    assert said(asked(None, effort=Effort.MAX)) == enabled(128_000)
    assert said(asked(None, effort=Effort.NONE)) == OFF
    assert said(asked(None)) == {}


def test_a_model_that_always_thinks() -> None:
    always = attrs.evolve(ADAPTIVE, zero_allowed=False)
    assert said(asked(always, effort=Effort.NONE)) == adaptive("low")
    assert said(asked(attrs.evolve(BUDGETS, zero_allowed=False), budget=0)) == enabled(1024)


def test_levels_that_a_model_lacks() -> None:
    assert said(asked(Thinking(adaptive=True), effort=Effort.XHIGH)) == adaptive("max")
    assert said(asked(Thinking(adaptive=True, levels=("high",)), effort=Effort.LOW)) == adaptive(None)


@pytest.mark.parametrize(("visible", "display"), [(True, "summarized"), (False, "omitted")])
def test_whether_thoughts_are_shown(visible: bool, display: str) -> None:
    assert said(asked(ADAPTIVE, visible=visible)) == adaptive(None, display=display)


def test_who_asks_to_see_thoughts_asks_for_some() -> None:
    assert said(asked(BUDGETS, visible=True)) == said(asked(BUDGETS, effort=Effort.AUTO)) != {}
    assert said(asked(BUDGETS, visible=False)) == {}
    unknown = asked(None, visible=True)
    assert said(unknown) == {}
    assert lost(unknown) == ["reasoning.visible"]


def test_what_is_lost() -> None:
    written = asked(ADAPTIVE, summary="detailed", extras=packed("openai_responses", {"odd": 1}))
    assert lost(written) == ["reasoning.odd", "reasoning.summary"]
    assert lost(asked(ADAPTIVE, summary="auto")) == []


OWN: list[dict[str, Any]] = [
    {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted", "block_binding": {}}},
    {"thinking": {"type": "adaptive", "display": "updates"}, "output_config": {"effort": "xhigh"}},
    {"thinking": {"type": "disabled"}, "output_config": {"effort": "low", "task_budget": {"type": "tokens"}}},
    {"thinking": {"type": "between_tools"}},
    {"output_config": {"effort": "odd"}},
]


@pytest.mark.parametrize("fields", OWN)
def test_this_apis_words_come_back_as_they_were(fields: dict[str, Any]) -> None:
    written = PROTOCOL.write_request(read(**fields, max_tokens=4096), LARGE)
    assert said(written) == fields
    assert written.losses == ()


@pytest.mark.parametrize(
    ("fields", "facts", "expected"),
    [
        (OWN[0], BOTH, OWN[0]),
        (OWN[0], ADAPTIVE, adaptive("medium", display="omitted")),
        (OWN[0], attrs.evolve(BOTH, levels=ADAPTIVE.levels), adaptive("medium", display="omitted")),
        (OWN[1], ADAPTIVE, OWN[1]),
        (OWN[1], BOTH, adaptive("max", display="summarized")),
        (OWN[1], BUDGETS, enabled(32768)),
        ({"thinking": {"type": "disabled"}}, attrs.evolve(ADAPTIVE, zero_allowed=False), adaptive("low")),
        ({"output_config": {"effort": "low"}}, BUDGETS, {"output_config": {"effort": "low"}}),
    ],
)
def test_another_model_may_need_other_words(fields: Any, facts: Thinking, expected: Any) -> None:
    target = attrs.evolve(LARGE, thinking=facts)
    assert said(PROTOCOL.write_request(read(**fields, max_tokens=100_000), target)) == expected


def test_which_models_know_the_adaptive_mode_alone() -> None:
    assert [adaptive_alone(facts) for facts in (None, BUDGETS, BOTH, ADAPTIVE)] == [False, False, False, True]
    assert adaptive_alone(attrs.evolve(BOTH, levels=ADAPTIVE.levels))


def test_of_an_unknown_model_a_dynamic_budget_is_a_middling_one() -> None:
    assert said(asked(None, budget=-1)) == enabled(8192)


def test_an_effort_the_model_lacks_is_a_loss() -> None:
    for effort, missed in ((Effort.MINIMAL, ["reasoning.effort"]), (Effort.LOW, []), (Effort.AUTO, [])):
        assert [loss.path for loss in asked(ADAPTIVE, effort=effort).losses] == missed
    assert asked(ADAPTIVE, budget=100).losses == ()
