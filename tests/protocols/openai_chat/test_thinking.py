from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import conversation
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign
from trioproxy.neutral.request import Effort, ReasoningAsk


def _ask(**members: Any) -> ReasoningAsk:
    ask = conversation(**members).reasoning
    assert ask is not None
    return ask


@pytest.mark.parametrize(
    ("members", "effort", "budget", "visible"),
    [
        ({"reasoning_effort": "high"}, Effort.HIGH, None, None),
        ({"reasoning_effort": "none"}, Effort.NONE, None, None),
        ({"reasoning": {"effort": "low", "exclude": True}}, Effort.LOW, None, False),
        ({"reasoning": {"max_tokens": 2000}}, None, 2000, None),
        ({"reasoning": {"enabled": True}}, Effort.AUTO, None, None),
        ({"reasoning": {"enabled": False}}, Effort.NONE, None, None),
        ({"reasoning": {"exclude": False}}, None, None, True),
        ({"thinking": {"type": "enabled"}}, Effort.AUTO, None, None),
        ({"thinking": {"type": "disabled"}}, Effort.NONE, None, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, None, 5, None),
        ({"enable_thinking": False}, Effort.NONE, None, None),
        ({"thinking_budget": 512}, None, 512, None),
        ({"enable_thinking": False, "thinking_budget": 512}, Effort.NONE, None, None),
        ({"enable_thinking": True}, Effort.AUTO, None, None),
        ({"enable_thinking": True, "thinking_budget": 512}, None, 512, None),
        ({"thinking": {"type": "enabled"}, "chat_template_kwargs": {"thinking": True}}, Effort.AUTO, None, None),
        ({"chat_template_kwargs": {"enable_thinking": False}}, Effort.NONE, None, None),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high", "exclude": True}}, Effort.LOW, None, False),
    ],
)
def test_every_spelling(members: Any, effort: Effort | None, budget: int | None, visible: bool | None) -> None:
    ask = _ask(**members)
    assert (ask.effort, ask.budget, ask.visible) == (effort, budget, visible)
    assert foreign(ask.extras, "elsewhere") == ([], ())


@pytest.mark.parametrize(
    "members",
    [
        {"reasoning_effort": "default"},
        {"reasoning_effort": 3},
        {"thinking": {"clear_thinking": False}},
        {"reasoning": {}},
        {"chat_template_kwargs": {"enable_thinking": True, "more": 1}},
    ],
)
def test_what_the_hub_has_no_word_for_is_an_own_field(members: Any) -> None:
    ask = _ask(**members)
    assert (ask.effort, ask.budget) == (None, None)
    losses, essential = foreign(ask.extras, "elsewhere", path="reasoning")
    assert [loss.path for loss in losses] == [f"reasoning.{name}" for name in members]
    assert not essential


def test_nothing_asked() -> None:
    assert conversation().reasoning is None
    assert conversation(reasoning_effort=None, thinking=None).reasoning is None


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"reasoning": 3}, "reasoning"),
        ({"reasoning": {"max_tokens": "x"}}, "reasoning.max_tokens"),
        ({"thinking": []}, "thinking"),
        ({"enable_thinking": "yes"}, "enable_thinking"),
        ({"thinking_budget": "x"}, "thinking_budget"),
    ],
)
def test_faults_name_the_member(members: Any, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        conversation(**members)
    assert caught.value.failure.param == param
