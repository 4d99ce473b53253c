"""Asks providers which models they have, where ``discover`` says so and nobody else knows; what they tell becomes part of the snapshot.

One request at a time, in a task of its own: no client ever waits for it, and requests go by what was known before. A provider that does not
answer keeps the list it has told before, and is asked again soon; keys at a server that does not answer at all wait with it.
"""

from __future__ import annotations

import logging
from math import inf

import attrs
import trio

from trioproxy.config.model import Credential, ModelEntry, Snapshot
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.errors import ProxyError
from trioproxy.gateway.inquiry import Inquiry
from trioproxy.gateway.nap import Nap
from trioproxy.protocols.base import ModelCard
from trioproxy.protocols.table import protocol
from trioproxy.wire.jsoncodec import JSONError, loads
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["Discovery"]

_log = logging.getLogger("trioproxy.gateway")

FRESH = 300.0
AGAIN = 30.0
"""Seconds until a provider is asked again that has answered, and that has not."""
LIMIT = 10.0
"""Seconds for one list with all of its pages."""
MOST_BODY = 4 * 1024 * 1024
MOST_PAGES = 20
MOST_MODELS = 5000


class _NotListed(Exception):
    """An answer that is no list of models."""


@attrs.frozen
class _Trouble:
    """Why there is no list; ``silent`` says that the server gave no answer at all."""

    message: str
    silent: bool = False


@attrs.define(eq=False, kw_only=True)
class Discovery:
    """One task that keeps the lists of providers in ``cell``. ``trouble`` says of whom there is no news, by credential id, and why."""

    cell: SnapshotCell
    inquiry: Inquiry
    trouble: dict[str, str] = attrs.field(factory=dict, init=False)
    _next: dict[str, float] = attrs.field(factory=dict, init=False)
    _wanting: tuple[Credential, ...] = attrs.field(default=(), init=False)
    _seen: Snapshot | None = attrs.field(default=None, init=False)
    _nap: Nap = attrs.field(factory=Nap, init=False)

    async def run(self) -> None:
        """Ask until cancelled. A reload is heeded at once."""
        self.cell.heed(self._nap.wake)
        while True:
            await self.catch_up()
            await self._nap.until(min((self._next[each.id] for each in self._wanting), default=inf))

    async def catch_up(self) -> None:
        """Ask everybody whose turn it is, one after the other, who waits longest first."""
        while (credential := self._due()) is not None:
            await self._refresh(credential)

    def _due(self) -> Credential | None:
        if self.cell.current is not self._seen:
            self._look_around(self.cell.current)
        now = trio.current_time()
        waiting = [each for each in self._wanting if self._next.get(each.id, now) <= now]
        return min(waiting, key=lambda each: self._next.get(each.id, float("-inf")), default=None)

    def _look_around(self, snapshot: Snapshot) -> None:
        self._seen = snapshot
        self._wanting = tuple(each for each in snapshot.credentials if each.discovers and each.enabled)
        ids = {each.id for each in self._wanting}
        for gone in self._next.keys() - ids:
            del self._next[gone]
            self.trouble.pop(gone, None)

    async def _refresh(self, credential: Credential) -> None:
        models: tuple[ModelEntry, ...] = ()
        trouble: _Trouble | None = _Trouble(f"no answer within {LIMIT:g} s", silent=True)
        try:
            with trio.move_on_after(LIMIT):
                models = await self._list(credential)
                trouble = None
        except ProxyError as error:
            trouble = _Trouble(error.failure.message, silent=True)
        except (_NotListed, JSONError, ProtocolViolation) as error:
            trouble = _Trouble(str(error))
        except Exception as error:  # a bug of ours: the house stands without this list
            _log.exception("%s could not be asked for its models", credential.label)
            trouble = _Trouble(f"the proxy failed to ask: {type(error).__name__}")
        now = trio.current_time()
        self._next[credential.id] = now + (AGAIN if trouble is not None else FRESH)
        if trouble is None:
            self.cell.discover(credential.id, models)
        elif trouble.silent:
            for other in self._wanting:
                if _place(other) == _place(credential):
                    self._next[other.id] = now + AGAIN
        self._tell(credential, trouble, len(models))

    async def _list(self, credential: Credential) -> tuple[ModelEntry, ...]:
        """What the provider lists now, at most :data:`MOST_MODELS`.

        Raises:
            UpstreamFault: it does not answer.
            _NotListed: it has no list for us.
            JSONError: its list is no JSON.
            ProtocolViolation: its list is no list.
        """
        cards: dict[str, ModelCard] = {}
        query = ""
        for _ in range(MOST_PAGES):
            heard = await self.inquiry.ask(credential, most=MOST_BODY, query=query)
            if heard.status != 200:
                raise _NotListed(f"asked for its list of models it answered {heard.status}")
            if heard.cut:
                raise _NotListed(f"its list of models has more than {MOST_BODY} bytes")
            page = protocol(credential.wires[0].protocol).read_models(loads(heard.body))
            before = len(cards)
            for card in page.cards:
                cards.setdefault(card.id, card)
            query = page.next
            # A page that brings nothing new leads nowhere.
            if not query or len(cards) == before or len(cards) >= MOST_MODELS:
                break
        if len(cards) > MOST_MODELS:
            _log.warning("%s lists %d models; the first %d are kept", credential.label, len(cards), MOST_MODELS)
        return tuple(_entry(card) for card in list(cards.values())[:MOST_MODELS])

    def _tell(self, credential: Credential, trouble: _Trouble | None, count: int) -> None:
        """One line when trouble begins, one when it is over."""
        before = self.trouble.pop(credential.id, None)
        if trouble is not None:
            self.trouble[credential.id] = trouble.message
            if before is None:
                kept = len(credential.discovered)
                _log.warning(
                    "%s does not tell its models (discover): %s; %s",
                    credential.label,
                    trouble.message,
                    f"the {kept} known stay" if kept else "none are known",
                )
        elif before is not None or count != len(credential.discovered):
            _log.info("%s lists %d models", credential.label, count)


def _place(credential: Credential) -> tuple[str, str | None]:
    return credential.wires[0].base_url, credential.proxy_url


def _entry(card: ModelCard) -> ModelEntry:
    return ModelEntry(
        name=card.id,
        alias=card.id,
        display_name=card.display_name,
        context_length=card.context_length,
        max_output_tokens=card.max_output_tokens,
    )
