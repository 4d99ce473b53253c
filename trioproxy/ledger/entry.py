"""The account of one exchange, kept in memory while it runs and settled exactly once, whatever happens to it.

Knows: what is worth telling of an exchange, and how it came out. Refuses to know: bodies, keys, and where settled accounts go
(:class:`Ledger` hands them to its sinks). Everything here is synchronous: settling never waits, so no cancellation can lose it.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator
from operator import attrgetter
from types import TracebackType

import attrs

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.immutable import immutable
from trioproxy.neutral.usage import Usage

__all__ = ["Charged", "Entry", "Ledger", "Outcome", "Settled", "Sink", "Try", "charged"]

_log = logging.getLogger("trioproxy.ledger")

CLIENT_GONE_STATUS = 499


class Outcome(enum.Enum):
    """How an exchange came out."""

    COMPLETE = "complete"
    """The answer reached its own end."""
    REFUSED = "refused"
    """It was answered with an error that is the client's or the configuration's fault."""
    FAILED = "failed"
    """A provider failed, and the client was told so."""
    CLIENT_GONE = "client_gone"
    """The client left before the end."""
    CLIENT_SLOW = "client_slow"
    """The client stopped reading, and was left."""
    SHUT_DOWN = "shut_down"
    """This process stopped before the end."""


@immutable(kw_only=True)
class Try:
    """One candidate that was asked. ``kind`` is why it did not serve, None for the one that did."""

    credential: str
    provider: str
    model: str
    kind: ErrorKind | None = None
    status: int | None = None


@immutable
class Settled:
    """An account that is closed. Times in seconds; ``began`` is Unix time, ``first_byte`` and ``total`` count from it; ``first_byte`` is None
    where no byte of an answer was sent. ``usage`` is None where it is unknown.

    ``client`` and ``credential`` are names for people, ``client_id`` and ``credential_id`` the stable ids behind them. ``provider`` is the
    name of the configuration (a group), ``vendor`` that of the catalogue. ``lost`` are the paths of what a translation could not say, of which
    there are ``losses``.
    """

    status: int | None
    total: float
    id: str
    began: float
    method: str
    path: str
    peer: str
    outcome: Outcome
    first_byte: float | None = None
    client: str | None = None
    client_id: str | None = None
    protocol: str | None = None
    operation: str | None = None
    model: str | None = None
    stream: bool = False
    lane: str | None = None
    provider: str | None = None
    vendor: str | None = None
    credential: str | None = None
    credential_id: str | None = None
    upstream_protocol: str | None = None
    upstream_model: str | None = None
    tries: tuple[Try, ...] = ()
    failure: Failure | None = None
    usage: Usage | None = None
    observed: bool = True
    losses: int = 0
    lost: tuple[str, ...] = ()
    bytes_in: int = 0
    bytes_out: int = 0


Sink = Callable[[Settled], None]
"""Takes a settled account. Must return at once."""

Charged = tuple[str, str]
"""Whom something is charged to: ``client``, ``credential`` or ``group`` (the provider's name in the configuration), and its id."""


def charged(client_id: str | None, credential_id: str | None, provider: str | None) -> Iterator[Charged]:
    """Whom an exchange of these is charged to."""
    said = (("client", client_id), ("credential", credential_id), ("group", provider))
    return ((kind, id_) for kind, id_ in said if id_ is not None)


@attrs.define(eq=False)
class Entry:
    """The account of one running exchange; a context manager that settles when it is left.

    The fields are set by the stages as they learn them. The first outcome that is recorded stands.
    """

    id: str
    method: str
    path: str
    peer: str
    began: float
    _clock: Callable[[], float]
    _settle: Callable[[Entry, Settled], None]
    _opened_at: float = attrs.field(init=False)

    client: str | None = None
    client_id: str | None = None
    protocol: str | None = None
    operation: str | None = None
    model: str | None = None
    stream: bool = False
    lane: str | None = None
    provider: str | None = None
    vendor: str | None = None
    credential: str | None = None
    credential_id: str | None = None
    upstream_protocol: str | None = None
    upstream_model: str | None = None
    tries: tuple[Try, ...] = ()
    usage: Usage | None = None
    observed: bool = True
    losses: int = 0
    lost: tuple[str, ...] = ()
    bytes_in: int = 0
    bytes_out: int = 0

    status: int | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None
    first_byte: float | None = None

    def __attrs_post_init__(self) -> None:
        self._opened_at = self._clock()

    @property
    def opened_at(self) -> float:
        """When the exchange started, by the ledger's clock."""
        return self._opened_at

    def answered(self, status: int) -> None:
        """The answer's head went to the client."""
        self.status = status

    def sent(self, count: int) -> None:
        """``count`` bytes of the answer's body went to the client."""
        if self.first_byte is None:
            self.first_byte = self._clock() - self._opened_at
        self.bytes_out += count

    def used(self, usage: Usage) -> None:
        """The provider reported token counts; later reports replace what they know."""
        self.usage = usage if self.usage is None else self.usage.updated(usage)

    def outlasted(self, seconds: float) -> bool:
        """Whether the exchange has been open for ``seconds``."""
        return self._clock() - self._opened_at >= seconds

    def asking(
        self,
        *,
        lane: str,
        provider: str,
        credential: str,
        protocol: str,
        model: str,
        losses: int,
        lost: tuple[str, ...] = (),
        vendor: str | None = None,
        credential_id: str | None = None,
    ) -> None:
        """A candidate is being asked; the last one stands for the exchange."""
        self.lane, self.provider, self.credential = lane, provider, credential
        self.vendor, self.credential_id = vendor, credential_id
        self.upstream_protocol, self.upstream_model, self.losses = protocol, model, losses
        self.lost = lost

    def tried(self, attempt: Try) -> None:
        """A candidate was asked."""
        self.tries += (attempt,)

    def complete(self) -> None:
        """The answer reached its own end."""
        self._ended(Outcome.COMPLETE)

    def failed(self, failure: Failure) -> None:
        """The exchange ended in this failure."""
        if failure.kind is ErrorKind.CLIENT_GONE:
            self.client_gone()
        elif failure.kind is ErrorKind.SHUTTING_DOWN:
            self._ended(Outcome.SHUT_DOWN, failure)
        else:
            self._ended(Outcome.FAILED if failure.fault is Fault.UPSTREAM else Outcome.REFUSED, failure)

    def client_gone(self) -> None:
        """The client left. Nobody is to be blamed for what follows from it."""
        self._ended(Outcome.CLIENT_GONE)

    def client_slow(self, failure: Failure) -> None:
        """The client stopped reading."""
        self._ended(Outcome.CLIENT_SLOW, failure)

    def _ended(self, outcome: Outcome, failure: Failure | None = None) -> None:
        if self.outcome is None:
            self.outcome, self.failure = outcome, failure

    def __enter__(self) -> Entry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.outcome is None and isinstance(error, Exception):
            self.failed(Failure(kind=ErrorKind.INTERNAL, message=f"{type(error).__name__} in the proxy itself"))
        elif self.outcome is None:
            # Left by cancellation, or by a path that forgot to say how: either way the exchange did not reach its end.
            self._ended(Outcome.SHUT_DOWN if error is not None else Outcome.FAILED)
        self._settle(self, self._settled())

    def _settled(self) -> Settled:
        status = CLIENT_GONE_STATUS if self.outcome is Outcome.CLIENT_GONE else self.status
        return Settled(status, self._clock() - self._opened_at, *_account(self))


_account = attrgetter(*[field.name for field in attrs.fields(Settled)][2:])
"""What an entry and its settled account have in common, which is all but the first two. Thirty members named one by one cost a small exchange
two per cent of its time."""


@attrs.define(eq=False)
class Ledger:
    """Opens accounts and hands them to every sink when they are settled.

    ``clock`` is monotonic, ``wall`` Unix time, ``token`` makes ids. A sink that fails is logged and keeps nobody from the rest.
    """

    clock: Callable[[], float]
    wall: Callable[[], float]
    token: Callable[[], str]
    sinks: tuple[Sink, ...] = ()
    running: set[Entry] = attrs.field(factory=set, init=False)
    """The accounts that are open now."""

    @property
    def open(self) -> int:
        """How many accounts are open now."""
        return len(self.running)

    def entry(self, *, method: str, path: str, peer: str) -> Entry:
        """A new account, to be used in a ``with`` statement."""
        entry = Entry(
            id=self.token(),
            method=method,
            path=path,
            peer=peer,
            began=self.wall(),
            clock=self.clock,
            settle=self._settle,
        )
        self.running.add(entry)
        return entry

    def _settle(self, entry: Entry, settled: Settled) -> None:
        self.running.discard(entry)
        for sink in self.sinks:
            try:
                sink(settled)
            except Exception:
                _log.exception("a ledger sink failed; the exchange itself was not touched")
