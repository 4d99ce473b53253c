"""Ids of tool calls in the alphabet that the Messages API and its clients take.

Some vendors' ids have other characters and a meaning: Kimi's ``functions.NAME:0`` stand in its prompt, and it loses its way and its cache
when they come back changed. So an id is spelled, not digested: a client of the Messages API sends the spelling back, and the vendor gets
its own word.

Refuses to know: which calls there are, and which result belongs to which.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["legal_id", "meant_id"]

_MARK = "toolu_trioproxy_"
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]")
_SPELLED = re.compile(rb"[^a-zA-Z0-9_]")
_SPELLING = re.compile(r"-([0-9a-f]{2})")


def legal_id(call_id: str) -> str:
    """The id as the API takes it: as it is where it can, else a spelling of it; the same for the same id."""
    if call_id and not _ILLEGAL.search(call_id):
        return call_id
    spelled = _spelled(call_id)
    if call_id and spelled is not None:
        return spelled
    digest = hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_ILLEGAL.sub('_', call_id)}_{digest}"


def meant_id(given: str) -> str:
    """The id that ``given`` spells; ``given`` where it is none of ours."""
    if not given.startswith(_MARK):
        return given
    meant = _SPELLING.sub(lambda found: chr(int(found[1], 16)), given[len(_MARK) :])
    try:
        meant = meant.encode("latin-1").decode()
    except UnicodeError:
        return given
    return meant if legal_id(meant) == given else given


def _spelled(call_id: str) -> str | None:
    try:
        raw = call_id.encode()
    except UnicodeEncodeError:
        return None
    return _MARK + _SPELLED.sub(lambda found: b"-%02x" % found[0][0], raw).decode("ascii")
