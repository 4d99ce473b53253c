"""The providers of a file: the blocks of vendors, the compatible servers, the ``providers`` map in its two forms.

Knows: what each block and table means. Refuses to know: what an entry has in common with all others (``mint.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from trioproxy.config.bases import Bases, bases_of
from trioproxy.config.entries import PROXAI_FORM
from trioproxy.config.mint import Mint
from trioproxy.config.model import BaseJoin, Credential, ModelEntry, Replay
from trioproxy.config.nearest import suggestion
from trioproxy.config.tables import Section
from trioproxy.config.tokenfile import Token, expand_home
from trioproxy.providers.model import AuthStyle, Provider
from trioproxy.wire.jsoncodec import dumps

__all__ = ["harvest"]

_COMPATIBLE = "openai-compatibility"
_REPLAY = "replay"
_FILL_ANSWER = "fill-anthropic-answer"
_SYSTEM_AS_INSTRUCTIONS = "system-as-instructions"


def harvest(root: Section, mint: Mint, folder: Path | None) -> None:
    """Make every credential the file holds, in the order of the file."""
    for key, held in root.values.items():
        provider = mint.catalogue.block(key)
        if key == "providers":
            for name, section in held.items():
                _table(name, section, mint, folder)
        elif provider is None:
            continue
        elif provider.sign_in is not None:
            mint.name_only(provider.name)
        else:
            make = _compatible if key == _COMPATIBLE else _entry
            for section in held:
                make(section, provider, mint)


def _table(name: str, section: Section, mint: Mint, folder: Path | None) -> None:
    """One table of the ``providers`` map."""
    if section.form == PROXAI_FORM:
        _proxai(name, section, mint)
    else:
        _typed(name, section, mint, folder)


def _entry(section: Section, provider: Provider, mint: Mint) -> None:
    """One key in a vendor's block."""
    group = section.get("name", provider.name)
    mint.name_only(group)
    base = mint.base(section, "base-url")
    if base is None and "cursor-api-url" in section:
        base = mint.base(section, "cursor-api-url")
        base = None if base is None else base.rstrip("/").removesuffix("/v1") + "/v1"
    token = mint.token(section, provider)
    if token is None and provider.key_required:
        if not ({"api-key", "token-file"} & section.places.keys()):
            mint.report.problem(section.place, "needs an api-key or a token-file")
        return
    if token is None and "token-file" in section:
        return
    bases = mint.bases(section, provider, base, token)
    if bases is not None:
        mint.keep(mint.credential(section, provider, bases, group=group, key=token.key if token is not None else None))


def _compatible(section: Section, provider: Provider, mint: Mint) -> None:
    """A named compatible server with its keys."""
    group = section.get("name", provider.name)
    mint.name_only(group)
    bases = mint.bases(section, provider, mint.base(section, "base-url"), None)
    if bases is None:
        return
    entries = [entry for entry in section.get("api-key-entries", ()) if entry.places]
    if not entries and not ({"api-key", "token-file"} & section.places.keys()):
        mint.keep(mint.credential(section, provider, bases, group=group, key=None))
    for entry in (section, *entries):
        token = mint.token(entry, provider)
        if token is not None:
            own = entry if entry is not section else None
            mint.keep(mint.credential(section, provider, bases, group=group, key=token.key, own=own))


def _proxai(name: str, section: Section, mint: Mint) -> None:
    """A table in ProxAI's form: one protocol at one base, open to whatever a route or a default sends there."""
    group = name.strip()
    mint.name_only(group)
    protocol, base = section.get("protocol"), mint.base(section, "base-url")
    for key in ("protocol", "base-url"):
        if key not in section.places:
            mint.report.problem(section.place, f"needs {key.replace('-', '_')}")
    token = mint.token(section, mint.catalogue.providers[_COMPATIBLE])
    if token is None and not ({"api-key", "token-file"} & section.places.keys()):
        mint.report.problem(section.place, "needs api_key")
    if protocol is None or base is None or token is None:
        return
    plain = mint.catalogue.plain_wire(protocol, base)
    # The client's key never goes upstream, and this form has always sent the provider's in the protocol's own header alone.
    auth = AuthStyle.X_API_KEY if plain.auth is AuthStyle.ANTHROPIC else plain.auth
    provider = attrs.evolve(mint.catalogue.providers[_COMPATIBLE], patterns=(), wires=(plain,))
    bases = Bases(wires=(attrs.evolve(plain, auth=auth),), own=True, foreign=True)
    credential = mint.credential(section, provider, bases, group=group, key=token.key, join=BaseJoin.OVERLAP)
    quirks = list(credential.quirks)
    if protocol == "openai_responses":
        quirks.append(_SYSTEM_AS_INSTRUCTIONS)
    if protocol == "anthropic" and section.get("compatibility"):
        quirks.append(_FILL_ANSWER)
    deadlines = credential.deadlines
    if "read-idle-timeout-secs" in section:
        deadlines = attrs.evolve(deadlines, idle=section.get("read-idle-timeout-secs"))
    mint.keep(attrs.evolve(credential, quirks=tuple(dict.fromkeys(quirks)), deadlines=deadlines))


