"""Which protocols a credential may be spoken to in, and where, when its entry names a base URL or a protocol of its own.

Knows: the rule that tells a vendor's several addresses apart by their look. Refuses to know: any vendor by name.
"""

from __future__ import annotations

from functools import reduce
from urllib.parse import urlsplit

import attrs

from trioproxy.providers.catalog import Catalogue
from trioproxy.providers.model import Provider, Wire
from trioproxy.providers.urls import is_ancestor, same_origin, trim_base

__all__ = ["Bases", "bases_of"]


@attrs.frozen(kw_only=True)
class Bases:
    """The wires of a credential. ``own`` says that they are at an address of the entry's, not at the catalogue's; ``foreign`` that this
    address is not one of the vendor's hosts."""

    wires: tuple[Wire, ...]
    own: bool = False
    foreign: bool = False


def bases_of(provider: Provider, catalogue: Catalogue, base: str | None, protocol: str | None) -> Bases:
    """The wires of an entry of ``provider``.

    Without ``base`` they are the catalogue's. A ``base`` that is a vendor's address with path segments left out
    (``https://api.openai.com``) means that address. Any other one is taken as it is, for the wires that live at such a place: those whose
    own base ends in the same segment (``/anthropic``), else those of Chat Completions, else the first. ``protocol`` narrows it to one wire.
    """
    if base is None:
        return Bases(wires=_narrowed(provider.wires, catalogue, protocol, ""))
    base = reduce(trim_base, (*provider.wires, *catalogue.protocols.values()), base)
    ours = tuple(wire for wire in provider.wires if wire.base_url and is_ancestor(base, wire.base_url))
    if ours and (protocol is None or any(wire.protocol == protocol for wire in ours)):
        return Bases(wires=_narrowed(ours, catalogue, protocol, ""))
    foreign = not any(same_origin(base, wire.base_url) for wire in provider.wires)
    if protocol is not None:
        wire = _narrowed(provider.wires, catalogue, protocol, base)[0]
        return Bases(wires=(attrs.evolve(wire, base_url=base),), own=True, foreign=foreign)
    wires = tuple(attrs.evolve(wire, base_url=base) for wire in _fitting(provider.wires, base))
    return Bases(wires=wires, own=True, foreign=foreign)


def _fitting(wires: tuple[Wire, ...], base: str) -> tuple[Wire, ...]:
    mark = _last_segment(base)
    marked = {wire.base_url for wire in wires if mark and _last_segment(wire.base_url) == mark}
    chat = [wire.base_url for wire in wires if wire.protocol == "openai_chat"]
    chosen = marked or set(chat[:1]) or {wires[0].base_url}
    return tuple(wire for wire in wires if wire.base_url in chosen)


def _narrowed(wires: tuple[Wire, ...], catalogue: Catalogue, protocol: str | None, base: str) -> tuple[Wire, ...]:
    if protocol is None:
        return wires
    return tuple(wire for wire in wires if wire.protocol == protocol) or (catalogue.plain_wire(protocol, base),)


def _last_segment(base: str) -> str:
    return urlsplit(base).path.rstrip("/").rpartition("/")[2]
