from __future__ import annotations

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import ESSENTIAL, SPELLING, foreign, own, packed, settled, shared, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import NO_EXTRAS


def test_nothing_to_carry_is_the_shared_empty_value() -> None:
    assert packed("openai_chat", {}, essential=("n",)) is NO_EXTRAS
    assert foreign(NO_EXTRAS, "anthropic") == ([], ())
    assert own(NO_EXTRAS, "anthropic") == {}


def test_only_fields_that_are_there_are_marked() -> None:
    extras = packed("openai_chat", {"n": 2}, essential=("n", "audio"))
    assert extras["openai_chat"][ESSENTIAL] == ("n",)
    assert ESSENTIAL not in packed("openai_chat", {"logit_bias": {}}, essential=("n",))["openai_chat"]


def test_the_same_protocol_gets_its_fields_back_without_the_mark() -> None:
    extras = packed("openai_chat", {"n": 2, "logit_bias": {"1": 2}}, essential=("n",))
    assert own(extras, "openai_chat") == {"n": 2, "logit_bias": {"1": 2}}
    assert foreign(extras, "openai_chat") == ([], ())
    assert settled(extras, "openai_chat") == []


def test_another_protocol_loses_each_field_by_its_path() -> None:
    extras = {**packed("openai_chat", {"a": 1}), **packed("gemini", {"b": 2})}
    assert foreign(extras, "anthropic", path="messages[2]") == (
        [
            Loss("messages[2].a", "openai_chat field without a counterpart in anthropic"),
            Loss("messages[2].b", "gemini field without a counterpart in anthropic"),
        ],
        (),
    )
    assert [loss.path for loss in settled(extras, "gemini")] == ["a"]


def test_an_essential_field_is_refused_by_name() -> None:
    extras = packed("openai_chat", {"n": 2, "logit_bias": {}}, essential=("n",))
    losses, essential = foreign(extras, "anthropic")
    assert [loss.path for loss in losses] == ["logit_bias"]
    assert essential == ("n",)
    with pytest.raises(ClientFault, match="`n`") as caught:
        settled(extras, "anthropic")
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.failure.param == "n"
    with pytest.raises(ClientFault) as caught:
        settled(extras, "anthropic", path="messages[0]")
    assert caught.value.failure.param == "messages[0].n"


def test_a_note_on_spelling_is_for_its_own_writer_and_nobody_loses_by_it() -> None:
    extras = packed("anthropic", {}, spelling={"content": "string"})
    assert spelling(extras, "anthropic") == {"content": "string"}
    assert SPELLING in extras["anthropic"]
    assert own(extras, "anthropic") == {}
    assert foreign(extras, "openai_chat") == ([], ())
    assert spelling(extras, "openai_chat") == {}
    assert spelling(NO_EXTRAS, "anthropic") == {}


def test_what_two_protocols_mean_the_same_by_is_taken_by_name() -> None:
    extras = packed("openai_chat", {"retention": "24h", "odd": 1})
    taken, left = shared(extras, "openai_responses", ("retention", "absent"))
    assert taken == {"retention": "24h"}
    assert foreign(left, "openai_responses")[0] == foreign(packed("openai_chat", {"odd": 1}), "openai_responses")[0]
    assert shared(extras, "openai_chat", ("retention",)) == ({}, extras)
    assert shared(NO_EXTRAS, "openai_chat", ("retention",)) == ({}, NO_EXTRAS)
