"""The catalogue as a page for people (``docs/providers.md``).

Knows: the form of the page. Refuses to know: any provider.
"""

from __future__ import annotations

from trioproxy.providers.catalog import Catalogue
from trioproxy.providers.dialects import ERRORS_IN_200
from trioproxy.providers.model import Provider
from trioproxy.providers.quirk import Quirk
from trioproxy.providers.quirks import QUIRKS
from trioproxy.providers.urls import url_for

__all__ = ["page"]

_HEAD = """\
# Providers

<!-- Generated from trioproxy/providers/catalog.yaml by `python docs/generate.py`; edit the catalogue. -->

What is known of each provider, as data. A new one that speaks a known protocol is one entry: see
[adding a provider](adding-a-provider.md). How they are configured: see [configuration](config.md).

| provider | block | speaks, best first | names it serves by itself |
|---|---|---|---|
"""

_QUIRKS = """\
## Quirks

What a provider, or some of its models, demand beyond their protocol. The catalogue names them; `quirks:` in a block of the configuration adds
more.

| name | protocols | when | |
|---|---|---|---|
"""


def page(catalogue: Catalogue) -> str:
    """``docs/providers.md``."""
    providers = list(catalogue.providers.values())
    rows = "\n".join(_row(provider) for provider in providers)
    details = "\n\n".join(_details(provider) for provider in providers if provider.wires)
    quirks = "\n".join(
        f"| `{quirk.name}` | {', '.join(sorted(quirk.protocols))} | {_when(quirk)} | {quirk.doc} |"
        for quirk in QUIRKS.values()
    )
    table = f"{_QUIRKS}{quirks}"
    return f"{_HEAD}{rows}\n\n{details}\n\n{table}\n"


def _when(quirk: Quirk) -> str:
    if quirk.always:
        return "always, to requests that pass"
    if quirk.edit is not None:
        return "where named, to every request"
    if quirk.name == ERRORS_IN_200 or quirk.answer is not None:
        return "where named, to answers"
    return "where named, in translation"


def _row(provider: Provider) -> str:
    blocks = ", ".join(f"`{block}`" for block in provider.blocks) or "`providers` map"
    wires = ", ".join(wire.protocol for wire in provider.wires) or "login not built yet"
    patterns = ", ".join(f"`{pattern}`" for pattern in provider.patterns)
    return f"| {provider.title} (`{provider.name}`) | {blocks} | {wires} | {patterns} |"


def _details(provider: Provider) -> str:
    lines = [f"## {provider.title} (`{provider.name}`)", ""]
    for wire in provider.wires:
        operations = ", ".join(operation.value for operation in wire.paths)
        example = url_for(wire, next(iter(wire.paths)), model="MODEL") if wire.base_url else "at its `base-url`"
        style = (wire.auth or provider.auth).value
        lines.append(f"- `{wire.protocol}`: {example} (key as {style}; {operations})")
    if provider.env:
        lines.append(f"- key usually in: {', '.join(f'`{name}`' for name in provider.env)}")
    if provider.quirks:
        lines.append(f"- quirks: {', '.join(f'`{name}`' for name in provider.quirks)}")
    for pattern, names in provider.model_quirks:
        listed = ", ".join(f"`{name}`" for name in names) or "nothing more"
        lines.append(f"- quirks of `{pattern}`: {listed}")
    if not provider.include_usage:
        lines.append("- is not asked for usage in streams")
    if provider.models:
        lines.append(f"- known models: {', '.join(f'`{facts.id}`' for facts in provider.models)}")
    if provider.notes:
        lines += ["", provider.notes]
    return "\n".join(lines)
