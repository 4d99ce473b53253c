"""Which translations are ready: one line turns a pair on.

A pair is what the client speaks and what the provider speaks. A request that only a pair outside this table could serve is refused before
anything is asked of a provider.
"""

from __future__ import annotations

from trioproxy.config.routed import Candidate
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.crossings import crossing
from trioproxy.gateway.stages import Lane
from trioproxy.protocols.base import Asked

__all__ = ["READY", "choose_lane"]

READY: frozenset[tuple[str, str]] = frozenset(
    {
        ("openai_chat", "openai_responses"),
        ("openai_chat", "anthropic"),
        ("openai_chat", "gemini"),
        ("openai_responses", "openai_chat"),
        ("openai_responses", "anthropic"),
        ("openai_responses", "gemini"),
        ("anthropic", "openai_chat"),
        ("anthropic", "openai_responses"),
        ("anthropic", "gemini"),
        ("gemini", "openai_chat"),
        ("gemini", "openai_responses"),
        ("gemini", "anthropic"),
    }
)
"""(what the client speaks, what the provider speaks)"""


def choose_lane(asked: Asked, candidate: Candidate) -> Lane:
    """How an answer of this candidate would get to the client.

    Raises:
        ClientFault: UNSUPPORTED, the candidate speaks another protocol, or lacks the operation, and this crossing is not offered.
    """
    spoken = candidate.wire.protocol
    own = asked.protocol == spoken
    if own and asked.operation in candidate.wire.paths:
        return Lane.PASS
    ready = own or (asked.protocol, spoken) in READY
    crosses = crossing(asked, candidate.wire) is not None
    if ready and crosses:
        return Lane.TRANSLATE
    who = candidate.credential.group
    if own:
        raise ClientFault(ErrorKind.UNSUPPORTED, f"{who} has no {asked.operation.value} in {spoken}", model=asked.model)
    what = "" if crosses else f" for {asked.operation.value}"
    offered = sorted(client for client, provider in READY if provider == spoken) if crosses else []
    ways = " or ".join([spoken, *offered])
    raise ClientFault(
        ErrorKind.UNSUPPORTED,
        f"{asked.model} is served by {who}, which speaks {spoken}; "
        f"translating {asked.protocol} to it{what} is not offered. Ask for this model in {ways}, or for a model whose provider "
        f"speaks {asked.protocol} (`trioproxy models` lists them).",
        model=asked.model,
    )
