"""``reasoning_details``: how signed and encrypted reasoning travels on this wire.

Chat Completions has no word for a signature. OpenRouter's ``reasoning_details`` is the one that clients know: they keep the list and send it
back with the history (openrouter.ai, "Preserving reasoning blocks"). A detail names by its ``format`` whose token it holds; this file maps that
to :class:`~trioproxy.neutral.parts.SignatureForm` and back, so that a thought signed by one vendor finds its way home through a chat client.
A detail with anything else in it is carried whole, as :data:`SignatureForm.OPENROUTER_DETAILS` (the JSON of a list of details).
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from trioproxy.neutral.parts import Reasoning, Signature, SignatureForm
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads

__all__ = [
    "Detail",
    "details_of",
    "read_blocks",
    "read_details",
    "reasoning_of",
    "shown",
    "thought_part",
    "thought_text",
]

_TEXT = "reasoning.text"
_SUMMARY = "reasoning.summary"
_ENCRYPTED = "reasoning.encrypted"


@attrs.frozen(kw_only=True)
class _Shape:
    """What a detail of one signature form looks like: its type, its format, and the member that holds the token."""

    type: str
    format: str
    token: str
    has_id: bool = False


_SHAPES: dict[SignatureForm, _Shape] = {
    SignatureForm.ANTHROPIC_SIGNATURE: _Shape(type=_TEXT, format="anthropic-claude-v1", token="signature"),
    SignatureForm.ANTHROPIC_REDACTED: _Shape(type=_ENCRYPTED, format="anthropic-claude-v1", token="data"),
    SignatureForm.OPENAI_ENCRYPTED: _Shape(type=_ENCRYPTED, format="openai-responses-v1", token="data", has_id=True),
    SignatureForm.GEMINI_THOUGHT: _Shape(type=_ENCRYPTED, format="google-gemini-v1", token="data"),
}

_FORMS = {(shape.type, shape.format): (form, shape) for form, shape in _SHAPES.items()}


@attrs.frozen(kw_only=True)
class Detail:
    """One detail, read: the text it shows ("" where none) and the token it carries."""

    text: str = ""
    signature: Signature | None = None


def read_details(value: JSON) -> list[Detail]:
    """The details of a ``reasoning_details`` list that show or carry anything; whatever is not a detail is left out."""
    if not isinstance(value, list):
        return []
    return [detail for each in value if isinstance(each, dict) and (detail := _read(each)) != Detail()]


def read_blocks(value: JSON) -> list[Detail]:
    """The same of LiteLLM's ``thinking_blocks``: the blocks of the Messages API, as its clients keep them."""
    details: list[Detail] = []
    for block in value if isinstance(value, list) else ():
        match block:
            case {"type": "thinking", "thinking": str() as text, "signature": str() as token} if token:
                details.append(
                    Detail(text=text, signature=Signature(value=token, form=SignatureForm.ANTHROPIC_SIGNATURE))
                )
            case {"type": "redacted_thinking", "data": str() as data} if data:
                details.append(Detail(signature=Signature(value=data, form=SignatureForm.ANTHROPIC_REDACTED)))
            case _:
                pass
    return details


def shown(blocks: JSON) -> str:
    """What LiteLLM's ``thinking_blocks`` show of an answer. Whose their signatures are, they don't say."""
    texts = (block.get("thinking") for block in (blocks if isinstance(blocks, list) else ()) if isinstance(block, dict))
    return "".join(text for text in texts if isinstance(text, str))


def thought_part(entry: Object) -> str | None:
    """What a part of a message's ``content`` thinks, None where it is no thought."""
    match entry:
        case {"type": "thinking", **rest}:  # Magistral: [{type: text, text}]
            said = rest.get("thinking")
        case {"type": "reasoning", **rest}:  # Databricks: [{type: summary_text, text, signature}]
            said = rest.get("summary", rest.get("text"))
        case _:
            return None
    return thought_text(said)


def thought_text(said: JSON) -> str:
    """What is thought in a list of pieces, or in one string."""
    pieces = said if isinstance(said, list) else [{"text": said}]
    texts = (piece.get("text") for piece in pieces if isinstance(piece, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _read(document: Object) -> Detail:
    text = document.get("summary" if document.get("type") == _SUMMARY else "text")
    return Detail(text=text if isinstance(text, str) else "", signature=_signature(document))


def _signature(document: Object) -> Signature | None:
    if not any(document.get(name) for name in ("signature", "data")):
        return None
    known = _FORMS.get((str(document.get("type")), str(document.get("format"))))
    if known is not None:
        form, shape = known
        token, item_id = document.get(shape.token), document.get("id")
        named = {"type", "format", "index", "text", shape.token} | ({"id"} if shape.has_id else set())
        others = {name for name, value in document.items() if value is not None and name not in named}
        if isinstance(token, str) and not others and isinstance(item_id, str | None):
            return Signature(value=token, form=form, item_id=item_id if shape.has_id else None)
    # The index is only its place in the list, which the writer gives anew.
    carried = {name: value for name, value in document.items() if name != "index"}
    return Signature(value=dumps([carried]).decode(), form=SignatureForm.OPENROUTER_DETAILS)


def details_of(text: str, signature: Signature | None, *, index: int) -> list[Object]:
    """The details of one reasoning part, numbered from ``index``. Without a signature that is its text, if any.

    Each has a number of its own, because clients that put a stream together merge details of one index.
    """
    return [{**detail, "index": index + offset} for offset, detail in enumerate(_details(text, signature))]


def _details(text: str, signature: Signature | None) -> Iterator[Object]:
    if signature is None:
        if text:
            yield {"type": _TEXT, "text": text}
        return
    if signature.form is SignatureForm.OPENROUTER_DETAILS:
        yield from _carried(signature.value)
        return
    shape = _SHAPES[signature.form]
    detail: Object = {"type": shape.type, shape.token: signature.value, "format": shape.format}
    if shape.has_id and signature.item_id is not None:
        detail["id"] = signature.item_id
    if text and shape.type == _TEXT:
        detail["text"] = text
    elif text:
        yield {"type": _TEXT, "text": text, "format": shape.format}
    yield detail


def _carried(value: str) -> Iterator[Object]:
    try:
        details = loads(value)
    except JSONError:
        return
    if isinstance(details, list):
        yield from (each for each in details if isinstance(each, dict))


def reasoning_of(details: list[Detail]) -> list[Reasoning]:
    """Reasoning parts of a message in history: the texts up to a token belong to it, what is left unsigned is a part of its own."""
    parts: list[Reasoning] = []
    text = ""
    for detail in details:
        text += detail.text
        if detail.signature is not None:
            parts.append(Reasoning(text=text, signature=detail.signature))
            text = ""
    if text:
        parts.append(Reasoning(text=text))
    return parts
