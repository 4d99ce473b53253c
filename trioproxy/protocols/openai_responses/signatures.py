"""``encrypted_content``: OpenAI's own opaque reasoning, and a carrier for the signatures of other vendors.

A client of this protocol keeps reasoning items and sends them back, whoever made them. Another vendor's signature therefore travels in
``encrypted_content`` behind :data:`MARK`, and reaches its own vendor unchanged on the way back: thinking goes on over a whole tool loop
with any provider. A signature that stands on a tool call (Gemini's) travels in a reasoning item of its own behind that call, which names
it. Reasoning that its vendor did not sign has the mark all the same. OpenAI's own content is never looked into. The provider itself refuses
a marked item (``invalid_encrypted_content``), and one without any content that it did not store ("Item with id ... not found"), so a body
in which :data:`MARK` occurs must not be passed on as it is.
"""

from __future__ import annotations

import attrs

from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.wire.jsoncodec import JSON, JSONError, dumps, loads

__all__ = ["MARK", "UNSIGNED", "Seal", "open_summary", "seal", "seal_summary", "unseal"]

MARK = "trioproxy/1:"
"""Base64url, which OpenAI's own content is, has no colon."""

UNSIGNED = MARK + '["unsigned","",null]'
"""The ``encrypted_content`` of reasoning that another vendor's model told, and nobody signed."""

_FORMS = {form.value: form for form in SignatureForm}


@attrs.frozen(kw_only=True)
class Seal:
    """What an ``encrypted_content`` holds. ``call_id`` is set where the signature stands on that tool call and not on reasoning."""

    signature: Signature
    call_id: str | None = None


def seal(signature: Signature, *, call_id: str | None = None) -> str:
    """The ``encrypted_content`` that carries a signature."""
    if signature.form is SignatureForm.OPENAI_ENCRYPTED and call_id is None:
        return signature.value
    return MARK + dumps([signature.form.value, signature.value, call_id]).decode()


def unseal(value: str, *, item_id: str | None = None) -> Seal:
    """What an ``encrypted_content`` carries; what does not open is OpenAI's. ``item_id`` is the id of the item it stood on."""
    own = Seal(signature=Signature(value=value, form=SignatureForm.OPENAI_ENCRYPTED, item_id=item_id))
    if not value.startswith(MARK):
        return own
    try:
        opened = loads(value[len(MARK) :])
    except JSONError:
        return own
    match opened:
        case [str() as form, str() as inner, None | str() as call_id] if form in _FORMS:
            return Seal(signature=Signature(value=inner, form=_FORMS[form]), call_id=call_id)
        case _:
            return own


def seal_summary(text: str) -> str:
    """The ``encrypted_content`` of a compaction of our own making: the summary itself."""
    return MARK + dumps(["summary", text, None]).decode()


def open_summary(value: JSON) -> str | None:
    """The summary that :func:`seal_summary` sealed; None for any other value."""
    if not isinstance(value, str) or not value.startswith(MARK):
        return None
    try:
        opened = loads(value[len(MARK) :])
    except JSONError:
        return None
    match opened:
        case ["summary", str() as text, None]:
            return text
        case _:
            return None
