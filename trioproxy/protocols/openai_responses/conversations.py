"""Conversations kept for upstreams that keep none: what ``previous_response_id`` stands for, as input items.

A conversation is a chain of :class:`Past`: each turn's input and output on top of what came before, as encoded JSON, so that a turn costs its
own bytes once and a whole input is a join. Forks share what they have in common. All conversations together are bounded in bytes, each owner (a
socket, a client's key) as well, and what nobody asked for in a while is forgotten; who asks for it then is told so and sends it all again.

Repairs. The API refuses a call without output and an output without call, and so do the vendors behind it. A client that was interrupted leaves
the first, and one that compacted its history the second: what is missing is added and what is astray becomes a message, as in ``pairing.py``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import attrs

from trioproxy.protocols.openai_responses.pairing import CALLS, NO_RESULT, OUTPUTS, as_message
from trioproxy.wire.jsoncodec import JSON, dumps

__all__ = ["Conversations", "Past", "answered", "continued", "input_items"]

_OVERHEAD = 1024
"""Bytes that a turn costs beside its text, about."""
_NONE: Mapping[str, str] = MappingProxyType({})


@attrs.define(eq=False, kw_only=True)
class Past:
    """The items of a conversation up to somewhere: ``raw`` (comma-joined JSON) on top of ``before``; ``count`` items in all.

    ``after`` names the response that the first of them follows, where only an upstream knows it. ``open_calls`` are the calls that wait for an
    output, each with its type.
    """

    raw: bytes
    before: Past | None = None
    after: str | None = None
    count: int = 0
    open_calls: Mapping[str, str] = _NONE

    @property
    def known(self) -> int:
        """How many items came before this turn."""
        return self.before.count if self.before is not None else 0

    @property
    def size(self) -> int:
        """About how much memory this turn takes, without what came before."""
        return len(self.raw) + _OVERHEAD

    def items(self) -> bytes:
        """All items, as a JSON array."""
        parts = [past.raw for past in self._line() if past.raw]
        return b"[%b]" % b",".join(reversed(parts))

    @property
    def root(self) -> Past:
        """The beginning."""
        return list(self._line())[-1]

    def _line(self) -> Iterator[Past]:
        past: Past | None = self
        while past is not None:
            yield past
            past = past.before


def input_items(given: JSON) -> list[JSON]:
    """The items that an ``input`` stands for: text is one message of the user's. What is neither is left for the reader to refuse."""
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    if given is None:
        return []
    return list(given) if isinstance(given, list) else [given]


def continued(past: Past | None, items: Sequence[JSON], *, after: str | None = None, mend: bool = True) -> Past:
    """``past`` and then ``items`` of the client; without a past, what ``after`` names comes before. On top of a past, calls and outputs that
    would have no partner are mended, unless more is to come before anything is asked of it (``mend`` off)."""
    if past is None:
        return Past(raw=_joined(items), after=after, count=len(items), open_calls=_open_after({}, items))
    if not mend:
        return Past(
            raw=_joined(items),
            before=past,
            count=past.count + len(items),
            open_calls=_open_after(past.open_calls, items),
        )
    whole = past.root.after is None
    told = _with_partners(items, past.open_calls) if whole else items
    left = _open_after(past.open_calls, items)
    called = _open_after({}, items)
    owed = [
        {"type": kind, "call_id": call, "output": NO_RESULT}
        for call, kind in past.open_calls.items()
        if items and call in left and call not in called
    ]
    return Past(
        raw=_joined((*owed, *told)),
        before=past,
        count=past.count + len(owed) + len(told),
        open_calls=called if items else past.open_calls,
    )


def answered(past: Past, output: Iterable[JSON], *, stored: bool) -> Past:
    """``past`` and then the ``output`` of a response, both as one turn. Reasoning that only a response that was ``stored`` could refer to is
    left out."""
    items = [item for item in output if stored or not _is_reference(item)]
    return Past(
        raw=b",".join(part for part in (past.raw, _joined(items)) if part),
        before=past.before,
        after=past.after,
        count=past.count + len(items),
        open_calls=_open_after(past.open_calls, items),
    )


