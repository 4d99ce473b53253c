"""The names that writers look at are the names the catalogue may use."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trioproxy.protocols
from trioproxy.protocols.openai_chat.quirks import QUIRKS as CHAT_QUIRKS
from trioproxy.providers.catalog import catalogue
from trioproxy.providers.dialects import DIALECTS
from trioproxy.providers.quirks import QUIRKS


def modules() -> list[str]:
    packages = pkgutil.walk_packages(trioproxy.protocols.__path__, "trioproxy.protocols.")
    return [module.name for module in packages if not module.ispkg]


def looked_at(name: str) -> Iterator[Any]:
    """What a module compares with a target's quirks: ``X in target.quirks`` and ``draft.has(X, Y)``."""
    module = importlib.import_module(name)
    assert module.__file__ is not None
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        match node:
            case ast.Compare(
                left=ast.Name(id=word), ops=[ast.In() | ast.NotIn()], comparators=[ast.Attribute(attr="quirks")]
            ):
                yield getattr(module, word, None)
            case ast.Call(func=ast.Attribute(attr="has"), args=args):
                yield from (getattr(module, each.id, None) for each in args if isinstance(each, ast.Name))
            case _:
                pass


def test_every_name_a_writer_looks_at_is_in_the_table() -> None:
    names = {value for name in modules() for value in looked_at(name) if isinstance(value, str)}
    assert {"max-completion-tokens", "gemini-no-call-ids", "unsigned-thinking", "system-as-instructions"} <= names
    assert names <= QUIRKS.keys()
    assert CHAT_QUIRKS.keys() <= QUIRKS.keys()


@pytest.mark.parametrize("provider", catalogue().providers.values(), ids=lambda provider: provider.name)
def test_every_name_in_the_catalogue_is_in_the_table(provider: Any) -> None:
    named = {*provider.quirks, *(name for _, names in provider.model_quirks for name in names)}
    assert named <= QUIRKS.keys()
    spoken = {wire.protocol for wire in provider.wires}
    assert all(QUIRKS[name].protocols & spoken for name in named)


def test_a_dialect_is_a_word_and_no_edit() -> None:
    assert all(quirk.edit is None and quirk.answer is None and not quirk.always for quirk in DIALECTS)
    assert len({quirk.name for quirk in DIALECTS}) == len(DIALECTS)


@pytest.mark.parametrize(
    ("provider", "model", "quirks"),
    [
        (
            "openai",
            "gpt-5.4-mini",
            ("openai-reasoning-model", "openai-reasoning-limits", "custom-tools", "allowed-tools"),
        ),
        ("openai", "GPT-5-chat-latest", ()),
        ("openai", "o3", ("openai-reasoning-model", "openai-reasoning-limits")),
        ("codex", "gpt-5.4", ("openai-reasoning-model",)),
        ("claude", "claude-3-7-sonnet-20250219", ("no-output-format",)),
        ("claude", "claude-sonnet-4-20250514", ("no-output-format",)),
        ("claude", "claude-sonnet-4-5-20250929", ()),
        ("iflow", "minimax-m2", ("reasoning-split", "reasoning-content-history")),
        ("openai", "gpt-4o-search-preview", ("web-search-options",)),
        ("openai", "gpt-4.1", ()),
        ("openai-compatibility", "o4-mini", ("openai-reasoning-model",)),
        ("openai-compatibility", "olmo-2", ()),
        ("groq", "openai/gpt-oss-120b", ()),
        ("groq", "llama-3.3-70b-versatile", ("no-reasoning-effort",)),
        ("iflow", "glm-4.7", ("enable-thinking", "thinking-in-template", "reasoning-content-history")),
        ("qwen", "qwen3-coder-plus", ("no-reasoning-effort",)),
        ("kimi", "kimi-k2.5", ("thinking-switch", "fixed-sampling", "forced-tools-unthinking")),
        ("qwen", "qwen3-32b", ("enable-thinking", "forced-tools-unthinking", "unstreamed-unthinking")),
        ("qwen", "qwen3-max", ("enable-thinking", "forced-tools-unthinking")),
        ("openai-compatibility", "deepseek-ai/DeepSeek-V4-Pro", ("reasoning-content-history", "thoughts-beside-calls")),
        ("openai-compatibility", "zai-org/GLM-4.7", ()),
        ("openai-compatibility", "deepseek-v3.2", ()),
        ("claude", "claude-opus-5", ()),
        ("xai", "grok-4.3", ()),
        ("xai", "grok-4-1-fast-reasoning", ("no-reasoning-effort",)),
    ],
)
def test_the_first_glob_that_fits_says_what_is_peculiar_of_a_model(
    provider: str, model: str, quirks: tuple[str, ...]
) -> None:
    assert catalogue().providers[provider].quirks_of(model) == quirks
