"""One entry of a file, one credential: what every way to write a provider down has in common.

Knows: keys and where they come from, base URLs, models, headers, what goes without saying. Refuses to know: blocks and tables
(``harvest.py``), routing. A credential that can't be used yet (an unreadable token file, a variable that is not set) is left out with a
warning; one that is written wrongly is a problem.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

import attrs

from trioproxy.config.bases import Bases, bases_of
from trioproxy.config.model import NO_LIMITS, BaseJoin, Credential, ModelEntry, Secret, Settings
from trioproxy.config.problems import Report
from trioproxy.config.settings import deadlines_of, health_check_of, is_example, is_loopback, limits_of
from trioproxy.config.tables import Section
from trioproxy.config.tokenfile import ReadFile, Token, TokenUnusable, expand_home, token_of
from trioproxy.providers.catalog import Catalogue
from trioproxy.providers.model import Provider, Thinking, Wire
from trioproxy.providers.quirks import ASK_FOR_USAGE, QUIRKS
from trioproxy.providers.urls import base_problem

__all__ = ["Mint"]

# RFC 9110 section 5.6.2 (token) and 5.5 (field values hold no control characters).
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_DIRECT = frozenset({"direct", "none"})


@attrs.define(eq=False)
class Mint:
    """Makes credentials; keeps what it made, and every group that was named, served or not."""

    catalogue: Catalogue
    settings: Settings
    env: Mapping[str, str]
    read: ReadFile
    report: Report
    made: list[Credential] = attrs.Factory(list)
    groups: dict[str, int] = attrs.Factory(dict)
    _ids: dict[str, int] = attrs.Factory(dict)
    _akin: dict[tuple[str, ...], Provider] = attrs.Factory(dict)

    def token(self, section: Section, provider: Provider) -> Token | None:
        """The key of ``section``: its own, else that in its token file; None (with a warning, where a file was named) if there is none."""
        secret: Secret | None = section.get("api-key")
        if secret is not None:
            if is_example(secret):
                self.report.warning(section.at("api-key"), "this looks like the key of an example")
            return Token(key=secret)
        path = section.get("token-file")
        if path is None:
            return None
        try:
            return token_of(expand_home(path, self.env), provider.token_fields, self.read)
        except TokenUnusable as exc:
            self.report.warning(section.at("token-file"), f"{exc}; this credential is left out")
            return None

    def usual_key(self, provider: Provider) -> Secret | None:
        """The key in the environment variable that this provider's key usually has."""
        found = (self.env.get(name, "").strip() for name in provider.env)
        return next((Secret(value) for value in found if value), None)

    def base(self, section: Section, key: str) -> str | None:
        """The base URL at ``key``, None where there is none or a wrong one (which is noted)."""
        base: str | None = section.get(key)
        if base is None:
            return None
        wrong = base_problem(base)
        if wrong is not None:
            self.report.problem(section.at(key), wrong)
            return None
        return base

    def bases(self, section: Section, provider: Provider, base: str | None, token: Token | None) -> Bases | None:
        """The wires of an entry, None (with a problem) where it says too little to know them."""
        if base is None and token is not None and token.host is not None:
            base = token.host if "://" in token.host else f"https://{token.host}/v1"
        bases = bases_of(provider, self.catalogue, base, section.get("wire"))
        if all(wire.base_url for wire in bases.wires):
            return bases
        if not ({"base-url", "endpoint"} & section.places.keys()):
            self.report.problem(section.place, "needs a base-url: there is no address of a vendor to fall back on")
        return None

    def credential(
        self,
        section: Section,
        provider: Provider,
        bases: Bases,
        *,
        group: str,
        key: Secret | None,
        join: BaseJoin = BaseJoin.VERBATIM,
        own: Section | None = None,
    ) -> Credential:
        """One credential; :meth:`keep` is what puts it into the snapshot.

        ``own`` is the entry of a key inside ``section`` where there is one: its limits, weight and proxy are its own, while those of
        ``section`` are shared by the group.
        """
        provider = self._at_a_vendors(provider, bases)
        inner = own if own is not None else section
        number = self.groups[group.lower()] = self.groups.get(group.lower(), 0) + 1
        prefix = self._prefix(section)
        retry = section.get("request-retry", -1)
        models = self._models(section)
        mute = not models and bool(section.get("models", ()))
        if mute:
            self.report.warning(section.at("models"), "none of them is enabled: this entry serves nothing")
        custom_base = bases.foreign and not (bool(provider.wires[0].base_url) and _local(bases))
        return Credential(
            id=self._id(provider, group, bases, prefix, key),
            label=f"{group}#{number}",
            provider=provider,
            wires=bases.wires,
            join=join,
            key=key,
            prefix=prefix,
            headers=self._headers(section),
            models=models,
            excluded_models=section.get("excluded-models", ()),
            proxy_url=self._proxy(inner if "proxy-url" in inner else section, bases),
            priority=section.get("priority", 0),
            weight=inner.get("weight", section.get("weight", 1)),
            enabled=_enabled(section) and _enabled(inner) and not mute,
            deadlines=deadlines_of(section, self.settings.deadlines),
            limits=limits_of(inner),
            group_limits=limits_of(section) if own is not None else NO_LIMITS,
            quirks=self._quirks(section, provider, custom_base),
            custom_base=custom_base,
            health_check=health_check_of(section),
            disable_cooling=section.get("disable-cooling", self.settings.disable_cooling),
            max_connections=section.get("max-connections", self.settings.max_connections),
            keep_alive_connections=section.get("keep-alive-connections", self.settings.keep_alive_connections),
            discover=section.get("discover", self.settings.discover),
            source=inner.place.source,
            group=group,
            include_usage=section.get("include-usage", provider.include_usage),
            websockets=section.get("websockets", False),
            request_retry=retry if retry >= 0 else None,
        )

    def _at_a_vendors(self, provider: Provider, bases: Bases) -> Provider:
        """``provider``, which may be any server, with what is peculiar of the vendor whose address it has, and what is known of the models
        that are asked for in the protocols it speaks."""
        if not provider.base_url_required:
            return provider
        spoken_to = (provider.name, provider.auth.value, *(wire.protocol for wire in bases.wires))
        if spoken_to not in self._akin:
            self._akin[spoken_to] = attrs.evolve(provider, kin=self.catalogue.kin(bases.wires))
        provider = self._akin[spoken_to]
        spoken = {(wire.protocol, urlsplit(wire.base_url).hostname) for wire in bases.wires}
        for vendor in self.catalogue.providers.values():
            own = {(wire.protocol, host) for wire in vendor.wires for host in _hosts(wire, vendor)}
            if spoken & own:
                return attrs.evolve(
                    provider,
                    quirks=vendor.quirks,
                    model_quirks=vendor.model_quirks,
                    include_usage=vendor.include_usage,
                    rate_headers=vendor.rate_headers,
                )
        return provider

    def keep(self, credential: Credential) -> None:
        """Put a credential into the snapshot, behind those that are there."""
        self.made.append(credential)

    def name_only(self, group: str) -> None:
        """Remember that the file names ``group``, though it has no credential."""
        self.groups.setdefault(group.lower(), 0)

    def _id(self, provider: Provider, group: str, bases: Bases, prefix: str | None, key: Secret | None) -> str:
        facts = (
            provider.name,
            prefix or "",
            key.reveal() if key is not None else "",
            *(wire.base_url for wire in bases.wires),
        )
        digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:10]
        id_ = f"{group}-{digest}"
        count = self._ids[id_] = self._ids.get(id_, 0) + 1
        return id_ if count == 1 else f"{id_}-{count}"

    def _prefix(self, section: Section) -> str | None:
        prefix = section.get("prefix", "").strip("/")
        if "/" in prefix:
            self.report.warning(section.at("prefix"), f"a prefix holds no '/': {prefix!r} is left out")
            return None
        return prefix or None

    def _headers(self, section: Section) -> Mapping[str, str]:
        headers: dict[str, str] = section.get("headers", {})
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                self.report.problem(section.at("headers"), f"{name!r} is no header name")
            if not _HEADER_VALUE.fullmatch(value):
                self.report.problem(
                    section.at("headers"), f"the value of {name} holds a line break or a control character"
                )
        return MappingProxyType(headers)

    def _models(self, section: Section) -> tuple[ModelEntry, ...]:
        models: list[ModelEntry] = []
        for entry in section.get("models", ()):
            name = entry.get("name", entry.get("alias"))
            if name is None:
                if not {"name", "alias"} & entry.places.keys():
                    self.report.problem(entry.place, "an entry of models needs a name")
                continue
            if entry.get("enabled", True):
                models.append(_model(entry, name))
        return tuple(models)

    def _proxy(self, section: Section, bases: Bases) -> str | None:
        own = section.get("proxy-url")
        if own is None:
            # The global proxy is for the way out of the machine: what listens on it is not behind that proxy.
            return None if _local(bases) else self.settings.proxy_url
        if own.lower() in _DIRECT or not own:
            return None
        return self.checked_proxy(own, section)

    def checked_proxy(self, url: str, section: Section) -> str | None:
        """An outbound proxy's URL, None (with a problem) where it is none."""
        try:
            parts = urlsplit(url)
            fine = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            fine = False
        if not fine:
            self.report.problem(
                section.at("proxy-url"), f"a proxy is a URL of {', '.join(_PROXY_SCHEMES)}, with a host"
            )
            return None
        return url

    def _quirks(self, section: Section, provider: Provider, custom_base: bool) -> tuple[str, ...]:
        for name in section.get("quirks", ()):
            if name not in QUIRKS:
                self.report.problem(
                    section.at("quirks"), f"no quirk is called {name!r}", word=name, known=tuple(QUIRKS)
                )
        own = list(section.get("quirks", ()))
        if section.get("include-usage"):
            own.append(ASK_FOR_USAGE)
        known = dict.fromkeys((*provider.quirks, *own))
        # The catalogue speaks of the vendor's own address, and not of what answers at another.
        if section.get("include-usage") is False or (custom_base and ASK_FOR_USAGE not in own):
            known.pop(ASK_FOR_USAGE, None)
        return tuple(known)


