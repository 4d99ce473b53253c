"""``thoughtSignature``: Google's own opaque token, and a carrier for those of other vendors.

A Gemini client keeps the signature of each part and sends it back, whoever made it; its type is bytes, so it must be base64. A signature of
another vendor therefore travels wrapped: base64 of :data:`MARK` and a JSON object. Unwrapped on its way back, it reaches its own vendor
unchanged, so that a Gemini client can think with any provider over many turns. Google's own signatures are never looked into.
"""

from __future__ import annotations

import base64
import binascii

from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.wire.jsoncodec import JSONError, dumps, loads_object

__all__ = ["MARK", "PREFIX", "SKIP_VALIDATION", "read_signature", "write_signature"]

SKIP_VALIDATION = "skip_thought_signature_validator"
"""What Gemini 3 takes in place of the signature of a function call that it did not make itself
(https://ai.google.dev/gemini-api/docs/thought-signatures)."""

MARK = b"\x00trioproxy/1"
"""Twelve bytes, so that their base64 is a prefix of the whole. Google's signatures are protocol buffers and begin with no zero byte."""

PREFIX = base64.b64encode(MARK).decode()
"""What every wrapped signature begins with: a request that holds it can't be passed to Google as it is."""

_FORMS = {form.value: form for form in SignatureForm}


def write_signature(signature: Signature) -> str:
    """The value of ``thoughtSignature`` for a client."""
    if signature.form is SignatureForm.GEMINI_THOUGHT:
        return signature.value
    wrapped = {"form": signature.form.value, "value": signature.value, "item_id": signature.item_id}
    return base64.b64encode(MARK + dumps(wrapped)).decode()


def read_signature(value: str) -> Signature:
    """The signature a ``thoughtSignature`` holds; what does not unwrap is Google's."""
    own = Signature(value=value, form=SignatureForm.GEMINI_THOUGHT)
    if not value.startswith(PREFIX):
        return own
    try:
        # The Python SDK spells bytes in the URL-safe alphabet.
        wrapped = loads_object(base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)[len(MARK) :])
    except (JSONError, binascii.Error):
        return own
    match wrapped:
        case {"form": str() as form, "value": str() as inner, "item_id": None | str() as item} if form in _FORMS:
            return Signature(value=inner, form=_FORMS[form], item_id=item)
        case _:
            return own
