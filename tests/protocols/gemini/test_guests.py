"""Google's own words in the bodies of other protocols."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.gemini.exchanges import GEMINI_2, GEMINI_3
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import ESSENTIAL, packed
from trioproxy.neutral.parts import NO_EXTRAS, Text
from trioproxy.neutral.request import Conversation, Effort, ReasoningAsk, Role, Sampling, Turn
from trioproxy.protocols.base import WriteTarget, Written
from trioproxy.protocols.gemini import PROTOCOL
from trioproxy.protocols.gemini.guests import guest

_HI = (Turn(role=Role.USER, parts=(Text(text="hi"),)),)


def _written(said: dict[str, Any], target: WriteTarget = GEMINI_2, **fields: Any) -> Written:
    extras = packed("openai_chat", said)
    return PROTOCOL.write_request(Conversation(model="m", turns=_HI, extras=extras, **fields), target)


def test_generation_config_of_a_chat_client_is_understood_in_both_spellings() -> None:
    for name, inner, member in (
        ("generationConfig", "thinkingConfig", "includeThoughts"),
        ("generation_config", "thinking_config", "include_thoughts"),
    ):
        written = _written({name: {inner: {member: True}}})
        assert written.body["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}
        assert written.losses == ()


def test_it_outranks_what_the_clients_own_protocol_asked_for() -> None:
    asked = {"sampling": Sampling(max_tokens=5, temperature=0.5), "reasoning": ReasoningAsk(effort=Effort.LOW)}
    said = {"generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"thinkingBudget": 77}}}
    assert _written(said, GEMINI_3, **asked).body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 77},
    }
    shown = {"generationConfig": {"thinkingConfig": {"includeThoughts": False}}}
    assert _written(shown, GEMINI_3, **asked).body["generationConfig"]["thinkingConfig"] == {
        "thinkingLevel": "low",
        "includeThoughts": False,
    }


@pytest.mark.parametrize("wrapped", [lambda inner: {"extra_body": {"google": inner}}, lambda inner: {"google": inner}])
def test_the_wrapping_of_googles_compatible_endpoint(wrapped: Any) -> None:
    inner = {"thinking_config": {"thinking_budget": 800}, "cached_content": "cachedContents/x", "safety_settings": []}
    written = _written(wrapped(inner))
    assert written.body["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 800}}
    assert (written.body["cachedContent"], written.body["safetySettings"]) == ("cachedContents/x", [])
    assert written.losses == ()


def test_what_is_not_googles_stays_a_loss() -> None:
    written = _written({"google": {"thinking_config": {}, "x": 1}, "extra_body": {"y": 2}, "z": 3})
    assert [loss.path for loss in written.losses] == ["google", "extra_body", "z"]


def test_a_bodys_own_words_are_nobody_elses() -> None:
    extras = packed("gemini", {"cachedContent": "c"})
    assert guest(extras).extras is extras
    assert guest(NO_EXTRAS).fields == {}
    both = {**packed("gemini", {"x": 1}), **packed("openai_chat", {"labels": {"a": "b"}})}
    taken = guest(both)
    assert taken.fields == {"labels": {"a": "b"}}
    assert taken.extras.keys() == {"gemini"}


def test_marks_of_others_stay_theirs() -> None:
    taken = guest(packed("openai_chat", {"labels": {}, "n": 2}, essential=("n",)))
    assert taken.extras["openai_chat"] == {"n": 2, ESSENTIAL: ("n",)}


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
        ({"generationConfig": 1}, "generationConfig"),
        ({"generationConfig": {"thinkingConfig": 1}}, "generationConfig.thinkingConfig"),
    ],
)
def test_what_can_not_be_done_is_refused_by_name(said: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        _written(said)
    assert caught.value.failure.param == param
