"""What a tool gave, where a client hands it on as JSON of its own and not as content.

Every protocol wants a string or a list of parts for the result of a call, and most agents make one. Some hand on what their tool returned: an
object, a list of rows, a number, one part without a list around it. A vendor answers 400 to that; a model can read it all the same, as the text
of that JSON.

Knows: what content looks like. Refuses to know: what any part means.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from trioproxy.wire.jsoncodec import JSON, dumps

__all__ = ["as_content"]


def as_content(value: JSON, kinds: Container[Any], *, bare: bool = False) -> JSON:
    """The result as content: null, strings and lists of parts as they are (a part is an object with a type; where ``bare``, a string too), a
    lone part of one of ``kinds`` in a list, and any other JSON as its text."""
    match value:
        case None | str():
            return value
        case list() if all(_is_part(each) or (bare and isinstance(each, str)) for each in value):
            return value
        case {"type": str() as kind} if kind in kinds:
            return [value]
        case _:
            return dumps(value).decode()


def _is_part(value: JSON) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)
