"""``count_tokens``: a provider's count told in the client's protocol, or an estimate where none counts."""

from __future__ import annotations

import trio

from trioproxy.config.routed import Candidate, Routed
from trioproxy.errors import ClientFault, Failure, UpstreamFault
from trioproxy.gateway.estimates import HEADER, estimate, tokenizer
from trioproxy.gateway.pairs import choose_lane
from trioproxy.gateway.refusal import Reply, json_reply, lacks_the_place
from trioproxy.gateway.sources import malformed
from trioproxy.gateway.stages import Admitted, Rejected
from trioproxy.neutral.events import Event
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import Asked, Counting, Operation, Protocol
from trioproxy.wire.jsoncodec import JSONError, dumps, loads_object
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["CountTranslation", "estimated", "is_counted", "was_not_counted"]


def is_counted(asked: Asked, routed: Routed) -> bool:
    """Whether what is asked needs a provider: it is no count, or there is one that counts."""
    return asked.operation is not Operation.COUNT_TOKENS or any(
        _offered(asked, candidate) for candidate in routed.candidates
    )


def was_not_counted(asked: Asked, rejected: Rejected) -> bool:
    """Whether a provider was asked to count and has no place for that."""
    return asked.operation is Operation.COUNT_TOKENS and lacks_the_place(rejected)


async def estimated(admitted: Admitted) -> Reply:
    """The answer that estimates.

    Raises:
        ClientFault: INVALID_REQUEST, the request can't be read.
    """
    asked = admitted.asked
    assert asked.document is not None, "what is counted is a JSON body"
    conversation = admitted.protocol.read_request(asked.document, asked)
    total, name = await trio.to_thread.run_sync(_estimate, conversation, abandon_on_cancel=True)
    document = _counting(admitted.protocol).render(total)
    return json_reply(document, headers=((HEADER, name.encode()),))


def _estimate(conversation: Conversation) -> tuple[int, str]:
    by = tokenizer()
    return estimate(conversation, by), by.name


def _offered(asked: Asked, candidate: Candidate) -> bool:
    try:
        choose_lane(asked, candidate)
    except ClientFault:
        return False
    return True


class CountTranslation:
    """See :class:`~trioproxy.gateway.carriers.Carrier`. Both protocols count."""

    streams = False
    behind = b""
    at_border = False
    complete = False
    lost = False

    def __init__(self, provider: Protocol, client: Protocol, *, limit: int) -> None:
        self._read = _counting(provider).read
        self._render = _counting(client).render
        self._limit = limit
        self._held = b""
        self.failure: Failure | None = None
        self.over = False
        self.losses: list[Loss] = []

    def catch_up(self) -> list[Event]:
        """See :class:`Carrier`: what was not read can't be said."""
        return []

    @property
    def ready(self) -> bool:
        """See :class:`Carrier`."""
        return self.over or self.failure is not None

    @property
    def done(self) -> bool:
        """See :class:`Carrier`."""
        return self.failure is not None

    def feed(self, data: bytes) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        if len(self._held) + len(data) > self._limit:
            self._held = b""
            self.failure = malformed(ProtocolViolation(f"the count is longer than {self._limit} bytes"))
        else:
            self._held += data
        return b"", []

    def close(self) -> tuple[bytes, list[Event]]:
        """See :class:`Carrier`."""
        try:
            total = self._read(loads_object(self._held))
        except JSONError as exc:
            self.failure = malformed(ProtocolViolation(f"the count: {exc}"))
        except UpstreamFault as fault:
            self.failure = fault.failure
        else:
            self.over = True
            return dumps(self._render(total)), []
        return b"", []

    def failing(self, failure: Failure) -> bytes | None:
        """See :class:`Carrier`."""
        return None


def _counting(protocol: Protocol) -> Counting:
    assert protocol.counting is not None, f"{protocol.name} counts no tokens, and no such crossing is offered"
    return protocol.counting
