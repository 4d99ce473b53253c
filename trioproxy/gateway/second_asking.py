"""The request that may be answered where one was just refused for a thing in its history that it can do without.

Pure: a refused request and its failure go in, the request to send next comes out. Refuses to know: what providers refuse in which words
(``providers/remedies.py``), and sockets.
"""

from __future__ import annotations

import attrs

from trioproxy.errors import Failure
from trioproxy.gateway.stages import Prepared
from trioproxy.providers.quirk import QuirkContext
from trioproxy.providers.remedies import remedies_for
from trioproxy.wire.jsoncodec import JSONError, dumps, loads_object

__all__ = ["asked_otherwise"]


def asked_otherwise(prepared: Prepared, failure: Failure, tried: set[str]) -> Prepared | None:
    """``prepared`` without what ``failure`` speaks of, None where nothing is known to help. Each helps once: ``tried`` are those that did.

    It goes over a connection of its own: a provider's socket that was told only what is new still has the rest.
    """
    for remedy in remedies_for(prepared.outbound.name, failure):
        if remedy.name in tried:
            continue
        tried.add(remedy.name)
        context = QuirkContext(
            protocol=prepared.outbound.name,
            model=prepared.candidate.model,
            operation=prepared.operation,
            quirks=frozenset(prepared.candidate.quirks),
            facts=prepared.candidate.facts,
        )
        try:
            body = remedy.edit(loads_object(prepared.request.body), context)
        except JSONError:
            return None  # a form, or no JSON at all
        if body is not None:
            request = attrs.evolve(prepared.request, body=dumps(body), turn=None)
            return attrs.evolve(prepared, request=request, losses=(*prepared.losses, *context.losses))
    return None
