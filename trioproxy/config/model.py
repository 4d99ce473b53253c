"""The configuration as frozen values: what the rest of the house sees of the file. Knows no YAML.

A :class:`Snapshot` is complete: every default is filled in, every environment variable expanded, every provider resolved against
the catalogue. An exchange keeps the snapshot it began with. Living state (connection pools, credential health) lies elsewhere, keyed by
:attr:`Credential.id`, which is stable over reloads.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import Any

import attrs

from trioproxy.providers.model import BaseJoin, Provider, Thinking, Wire

__all__ = [
    "NO_LIMITS",
    "BaseJoin",
    "ClientKey",
    "Credential",
    "Deadlines",
    "ErrorFormat",
    "HealthCheck",
    "Limits",
    "MatchKind",
    "ModelEntry",
    "PriceRule",
    "Recording",
    "Replay",
    "RouteRule",
    "Secret",
    "Settings",
    "Snapshot",
    "Strategy",
]


@attrs.frozen(repr=False)
class Secret:
    """A key. Its value shows in no repr, log or traceback; call :meth:`reveal` where the bytes go on the wire."""

    _value: str

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


@attrs.frozen(kw_only=True)
class Deadlines:
    """Seconds; ``inf`` is off. ``first_byte`` bounds a streaming answer, ``response`` a whole one."""

    connect: float = 10.0
    first_byte: float = 120.0
    response: float = 600.0
    idle: float = 120.0
    tool_call: float = 120.0
    total: float = inf
    client_send: float = 60.0


@attrs.frozen(kw_only=True)
class Limits:
    """Ceilings on a provider, credential or client key; None is none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_tokens_per_request: int | None = None
    concurrent: int | None = None
    daily_budget_usd: float | None = None


NO_LIMITS = Limits()
"""What holds where nothing is said: whether there are any limits is a matter of identity."""


@attrs.frozen(kw_only=True)
class HealthCheck:
    """How a credential is looked at before anybody asks: every ``interval`` seconds, waiting ``timeout`` seconds for an answer. ``path`` None
    is the protocol's list of models."""

    interval: float = 60.0
    timeout: float = 10.0
    path: str | None = None


class ErrorFormat(enum.Enum):
    """How errors before the head are rendered: the client's native JSON, or the message alone as text."""

    JSON = "json"
    TEXT = "text"


@attrs.frozen(kw_only=True)
class ClientKey:
    """One accepted client key. ``id`` is stable and not secret (a short hash); patterns are case-insensitive globs."""

    id: str
    key: Secret
    name: str | None = None
    models: tuple[str, ...] = ()
    excluded_models: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS


@attrs.frozen(kw_only=True)
class ModelEntry:
    """A model a credential serves: ``name`` upstream, ``alias`` to clients (equal to ``name`` where none was given). What is None here is
    for the catalogue to say. ``features`` are words as in :class:`~trioproxy.providers.model.ModelFacts`."""

    name: str
    alias: str
    display_name: str | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    thinking: Thinking | None = None
    features: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Replay:
    """A folder of recordings in the place of a server. ``speed`` 0 is at once, ``match`` one of strict, shape, sequence, any; with ``once``
    each recording answers once. ``ignore`` are dotted paths that are not compared, on top of the usual ones. ``faults`` is as
    ``upstream/faults.py`` reads it."""

    folder: str
    speed: float = 1.0
    match: str = "shape"
    once: bool = False
    ignore: tuple[str, ...] = ()
    faults: str = ""


@attrs.frozen(kw_only=True)
class Recording:
    """What becomes a recording, and where it goes. ``providers`` empty means all. ``redact`` are regular expressions, and
    ``redact_fields`` names of body fields, that are taken out on top of the usual ones."""

    into: str
    providers: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    redact_fields: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Credential:
    """One key of one provider with everything resolved.

    ``wires`` holds only the protocols this credential may be spoken to in, with its own base URL filled in, in order of preference.
    ``models`` empty means any name the provider's patterns (or the prefix) admit; with ``open_names`` other names than the listed ones are
    admitted too. ``group`` is the name that routes, listings and metrics know the provider by: the name of its table, of its
    ``openai-compatibility`` entry, else the provider's own. ``limits`` are this key's, ``group_limits`` are shared by all of its group.
    ``health_check`` None is none. ``discovered`` is what the provider lists itself, where it was asked (:attr:`discovers`) and has answered.
    ``request_retry`` None means the setting's. A value of ``headers`` that begins with ``$`` copies the client's header of that name.
    ``custom_base`` says that the address is neither the vendor's nor a stand-in for it on this machine: such servers differ in where they
    look for a key. ``replay`` makes it a folder of recordings instead of a server; ``websockets`` says that it
    takes Responses over WebSocket. ``source`` is ``file:line`` for messages.
    """

    id: str
    label: str
    provider: Provider
    wires: tuple[Wire, ...]
    join: BaseJoin = BaseJoin.VERBATIM
    key: Secret | None = None
    prefix: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    models: tuple[ModelEntry, ...] = ()
    open_names: bool = False
    excluded_models: tuple[str, ...] = ()
    proxy_url: str | None = None
    priority: int = 0
    weight: int = 1
    enabled: bool = True
    deadlines: Deadlines = Deadlines()
    limits: Limits = NO_LIMITS
    quirks: tuple[str, ...] = ()
    custom_base: bool = False
    disable_cooling: bool = False
    health_check: HealthCheck | None = None
    max_connections: int = 1000
    keep_alive_connections: int = 32
    discover: bool = False
    discovered: tuple[ModelEntry, ...] = ()
    source: str = ""
    group: str = attrs.Factory(lambda self: self.provider.name, takes_self=True)
    group_limits: Limits = NO_LIMITS
    include_usage: bool = True
    request_retry: int | None = None
    features: frozenset[str] = frozenset()
    replay: Replay | None = None
    websockets: bool = False

    @property
    def discovers(self) -> bool:
        """Whether the provider's own list is its list of models: the file wants that, and neither the file nor the catalogue names any."""
        wanted = self.discover and bool(self.wires) and self.replay is None
        return wanted and not self.models and not self.provider.models

    @property
    def limited(self) -> bool:
        """Whether it, or all of its group, has any limits."""
        return self.limits is not NO_LIMITS or self.group_limits is not NO_LIMITS

    def goes_by(self, name: str) -> bool:
        """Whether ``name`` means its provider: by the name of its entry or the catalogue's, in any case."""
        return name.strip().lower() in {self.group.lower(), self.provider.name}

    def wire(self, protocol: str) -> Wire | None:
        """The wire that speaks ``protocol``, None where this credential has none."""
        for wire in self.wires:
            if wire.protocol == protocol:
                return wire
        return None


