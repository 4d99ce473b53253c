from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.parts import Citation, Search, Signature, SignatureForm
from trioproxy.protocols.anthropic.citations import citation_shown
from trioproxy.protocols.anthropic.seals import MARK, MARKS, call_seal, seal, sealed_call, unseal, without_seals
from trioproxy.protocols.anthropic.searches import search_blocks

OWN = SignatureForm.ANTHROPIC_SIGNATURE
FOREIGN = [form for form in SignatureForm if form not in (OWN, SignatureForm.ANTHROPIC_REDACTED)]


@pytest.mark.parametrize("form", [OWN, SignatureForm.ANTHROPIC_REDACTED])
def test_anthropics_own_is_never_touched(form: SignatureForm) -> None:
    signature = Signature(value="EqwCCm+/=", form=form)
    assert seal(signature) == "EqwCCm+/="
    assert unseal("EqwCCm+/=", own=form) == signature


@given(value=st.text(min_size=1), form=st.sampled_from(FOREIGN), item=st.none() | st.text(min_size=1))
def test_another_vendors_token_comes_back(value: str, form: SignatureForm, item: str | None) -> None:
    signature = Signature(value=value, form=form, item_id=item)
    sealed = seal(signature)
    assert sealed.startswith(MARK)
    assert unseal(sealed, own=OWN) == signature


@given(value=st.text(min_size=1), form=st.sampled_from(FOREIGN), call_id=st.text())
def test_a_calls_token_comes_back_with_its_call(value: str, form: SignatureForm, call_id: str) -> None:
    signature = Signature(value=value, form=form)
    assert sealed_call(call_seal(call_id, signature)) == (call_id, signature)


def test_unsigned_thinking_comes_back_unsigned() -> None:
    assert unseal(seal(None), own=OWN) is None
    assert unseal("", own=OWN) is None


def test_a_broken_seal_is_no_signature() -> None:
    assert unseal(f"{MARK}unknown:x:y", own=OWN) is None
    assert unseal(MARK, own=OWN) is None
    assert sealed_call(f"{MARK}call:id:unknown:y") is None
    assert sealed_call("EqwC") is None


TEXT = {"type": "text", "text": f"{MARK}unsigned:: is only a word here"}
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "EqwC"}
SEALED = {"type": "thinking", "thinking": "hm", "signature": seal(None)}
SEARCH, RESULT = search_blocks(Search(query="q", found=(Citation(url="https://a.example/"),)), "c0ffee_1")
OWN_SEARCH = {**SEARCH, "id": "srvtoolu_01A"}
CITED = citation_shown(Citation(url="https://a.example/"))
OWN_CITED = {**(CITED or {}), "encrypted_index": "Eo8B"}
TOKEN = {"type": "redacted_thinking", "data": call_seal("c", Signature(value="x", form=FOREIGN[0]))}


def test_a_request_for_anthropic_itself_goes_without_seals() -> None:
    plain = {"role": "user", "content": "hi"}
    document = {
        "model": "m",
        "messages": [
            plain,
            {"role": "assistant", "content": [SEALED, SIGNED, TEXT, TOKEN], "odd": 1},
            {"role": "assistant", "content": [SEALED]},
            {"role": "user", "content": [TEXT]},
        ],
    }
    assert without_seals(document) == {
        "model": "m",
        "messages": [
            plain,
            {"role": "assistant", "content": [SIGNED, TEXT], "odd": 1},
            {"role": "user", "content": [TEXT]},
        ],
    }
    assert len(document["messages"]) == 4


@pytest.mark.parametrize(
    "messages", [None, "odd", [], ["odd", {"content": 7}, {"content": ["odd", {"type": []}, SIGNED, TEXT]}]]
)
def test_a_request_without_seals_is_left_alone(messages: object) -> None:
    assert without_seals({"messages": messages}) is None


def test_a_message_at_the_end_may_go() -> None:
    assert without_seals({"messages": [{"content": [SEALED]}]}) == {"messages": []}


def test_what_another_vendor_searched_and_cited_stays_away_from_anthropic() -> None:
    text = {"type": "text", "text": "x"}
    content = [SEARCH, RESULT, OWN_SEARCH, {**text, "citations": [CITED, OWN_CITED]}, {**text, "citations": [CITED]}]
    document = {"messages": [{"role": "assistant", "content": content}]}
    assert all(mark in json.dumps(document) for mark in MARKS)
    kept = [OWN_SEARCH, {**text, "citations": [OWN_CITED]}, {**text, "citations": None}]
    assert without_seals(document) == {"messages": [{"role": "assistant", "content": kept}]}
    own = {"messages": [{"role": "assistant", "content": [OWN_SEARCH, {**text, "citations": [OWN_CITED]}]}]}
    assert without_seals(own) is None
