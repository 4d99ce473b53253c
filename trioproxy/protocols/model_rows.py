"""The rows of a provider's own list of models: what every protocol's reader of such a list has in common.

Knows: that a row is told by its name, and that figures which make no sense are none. Refuses to know: which member means what. A row that
can't be used is passed over, so that one odd model hides no others.
"""

from __future__ import annotations

from typing import Any

import attrs

from trioproxy.protocols.base import ModelCard
from trioproxy.wire.jsoncodec import JSON
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["Members", "cards_in"]

_LONGEST = 512


@attrs.frozen(kw_only=True)
class Members:
    """The members of a row, best first. ``rows`` is the document's member that holds them; a bare array is taken as it is."""

    rows: str
    name: str
    title: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    before: str = ""
    """What stands before every name and is no part of it."""


def cards_in(document: JSON, members: Members) -> tuple[ModelCard, ...]:
    """The models of a page. A list that is null is empty: so servers say that they have none.

    Raises:
        ProtocolViolation: there is no list.
    """
    rows = document
    if isinstance(document, dict) and members.rows in document:
        rows = document[members.rows]
        rows = [] if rows is None else rows
    if not isinstance(rows, list):
        raise ProtocolViolation(f"no list of models: {members.rows!r} is missing or no array")
    read = (_card(row, members) for row in rows)
    return tuple(card for card in read if card is not None)


def _card(row: Any, members: Members) -> ModelCard | None:
    name = row.get(members.name) if isinstance(row, dict) else None
    if not isinstance(name, str):
        return None
    name = name.removeprefix(members.before)
    if not 0 < len(name) <= _LONGEST or not name.isprintable() or name != name.strip():
        return None
    titles = (row.get(member) for member in members.title)
    return ModelCard(
        id=name,
        owned_by="",
        display_name=next((title for title in titles if isinstance(title, str) and title), None),
        context_length=_count(row, members.context),
        max_output_tokens=_count(row, members.output),
    )


def _count(row: dict[str, Any], names: tuple[str, ...]) -> int | None:
    values = (row.get(name) for name in names)
    return next(
        (value for value in values if isinstance(value, int) and not isinstance(value, bool) and value > 0), None
    )
