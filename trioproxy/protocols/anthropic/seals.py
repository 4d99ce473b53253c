"""Other vendors' signatures in the place of Anthropic's.

A client of the Messages API keeps thinking blocks with their signature and sends them back untouched. When the thinking came from another
vendor, its own token rides there, behind a mark that no Anthropic signature (base64) can have, so that the vendor gets it back a turn later
without any memory of ours. What stands behind the mark means nothing to Anthropic and is never sent there.

Forms: ``trioproxy:FORM:ITEM:VALUE`` in a signature; ``trioproxy:call:ID:FORM:VALUE`` in a ``redacted_thinking`` block for a token that
belongs to a tool call; ``trioproxy:unsigned::`` where the vendor signs nothing. ITEM and ID are percent-encoded.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from trioproxy.neutral.parts import Signature, SignatureForm

__all__ = ["MARK", "call_seal", "seal", "sealed_call", "unseal"]

MARK = "trioproxy:"
"""What every token of ours begins with; a request that holds it can't be passed to Anthropic as it is."""

_CALL = f"{MARK}call:"
_UNSIGNED = f"{MARK}unsigned::"
_OWN = {SignatureForm.ANTHROPIC_SIGNATURE, SignatureForm.ANTHROPIC_REDACTED}
_FORMS = {form.value: form for form in SignatureForm}


def seal(signature: Signature | None) -> str:
    """What to write as a thinking block's signature: Anthropic's own as it is, another vendor's behind the mark."""
    if signature is None:
        return _UNSIGNED
    if signature.form in _OWN:
        return signature.value
    return f"{MARK}{signature.form.value}:{_quoted(signature.item_id)}:{signature.value}"


def unseal(text: str, *, own: SignatureForm) -> Signature | None:
    """The signature that a client sent back, ``own`` being the form of one without our mark; None where there is none."""
    if not text or text == _UNSIGNED:
        return None
    if not text.startswith(MARK):
        return Signature(value=text, form=own)
    form, item, value = _split(text[len(MARK) :])
    known = _FORMS.get(form)
    return Signature(value=value, form=known, item_id=unquote(item) or None) if known else None


def call_seal(call_id: str, signature: Signature) -> str:
    """What to write as a ``redacted_thinking`` block beside the tool call that ``signature`` belongs to."""
    return f"{_CALL}{_quoted(call_id)}:{signature.form.value}:{signature.value}"


def sealed_call(text: str) -> tuple[str, Signature] | None:
    """The call id and signature of a block that :func:`call_seal` made; None for any other text."""
    if not text.startswith(_CALL):
        return None
    call_id, form, value = _split(text[len(_CALL) :])
    known = _FORMS.get(form)
    return (unquote(call_id), Signature(value=value, form=known)) if known else None


def _split(text: str) -> tuple[str, str, str]:
    first, _, rest = text.partition(":")
    second, _, third = rest.partition(":")
    return first, second, third


def _quoted(text: str | None) -> str:
    return quote(text or "", safe="")
