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
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["MARK", "call_seal", "seal", "sealed_call", "unseal", "without_seals"]

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


def without_seals(document: Object) -> Object | None:
    """A request without the blocks that only mean something to other vendors, for Anthropic itself; None where it holds none.

    The document is not changed. A message that held nothing else goes with them.
    """
    messages = document.get("messages")
    if not isinstance(messages, list):
        return None
    kept = [changed for changed in map(_opened, messages) if changed is not None]
    if all(new is old for new, old in zip(kept, messages, strict=False)) and len(kept) == len(messages):
        return None
    return {**document, "messages": kept}


def _opened(message: JSON) -> JSON:
    """The message itself where nothing in it is sealed, a copy without what is, None where nothing is left."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    kept = [block for block in content if not _sealed(block)]
    if len(kept) == len(content):
        return message
    return {**message, "content": kept} if kept else None


def _sealed(block: JSON) -> bool:
    if not isinstance(block, dict) or block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    return any(str(block.get(name)).startswith(MARK) for name in ("signature", "data"))


def _split(text: str) -> tuple[str, str, str]:
    first, _, rest = text.partition(":")
    second, _, third = rest.partition(":")
    return first, second, third


def _quoted(text: str | None) -> str:
    return quote(text or "", safe="")
