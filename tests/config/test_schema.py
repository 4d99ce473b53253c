"""The table of keys, and what is made of it."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.config import test_build, test_snippets
from trioproxy.config.reference import json_schema, page
from trioproxy.config.schema import root
from trioproxy.config.tables import Block, blocks_in, spelled
from trioproxy.providers.catalog import catalogue

DOCS = Path(__file__).parents[2] / "docs"
TOP = root(catalogue())
BLOCKS = list(blocks_in(TOP))


def test_no_block_has_two_keys_of_one_spelling() -> None:
    for block in BLOCKS:
        spellings = [spelled(name) for key in block.keys for name in (key.name, *key.aliases)]
        assert len(spellings) == len(set(spellings)), block.title


def test_blocks_of_one_title_are_one_block() -> None:
    by_title: dict[str, Block] = {}
    for block in BLOCKS:
        first = by_title.setdefault(block.title, block)
        assert [key.name for key in first.keys] == [key.name for key in block.keys], block.title
    assert len({block.anchor for block in by_title.values()}) == len(by_title)


def test_every_key_says_what_it_means() -> None:
    for block in BLOCKS:
        for key in block.keys:
            assert key.doc.endswith("."), (block.title, key.name)
            assert spelled(key.name) == key.name or block.title == "default-provider-names"


def test_every_block_of_the_catalogue_is_a_key() -> None:
    keys = {key.name for key in TOP.keys}

    assert {block for provider in catalogue().providers.values() for block in provider.blocks} <= keys


def test_page_is_up_to_date() -> None:
    assert (DOCS / "config.md").read_text(encoding="utf-8") == page(catalogue()), "run: python docs/generate.py"


def test_page_names_every_key() -> None:
    text = page(catalogue())

    for block in BLOCKS:
        for key in block.keys:
            assert not key.served or f"`{key.name}`" in text
    for key in TOP.keys:
        assert f"`{key.name}`" in text


def test_links_of_the_page_lead_somewhere() -> None:
    text = page(catalogue())
    titles = {block.anchor for block in BLOCKS if f"\n## {block.title}\n" in text}
    titles |= {line[3:].lower().replace(" ", "-") for line in text.splitlines() if line.startswith("## ")}

    for line in text.splitlines():
        for piece in line.split("](#")[1:]:
            assert piece.partition(")")[0] in titles


def test_shipped_schema_is_up_to_date() -> None:
    shipped = resources.files("trioproxy.config").joinpath("schema.json").read_text(encoding="utf-8")

    assert json.loads(shipped) == json_schema(catalogue()), "run: python docs/generate.py"


def test_schema_is_one() -> None:
    Draft202012Validator.check_schema(json_schema(catalogue()))


def valid(text: str) -> bool:
    document: Any = yaml.safe_load(text)
    return not list(Draft202012Validator(json_schema(catalogue())).iter_errors(document))


@pytest.mark.parametrize(
    "text",
    [
        "port: 1\nhost: h\napi-keys: [a, {key: b, models: [x]}]\n",
        "claude-api-key:\n  - {api_key: k, prefix: p, timeouts: {idle: off, connect: 2.5}}\n",
        "claude-api-key: {api-key: k}\nkiro:\n",
        "port: ${PORT:-1}\ntimeouts: {idle: 30s}\n",
        "providers: {a: {type: claude, endpoint: e}, b: {protocol: gemini, base_url: u, api_key: k}}\n",
        test_snippets.ROUTES["config.yaml"],
        "payload: {anything: [at, all]}\n",
    ],
)
def test_schema_takes_what_the_loader_takes(text: str) -> None:
    assert valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "hots: 1\n",
        "port: eight\n",
        "port: 70000\n",
        "claude-api-key: [{prefx: p}]\n",
        "routing: {strategy: random}\n",
        "providers: {a: {typo: b}}\n",
    ],
)
def test_schema_refuses_what_the_loader_refuses(text: str) -> None:
    assert not valid(text)


def test_every_unserved_key_is_tested() -> None:
    tested = set(test_build.UNSERVED.split())

    assert tested <= {key.name for key in TOP.keys if not key.served}
