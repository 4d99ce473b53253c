"""``agent_message``: what one agent of a client says to another, as a user's words.

The item is Codex's (``codex-rs/protocol/src/models.rs``, 2026) and OpenAI's own servers read it; no schema has it. ``author`` and
``recipient`` are paths of agents; ``content`` is ``input_text`` and ``encrypted_content``, which holds ciphertext where OpenAI's model wrote
it, and plain words where another vendor's did (``encrypted.py``).

Refuses to know: which agents there are, and how what they say is kept from others (``encrypted.py``).
"""

from __future__ import annotations

import attrs

from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Media, Opaque, Refusal, Text
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.openai_responses.content import read_part
from trioproxy.protocols.openai_responses.encrypted import is_encrypted
from trioproxy.protocols.openai_responses.fields import Fields
from trioproxy.protocols.openai_responses.vocabulary import CONTENT, NAME
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["past", "read_agent_message"]

_KIND = CONTENT + "encrypted_content"


def read_agent_message(item: Object, path: str) -> Turn:
    """The message as a turn of the user's. Its item is noted whole.

    Raises:
        ClientFault: it is malformed; ``param`` names the member.
    """
    fields = Fields(item, path)
    author, recipient = fields.text("author"), fields.text("recipient")
    content = fields.take("content")
    given = [{"type": "input_text", "text": content}] if isinstance(content, str) else content or []
    parts = [_part(each, f"{path}.content[{number}]") for number, each in enumerate(given)]
    heading = Text(text=f"Message from the agent {author or 'unknown'}{f' to {recipient}' if recipient else ''}:")
    return Turn(
        role=Role.USER,
        parts=(heading, *parts),
        extras=packed(NAME, {}, spelling={"verbatim": item}),
        places=(path, *(f"{path}.content[{number}]" for number in range(len(parts)))),
    )


def _part(value: JSON, path: str) -> Text | Refusal | Media | Opaque:
    fields = Fields(value, path)
    if fields.need("type") != "encrypted_content":
        return read_part(value, path)
    text = fields.need("encrypted_content")
    if is_encrypted(text):
        return Opaque(protocol=NAME, kind=_KIND, payload=value, essential=True)
    return Text(text=text)


def past(turn: Turn) -> Turn:
    """The turn without anything that a model of another vendor would have to be able to read."""
    if not any(isinstance(part, Opaque) and part.kind == _KIND for part in turn.parts):
        return turn
    parts = [
        attrs.evolve(part, essential=False) if isinstance(part, Opaque) and part.kind == _KIND else part
        for part in turn.parts
    ]
    return attrs.evolve(turn, parts=tuple(parts))
