from __future__ import annotations

import pytest

from tests.protocols.openai_chat.chat import conversation
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import NO_EXTRAS, CacheHint, Opaque
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat.draft import Draft, nulls


def _draft(*quirks: str) -> Draft:
    return Draft(target=WriteTarget(model="up", quirks=frozenset(quirks)), native=False)


def test_a_conversation_of_this_protocol_is_native() -> None:
    target = WriteTarget(model="up")
    assert Draft.of(conversation(), target).native
    assert not Draft.of(Conversation(model="m"), target).native


def test_own_fields_are_given_and_foreign_ones_lost() -> None:
    draft = _draft()
    extras = {**packed("openai_chat", {"a": 1}, spelling={"nulls": ("x",)}), **packed("gemini", {"b": 2})}
    assert draft.own(extras, "at") == {"a": 1}
    assert [loss.path for loss in draft.losses] == ["at.b"]
    assert draft.own(NO_EXTRAS, "at") == {}
    assert nulls(extras) == {"x": None}


def test_an_essential_foreign_field_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        _draft().own(packed("gemini", {"b": 2}, essential=("b",)), "at")
    assert caught.value.failure.param == "at.b"


def test_cache_breakpoints() -> None:
    hint = CacheHint(ttl="1h")
    spelled = packed("openai_chat", {}, spelling={"cache_control": {"type": "ephemeral"}})
    draft = _draft()
    assert draft.cache(None, NO_EXTRAS, "at") == {}
    assert draft.cache(hint, spelled, "at") == {"cache_control": {"type": "ephemeral"}}
    assert draft.losses == []
    assert draft.cache(hint, NO_EXTRAS, "at") == {}
    assert [loss.path for loss in draft.losses] == ["at.cache_control"]
    quirky = _draft("cache-control")
    assert quirky.cache(hint, NO_EXTRAS, "at") == {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert quirky.cache(CacheHint(), NO_EXTRAS, "at") == {"cache_control": {"type": "ephemeral"}}


def test_parts_of_other_protocols() -> None:
    draft = _draft()
    assert draft.opaque(Opaque(protocol="openai_chat", kind="x", payload={"type": "x"}), "at") == {"type": "x"}
    assert draft.opaque(Opaque(protocol="gemini", kind="x", payload={}), "at") is None
    assert [loss.path for loss in draft.losses] == ["at"]
    with pytest.raises(ClientFault) as caught:
        draft.opaque(Opaque(protocol="gemini", kind="x", payload={}, essential=True), "at")
    assert (caught.value.failure.kind, caught.value.failure.param) == (ErrorKind.INVALID_REQUEST, "at")


def test_ids_of_calls() -> None:
    assert _draft().call_id("toolu_long_and_foreign") == "toolu_long_and_foreign"
    short = _draft("mistral-call-ids")
    assert short.call_id("abcDEF123") == "abcDEF123"
    made = short.call_id("toolu_long_and_foreign")
    assert made == short.call_id("toolu_long_and_foreign")
    assert len(made) == 9
    assert made.isalnum()
    assert made != short.call_id("toolu_another")