class Strategy(enum.Enum):
    """How one of several equal candidates is chosen."""

    ROUND_ROBIN = "round-robin"
    WEIGHTED = "weighted-round-robin"
    FILL_FIRST = "fill-first"
    CAPABILITY = "capability"


class MatchKind(enum.Enum):
    """How a ProxAI route compares its pattern with the client's model."""

    AUTO = "auto"
    EXACT = "exact"
    GLOB = "glob"
    REGEX = "regex"


@attrs.frozen(kw_only=True)
class RouteRule:
    """One ``routing.routes`` entry. ``provider`` names a provider table; ``upstream_model`` is a literal, or a template for REGEX."""

    name: str | None
    protocol: str | None
    match: MatchKind
    pattern: str
    provider: str
    upstream_model: str | None = None
    deadlines: Mapping[str, float] = MappingProxyType({})
    source: str = ""


@attrs.frozen(kw_only=True)
class PriceRule:
    """What a model costs by the file: US dollars a million tokens. ``pattern`` is a case-insensitive glob of the upstream's model name, or of
    ``provider/model``. ``cached`` and ``cache_write`` None are priced as ``input``."""

    pattern: str
    input: float = 0.0
    output: float = 0.0
    cached: float | None = None
    cache_write: float | None = None


@attrs.frozen(kw_only=True)
class Settings:
    """What is not about one provider. Sizes in bytes, times in seconds.

    ``state_dir`` "" is the user's own folder, "off" is none; without one there is no ledger. ``ledger_age`` and ``ledger_size`` bound what
    it keeps.

    ``max_retry_interval`` is the longest wait for a cooling credential; ``transient_cooldown`` the rest after a transient failure (0 none);
    ``max_cooldown`` the cap on an upstream's own reset hint; ``max_concurrent`` bounds the requests in flight (0 no bound). Connection counts
    and ``discover`` are what holds for entries that say nothing; each :class:`Credential` has its own. ``conversations_size`` bounds what is
    kept of all conversations, ``conversations_own_size`` what is kept of those of one socket or client key.
    """

    host: str = "127.0.0.1"
    port: int = 8317
    allow_anonymous: bool = False
    force_model_prefix: bool = False
    error_format: ErrorFormat = ErrorFormat.JSON
    keepalive: float = 15.0
    early_head: bool = False
    deadlines: Deadlines = Deadlines()
    max_head: int = 64 * 1024
    max_body: int = 64 * 1024 * 1024
    max_event: int = 16 * 1024 * 1024
    request_retry: int = 0
    max_retry_credentials: int = 0
    loss_header: bool = False
    drain: float = 30.0
    state_dir: str = ""
    ledger: bool = True
    ledger_age: float = 90 * 86400.0
    ledger_size: int = 256 * 1024 * 1024
    strategy: Strategy = Strategy.ROUND_ROBIN
    session_affinity: bool = False
    session_affinity_ttl: float = 3600.0
    max_retry_interval: float = 30.0
    transient_cooldown: float = 60.0
    max_cooldown: float = 3600.0
    disable_cooling: bool = False
    max_concurrent: int = 0
    proxy_url: str | None = None
    log_level: str = "info"
    log_json: bool = False
    management_secret: Secret | None = None
    management_remote: bool = False
    max_connections: int = 1000
    keep_alive_connections: int = 32
    discover: bool = False
    recording: Recording | None = None
    responses_websocket: bool = True
    realtime: bool = True
    websocket_idle: float = 3600.0
    conversations_over_http: bool = False
    conversations_size: int = 256 * 1024 * 1024
    conversations_own_size: int = 64 * 1024 * 1024
    conversations_ttl: float = 3600.0


@attrs.frozen(kw_only=True)
class Snapshot:
    """The whole configuration, resolved. ``generation`` counts swaps; ``defaults`` maps an inbound protocol to ProxAI's default provider
    name; ``warnings`` are what a person should hear once. ``fallbacks`` maps a model to those tried after it, in order. ``memo`` is where
    ``config.routes`` keeps what it computed from this snapshot; it is no part of its value."""

    generation: int = 0
    settings: Settings = Settings()
    clients: tuple[ClientKey, ...] = ()
    credentials: tuple[Credential, ...] = ()
    routes: tuple[RouteRule, ...] = ()
    defaults: Mapping[str, str] = MappingProxyType({})
    warnings: tuple[str, ...] = ()
    fallbacks: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    prices: tuple[PriceRule, ...] = ()
    memo: dict[str, Any] = attrs.field(factory=dict, init=False, eq=False, repr=False)
