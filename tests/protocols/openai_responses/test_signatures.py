from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import signatures
from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.openai_responses.signatures import MARK, Seal, seal, unseal


@given(signatures(), st.none() | st.text())
def test_what_is_sealed_opens_again(signature: Signature, call_id: str | None) -> None:
    opened = unseal(seal(signature, call_id=call_id), item_id=signature.item_id)

    assert (opened.signature.form, opened.signature.value) == (signature.form, signature.value)
    assert opened.call_id == call_id


def test_openais_own_content_is_left_as_it_is() -> None:
    own = Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")

    assert seal(own) == "gAAA"
    assert unseal("gAAA", item_id="rs_1") == Seal(signature=own)


@pytest.mark.parametrize("rest", ["", "{", "[1,2,3]", '["unknown_form","x",null]', '["gemini_thought","x"]', "5"])
def test_what_does_not_open_is_openais(rest: str) -> None:
    value = MARK + rest

    assert unseal(value) == Seal(signature=Signature(value=value, form=SignatureForm.OPENAI_ENCRYPTED))
