from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import read
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign
from trioproxy.neutral.request import Effort


@pytest.mark.parametrize(
    ("fields", "effort", "budget", "visible"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, None, 2048, True),
        ({"thinking": {"type": "enabled"}}, Effort.AUTO, None, True),
        ({"thinking": {"type": "enabled"}, "output_config": {"effort": "high"}}, Effort.HIGH, None, True),
        ({"thinking": {"type": "disabled"}}, Effort.NONE, None, None),
        ({"thinking": {"type": "adaptive"}}, Effort.AUTO, None, None),
        ({"thinking": {"type": "between_tools"}}, Effort.AUTO, None, None),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, Effort.AUTO, None, True),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Effort.AUTO, None, False),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, Effort.MAX, None, None),
        ({"output_config": {"effort": "low"}}, Effort.LOW, None, None),
        ({"output_config": {"effort": "huge"}}, None, None, None),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, Effort.NONE, None, None),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "output_config": {"effort": "low"}},
            None,
            1024,
            True,
        ),
    ],
)
def test_how_much_is_asked(fields: Any, effort: Effort | None, budget: int | None, visible: bool | None) -> None:
    ask = read(**fields).reasoning
    assert ask is not None
    assert (ask.effort, ask.budget, ask.visible) == (effort, budget, visible)
    unknown = {"huge": ["effort"], "between_tools": ["type"]}.get(
        fields.get("output_config", {}).get("effort") or fields["thinking"]["type"], []
    )
    assert [loss.path for loss in foreign(ask.extras, "openai_chat")[0]] == unknown


def test_nothing_asked() -> None:
    assert read().reasoning is None
    assert read(thinking=None, output_config={}).reasoning is None


def test_what_the_hub_has_no_word_for() -> None:
    ask = read(thinking={"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop"}}).reasoning
    assert ask is not None
    assert [loss.path for loss in foreign(ask.extras, "openai_chat")[0]] == ["block_binding"]


@pytest.mark.parametrize(
    ("thinking", "param"),
    [
        ("on", "thinking"),
        ({}, "thinking.type"),
        ({"type": "enabled", "budget_tokens": "9"}, "thinking.budget_tokens"),
    ],
)
def test_what_it_must_be(thinking: Any, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        read(thinking=thinking)
    assert caught.value.failure.param == param
