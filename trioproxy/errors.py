"""What can go wrong, whose fault it is, and what follows from it.

One table, :data:`FACTS`, says for every :class:`ErrorKind` which HTTP status it has, whether another candidate may
be tried, whether the credential cools, and how loud the log is. Nothing else in the program decides these things.
How an error *looks* is the business of the client's protocol (``protocols/*/errors.py``); this file knows no wire.

The tree::

    ProxyError                 carries one Failure
      ClientFault              the request can't be served as it was sent
      UpstreamFault            the provider, or the way to it, failed
        DeadlineExpired        ... by saying nothing for too long
      ProxyFault               our configuration or our bug

A :class:`Failure` is a plain value: it crosses tasks, travels inside the event stream (``neutral.events.Failed``) and
is written to the ledger. A :class:`ProxyError` is the same thing on its way up a call stack.
"""

from __future__ import annotations

import enum

import attrs

__all__ = [
    "FACTS",
    "ClientFault",
    "DeadlineExpired",
    "ErrorKind",
    "Failure",
    "Fault",
    "KindFacts",
    "ProxyError",
    "ProxyFault",
    "UpstreamFault",
    "kind_for_status",
]


class Fault(enum.Enum):
    """Whose fault a failure is."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    PROXY = "proxy"


class ErrorKind(enum.Enum):
    """What happened. The same kind may be the client's or the provider's doing; see :class:`Fault`."""

    __hash__ = object.__hash__  # members are looked up with every request; Enum's own is a function of Python

    INVALID_REQUEST = "invalid_request"
    UNAUTHENTICATED = "unauthenticated"
    BILLING = "billing"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CLIENT_TIMEOUT = "client_timeout"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNPROCESSABLE = "unprocessable"
    UPGRADE_REQUIRED = "upgrade_required"
    RATE_LIMITED = "rate_limited"
    MODEL_COOLDOWN = "model_cooldown"
    HEAD_TOO_LARGE = "head_too_large"
    CLIENT_GONE = "client_gone"
    INTERNAL = "internal"
    MISCONFIGURED = "misconfigured"
    UNSUPPORTED = "unsupported"
    UNREACHABLE = "unreachable"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    OVERLOADED = "overloaded"
    SHUTTING_DOWN = "shutting_down"
    TIMEOUT = "timeout"


@attrs.frozen(kw_only=True)
class KindFacts:
    """What follows from an :class:`ErrorKind`.

    ``status`` is the HTTP status when the failure itself names none. ``next_candidate`` and ``cools`` speak of
    upstream failures only: may another credential be tried while nothing was sent to the client, and is this
    credential to be rested. ``level`` is a :mod:`logging` level name.
    """

    status: int
    next_candidate: bool = False
    cools: bool = False
    level: str = "INFO"


FACTS: dict[ErrorKind, KindFacts] = {
    ErrorKind.INVALID_REQUEST: KindFacts(status=400),
    ErrorKind.UNAUTHENTICATED: KindFacts(status=401, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.BILLING: KindFacts(status=402, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.FORBIDDEN: KindFacts(status=403, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.NOT_FOUND: KindFacts(status=404),
    ErrorKind.MODEL_NOT_FOUND: KindFacts(status=404, next_candidate=True, cools=True),
    ErrorKind.METHOD_NOT_ALLOWED: KindFacts(status=405),
    ErrorKind.CLIENT_TIMEOUT: KindFacts(status=408, next_candidate=True, cools=True),
    ErrorKind.CONFLICT: KindFacts(status=409),
    ErrorKind.TOO_LARGE: KindFacts(status=413),
    ErrorKind.UNSUPPORTED_ENCODING: KindFacts(status=415),
    ErrorKind.UNPROCESSABLE: KindFacts(status=422),
    ErrorKind.UPGRADE_REQUIRED: KindFacts(status=426),
    ErrorKind.RATE_LIMITED: KindFacts(status=429, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.MODEL_COOLDOWN: KindFacts(status=429, level="WARNING"),
    ErrorKind.HEAD_TOO_LARGE: KindFacts(status=431),
    ErrorKind.CLIENT_GONE: KindFacts(status=499),
    ErrorKind.INTERNAL: KindFacts(status=500, next_candidate=True, cools=True, level="ERROR"),
    ErrorKind.MISCONFIGURED: KindFacts(status=500, level="ERROR"),
    ErrorKind.UNSUPPORTED: KindFacts(status=501, next_candidate=True),
    ErrorKind.UNREACHABLE: KindFacts(status=502, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.TRUNCATED: KindFacts(status=502, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.MALFORMED: KindFacts(status=502, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.OVERLOADED: KindFacts(status=503, next_candidate=True, cools=True, level="WARNING"),
    ErrorKind.SHUTTING_DOWN: KindFacts(status=503),
    ErrorKind.TIMEOUT: KindFacts(status=504, next_candidate=True, cools=True, level="WARNING"),
}

# 5xx codes outside this map are INTERNAL, 4xx outside it INVALID_REQUEST: the number itself is kept in Failure.status.
_KIND_BY_STATUS: dict[int, ErrorKind] = {
    400: ErrorKind.INVALID_REQUEST,
    401: ErrorKind.UNAUTHENTICATED,
    402: ErrorKind.BILLING,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.MODEL_NOT_FOUND,
    408: ErrorKind.CLIENT_TIMEOUT,
    409: ErrorKind.CONFLICT,
    413: ErrorKind.TOO_LARGE,
    422: ErrorKind.UNPROCESSABLE,
    429: ErrorKind.RATE_LIMITED,
    500: ErrorKind.INTERNAL,
    501: ErrorKind.UNSUPPORTED,
    502: ErrorKind.UNREACHABLE,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    529: ErrorKind.OVERLOADED,
}


def kind_for_status(status: int) -> ErrorKind:
    """The kind of an upstream answer with this HTTP status (400 to 599)."""
    known = _KIND_BY_STATUS.get(status)
    if known is not None:
        return known
    return ErrorKind.INTERNAL if status >= 500 else ErrorKind.INVALID_REQUEST


@attrs.frozen(kw_only=True)
class Failure:
    """One failure as a value.

    ``message`` is for a person: what happened, where, what to do. ``status`` overrides the status of the kind (an
    upstream's own number). ``type``, ``code`` and ``param`` are what the upstream said, None where it said nothing; they are
    never invented. ``retry_after`` is in seconds, ``resets_at`` the same as Unix time, where somebody with a clock knows it. ``account_wide``
    says that the failure is about the whole account, whatever its kind; ``lasting``, that
    the same request will fail however late it comes.
    """

    kind: ErrorKind
    message: str
    fault: Fault = Fault.PROXY
    status: int | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    provider: str | None = None
    model: str | None = None
    resets_at: float | None = None
    account_wide: bool = False
    lasting: bool = False

    @property
    def http_status(self) -> int:
        """The HTTP status to answer with while the head has not been sent."""
        return self.status if self.status is not None else FACTS[self.kind].status


class ProxyError(Exception):
    """A :class:`Failure` on its way up. Raise one of the subclasses: they name the direction of the fault."""

    fault = Fault.PROXY

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        provider: str | None = None,
        model: str | None = None,
        lasting: bool = False,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(
            kind=kind,
            message=message,
            fault=self.fault,
            status=status,
            type=type,
            code=code,
            param=param,
            retry_after=retry_after,
            provider=provider,
            model=model,
            lasting=lasting,
        )


class ClientFault(ProxyError):
    """The request can't be served as it was sent; nothing was asked of a provider."""

    fault = Fault.CLIENT


class UpstreamFault(ProxyError):
    """The provider, or the way to it, failed."""

    fault = Fault.UPSTREAM


class DeadlineExpired(UpstreamFault):
    """The provider was silent for longer than a deadline allows."""


class ProxyFault(ProxyError):
    """Our configuration or our bug."""
