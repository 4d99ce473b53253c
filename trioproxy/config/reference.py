"""The table of keys for readers outside the program: a JSON Schema for editors, a page for people.

Knows: the form of both. Refuses to know: any key. ``schema.json`` in this folder and ``docs/config.md`` are what these functions give for
the shipped catalogue; tests compare.
"""

from __future__ import annotations

from typing import Any

from trioproxy.config.schema import VENDOR_ENTRY, root
from trioproxy.config.tables import Block, Key, blocks_in
from trioproxy.providers.catalog import Catalogue

__all__ = ["json_schema", "page"]

_HEAD = """\
# Configuration

<!-- Generated from trioproxy/config/schema.py, blocks.py and entries.py by `python docs/generate.py`; edit the tables there. -->

One YAML file (`--config F`), or a `.toml` file in ProxAI's form. A saved file is in force within seconds; a file with a problem leaves the
old one in force and says so. `trioproxy check F` shows every problem with its line, and the plan.

```yaml
api-keys:
  - ${TRIOPROXY_KEY:-local-key}

claude-api-key:
  - api-key: ${ANTHROPIC_API_KEY}
    prefix: claude

gemini-api-key:
  - api-key: ${GEMINI_API_KEY}
    models:
      - name: gemini-2.5-flash
        alias: flash

openai-compatibility:
  - name: local
    prefix: mlx
    base-url: http://127.0.0.1:8000/v1
```

`${NAME}` and `${NAME:-default}` stand for environment variables, in any value. A key may be written with `_` for `-`. Times are seconds
(`2.5`), or `500ms`, `30s`, `5m`, `1h30m`, or `off`. An unknown key is an error that names its line and the nearest known key.
`trioproxy/config/schema.json` is a JSON Schema of the file: editors complete and check with it.

## Base URLs

Without `base-url` the catalogue's address is used. With one, the protocol's path is put behind it: `/v1/messages` for Anthropic,
`/v1beta/models/...` for Gemini, `/chat/completions` and `/responses` for OpenAI's protocols; segments the base already ends in are not
doubled, and a whole endpoint is taken for its base. In the `providers` map the protocol's whole path (`/v1/chat/completions`) is put
behind it. A vendor's own address with segments left out means that vendor's API. Where a vendor has several protocols at several
addresses, those are spoken that live at an address ending like the one given (`/anthropic`), otherwise Chat Completions.

A provider whose certificate an authority of your own signed is trusted where the environment variable `SSL_CERT_FILE` names a file with
that authority (it is trusted instead of the system's).

## Which provider gets a model

1. `routing.routes`, in file order. A route that fits the model but is for another protocol is an error, unless a later one fits.
2. Explicit names: `prefix/model`, and what `models` lists (by alias).
3. `routing.default-provider-names` of the client's protocol.
4. `auto`: the first model of the list, and the next four behind it for when it can't be had.
5. What a provider lists itself (`discover`, below), and beside it whose models in the catalogue have the very name.
6. `provider/model`, for an entry without a prefix, by the provider's name.
7. The patterns of the catalogue (`claude-*`, `gpt-*`, ...); last, a compatible server without prefix and models takes any name.

Among those, a higher `priority` comes first. `model(high)` and `model(8192)` ask for an effort. `trioproxy explain MODEL` tells which of
these decided.

## Own lists

Which models an entry shows in lists: what its `models` names, else what the catalogue knows of its provider, else, with `discover: true`,
what the provider lists itself. So a local server needs no list in the file:

```yaml
openai-compatibility:
  - name: ollama
    base-url: http://127.0.0.1:11434/v1
    discover: true
```

It is asked (`GET {base}/models`, `/v1/models` of Anthropic's protocol, `/v1beta/models` of Gemini's, with all pages) when the process
starts, when a reload brings the entry, and every five minutes; in the background, one provider at a time, at most ten seconds each. One that
does not answer keeps the list it gave before and is asked again after half a minute. `excluded-models`, prefixes and the lists of client
keys hold for these models as for all others. Names that are not listed go where they went without `discover`; names that are listed go to
who lists them, before the patterns of others are looked at. Where a server lists names of other vendors and shall not have their traffic,
`excluded-models` hides them, or a prefix with `force-model-prefix` does.
`trioproxy models --discover` asks now.
"""


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """JSON Schema (2020-12) of a configuration file."""
    top = root(catalogue)
    definitions = {block.anchor: block.definition() for block in blocks_in(top) if block is not top}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trioproxy configuration",
        **top.definition(),
        "$defs": dict(sorted(definitions.items())),
    }


def page(catalogue: Catalogue) -> str:
    """``docs/config.md``."""
    top = root(catalogue)
    blocks_by_title = {block.title: block for block in blocks_in(top)}
    common = frozenset(key.name for key in blocks_by_title[VENDOR_ENTRY].keys)
    sections = [_HEAD.rstrip(), *(_section(block, common) for block in blocks_by_title.values())]
    unserved = [key for key in top.keys if not key.served]
    sections.append(
        "## Known, and not served\n\nAccepted with one warning each, so that files of other programs load.\n"
    )
    sections[-1] += "\n| key | |\n|---|---|\n" + "\n".join(f"| `{key.name}` | {key.doc} |" for key in unserved)
    return "\n\n".join(sections) + "\n"


def _section(block: Block, common: frozenset[str]) -> str:
    """A block's keys; of an entry that has all of a vendor block's and more, only what is more."""
    served = [key for key in block.keys if key.served]
    if common < frozenset(key.name for key in block.keys):
        more = [key for key in served if key.name not in common]
        note = "The keys of [a vendor block](#an-entry-of-a-vendor-block)"
        return f"## {block.title}\n\n{note}{'.' if not more else ', and:'}" + (f"\n\n{_table(more)}" if more else "")
    return f"## {block.title}\n\n{_table(served)}"


def _table(keys: list[Key]) -> str:
    rows = "\n".join(_row(key) for key in keys)
    return f"| key | holds | default | |\n|---|---|---|---|\n{rows}"


def _row(key: Key) -> str:
    nested = [block for block in blocks_in(key.kind)][:1]
    holds = f"[{key.kind.word}](#{nested[0].anchor})" if nested else key.kind.word
    example = f" Example: `{key.example}`." if key.example else ""
    default = f"`{key.default}`" if key.default else ""
    return f"| `{key.name}` | {holds} | {default} | {key.doc}{example} |"
