from __future__ import annotations

import base64

import pytest
from hypothesis import given

from tests.support.events import signatures
from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.gemini.signatures import MARK, PREFIX, read_signature, write_signature


@given(signatures())
def test_every_vendors_signature_comes_back_as_it_was(signature: Signature) -> None:
    written = write_signature(signature)
    again = read_signature(written)
    assert (again.value, again.form) == (signature.value, signature.form)
    if signature.form is not SignatureForm.GEMINI_THOUGHT:
        assert written.startswith(PREFIX)
        assert again == signature
        # The client's type is bytes: it decodes and encodes them again, in the URL-safe alphabet.
        resent = base64.urlsafe_b64encode(base64.b64decode(written, validate=True)).decode()
        assert read_signature(resent) == signature


def test_googles_own_is_not_looked_into() -> None:
    assert read_signature("AHRyaW9") == Signature(value="AHRyaW9", form=SignatureForm.GEMINI_THOUGHT)
    assert write_signature(Signature(value="not base64!", form=SignatureForm.GEMINI_THOUGHT)) == "not base64!"


@pytest.mark.parametrize(
    "inner", [b"", b"[]", b"{", b'{"form":"x","value":"v","item_id":null}', b'{"form":"anthropic_signature"}']
)
def test_what_does_not_unwrap_is_googles(inner: bytes) -> None:
    value = base64.b64encode(MARK + inner).decode()
    assert read_signature(value) == Signature(value=value, form=SignatureForm.GEMINI_THOUGHT)


def test_broken_base64_is_googles_too() -> None:
    value = f"{PREFIX}*"
    assert read_signature(value).form is SignatureForm.GEMINI_THOUGHT
