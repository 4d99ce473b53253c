"""What the name of a header, or a method, may be made of: a token (RFC 9110 section 5.6.2).

Knows: its letters. Refuses to know: what a name means, and what a value may hold, about which a server and a client are strict to different
degrees.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["LETTERS", "are_tokens"]

LETTERS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def are_tokens(names: Sequence[bytes]) -> bool:
    """Whether each of ``names`` is a token.."""
    return b"" not in names and not b"".join(names).translate(None, LETTERS)