def _typed(name: str, section: Section, mint: Mint, folder: Path | None) -> None:
    """A table by type: a provider of the catalogue, or a compatible server by any other word."""
    group = name.strip()
    mint.name_only(group)
    provider = _provider_of(section, group, mint)
    if provider is None:
        return
    if provider.name == _REPLAY:
        _replay(group, section, provider, mint, folder)
        return
    way = _way_to(provider, section, mint)
    if way is None:
        return
    bases, token = way
    if section.get("auth-type") == "none":
        provider = attrs.evolve(provider, auth=AuthStyle.NONE)
        bases = attrs.evolve(bases, wires=tuple(attrs.evolve(wire, auth=AuthStyle.NONE) for wire in bases.wires))
    credential = mint.credential(
        section,
        provider,
        bases,
        group=group,
        key=token.key if token is not None else None,
        join=BaseJoin.OVERLAP if bases.own else BaseJoin.VERBATIM,
    )
    mint.keep(_mapped(credential, section))


def _off(section: Section) -> bool:
    """Whether a table by type is switched off: then nobody misses what it lacks."""
    return not section.get("enabled", True) or section.get("disabled", False)


def _provider_of(section: Section, group: str, mint: Mint) -> Provider | None:
    """Whom a table by type means; None, and said, where that is nobody or one whose login is not served."""
    word = section.get("type", group)
    provider = mint.catalogue.named(word)
    if provider is None:
        if "endpoint" not in section.places and not _off(section):
            _unknown_type(word, section, mint)
            return None
        provider = mint.catalogue.providers[_COMPATIBLE]
    signs_in = section.get("auth-type") == "oauth" and not {"api-key", "token-file"} & section.places.keys()
    if signs_in or provider.sign_in is not None:
        mint.report.warning(
            section.place, f"the login of {provider.title} is not served yet: this provider is left out"
        )
        return None
    return provider


def _way_to(provider: Provider, section: Section, mint: Mint) -> tuple[Bases, Token | None] | None:
    """Where ``provider`` is and with which key; None where one of them is needed and missing, which is said unless the table is off."""
    base = mint.base(section, "endpoint")
    if base is None and provider.base_url_required:
        if "endpoint" not in section.places and not _off(section):
            mint.report.warning(section.place, "has no endpoint: this provider is left out")
        return None
    token = mint.token(section, provider)
    if token is None and "token-file" in section:
        return None
    bases = mint.bases(section, provider, base, token)
    if bases is None:
        return None
    token = token or _usual(section, provider, bases, mint)
    if token is None and provider.key_required and not bases.foreign and not _off(section):
        return None
    return bases, token


def _usual(section: Section, provider: Provider, bases: Bases, mint: Mint) -> Token | None:
    """The key such a table does not hold: this form has no member for it in its own description, so the environment is asked."""
    secret = mint.usual_key(provider) if not bases.foreign else None
    if secret is not None:
        return Token(key=secret)
    if provider.key_required and section.get("auth-type") != "none" and section.get("enabled", True):
        where = " or ".join(("api_key", *provider.env)) if not bases.foreign else "api_key"
        fate = "requests go without a key" if bases.foreign else "this provider is left out"
        mint.report.warning(section.place, f"no key (set {where}): {fate}")
    return None


def _mapped(credential: Credential, section: Section) -> Credential:
    """With the names of ``model-mappings``: they add to a model list, and where there is none, other names stay open."""
    mappings: dict[str, str] = section.get("model-mappings", {})
    features = section.get("features")
    words = frozenset(key for key, on in features.values.items() if on) if features is not None else frozenset()
    if not mappings:
        return attrs.evolve(credential, features=words)
    entries = tuple(ModelEntry(name=target, alias=alias) for alias, target in mappings.items())
    return attrs.evolve(
        credential, models=credential.models + entries, open_names=not credential.models, features=words
    )


def _replay(group: str, section: Section, provider: Provider, mint: Mint, folder: Path | None) -> None:
    """A folder of recordings as a provider."""
    where = section.get("folder")
    if where is None:
        mint.report.problem(section.place, "a replay needs the folder of its recordings")
        return
    bases = bases_of(provider, mint.catalogue, None, None)
    credential = mint.credential(section, provider, bases, group=group, key=None, join=BaseJoin.OVERLAP)
    path = (folder or Path()) / expand_home(where, mint.env)
    if not path.is_dir():
        mint.report.warning(section.at("folder"), f"there is no folder {path}")
    mint.keep(
        attrs.evolve(
            _mapped(credential, section),
            replay=Replay(
                folder=str(path),
                speed=section.get("speed", 1.0),
                match=section.get("match", "shape"),
                once=section.get("once", False),
                ignore=section.get("ignore", ()),
                faults=_faults(section),
            ),
            disable_cooling=True,  # a recorded 429 says nothing about the next recording
        )
    )


def _faults(section: Section) -> str:
    """The faults of a replay as one text; what they mean is known where recordings are played."""
    faults: Sequence[Section] = section.get("faults", ())
    return dumps([dict(fault.values) for fault in faults]).decode() if faults else ""


def _unknown_type(word: str, section: Section, mint: Mint) -> None:
    near = suggestion(word, mint.catalogue.names)
    hint = f" Did you mean {near!r}?" if near is not None else ""
    mint.report.problem(
        section.at("type"),
        f"the catalogue has no provider {word!r}, and there is no endpoint to speak to.{hint}",
    )
