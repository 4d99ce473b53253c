"""The convention for ``extras``: fields that one protocol has a word for and the hub has not.

``extras`` maps a protocol's name to those fields, on the nearest node. The writer of the same protocol puts them back
(:func:`own`); any other writer settles them (:func:`foreign`, :func:`settled`): a :class:`~trioproxy.neutral.loss.Loss` for each field,
a refusal where the field changes what the request means. Which ones do is said by the reader, under the key :data:`ESSENTIAL`::

    {"openai_chat": {"n": 2, "logit_bias": {}, "!": ("n",)}}

Refuses to know: what any field means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import NO_EXTRAS, Extras

__all__ = ["ESSENTIAL", "foreign", "own", "packed", "settled"]

ESSENTIAL = "!"
"""The key under which a protocol's extras name those of their fields that may not be dropped."""


def packed(protocol: str, fields: Mapping[str, Any], *, essential: Iterable[str] = ()) -> Extras:
    """``fields`` as the extras of one node, :data:`NO_EXTRAS` where there are none.

    ``essential`` names fields that may not be dropped; names that are not among ``fields`` are left out.
    """
    if not fields:
        return NO_EXTRAS
    marked = tuple(name for name in essential if name in fields)
    return MappingProxyType({protocol: MappingProxyType({**fields, **({ESSENTIAL: marked} if marked else {})})})


def own(extras: Extras, protocol: str) -> dict[str, Any]:
    """The fields of ``protocol`` itself, to be put back by its writer; a new dict, without the mark."""
    return {name: value for name, value in extras.get(protocol, {}).items() if name != ESSENTIAL}


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
            if name == ESSENTIAL:
                continue
            where = f"{path}.{name}" if path else name
            if name in marked:
                essential.append(where)
            else:
                losses.append(Loss(where, f"{protocol} field without a counterpart in {own}"))
    return losses, tuple(essential)


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
