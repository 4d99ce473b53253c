"""Other vendors' signatures in the place of Anthropic's.

A client of the Messages API keeps thinking blocks with their signature and sends them back untouched. When the thinking came from another
vendor, its own token rides there, behind a mark that no Anthropic signature (base64) can have, so that the vendor gets it back a turn later
without any memory of ours. What stands behind the mark means nothing to Anthropic and is never sent there.

Forms: ``trioproxy:FORM:ITEM:VALUE`` in a signature; ``trioproxy:call:ID:FORM:VALUE`` in a ``redacted_thinking`` block for a token that
belongs to a tool call; ``trioproxy:unsigned::`` where the vendor signs nothing; ``trioproxy:`` alone as the index of a source that the vendor
named. ITEM and ID are percent-encoded. Searches that another vendor made are known by their ids.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.anthropic.loops import answerable
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["MARK", "MARKS", "SEARCH_MARK", "call_seal", "seal", "sealed_call", "unseal", "without_seals"]

MARK = "trioproxy:"
"""What every token of ours begins with; a request that holds it can't be passed to Anthropic as it is."""

SEARCH_MARK = "srvtoolu_trioproxy_"
"""What the id of a search begins with that another vendor made."""

MARKS = (MARK, SEARCH_MARK)

_CALL = f"{MARK}call:"
_UNSIGNED = f"{MARK}unsigned::"
_PLACES: dict[str, dict[str, str]] = {
    "thinking": {"signature": MARK},
    "redacted_thinking": {"data": MARK},
    "server_tool_use": {"id": SEARCH_MARK},
    "web_search_tool_result": {"tool_use_id": SEARCH_MARK},
}
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

    The document is not changed. A message that held nothing else goes with them, and so does the wish to think, where a tool loop is being
    answered whose thoughts were among them.
    """
    messages = document.get("messages")
    if not isinstance(messages, list):
        return None
    kept = [changed for changed in map(_opened, messages) if changed is not None]
    if all(new is old for new, old in zip(kept, messages, strict=False)) and len(kept) == len(messages):
        return None
    return answerable({**document, "messages": kept})


def _opened(message: JSON) -> JSON:
    """The message itself where nothing in it is sealed, a copy without what is, None where nothing is left."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    kept = [_uncited(block) for block in content if not _sealed(block)]
    if len(kept) == len(content) and all(new is old for new, old in zip(kept, content, strict=True)):
        return message
    return {**message, "content": kept} if kept else None


def _sealed(block: JSON) -> bool:
    kind = block.get("type") if isinstance(block, dict) else None
    places = _PLACES.get(kind, {}) if isinstance(kind, str) else {}
    return any(str(block.get(name)).startswith(mark) for name, mark in places.items())


def _uncited(block: JSON) -> JSON:
    """The block itself, or a copy without the sources that another vendor named."""
    cited = block.get("citations") if isinstance(block, dict) else None
    if not isinstance(cited, list):
        return block
    kept = [each for each in cited if not (isinstance(each, dict) and each.get("encrypted_index") == MARK)]
    return block if len(kept) == len(cited) else {**block, "citations": kept or None}


def _split(text: str) -> tuple[str, str, str]:
    first, _, rest = text.partition(":")
    second, _, third = rest.partition(":")
    return first, second, third


def _quoted(text: str | None) -> str:
    return quote(text or "", safe="")