def _hosts(wire: Wire, vendor: Provider) -> set[str]:
    """The addresses of a vendor at which it speaks in this way; none where the catalogue's is no vendor's own."""
    host = urlsplit(wire.base_url).hostname
    return {host, *vendor.hosts} if host is not None and not is_loopback(host) and "." in host else set()


def _local(bases: Bases) -> bool:
    """Whether the entry means a server on this machine."""
    return all(is_loopback(urlsplit(wire.base_url).hostname or "") for wire in bases.wires)


def _enabled(section: Section) -> bool:
    return bool(section.get("enabled", True)) and not section.get("disabled", False)


def _model(entry: Section, name: str) -> ModelEntry:
    return ModelEntry(
        name=name,
        alias=entry.get("alias", name),
        display_name=entry.get("display-name"),
        context_length=entry.get("context-length", entry.get("max-tokens")),
        max_output_tokens=entry.get("max-output-tokens"),
        thinking=_thinking(entry.get("thinking")),
        features=frozenset(_features(entry)),
    )


def _features(entry: Section) -> Iterable[str]:
    if entry.get("supports-functions"):
        yield "functions"
    if entry.get("supports-streaming"):
        yield "streaming"


def _thinking(section: Section | None) -> Thinking | None:
    if section is None:
        return None
    return Thinking(
        minimum=section.get("min"),
        maximum=section.get("max"),
        zero_allowed=section.get("zero-allowed", True),
        dynamic_allowed=section.get("dynamic-allowed", False),
        levels=tuple(level.lower() for level in section.get("levels", ())),
        adaptive=section.get("adaptive", False),
    )
