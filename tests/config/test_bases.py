"""Which wires an entry's base URL and protocol leave."""

from __future__ import annotations

import pytest

from trioproxy.config.bases import bases_of
from trioproxy.protocols.base import Operation
from trioproxy.providers.catalog import catalogue
from trioproxy.providers.urls import url_for

CHAT, RESPONSES, ANTHROPIC = "openai_chat", "openai_responses", "anthropic"
OPENAI = "https://api.openai.com"
MINIMAX = "https://api.minimax.io"
DEEPSEEK = "https://api.deepseek.com"
FIREWORKS = "https://api.fireworks.ai"
BOTH = {RESPONSES: f"{OPENAI}/v1/responses", CHAT: f"{OPENAI}/v1/chat/completions"}


@pytest.mark.parametrize(
    ("name", "base", "protocol", "expected", "own", "foreign"),
    [
        ("openai", None, None, BOTH, False, False),
        ("openai", None, CHAT, {CHAT: f"{OPENAI}/v1/chat/completions"}, False, False),
        ("openai", OPENAI, None, BOTH, False, False),
        ("openai", f"{OPENAI}/v2", CHAT, {CHAT: f"{OPENAI}/v2/chat/completions"}, True, False),
        ("openai", "http://h:1", None, {RESPONSES: "http://h:1/responses", CHAT: "http://h:1/chat/completions"}, True, True),
        ("openai", "http://h/v1/chat/completions", RESPONSES, {RESPONSES: "http://h/v1/responses"}, True, True),
        ("openai", "http://h/v1/chat/completions", CHAT, {CHAT: "http://h/v1/chat/completions"}, True, True),
        ("openai", "http://h/v1/responses", None, {RESPONSES: "http://h/v1/responses", CHAT: "http://h/v1/chat/completions"}, True, True),
        ("openai", "http://h", ANTHROPIC, {ANTHROPIC: "http://h/v1/messages"}, True, True),
        ("openai", OPENAI, ANTHROPIC, {ANTHROPIC: f"{OPENAI}/v1/messages"}, True, False),
        ("minimax", None, None, {ANTHROPIC: f"{MINIMAX}/anthropic/v1/messages", CHAT: f"{MINIMAX}/v1/chat/completions"}, False, False),
        ("minimax", f"{MINIMAX}/anthropic", None, {ANTHROPIC: f"{MINIMAX}/anthropic/v1/messages"}, False, False),
        ("minimax", "https://api.minimaxi.com/anthropic/", None, {ANTHROPIC: "https://api.minimaxi.com/anthropic/v1/messages"}, True, True),
        ("minimax", "https://api.minimax.chat/v1", None, {CHAT: "https://api.minimax.chat/v1/chat/completions"}, True, True),
        ("minimax", "http://127.0.0.1:9", None, {CHAT: "http://127.0.0.1:9/chat/completions"}, True, True),
        ("deepseek", DEEPSEEK, None, {CHAT: f"{DEEPSEEK}/chat/completions", ANTHROPIC: f"{DEEPSEEK}/anthropic/v1/messages"}, False, False),
        ("deepseek", f"{DEEPSEEK}/v1", None, {CHAT: f"{DEEPSEEK}/v1/chat/completions"}, True, False),
        ("deepseek", "http://h/anthropic", None, {ANTHROPIC: "http://h/anthropic/v1/messages"}, True, True),
        ("claude", "http://h/x", None, {ANTHROPIC: "http://h/x/v1/messages"}, True, True),
        ("claude", "https://api.anthropic.com/", None, {ANTHROPIC: "https://api.anthropic.com/v1/messages"}, False, False),
        ("openai-compatibility", "http://h/v1", None, {CHAT: "http://h/v1/chat/completions"}, True, True),
        ("openai-compatibility", "http://h/v1", RESPONSES, {RESPONSES: "http://h/v1/responses"}, True, True),
        ("openai-compatibility", "http://h/", "gemini", {"gemini": "http://h/v1beta/models/m:generateContent"}, True, True),
        ("fireworks", FIREWORKS, CHAT, {CHAT: f"{FIREWORKS}/inference/v1/chat/completions"}, False, False),
    ],
)  # fmt: skip
def test_wires_at_a_base(
    name: str, base: str | None, protocol: str | None, expected: dict[str, str], own: bool, foreign: bool
) -> None:
    known = catalogue()

    bases = bases_of(known.providers[name], known, base, protocol)

    assert {wire.protocol: url_for(wire, Operation.GENERATE, model="m") for wire in bases.wires} == expected
    assert (bases.own, bases.foreign) == (own, foreign)


def test_protocol_a_vendor_lacks_has_no_address_of_its_own() -> None:
    known = catalogue()

    assert [wire.base_url for wire in bases_of(known.providers["groq"], known, None, "gemini").wires] == [""]
