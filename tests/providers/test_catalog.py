"""The catalogue: the shipped one is whole, a broken one says where."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ProxyFault
from trioproxy.protocols.base import Operation
from trioproxy.protocols.table import NAMES
from trioproxy.providers.catalog import Catalogue, catalogue, parse
from trioproxy.providers.model import AuthStyle, RateHeaders
from trioproxy.providers.quirks import QUIRKS
from trioproxy.providers.urls import base_problem

WANTED_BLOCKS = [
    "claude-api-key",
    "gemini-api-key",
    "codex-api-key",
    "vertex-api-key",
    "openai-api-key",
    "openai-compatibility",
    "deepseek",
    "groq",
    "mistral",
    "openrouter",
    "together",
    "fireworks",
    "novita",
    "siliconflow",
    "kiro",
    "cursor",
    "minimax",
    "roo",
    "kilo",
    "github-copilot",
    "iflow",
    "qwen",
    "ampcode",
    "amp-code",
]


THINKING = {"min": 1, "max": 2, "zero": False, "dynamic": True, "levels": ["low"], "adaptive": True}


def minimal(**provider: Any) -> dict[str, Any]:
    plain = {"paths": {"generate": "/chat/completions", "embeddings": "/embeddings"}}
    return {"protocols": {"openai_chat": plain}, "providers": {"x": provider}}


def test_every_block_users_write_has_a_provider() -> None:
    known = catalogue()

    assert [block for block in WANTED_BLOCKS if known.block(block) is None] == []


def test_shipped_catalogue_is_consistent() -> None:
    known = catalogue()

    assert set(known.protocols) == set(NAMES)
    blocks = [block for provider in known.providers.values() for block in provider.blocks]
    assert len(blocks) == len(set(blocks))
    for provider in known.providers.values():
        assert (provider.sign_in is not None) == (not provider.wires)
        assert set(provider.quirks) <= set(QUIRKS)
        assert len({facts.id for facts in provider.models}) == len(provider.models)
        for wire in provider.wires:
            assert Operation.GENERATE in wire.paths
            assert provider.base_url_required or base_problem(wire.base_url) is None


def test_a_provider_is_found_by_name_alias_and_spelling() -> None:
    known = catalogue()

    assert known.named(" Claude ") is known.named("anthropic") is known.providers["claude"]
    assert known.named("roo_code") is known.providers["roo"]
    assert known.named("nobody") is None
    assert known.block("nobody") is None
    assert {"claude", "anthropic", "kiloai", "custom"} <= set(known.names)


def test_plain_wire_has_the_protocols_paths() -> None:
    wire = catalogue().plain_wire("anthropic", "https://h")

    assert wire.base_url == "https://h"
    assert wire.paths[Operation.GENERATE] == "/v1/messages"
    assert wire.auth is AuthStyle.ANTHROPIC
    assert wire.headers == {"anthropic-version": "2023-06-01"}


def test_wires_of_a_provider_by_protocol() -> None:
    deepseek = catalogue().providers["deepseek"]

    chat, anthropic = deepseek.wire("openai_chat"), deepseek.wire("anthropic")
    assert chat is not None
    assert chat.auth is AuthStyle.BEARER
    assert anthropic is not None
    assert anthropic.auth is AuthStyle.X_API_KEY
    assert deepseek.wire("gemini") is None


def test_all_members_of_an_entry_are_read() -> None:
    entry = minimal(
        title="T",
        aliases=["a"],
        blocks=["x"],
        env=["X_KEY"],
        auth="x-api-key",
        rate_headers="none",
        headers={"h": "v"},
        wires=[
            {"protocol": "openai_chat", "base": "https://h", "operations": ["generate"]},
            {"protocol": "openai_chat", "base": "https://g", "paths": {"generate": "/x"}, "auth": "none"},
        ],
        patterns=["x-*"],
        models={
            "m": {"name": "M", "context": 1, "output": 2, "thinking": THINKING, "features": ["vision"]},
            "n": {"thinking": False},
            "o": {},
        },
        quirks=["q"],
        usage=False,
        base_required=True,
        key_required=False,
        token_fields=["t"],
        sign_in="s",
        notes="N",
    )

    provider = parse(entry).providers["x"]

    first, second = provider.wires
    assert (first.paths, first.auth) == ({Operation.GENERATE: "/chat/completions"}, AuthStyle.X_API_KEY)
    assert (second.paths, second.auth) == ({Operation.GENERATE: "/x"}, AuthStyle.NONE)
    assert (provider.title, provider.aliases, provider.blocks, provider.env) == ("T", ("a",), ("x",), ("X_KEY",))
    assert (provider.auth, provider.rate_headers, provider.headers) == (
        AuthStyle.X_API_KEY,
        RateHeaders.NONE,
        {"h": "v"},
    )
    assert (provider.patterns, provider.quirks, provider.include_usage) == (("x-*",), ("q",), False)
    assert (provider.base_url_required, provider.key_required, provider.token_fields) == (True, False, ("t",))
    assert (provider.sign_in, provider.notes) == ("s", "N")
    known, thoughtless, unknown = provider.models
    assert (known.display_name, known.context_length, known.max_output_tokens) == ("M", 1, 2)
    assert known.thinking is not None
    assert (known.thinking.minimum, known.thinking.maximum, known.thinking.zero_allowed) == (1, 2, False)
    assert (known.thinking.dynamic_allowed, known.thinking.levels, known.thinking.adaptive) == (True, ("low",), True)
    assert (known.thinks, thoughtless.thinks, unknown.thinks) == (True, False, None)
    assert known.features == {"vision"}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ([], "catalogue: expected a mapping"),
        ({"providers": {}, "protocols": {}, "more": 1}, "unknown member more"),
        ({"protocols": {}}, "providers: expected a mapping"),
        (minimal(titel="x"), "providers.x: unknown member titel"),
        (minimal(auth="magic"), "providers.x: 'magic' is not one of bearer"),
        (minimal(wires=[{"protocol": "smtp"}]), "providers.x.wires: unknown protocol 'smtp'"),
        (minimal(wires=[{"protocol": "openai_chat", "operations": ["sing"]}]), "'sing' is not one of"),
        (minimal(models={"m": {"size": 1}}), "providers.x.models.m: unknown member size"),
        (minimal(models={"m": {"thinking": {"much": 1}}}), "providers.x.models.m: unknown member much"),
    ],
)
def test_broken_catalogue_says_where(document: Any, where: str) -> None:
    with pytest.raises(ProxyFault) as raised:
        parse(document)

    assert where in raised.value.failure.message


def test_catalogue_is_read_once() -> None:
    assert catalogue() is catalogue()
    assert isinstance(catalogue(), Catalogue)
