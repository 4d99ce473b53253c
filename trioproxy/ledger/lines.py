"""One log line a settled exchange.

Knows: which facts a person wants to read, and how loud they are. Refuses to know: how a line is written (``trioproxy.logs``). Neither bodies
nor keys are among the facts, nor what a provider said in words: an error's text may quote either.
"""

from __future__ import annotations

import logging
from typing import Any

from trioproxy.errors import FACTS
from trioproxy.ledger.entry import Outcome, Settled

__all__ = ["LOGGER", "facts", "write_line"]

LOGGER = logging.getLogger("trioproxy.exchange")


def write_line(settled: Settled) -> None:
    """The sink that logs."""
    level = _level(settled)
    if LOGGER.isEnabledFor(level):
        # As ``LOGGER.log`` does it, but for the walk up the stack after a caller whom no line names.
        message = ("%s %s", (settled.method, settled.path))
        record = LOGGER.makeRecord(LOGGER.name, level, "", 0, *message, None, extra={"facts": facts(settled)})
        LOGGER.handle(record)


def facts(settled: Settled) -> dict[str, Any]:
    """The facts of the line, in order; what is unknown is left out."""
    usage = settled.usage
    lines = {
        "id": settled.id,
        "status": settled.status,
        "outcome": settled.outcome.value,
        "client": settled.client,
        "protocol": settled.protocol,
        "model": settled.model,
        "stream": settled.stream or None,
        "provider": settled.provider,
        "credential": settled.credential,
        "upstream_protocol": settled.upstream_protocol if settled.upstream_protocol != settled.protocol else None,
        "upstream_model": settled.upstream_model if settled.upstream_model != settled.model else None,
        "error": settled.failure.kind.value if settled.failure else None,
        "code": settled.failure.code if settled.failure else None,
        "detail": _detail(settled),
        "tries": _tries(settled),
        "input_tokens": usage.input if usage else None,
        "output_tokens": usage.output if usage else None,
        "cached_tokens": usage.cache_read if usage else None,
        "losses": settled.losses or None,
        "bytes_in": settled.bytes_in or None,
        "bytes_out": settled.bytes_out or None,
        "first_byte_ms": round(settled.first_byte * 1000, 1) if settled.first_byte is not None else None,
        "total_ms": round(settled.total * 1000, 1),
        "peer": settled.peer or None,
    }
    return {name: value for name, value in lines.items() if value is not None}


def _detail(settled: Settled) -> str | None:
    """The message, where it is our own and not a provider's (those carry the provider's status)."""
    failure = settled.failure
    return failure.message if failure is not None and failure.status is None else None


def _tries(settled: Settled) -> str | None:
    """The candidates that failed before, where there were any: ``openai-1:rate_limited,openai-2:timeout``."""
    failed = [f"{each.credential}:{each.kind.value}" for each in settled.tries if each.kind is not None]
    return ",".join(failed) if len(settled.tries) > 1 and failed else None


def _level(settled: Settled) -> int:
    if settled.failure is None or settled.outcome in (Outcome.CLIENT_GONE, Outcome.SHUT_DOWN):
        return logging.INFO
    return logging.getLevelNamesMapping()[FACTS[settled.failure.kind].level]
