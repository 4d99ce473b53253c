"""One log line a settled exchange.

Knows: which facts a person wants to read, and how loud they are. Refuses to know: how a line is written (``trioproxy.logs``). Neither bodies
nor keys are among the facts, nor what a provider said in words: an error's text may quote either.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from trioproxy.errors import FACTS, ErrorKind, Failure, Fault
from trioproxy.ledger.entry import Outcome, Settled
from trioproxy.upstream.question import NO_RECORDING

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
    """The facts of the line, in order; what is unknown is None."""
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
    return told


_FOUND_OUT_HERE = frozenset(
    {
        ErrorKind.TIMEOUT,
        ErrorKind.UNREACHABLE,
        ErrorKind.TRUNCATED,
        ErrorKind.MALFORMED,
        ErrorKind.MODEL_COOLDOWN,
    }
)
"""What is a provider's fault and said by us. All else it said itself."""


def _detail(failure: Failure) -> str | None:
    """The message, where it is our own: a provider's may quote what it was asked, and so does that of a recording that is missing."""
    if failure.code == NO_RECORDING:
        return f"no recording fits; the nearest differs at {failure.param}" if failure.param else "no recording fits"
    said = failure.status is not None or failure.type is not None
    if said or (failure.fault is Fault.UPSTREAM and failure.kind not in _FOUND_OUT_HERE):
        return None
    return failure.message


def _tries(settled: Settled) -> str | None:
    """The candidates that failed before, where there were any: ``openai-1:rate_limited,openai-2:timeout``."""
    failed = [f"{each.credential}:{each.kind.value}" for each in settled.tries if each.kind is not None]
    return ",".join(failed) or None


def _level(settled: Settled) -> int:
    if settled.failure is None or settled.outcome in (Outcome.CLIENT_GONE, Outcome.SHUT_DOWN):
        return logging.INFO
    return logging.getLevelNamesMapping()[FACTS[settled.failure.kind].level]
