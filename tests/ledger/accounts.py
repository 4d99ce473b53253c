"""Settled accounts for tests."""

from __future__ import annotations

from typing import Any

import attrs

from trioproxy.errors import ErrorKind, Failure
from trioproxy.ledger.entry import Outcome, Settled, Try
from trioproxy.neutral.usage import Usage

NOON = 1_780_000_000.0

WHOLE = Settled(
    id="a1",
    began=NOON,
    method="POST",
    path="/v1/messages",
    peer="127.0.0.1:9",
    outcome=Outcome.COMPLETE,
    status=200,
    total=2.5,
    first_byte=0.25,
    client="laptop",
    client_id="key-1",
    protocol="anthropic",
    operation="generate",
    model="fast",
    stream=True,
    lane="pass",
    provider="mine",
    vendor="claude",
    credential="mine#1",
    credential_id="mine-abc",
    upstream_protocol="anthropic",
    upstream_model="claude-sonnet-4-5",
    tries=(Try(credential="mine#1", provider="mine", model="claude-sonnet-4-5"),),
    usage=Usage(input=30, output=20, cache_read=10, cache_write=5, reasoning=7),
    losses=2,
    lost=("top_k", "tools[0].strict"),
    bytes_in=100,
    bytes_out=2000,
)


def settled(**changes: Any) -> Settled:
    """:data:`WHOLE` with changes."""
    return attrs.evolve(WHOLE, **changes)


REFUSED = settled(
    id="a2",
    outcome=Outcome.REFUSED,
    status=404,
    first_byte=None,
    model="nope",
    provider=None,
    vendor=None,
    credential=None,
    credential_id=None,
    upstream_model=None,
    tries=(),
    usage=None,
    failure=Failure(kind=ErrorKind.MODEL_NOT_FOUND, message="m"),
)
