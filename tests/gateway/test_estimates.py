"""Estimates of tokens: by a vocabulary where it is installed, by bytes where it is not."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from trioproxy.gateway.estimates import BY_BYTES, FLAT, PER_TURN, Tokenizer, estimate, tokenizer
from trioproxy.neutral.parts import (
    Base64Source,
    Media,
    MediaKind,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from trioproxy.neutral.request import (
    Conversation,
    OutputFormat,
    OutputKind,
    Role,
    ServerTool,
    Tool,
    ToolSpec,
    Turn,
)

BY_LENGTH = Tokenizer(name="length", count=len)
IMAGE = Media(kind=MediaKind.IMAGE, source=Base64Source(data="A" * 4000, mime="image/png"))


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    tokenizer.cache_clear()
    yield
    tokenizer.cache_clear()


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text(text="four"), 4),
        (Refusal(text="no"), 2),
        (Reasoning(text="abc", summary=("de", "f")), 6),
        (IMAGE, FLAT[MediaKind.IMAGE]),
        (ToolCall(call_id="c", name="look", arguments="{}"), 6),
        (ToolResult(call_id="c", content=(Text(text="ok"), IMAGE)), PER_TURN + 2 + FLAT[MediaKind.IMAGE]),
        (Opaque(protocol="gemini", kind="x", payload={"a": 1}), 7),
    ],
)
def test_each_part_counts_what_it_says(part: Part, tokens: int) -> None:
    conversation = Conversation(model="m", turns=(Turn(role=Role.USER, parts=(part,)),))
    assert estimate(conversation, BY_LENGTH) == 2 * PER_TURN + tokens


@pytest.mark.parametrize(
    ("spec", "tokens"),
    [
        (Tool(name="look"), 4),
        (Tool(name="look", description="up", schema={"a": 1}, grammar={"b": 2}), 20),
        (ServerTool(family=None, protocol="gemini", payload={"a": 1}), 7),
    ],
)
def test_each_tool_counts_its_declaration(spec: ToolSpec, tokens: int) -> None:
    assert estimate(Conversation(model="m", tools=(spec,)), BY_LENGTH) == 2 * PER_TURN + tokens


def test_instructions_and_the_form_of_the_answer_count() -> None:
    form = OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"a": 1})
    conversation = Conversation(model="m", system=(Text(text="be"),), output=form)
    assert estimate(conversation, BY_LENGTH) == PER_TURN + 2 + 7


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("漢字", 2), ("\ud800", 1)])
def test_four_bytes_are_a_token(text: str, tokens: int) -> None:
    assert BY_BYTES.count(text) == tokens


def test_the_vocabulary_counts_where_it_is_installed() -> None:
    pytest.importorskip("bpe_openai")
    by = tokenizer()
    assert by.name == "o200k_base"
    assert by.count("hello world") == 2
    assert by.count("\ud800") == by.count("?")
    assert by.count("") == 0


def test_a_text_of_any_length_is_counted() -> None:
    pytest.importorskip("bpe_openai")
    assert tokenizer().count("word " * 300_000) == pytest.approx(300_000, rel=0.01)


def test_without_the_vocabulary_bytes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bpe_openai", raising=False)
    imported = builtins.__import__

    def lacking(name: str, *rest: Any, **more: Any) -> Any:
        if name == "bpe_openai":
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", lacking)
    assert tokenizer() is BY_BYTES
