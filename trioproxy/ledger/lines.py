"""One log line a settled exchange.

Knows: which facts a person wants to read, and how loud they are. Refuses to know: how a line is written (``trioproxy.logs``). Neither bodies
nor keys are among the facts, nor what a provider said in words: an error's text may quote either.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from trioproxy.errors import FACTS, Failure
from trioproxy.ledger.entry import Outcome, Settled

__all__ = ["LOGGER", "facts", "write_line"]

LOGGER = logging.getLogger("trioproxy.exchange")

_BLANK = vars(logging.LogRecord(LOGGER.name, logging.INFO, "", 0, "%s %s", (), None))

_OUTCOMES = {outcome: outcome.value for outcome in Outcome}


def write_line(settled: Settled) -> None:
    """The sink that logs."""
    level = _level(settled)
    if LOGGER.isEnabledFor(level):
        # As ``LOGGER.log`` does it, but for the walk up the stack after a caller whom no line names, and asking for what is always the same.
        record = logging.LogRecord.__new__(logging.LogRecord)
        record.__dict__ = _BLANK | {
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "args": (settled.method, settled.path),
            "created": (now := time.time()),
            "msecs": now % 1 * 1000,
            "facts": facts(settled),
        }
        LOGGER.handle(record)


def facts(settled: Settled) -> dict[str, Any]:
    """The facts of the line, in order; what is unknown is left out."""
    told: dict[str, Any] = {
        "id": settled.id,
        "status": settled.status,
        "outcome": _OUTCOMES[settled.outcome],
        "client": settled.client,
        "protocol": settled.protocol,
        "model": settled.model,
        "stream": settled.stream or None,
        "provider": settled.provider,
        "credential": settled.credential,
    }
    if settled.upstream_protocol != settled.protocol:
        told["upstream_protocol"] = settled.upstream_protocol
    if settled.upstream_model != settled.model:
        told["upstream_model"] = settled.upstream_model
    if settled.failure is not None:
        told |= {"error": settled.failure.kind.value, "code": settled.failure.code, "detail": _detail(settled.failure)}
    if len(settled.tries) > 1:
        told["tries"] = _tries(settled)
    usage = settled.usage
    if usage is not None:
        told |= {"input_tokens": usage.input, "output_tokens": usage.output, "cached_tokens": usage.cache_read}
    told |= {
        "losses": settled.losses or None,
        "bytes_in": settled.bytes_in or None,
        "bytes_out": settled.bytes_out or None,
        "first_byte_ms": round(settled.first_byte * 1000, 1) if settled.first_byte is not None else None,
        "total_ms": round(settled.total * 1000, 1),
        "peer": settled.peer or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _detail(failure: Failure) -> str | None:
    """The message, where it is our own and not a provider's (those carry the provider's status)."""
    return failure.message if failure.status is None else None


def _tries(settled: Settled) -> str | None:
    """The candidates that failed before, where there were any: ``openai-1:rate_limited,openai-2:timeout``."""
    failed = [f"{each.credential}:{each.kind.value}" for each in settled.tries if each.kind is not None]
    return ",".join(failed) or None


def _level(settled: Settled) -> int:
    if settled.failure is None or settled.outcome in (Outcome.CLIENT_GONE, Outcome.SHUT_DOWN):
        return logging.INFO
    return logging.getLevelNamesMapping()[FACTS[settled.failure.kind].level]
