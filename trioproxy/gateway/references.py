"""Items that a client of Responses names by their id alone (``item_reference``), kept for providers that keep none.

With ``store`` left on, which is its default, OpenAI keeps what it answered, and some clients send the id of an item back in its place (Vercel's
AI SDK does). What another provider's answer was told as is therefore kept here: at most :data:`MOST` bytes of all clients together, what was
not asked for the longest goes first, and each client's key has its own. ``store: false`` is heeded. A body that names nothing kept here stays
as it is. Refuses to know: what an item says, and conversations (``remembering.py``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

import attrs

from trioproxy.config.model import ClientKey
from trioproxy.gateway.stages import Admitted
from trioproxy.protocols.base import Operation
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads, loads_object

__all__ = ["MOST", "References"]

MOST = 8 * 1024 * 1024
"""Bytes of JSON. No item may take more than an eighth of it."""
_OVERHEAD = 512
"""Bytes that an item costs beside its text, about."""
_MARK = b"item_reference"
_RESPONSES = "openai_responses"


@attrs.define(eq=False)
class References:
    """Items by owner and id, in memory. ``most`` bounds their bytes."""

    most: int = MOST
    size: int = attrs.field(default=0, init=False)
    _items: OrderedDict[tuple[str, str], bytes] = attrs.field(factory=OrderedDict, init=False)

    def keeper(self, admitted: Admitted) -> Callable[[Sequence[JSON]], None] | None:
        """What takes the items of the answer to this request; None where nobody may refer to them."""
        asked = admitted.asked
        if asked.protocol != _RESPONSES or asked.operation is not Operation.GENERATE or asked.document is None:
            return None
        if asked.document.get("store") is False:
            return None
        return partial(self.keep, owner_of(admitted.client))

    def keep(self, owner: str, items: Sequence[JSON]) -> None:
        """Keep ``items`` under their ids."""
        for item in items:
            named = item.get("id") if isinstance(item, dict) else None
            if isinstance(named, str):
                self._drop((owner, named))
                raw = dumps(item)
                if len(raw) <= self.most // 8:
                    self._items[owner, named] = raw
                    self.size += len(raw) + _OVERHEAD
        while self.size > self.most:
            self._drop(next(iter(self._items)))

    def resolved(self, client: ClientKey | None, body: bytes) -> bytes:
        """``body`` of this client's with the items that it refers to in their places; the very bytes where it refers to none that is kept."""
        if not self._items or _MARK not in body:
            return body
        try:
            document = loads_object(body)
        except JSONError:
            return body  # whoever reads it will say so
        given = document.get("input")
        if not isinstance(given, list):
            return body
        owner = owner_of(client)
        items = [self._found(owner, item) or item for item in given]
        same = all(new is old for new, old in zip(items, given, strict=True))
        return body if same else dumps({**document, "input": items})

    def _found(self, owner: str, item: JSON) -> Object | None:
        match item:
            case {"type": "item_reference", "id": str() as named} if (owner, named) in self._items:
                self._items.move_to_end((owner, named))
                found = loads(self._items[owner, named])
                assert isinstance(found, dict)
                return found
            case _:
                return None

    def _drop(self, key: tuple[str, str]) -> None:
        gone = self._items.pop(key, None)
        if gone is not None:
            self.size -= len(gone) + _OVERHEAD


def owner_of(client: ClientKey | None) -> str:
    """Whose items a client's are."""
    return client.id if client is not None else ""
