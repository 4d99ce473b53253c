"""MiniMax's errors behind a status 200, which it has in every protocol it imitates: ``{"base_resp": {"status_code", "status_msg"}}``.

Source: platform.minimax.io, "Error codes". Refuses to know: any protocol's own errors.
"""

from __future__ import annotations

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.wire.jsoncodec import Object

__all__ = ["minimax_failure"]

_KINDS: dict[int, ErrorKind] = {
    1000: ErrorKind.INTERNAL,
    1001: ErrorKind.TIMEOUT,
    1002: ErrorKind.RATE_LIMITED,
    1004: ErrorKind.UNAUTHENTICATED,
    1008: ErrorKind.BILLING,
    1013: ErrorKind.INTERNAL,
    1026: ErrorKind.INVALID_REQUEST,
    1027: ErrorKind.INVALID_REQUEST,
    1039: ErrorKind.RATE_LIMITED,
    1041: ErrorKind.RATE_LIMITED,
    2013: ErrorKind.INVALID_REQUEST,
    2049: ErrorKind.UNAUTHENTICATED,
    2056: ErrorKind.RATE_LIMITED,
}


def minimax_failure(document: Object) -> Failure | None:
    """The failure that a body or a chunk is by its ``base_resp``; None where it has none, or one that says that all is well."""
    base = document.get("base_resp")
    code = base.get("status_code") if isinstance(base, dict) else None
    if not isinstance(base, dict) or not code:
        return None
    said = base.get("status_msg")
    return Failure(
        kind=_KINDS.get(code, ErrorKind.INTERNAL) if isinstance(code, int) else ErrorKind.INTERNAL,
        message=said if isinstance(said, str) and said else f"The provider answered with error {code}",
        fault=Fault.UPSTREAM,
        code=str(code),
    )
