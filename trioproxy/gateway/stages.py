"""The frozen values between the stages of an exchange: ``Asked -> Admitted -> Routed -> Prepared -> Opened -> Ended``.

``Asked`` is the protocols' word (``protocols/base.py``), ``Routed`` the configuration's (``config/model.py``). Knows no clock and no socket.
"""

from __future__ import annotations

import enum
from typing import Any

import attrs

from trioproxy.config.model import ClientKey
from trioproxy.config.routed import Candidate
from trioproxy.errors import Failure
from trioproxy.immutable import immutable
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import SAME_NAMES, ToolNaming
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import Asked, Emulation, Operation, Protocol
from trioproxy.upstream.base import Headers, SocketTurn, UpstreamRequest

__all__ = ["Admitted", "Ended", "ErrorAnswer", "Lane", "Prepared", "Rejected"]


class Lane(enum.Enum):
    """How an answer gets to the client."""

    __hash__ = object.__hash__  # members are looked up with every request; Enum's own is a function of Python

    PASS = "pass"
    """The provider's bytes, unchanged."""
    TRANSLATE = "translate"
    """Read into events, written in the client's protocol."""


@immutable(kw_only=True)
class Admitted:
    """A request that may be served: what is asked, in which protocol, by whom (None where no keys are configured), with which
    headers. ``tail`` is what the path had behind its operation's root, where the endpoint leaves that open; ``turn`` is set where the client
    asked over a socket; ``memo`` is its head's; ``follows`` is the response that the client went on from, where its conversation was put into
    the request here."""

    protocol: Protocol
    asked: Asked
    client: ClientKey | None
    headers: Headers
    memo: dict[str, Any] = attrs.field(factory=dict, eq=False, repr=False)
    tail: str = ""
    turn: SocketTurn | None = None
    follows: str | None = None


@immutable(kw_only=True)
class Prepared:
    """A request as it goes to one candidate. ``outbound`` is the protocol spoken there, ``operation`` what is asked of it. ``conversation``,
    ``naming``, ``emulation`` and ``stops`` are set in the translating lane, the second where the client asked for another operation, the
    last where the answer is to be cut here; ``boxed`` says that it comes in a box (``neutral/boxing.py``), ``bare`` that its text is wanted
    without JSON's quotes (``neutral/bare.py``). ``metered`` says that the usage of a passing stream was asked for in the client's place
    (``metering.py``)."""

    candidate: Candidate
    lane: Lane
    outbound: Protocol
    operation: Operation
    request: UpstreamRequest
    conversation: Conversation | None = None
    naming: ToolNaming = SAME_NAMES
    emulation: Emulation | None = None
    stops: tuple[str, ...] = ()
    boxed: bool = False
    bare: bool = False
    losses: tuple[Loss, ...] = ()
    metered: bool = False

    @property
    def provider(self) -> str:
        """The name a person knows the provider by."""
        return self.candidate.credential.group

    @property
    def must_speak(self) -> bool:
        """Whether an answer without content would be a fault."""
        return self.operation is Operation.GENERATE


@attrs.frozen(kw_only=True)
class ErrorAnswer:
    """A provider's answer with an error status, whole: what may be passed on as it is."""

    status: int
    headers: Headers
    body: bytes
    protocol: str


@attrs.frozen(kw_only=True)
class Rejected:
    """An attempt that came to nothing, and nothing of it was sent. ``answer`` is what the provider said, where it said something."""

    failure: Failure
    answer: ErrorAnswer | None = None


@immutable(kw_only=True)
class Ended:
    """What a relayed answer came to: ``failure`` None means that it reached its own end; ``told`` says that the client knows."""

    failure: Failure | None = None
    told: bool = True
