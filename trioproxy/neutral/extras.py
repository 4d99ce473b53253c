"""The convention for ``extras``: fields that one protocol has a word for and the hub has not.

``extras`` maps a protocol's name to those fields, on the nearest node. The writer of the same protocol puts them back
(:func:`own`); any other writer settles them (:func:`foreign`, :func:`settled`): a :class:`~trioproxy.neutral.loss.Loss` for each field,
a refusal where the field changes what the request means. Which ones do is said by the reader, under the key :data:`ESSENTIAL`::

    {"openai_chat": {"n": 2, "logit_bias": {}, "!": ("n",)}}

Beside them a reader may note, under :data:`SPELLING`, how the client wrote what the hub does say (a string for a list of one block): the
writer of the same protocol reads it (:func:`spelling`) to give the same spelling back; nobody else loses anything by it.

Refuses to know: what any field means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import NO_EXTRAS, Extras

__all__ = ["ESSENTIAL", "SPELLING", "foreign", "own", "packed", "settled", "shared", "spelling"]

ESSENTIAL = "!"
"""The key under which a protocol's extras name those of their fields that may not be dropped."""

SPELLING = "~"
"""The key under which a protocol's extras hold notes on spelling: no field of the client's, and never a loss."""

_MARKS = (ESSENTIAL, SPELLING)


def packed(
    protocol: str,
    fields: Mapping[str, Any],
    *,
    essential: Iterable[str] = (),
    spelling: Mapping[str, Any] | None = None,
) -> Extras:
    """``fields`` as the extras of one node, :data:`NO_EXTRAS` where there is nothing to carry.

    ``essential`` names fields that may not be dropped; names that are not among ``fields`` are left out. ``spelling`` holds notes for the
    writer of the same protocol.
    """
    if not fields and not spelling:
        return NO_EXTRAS
    marks: dict[str, Any] = {}
    marked = tuple(name for name in essential if name in fields)
    if marked:
        marks[ESSENTIAL] = marked
    if spelling:
        marks[SPELLING] = MappingProxyType(dict(spelling))
    return MappingProxyType({protocol: MappingProxyType({**fields, **marks})})


def own(extras: Extras, protocol: str) -> dict[str, Any]:
    """The fields of ``protocol`` itself, to be put back by its writer; a new dict, without the marks."""
    return {name: value for name, value in extras.get(protocol, {}).items() if name not in _MARKS}


def spelling(extras: Extras, protocol: str) -> Mapping[str, Any]:
    """The notes on spelling that the reader of ``protocol`` left; empty where it left none."""
    notes: Mapping[str, Any] = extras.get(protocol, {}).get(SPELLING, MappingProxyType({}))
    return notes


def foreign(extras: Extras, own: str, *, path: str = "") -> tuple[list[Loss], tuple[str, ...]]:
    """What the writer of protocol ``own`` can't put back: a loss for each field, and the paths of those that may not be dropped.

    ``path`` is where the node stands in the client's request (``messages[2]``), empty for the request itself.
    """
    losses: list[Loss] = []
    essential: list[str] = []
    for protocol, fields in extras.items():
        if protocol == own:
            continue
        marked = fields.get(ESSENTIAL, ())
        for name in fields:
            if name in _MARKS:
                continue
            where = f"{path}.{name}" if path else name
            if name in marked:
                essential.append(where)
            else:
                losses.append(Loss(where, f"{protocol} field without a counterpart in {own}"))
    return losses, tuple(essential)


def shared(extras: Extras, own: str, names: Iterable[str]) -> tuple[dict[str, Any], Extras]:
    """Fields of these ``names`` that other protocols than ``own`` have, and mean the same by; and the extras without them."""
    taken: dict[str, Any] = {}
    left: dict[str, Mapping[str, Any]] = {}
    for protocol, fields in extras.items():
        here = {} if protocol == own else {name: fields[name] for name in names if name in fields}
        taken |= here
        left[protocol] = (
            MappingProxyType({name: value for name, value in fields.items() if name not in here}) if here else fields
        )
    return taken, MappingProxyType(left) if taken else extras


def settled(extras: Extras, own: str, *, path: str = "") -> list[Loss]:
    """The losses of :func:`foreign`.

    Raises:
        ClientFault: INVALID_REQUEST with ``param`` set, where dropping a field would change what the request means.
    """
    losses, essential = foreign(extras, own, path=path)
    if essential:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            f"`{essential[0]}` has no counterpart in the protocol of the model this request was routed to ({own}), and the answer "
            "would not be what was asked for without it. Remove the field or ask a model that has it.",
            param=essential[0],
        )
    return losses
