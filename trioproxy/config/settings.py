"""What is not about one provider: the listener, deadlines, retries, logging, client keys.

Knows: which key sets which field of :class:`~trioproxy.config.model.Settings`. Refuses to know: providers and routes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from math import inf
from pathlib import Path
from typing import Any

import attrs

from trioproxy.config.model import (
    NO_LIMITS,
    ClientKey,
    Deadlines,
    HealthCheck,
    Limits,
    PriceRule,
    Recording,
    Secret,
    Settings,
)
from trioproxy.config.problems import Place, Report
from trioproxy.config.tables import Section

__all__ = [
    "check_exposure",
    "client_keys",
    "deadlines_of",
    "health_check_of",
    "is_example",
    "is_loopback",
    "limits_of",
    "partial_deadlines",
    "price_rules",
    "settings_of",
]

_EXAMPLE = re.compile(r"\.\.\.|^your[-_]|x{4,}|^<.*>$|^changeme$|^replace[-_ ]", re.IGNORECASE)
_EVERY_ADDRESS = "0.0.0.0"


def settings_of(
    root: Section, report: Report, *, host: str | None = None, port: int | None = None, folder: Path | None = None
) -> Settings:
    """The settings; ``host`` and ``port`` (a command line's) win over the file. ``folder`` is what relative paths in it start from."""
    values: dict[str, Any] = {}
    for name, members in _MEMBERS.items():
        block = _block(root, name) if name else root
        values |= {field: block.get(key) for key, field in members.items() if key in block}
    for (name, key), (field, unit) in _IN_UNITS.items():
        block = _block(root, name)
        if key in block:
            values[field] = block.get(key) * unit
    rest = root.get("transient-error-cooldown-seconds", 0)
    if rest:
        values["transient_cooldown"] = max(float(rest), 0.0)
    server, websocket = _block(root, "server"), _block(root, "websocket")
    _same(root, "responses-websocket-enabled", websocket, "responses", report)
    if root.get("debug") and "log_level" not in values:
        values["log_level"] = "debug"
    if values.get("log_level") == "warning":
        values["log_level"] = "warn"
    if not values.get("management_secret", Secret("-")).reveal():
        del values["management_secret"]
    values["deadlines"] = _global_deadlines(root)
    values["recording"] = _recording(root, report, folder)
    for key, given in (("host", host), ("port", port)):
        _same(root, key, server, key, report)
        values[key] = given if given is not None else root.get(key, server.get(key))
    settings = Settings(**{name: value for name, value in values.items() if value is not None})
    # An empty host is every address, as in the files of CLIProxyAPI.
    return settings if settings.host else attrs.evolve(settings, host=_EVERY_ADDRESS)


def client_keys(root: Section, report: Report) -> tuple[ClientKey, ...]:
    """The keys clients may use. A key given twice is a problem: nobody could say whose limits hold."""
    keys: dict[str, ClientKey] = {}
    for section in root.get("api-keys", ()):
        secret = section.get("key")
        if secret is None:
            if "key" not in section.places:
                report.problem(section.place, "an entry of api-keys needs a key")
            continue
        if is_example(secret):
            report.warning(section.at("key"), "this looks like the key of an example; anyone could know it")
        id_ = "key-" + hashlib.sha256(secret.reveal().encode()).hexdigest()[:12]
        if id_ in keys:
            report.problem(section.at("key"), "the same key is given twice")
        keys[id_] = ClientKey(
            id=id_,
            key=secret,
            name=section.get("name"),
            models=section.get("models", ()),
            excluded_models=section.get("excluded-models", ()),
            limits=limits_of(section),
        )
    return tuple(keys.values())


def price_rules(root: Section) -> tuple[PriceRule, ...]:
    """The prices that the file gives, in its order."""
    return tuple(
        PriceRule(
            pattern=pattern,
            input=section.get("input", 0.0),
            output=section.get("output", 0.0),
            cached=section.get("cached-input"),
            cache_write=section.get("cache-write"),
        )
        for pattern, section in root.get("prices", {}).items()
    )


def check_exposure(settings: Settings, clients: tuple[ClientKey, ...], place: Place, report: Report) -> None:
    """Refuse to serve strangers by accident: no keys, an address others can reach, and nobody said that this is meant. ``place`` is where
    the address stands."""
    if clients or settings.allow_anonymous or is_loopback(settings.host):
        return
    report.problem(
        place,
        f"refuses to start: anyone who can reach {settings.host} could use your providers' keys. "
        "Set api-keys, or host: 127.0.0.1, or (if you mean it) allow-anonymous: true",
    )


def _recording(root: Section, report: Report, folder: Path | None) -> Recording | None:
    section: Section | None = root.get("record")
    if section is None:
        return None
    if "into" not in section:
        report.problem(section.place, "needs the folder that recordings go to: into")
        return None
    for pattern in section.get("redact", ()):
        try:
            re.compile(pattern)
        except re.error as error:
            report.problem(section.at("redact"), f"{pattern!r} is no regular expression: {error}")
    return Recording(
        into=str((folder or Path()) / Path(section.get("into")).expanduser()),
        providers=section.get("providers", ()),
        redact=section.get("redact", ()),
        redact_fields=section.get("redact-fields", ()),
    )


def deadlines_of(section: Section, base: Deadlines) -> Deadlines:
    """``base`` with what the ``timeouts`` of ``section`` say."""
    return attrs.evolve(base, **partial_deadlines(section))


def partial_deadlines(section: Section) -> dict[str, float]:
    """Only the deadlines that ``timeouts`` of ``section`` names, by field."""
    timeouts = section.get("timeouts")
    if timeouts is None:
        return {}
    return {key.replace("-", "_"): seconds for key, seconds in timeouts.values.items()}


def limits_of(section: Section) -> Limits:
    """The ``limits`` of ``section``."""
    limits = section.get("limits")
    if limits is None:
        return NO_LIMITS
    given = Limits(**{key.replace("-", "_"): value for key, value in limits.values.items()})
    return given if given != NO_LIMITS else NO_LIMITS


def health_check_of(section: Section) -> HealthCheck | None:
    """The ``health-check`` of ``section``; an ``interval`` of ``off`` is none."""
    block = section.get("health-check")
    if block is None:
        return None
    check = HealthCheck(**block.values)
    return check if check.interval < inf else None


def is_example(secret: Secret) -> bool:
    """Whether a key is one that stands in a manual."""
    return _EXAMPLE.search(secret.reveal()) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


_MEMBERS: dict[str, dict[str, str]] = {
    "": {
        "allow-anonymous": "allow_anonymous",
        "force-model-prefix": "force_model_prefix",
        "request-retry": "request_retry",
        "max-retry-credentials": "max_retry_credentials",
        "max-retry-interval": "max_retry_interval",
        "disable-cooling": "disable_cooling",
        "max-cooldown-seconds": "max_cooldown",
        "proxy-url": "proxy_url",
        "loss-header": "loss_header",
        "state-dir": "state_dir",
        "max-connections": "max_connections",
        "keep-alive-connections": "keep_alive_connections",
        "discover": "discover",
        "responses-websocket-enabled": "responses_websocket",
    },
    "streaming": {"keepalive-seconds": "keepalive", "early-head": "early_head"},
    "server": {
        "max-request-body-bytes": "max_body",
        "max-request-head-bytes": "max_head",
        "max-event-bytes": "max_event",
        "max-concurrent-requests": "max_concurrent",
        "drain-seconds": "drain",
    },
    "logging": {"level": "log_level", "output-format": "log_json"},
    "error-responses": {"format": "error_format"},
    "remote-management": {"secret-key": "management_secret", "allow-remote": "management_remote"},
    "routing": {
        "strategy": "strategy",
        "session-affinity": "session_affinity",
        "session-affinity-ttl": "session_affinity_ttl",
    },
    "ledger": {"enabled": "ledger"},
    "websocket": {"responses": "responses_websocket", "realtime": "realtime", "idle-seconds": "websocket_idle"},
    "conversations": {
        "over-http": "conversations_over_http",
        "max-bytes": "conversations_size",
        "max-bytes-each": "conversations_own_size",
        "ttl": "conversations_ttl",
    },
}
"""Which key of which block (none for the file itself) is which field."""

_IN_UNITS: dict[tuple[str, str], tuple[str, float]] = {
    ("ledger", "max-age-days"): ("ledger_age", 86400.0),
    ("ledger", "max-size-mb"): ("ledger_size", 1024 * 1024),
}
"""The same for those that the file counts in larger units, and how much one of them is."""


def _global_deadlines(root: Section) -> Deadlines:
    tool_call = _block(root, "tool-calls").get("timeout-secs")
    base = Deadlines() if tool_call is None else Deadlines(tool_call=tool_call)
    return deadlines_of(root, base)


def _same(root: Section, key: str, block: Section, other: str, report: Report) -> None:
    """What the file may say in two places, it may not say in two ways."""
    if key in root and other in block and root.get(key) != block.get(other):
        report.problem(block.at(other), f"{root.at(key).path} in line {root.at(key).line} says something else")


def _block(section: Section, key: str) -> Section:
    block = section.get(key)
    return block if block is not None else Section(section.place, {}, {})
