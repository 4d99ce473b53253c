from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import rewritten, written
from trioproxy.neutral.parts import Text
from trioproxy.neutral.request import Conversation, Effort, ReasoningAsk, Role, Turn
from trioproxy.protocols.base import Written
from trioproxy.providers.model import Thinking

MEMBERS = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget")


def _write(ask: ReasoningAsk | None, *quirks: str, thinking: Thinking | None = None) -> Written:
    said = Conversation(model="m", turns=(Turn(role=Role.USER, parts=(Text(text="hi"),)),), reasoning=ask)
    return written(said, *quirks, thinking=thinking)


def _asked(ask: ReasoningAsk | None, *quirks: str, thinking: Thinking | None = None) -> Any:
    body = _write(ask, *quirks, thinking=thinking).body
    return {name: body[name] for name in MEMBERS if name in body}


def _effort(effort: str) -> ReasoningAsk:
    return ReasoningAsk(effort=Effort(effort))


def _budget(budget: int) -> ReasoningAsk:
    return ReasoningAsk(budget=budget)


@pytest.mark.parametrize(
    ("ask", "levels", "expected"),
    [
        (None, (), {}),
        (ReasoningAsk(), (), {}),
        (_effort("medium"), (), {"reasoning_effort": "medium"}),
        (_effort("max"), (), {"reasoning_effort": "high"}),
        (_effort("minimal"), (), {"reasoning_effort": "low"}),
        (_effort("minimal"), ("minimal", "low"), {"reasoning_effort": "minimal"}),
        (_effort("xhigh"), ("low", "xhigh"), {"reasoning_effort": "xhigh"}),
        (_effort("auto"), (), {}),
        (_effort("auto"), ("auto",), {"reasoning_effort": "auto"}),
        (_effort("none"), ("none", "low"), {"reasoning_effort": "none"}),
        (_effort("none"), (), {}),
        (_budget(0), ("none", "low"), {"reasoning_effort": "none"}),
        (_budget(-1), (), {}),
        (_budget(1024), (), {"reasoning_effort": "low"}),
        (_budget(20_000), (), {"reasoning_effort": "high"}),
        (_effort("high"), ("odd",), {}),
    ],
)
def test_openais_word(ask: ReasoningAsk | None, levels: tuple[str, ...], expected: Any) -> None:
    assert _asked(ask, thinking=Thinking(levels=levels)) == expected


def test_what_can_not_be_said_is_lost_by_name() -> None:
    ask = ReasoningAsk(effort=Effort.NONE, summary="auto", visible=False)
    assert [loss.path for loss in _write(ask).losses] == ["reasoning.summary", "reasoning.visible", "reasoning"]
    assert [loss.path for loss in _write(_effort("high"), "no-reasoning-effort").losses] == ["reasoning"]
    assert _asked(_effort("high"), "no-reasoning-effort") == {}
    assert _write(ReasoningAsk(visible=True), "no-reasoning-effort").losses == ()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (_effort("high"), {"reasoning": {"effort": "high"}}),
        (_effort("max"), {"reasoning": {"effort": "xhigh"}}),
        (_effort("none"), {"reasoning": {"effort": "none"}}),
        (_effort("minimal"), {"reasoning": {"effort": "minimal"}}),
        (_effort("auto"), {"reasoning": {"enabled": True}}),
        (_budget(2000), {"reasoning": {"max_tokens": 2000}}),
        (_budget(0), {"reasoning": {"effort": "none"}}),
        (ReasoningAsk(visible=False), {"reasoning": {"exclude": True}}),
        (ReasoningAsk(visible=True), {}),
    ],
)
def test_openrouters_object(ask: ReasoningAsk, expected: Any) -> None:
    assert _asked(ask, "reasoning-object") == expected
    assert _write(ask, "reasoning-object").losses == ()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (_effort("high"), {"thinking": {"type": "enabled"}}),
        (_effort("none"), {"thinking": {"type": "disabled"}}),
        (ReasoningAsk(visible=True), {}),
    ],
)
def test_a_switch(ask: ReasoningAsk, expected: Any) -> None:
    assert _asked(ask, "thinking-switch") == expected


@pytest.mark.parametrize(
    ("ask", "levels", "expected", "lost"),
    [
        (_effort("high"), ("low", "high", "max"), {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, []),
        (
            _effort("xhigh"),
            ("low", "high"),
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
            ["reasoning.effort"],
        ),
        (_budget(2000), ("low", "high"), {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, []),
        (_effort("auto"), ("low", "high"), {"thinking": {"type": "enabled"}}, []),
        (_effort("none"), ("low", "high"), {"thinking": {"type": "disabled"}}, []),
        (_effort("low"), (), {"thinking": {"type": "enabled"}}, ["reasoning.effort"]),
    ],
)
def test_an_effort_beside_the_switch(
    ask: ReasoningAsk, levels: tuple[str, ...], expected: Any, lost: list[str]
) -> None:
    result = _write(ask, "thinking-switch", thinking=Thinking(levels=levels))
    assert {name: result.body[name] for name in MEMBERS if name in result.body} == expected
    assert [loss.path for loss in result.losses] == lost


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (_effort("low"), {"enable_thinking": True, "thinking_budget": 1024}),
        (_effort("none"), {"enable_thinking": False}),
        (_effort("auto"), {"enable_thinking": True}),
        (_budget(100_000), {"enable_thinking": True, "thinking_budget": 32768}),
        (ReasoningAsk(visible=True), {}),
    ],
)
def test_qwens_pair(ask: ReasoningAsk, expected: Any) -> None:
    assert _asked(ask, "enable-thinking", thinking=Thinking(maximum=32768)) == expected


@pytest.mark.parametrize(("asked", "given"), [(1, 128), (8192, 8192), (128_000, 32768)])
def test_siliconflows_range_of_budgets(asked: int, given: int) -> None:
    expected = {"enable_thinking": True, "thinking_budget": given}
    assert _asked(_budget(asked), "enable-thinking", "small-thinking-budget") == expected


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (_effort("high"), {"reasoning_split": True}),
        (_effort("none"), {"reasoning_split": False}),
        (ReasoningAsk(visible=True), {}),
    ],
)
def test_minimaxs_place_for_thoughts(ask: ReasoningAsk, expected: Any) -> None:
    result = _write(ask, "reasoning-split")
    assert {name: result.body[name] for name in result.body.keys() & {*MEMBERS, "reasoning_split"}} == expected
    assert [loss.path for loss in result.losses] == (["reasoning.effort"] if ask.effort is not None else [])
    assert _write(_effort("auto"), "reasoning-split").losses == ()


def test_a_budget_of_which_no_bound_is_known() -> None:
    assert _asked(_budget(100_000), "enable-thinking") == {"enable_thinking": True, "thinking_budget": 100_000}


@pytest.mark.parametrize(
    "members",
    [
        {"reasoning_effort": "default"},
        {"reasoning_effort": "high", "thinking": {"type": "enabled", "clear_thinking": False}},
        {"thinking": {"clear_thinking": False}},
        {"reasoning": {"enabled": True, "effort": "medium"}},
        {"enable_thinking": True, "thinking_budget": 5},
    ],
)
def test_what_this_protocol_asked_is_asked_again(members: Any) -> None:
    body = rewritten(**members)
    assert {name: body[name] for name in MEMBERS if name in body} == members
