"""What is answered here and by no provider: the shape of such an endpoint, and what it may look at.

Knows: who may ask, and in which of four shapes a client reads a list of models. Refuses to know: any endpoint (``controls.py`` has the table).
"""

from __future__ import annotations

import enum
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import parse_qs

import attrs

from trioproxy.config.model import ClientKey, Secret, Settings, Snapshot
from trioproxy.config.routed import Routed
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.credentials.health import Health
from trioproxy.credentials.sessions import Bindings
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.exchange import RequestHead
from trioproxy.gateway.outlook import Outlook
from trioproxy.gateway.refusal import Reply
from trioproxy.gateway.siblings import Place
from trioproxy.gateway.turnstile import Turnstile
from trioproxy.ledger.entry import Ledger
from trioproxy.ledger.metrics import Metrics
from trioproxy.ledger.writer import Books
from trioproxy.protocols.base import Protocol
from trioproxy.protocols.table import mounted, protocol
from trioproxy.wire.jsoncodec import JSONError, Object, loads_object

__all__ = ["READING", "Access", "Answer", "Control", "ControlCall", "House", "PoolState", "dialect"]

READING = ("GET", "HEAD")


class Access(enum.Enum):
    """Who may ask."""

    ANYBODY = "anybody"
    NEARBY = "nearby"
    """Programs on this machine, and others who have a client's key: what a collector of metrics is."""
    CLIENT = "client"
    MANAGER = "manager"
    """Who has the secret of the management API."""


PoolState: TypeAlias = tuple[int, int, int]
"""Connections to one origin that are idle and in use, and exchanges that wait for one."""


@attrs.define(eq=False, kw_only=True)
class House:
    """What lives in this process beside the snapshot, as far as it can be looked at and steered.

    ``outlook`` says who would be asked now.
    ``now`` is the clock of cooldowns; ``cell`` None is a house whose providers can't be switched; ``token`` is the secret that this process
    gave to its own user's commands; ``place`` None is a process without siblings.
    """

    now: Callable[[], float] = lambda: 0.0
    cell: SnapshotCell | None = None
    health: Health = attrs.field(factory=Health)
    ledger: Ledger | None = None
    metrics: Metrics = attrs.field(factory=Metrics)
    pools: Callable[[], Mapping[str, PoolState]] = dict
    books: Books | None = None
    outlook: Callable[[Routed, Settings], list[Outlook]] | None = None
    token: Secret | None = None
    turnstile: Turnstile = attrs.field(factory=lambda: Turnstile(time.time))
    bindings: Bindings = attrs.field(factory=Bindings)
    place: Place | None = None

    def active(self) -> dict[str, int]:
        """How many exchanges run now, by the provider that is asked."""
        counts: dict[str, int] = {}
        for entry in self.ledger.running if self.ledger is not None else ():
            if entry.provider is not None:
                counts[entry.provider] = counts.get(entry.provider, 0) + 1
        return counts


@attrs.frozen(kw_only=True)
class ControlCall:
    """One request for something answered here. ``body`` is empty where the control takes none."""

    control: Control
    head: RequestHead
    params: Mapping[str, str] = MappingProxyType({})
    house: House = attrs.field(factory=House)
    body: bytes = b""

    def answer(self, snapshot: Snapshot, client: ClientKey | None) -> Answer:
        """The answer.

        Raises:
            ClientFault: what is asked for is not there, or is asked for wrongly.
        """
        return self.control.answer(self, snapshot, client)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's members, decoded."""
        return parse_qs(self.head.query)

    def asked(self, name: str) -> str | None:
        """The last value of a member of the query, None where it is absent or empty."""
        return self.query.get(name, [None])[-1]

    def document(self) -> Object:
        """The body as a JSON object.

        Raises:
            ClientFault: INVALID_REQUEST, it is none.
        """
        try:
            return loads_object(self.body)
        except JSONError as error:
            raise ClientFault(ErrorKind.INVALID_REQUEST, f"the body is no JSON object: {error}") from None


Answer: TypeAlias = Reply | Awaitable[Reply]


@attrs.frozen(kw_only=True)
class Control:
    """One endpoint."""

    path: str
    answer: Callable[[ControlCall, Snapshot, ClientKey | None], Answer]
    methods: tuple[str, ...] = READING
    access: Access = Access.CLIENT

    @property
    def takes_body(self) -> bool:
        """Whether there is a body to wait for."""
        return "PUT" in self.methods


def dialect(head: RequestHead) -> Protocol:
    """In which protocol a client wants to be answered where the path alone does not say."""
    place = mounted(head.path)
    names = set(place.names)
    gemini = {"x-goog-api-key", "x-goog-api-client"} & {name.decode("latin-1") for name, _ in head.headers}
    if names == {"gemini"} or place.path.startswith(("/v1beta", "/v1alpha")) or (gemini and "gemini" in names):
        return protocol("gemini")
    if names == {"anthropic"} or (head.header(b"anthropic-version") is not None and "anthropic" in names):
        return protocol("anthropic")
    return protocol("openai_responses" if names == {"openai_responses"} else "openai_chat")
