"""How an operation gets to a provider that speaks another protocol, or lacks it.

=================  ====================================================================================================
generating         read, asked in the provider's protocol, and written anew; what only looks like it (``Protocol.disguised``)
                   as the operation that it is
counting tokens    asked in the provider's protocol where that counts; else estimated here (``estimates.py``)
compacting,        asked as generating, of any provider that lacks them (``Protocol.emulations``)
completing
all else           not offered: only a provider that has it in the client's own protocol can serve it
=================  ====================================================================================================

Pure. Refuses to know: which pairs of protocols are ready (``pairs.py``).
"""

from __future__ import annotations

import attrs

from trioproxy.protocols.base import Asked, Emulation, Operation
from trioproxy.protocols.table import protocol
from trioproxy.providers.model import Wire

__all__ = ["Crossing", "crossing"]


@attrs.frozen(kw_only=True)
class Crossing:
    """``operation`` is what is asked of the provider. ``emulation`` reads the request and words the answer where that is another operation
    than the client's, None where the client's protocol does so itself."""

    operation: Operation
    emulation: Emulation | None = None


def crossing(asked: Asked, wire: Wire) -> Crossing | None:
    """How what is asked crosses to ``wire``; None where it can't."""
    if asked.operation is Operation.GENERATE:
        return Crossing(operation=Operation.GENERATE, emulation=protocol(asked.protocol).disguised(asked))
    if asked.operation is Operation.COUNT_TOKENS:
        counts = asked.operation in wire.paths and protocol(wire.protocol).counting is not None
        return Crossing(operation=Operation.COUNT_TOKENS) if counts else None
    emulation = protocol(asked.protocol).emulations.get(asked.operation)
    if emulation is None or Operation.GENERATE not in wire.paths:
        return None
    return Crossing(operation=Operation.GENERATE, emulation=emulation)
