"""The shape of every stream transformer: a :class:`Machine` takes items and returns lists.

A machine holds no clock, does no I/O and writes no log, so that any stream can be replayed through it byte by byte.
It raises :class:`ProtocolViolation` at most once and is dead afterwards.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

__all__ = ["Chain", "Machine", "ProtocolViolation"]

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out")


class ProtocolViolation(Exception):
    """The input breaks the rules of its protocol. The message says where and how, without quoting payloads."""


class Machine(Protocol[In, Out]):
    """Feed items in order, then close once. What is returned belongs to the caller."""

    def feed(self, item: In, /) -> list[Out]:
        """Outputs that ``item`` completes.

        Raises:
            ProtocolViolation: the input is not legal; the machine is dead.
        """
        ...

    def close(self) -> list[Out]:
        """Outputs owed at the end of the input. Call once."""
        ...


class Chain:
    """Machines in a row, itself a machine: the outputs of each are the inputs of the next."""

    def __init__(self, *machines: Machine[Any, Any]) -> None:
        self._machines = machines

    def feed(self, item: Any) -> list[Any]:
        """See :meth:`Machine.feed`."""
        items = [item]
        for machine in self._machines:
            produced: list[Any] = []
            for each in items:
                produced += machine.feed(each)
            if not produced:
                return produced
            items = produced
        return items

    def close(self) -> list[Any]:
        """Close each machine in turn, feeding what it still owed to those behind it."""
        items: list[Any] = []
        for machine in self._machines:
            produced: list[Any] = []
            for each in items:
                produced += machine.feed(each)
            produced += machine.close()
            items = produced
        return items