class Conversations:
    """What responses stand for, by owner and id. ``limit`` bytes in all, ``owner_limit`` an owner, forgotten ``seconds`` after their last use.

    ``now`` is a monotonic clock in seconds.
    """

    def __init__(self, *, limit: int, owner_limit: int, seconds: float) -> None:
        self.bound(limit=limit, owner_limit=owner_limit, seconds=seconds)
        self._kept: OrderedDict[tuple[str, str], tuple[Past, float]] = OrderedDict()
        self._owners: dict[str, OrderedDict[str, None]] = {}
        self._sizes: dict[str, int] = {}
        self._held: dict[str, dict[Past, int]] = {}  # by how many responses or later turns of an owner
        self.size = 0

    def __len__(self) -> int:
        """How many responses are kept."""
        return len(self._kept)

    def bound(self, *, limit: int, owner_limit: int, seconds: float) -> None:
        """Set the bounds. What is over them goes when something is kept next."""
        self._limit = limit
        self._owner_limit = min(owner_limit, limit)
        self._seconds = seconds

    def find(self, owner: str, response_id: str, now: float) -> Past | None:
        """What the response stands for, None where it is not known, or not any more."""
        self.expire(now)
        found = self._kept.pop((owner, response_id), None)
        if found is None:
            return None
        self._kept[owner, response_id] = (found[0], now)
        self._owners[owner].move_to_end(response_id)
        return found[0]

    def keep(self, owner: str, response_id: str, past: Past, now: float) -> None:
        """Keep what ``response_id`` stands for. What was used longest ago makes room; where that is not enough, this is not kept either."""
        self._drop(owner, response_id)
        self._kept[owner, response_id] = (past, now)
        self._owners.setdefault(owner, OrderedDict())[response_id] = None
        self._hold(owner, past)
        while self._sizes.get(owner, 0) > self._owner_limit:
            self._drop(owner, next(iter(self._owners[owner])))
        while self.size > self._limit:
            self._drop(*next(iter(self._kept)))
        self.expire(now)

    def forget(self, owner: str) -> None:
        """Drop all of an owner's."""
        for response_id in list(self._owners.get(owner, ())):
            self._drop(owner, response_id)

    def expire(self, now: float) -> None:
        """Drop what nobody used for too long."""
        while self._kept:
            key, (_, used) = next(iter(self._kept.items()))
            if now - used <= self._seconds:
                return
            self._drop(*key)

    def _hold(self, owner: str, past: Past) -> None:
        step: Past | None = past
        while step is not None:
            held = self._held.setdefault(owner, {})
            held[step] = held.get(step, 0) + 1
            if held[step] > 1:
                return
            self._account(owner, step.size)
            step = step.before

    def _drop(self, owner: str, response_id: str) -> None:
        found = self._kept.pop((owner, response_id), None)
        if found is None:
            return
        del self._owners[owner][response_id]
        step: Past | None = found[0]
        while step is not None:
            held = self._held[owner]
            held[step] -= 1
            if held[step]:
                break
            del held[step]
            self._account(owner, -step.size)
            step = step.before
        if not self._owners[owner]:
            del self._owners[owner], self._sizes[owner], self._held[owner]

    def _account(self, owner: str, change: int) -> None:
        self._sizes[owner] = self._sizes.get(owner, 0) + change
        self.size += change


def _with_partners(items: Iterable[JSON], open_calls: Mapping[str, str]) -> list[JSON]:
    """``items``, those that are the output of no call as messages."""
    waiting = set(open_calls)
    told: list[JSON] = []
    for item in items:
        kind, call = _call_of(item)
        if kind in CALLS:
            waiting.add(call)
        elif kind in OUTPUTS and isinstance(item.get("output"), str | list):
            if call not in waiting:
                item = as_message(item)
            waiting.discard(call)
        told.append(item)
    return told


def _open_after(open_calls: Mapping[str, str], items: Iterable[JSON]) -> Mapping[str, str]:
    left = dict(open_calls)
    for item in items:
        kind, call = _call_of(item)
        if kind in CALLS:
            left[call] = f"{kind}_output"
        elif kind in OUTPUTS:
            left.pop(call, None)
    return left or _NONE


def _call_of(item: JSON) -> tuple[str, str]:
    """Type and call id of an item that is a call or its output, empty for any other."""
    if isinstance(item, dict):
        kind, call = item.get("type"), item.get("call_id")
        if isinstance(kind, str) and isinstance(call, str):
            return kind, call
    return "", ""


def _is_reference(item: JSON) -> bool:
    """Whether the item says nothing to anyone but the vendor that stored it."""
    return (
        isinstance(item, dict)
        and item.get("type") == "reasoning"
        and not item.get("encrypted_content")
        and not item.get("content")
    )


def _joined(items: Iterable[JSON]) -> bytes:
    return b",".join(dumps(item) for item in items)
