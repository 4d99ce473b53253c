"""From a parsed file to a :class:`~trioproxy.config.model.Snapshot`: every problem at once, or the whole thing.

Knows: the order of the steps (read by the table of keys, settings, credentials, routes) and what holds between them. Refuses to know: how
any of them is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from trioproxy.config.document import Config
from trioproxy.config.harvest import harvest
from trioproxy.config.mint import Mint
from trioproxy.config.model import MatchKind, RouteRule, Settings, Snapshot
from trioproxy.config.patterns import PatternInvalid, RoutePattern
from trioproxy.config.problems import Place, Report
from trioproxy.config.reading import Reading
from trioproxy.config.schema import root
from trioproxy.config.settings import check_exposure, client_keys, partial_deadlines, price_rules, settings_of
from trioproxy.config.statefolder import state_dir_of
from trioproxy.config.tables import Section
from trioproxy.config.tokenfile import ReadFile, read_text
from trioproxy.protocols.table import SPELLINGS
from trioproxy.providers.catalog import Catalogue

__all__ = ["build"]


def build(
    config: Config,
    catalogue: Catalogue,
    env: Mapping[str, str],
    *,
    host: str | None = None,
    port: int | None = None,
    read: ReadFile = read_text,
    forgiving: bool = False,
) -> Snapshot:
    """The snapshot that ``config`` describes. ``env`` is the environment; ``host`` and ``port`` (a command line's) win over the file;
    ``read`` reads token files. ``forgiving`` leaves variables that the environment lacks as they are: nobody can be served then, but what
    the file says can be looked at.

    Raises:
        ConfigInvalid: with every problem of the file.
    """
    report = Report()
    top = Place(config.name, getattr(config.document, "line", 1))
    reading = Reading(env=env, report=report, forgiving=forgiving)
    section: Section = root(catalogue).read(config.document, top, reading)
    if reading.exhausted:
        report.settle()
    settings = settings_of(section, report, host=host, port=port, folder=config.folder)
    settings = attrs.evolve(settings, state_dir=state_dir_of(settings, config.folder, env))
    clients = client_keys(section, report)
    check_exposure(settings, clients, section.at("host") if host is None else Place("--host", 0), report)
    mint = Mint(catalogue=catalogue, settings=settings, env=env, read=read, report=report)
    if settings.proxy_url:
        mint.checked_proxy(settings.proxy_url, section)
    harvest(section, mint, config.folder)
    routes = _routes(section, mint.groups, report)
    defaults = _defaults(section, mint.groups, report)
    _check_recorded(section, mint.groups, report)
    _check_reach(mint, settings, report, top)
    report.settle()
    return Snapshot(
        settings=settings,
        clients=clients,
        credentials=tuple(mint.made),
        routes=routes,
        defaults=MappingProxyType(defaults),
        fallbacks=MappingProxyType(section.get("fallbacks", {})),
        prices=price_rules(section),
        warnings=tuple(report.warnings),
    )


def _routes(section: Section, groups: Mapping[str, int], report: Report) -> tuple[RouteRule, ...]:
    routing = section.get("routing")
    rules: list[RouteRule] = []
    names: dict[str, Place] = {}
    for entry in routing.get("routes", ()) if routing is not None else ():
        rule = _route(entry, report)
        if rule is None:
            continue
        if rule.name is not None and rule.name in names:
            report.problem(entry.at("name"), f"the name {rule.name!r} is used already, in line {names[rule.name].line}")
        names[rule.name or ""] = entry.at("name")
        _check_group(rule.provider, entry.at("provider"), groups, report)
        rules.append(rule)
    return tuple(rules)


def _route(entry: Section, report: Report) -> RouteRule | None:
    missing = [key for key in ("model-pattern", "provider") if key not in entry.places]
    if missing:
        report.problem(entry.place, f"a route needs {' and '.join(key.replace('-', '_') for key in missing)}")
    pattern, provider = entry.get("model-pattern"), entry.get("provider")
    kind = entry.get("match-kind", MatchKind.AUTO)
    if pattern is None or provider is None:
        return None
    try:
        RoutePattern.compile(kind, pattern)
    except PatternInvalid as exc:
        report.problem(entry.at("model-pattern"), str(exc))
        return None
    return RouteRule(
        name=entry.get("name"),
        protocol=entry.get("request-protocol"),
        match=kind,
        pattern=pattern,
        provider=provider,
        upstream_model=entry.get("upstream-model"),
        deadlines=MappingProxyType(partial_deadlines(entry)),
        source=entry.place.source,
    )


def _defaults(section: Section, groups: Mapping[str, int], report: Report) -> dict[str, str]:
    routing = section.get("routing")
    names: Section | None = routing.get("default-provider-names") if routing is not None else None
    defaults: dict[str, str] = {}
    if names is None:
        return defaults
    for word, provider in names.values.items():
        if provider:
            _check_group(provider, names.at(word), groups, report)
            defaults[SPELLINGS[word]] = provider
    return defaults


def _check_group(provider: str, place: Place, groups: Mapping[str, int], report: Report) -> None:
    wanted = provider.strip().lower()
    if wanted not in groups:
        known = tuple(groups)
        exist = f" (there are {', '.join(sorted(known))})" if known else " (the file has no provider)"
        report.problem(place, f"no provider goes by the name {provider!r}{exist}", word=wanted, known=known)


def _check_recorded(section: Section, groups: Mapping[str, int], report: Report) -> None:
    """Whether providers go by the names that ``record`` picks out: of another name nothing would ever be kept, without a word."""
    record: Section | None = section.get("record")
    if record is None:
        return
    for provider in record.get("providers", ()):
        _check_group(provider, record.at("providers"), groups, report)


def _check_reach(mint: Mint, settings: Settings, report: Report, top: Place) -> None:
    if not report.problems and not any(credential.enabled for credential in mint.made):
        report.warning(
            top,
            f"no provider can be used yet: requests to {settings.host}:{settings.port} will be refused; "
            "add a block of one (claude-api-key, openai-api-key, gemini-api-key, openai-compatibility, ...)",
        )
