"""Providers' own lists of models, read in the words of every protocol."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.protocols.base import ModelCard, ModelPage
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.machine import ProtocolViolation

OPENAI = ("openai_chat", "openai_responses")
LISTS = [
    # OpenAI's four members, and what Ollama, vLLM, OpenRouter and Groq put beside them
    (OPENAI, {"id": "m", "object": "model", "created": 1, "owned_by": "library"}, ModelCard(id="m", owned_by="")),
    (OPENAI, {"id": "m", "max_model_len": 40960}, ModelCard(id="m", owned_by="", context_length=40960)),
    (
        OPENAI,
        {"id": "a/m:free", "name": "A: M", "context_length": 9, "top_provider": {}},
        ModelCard(id="a/m:free", owned_by="", display_name="A: M", context_length=9),
    ),
    (
        OPENAI,
        {"id": "m", "context_window": 131072, "max_completion_tokens": 32768},
        ModelCard(id="m", owned_by="", context_length=131072, max_output_tokens=32768),
    ),
    (
        ("anthropic",),
        {"type": "model", "id": "c", "display_name": "C", "max_input_tokens": 200000, "max_tokens": 64000},
        ModelCard(id="c", owned_by="", display_name="C", context_length=200000, max_output_tokens=64000),
    ),
    (
        ("gemini",),
        {"name": "models/g", "displayName": "G", "inputTokenLimit": 8, "outputTokenLimit": 2},
        ModelCard(id="g", owned_by="", display_name="G", context_length=8, max_output_tokens=2),
    ),
]


def rows_of(name: str) -> str:
    return "models" if name == "gemini" else "data"


@pytest.mark.parametrize(("name", "row", "card"), [(name, row, card) for names, row, card in LISTS for name in names])
def test_a_row_is_read(name: str, row: dict[str, Any], card: ModelCard) -> None:
    read = protocol(name).read_models
    assert read({rows_of(name): [row]}) == ModelPage((card,))
    assert read([row]) == ModelPage((card,))


@pytest.mark.parametrize("name", NAMES)
def test_what_we_list_we_read(name: str) -> None:
    card = ModelCard(id="a/b:c", owned_by="", display_name="D", context_length=5, max_output_tokens=3)
    assert protocol(name).read_models(protocol(name).render_models([card])) == ModelPage((card,))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "row",
    [
        None,
        "m",
        1,
        [],
        {},
        *({key: value} for key in ("id", "name") for value in (None, 7, "", " m", "a\nb", "x" * 513)),
    ],
)
def test_a_row_that_names_nothing_is_passed_over(name: str, row: Any) -> None:
    good = {"id": "m", "name": "m"}
    page = protocol(name).read_models({rows_of(name): [row, good]})
    assert [card.id for card in page.cards] == ["m"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("figure", [None, 0, -1, True, 1.5, "8", []])
def test_figures_without_sense_are_none(name: str, figure: Any) -> None:
    words = (
        "context_length",
        "max_completion_tokens",
        "max_tokens",
        "max_input_tokens",
        "inputTokenLimit",
        "display_name",
    )
    row = {"id": "m", "name": "m", **dict.fromkeys(words, figure)}
    [card] = protocol(name).read_models({rows_of(name): [row]}).cards
    assert (card.context_length, card.max_output_tokens) == (None, None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("document", [None, 1, "m", {"error": {}}, {"data": {}, "models": "x"}, {"detail": []}])
def test_no_list_is_an_error(name: str, document: Any) -> None:
    with pytest.raises(ProtocolViolation, match="no list of models"):
        protocol(name).read_models(document)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_list_is_one(name: str) -> None:
    documents: list[Any] = [{rows_of(name): []}, {rows_of(name): None}, []]
    for document in documents:
        assert protocol(name).read_models(document) == ModelPage(())


def test_gemini_leaves_an_empty_list_out() -> None:
    assert protocol("gemini").read_models({}) == ModelPage(())


@pytest.mark.parametrize(
    ("more", "query"),
    [
        ({"has_more": True, "last_id": "m 1"}, "after_id=m+1&limit=1000"),
        ({"has_more": False, "last_id": "m"}, ""),
        ({"has_more": True, "last_id": None}, ""),
        ({"has_more": True, "last_id": 7}, ""),
        ({"has_more": "yes", "last_id": "m"}, ""),
        ({}, ""),
    ],
)
def test_anthropic_names_the_last_of_a_page(more: dict[str, Any], query: str) -> None:
    assert protocol("anthropic").read_models({"data": [], **more}).next == query


@pytest.mark.parametrize(("token", "query"), [("a&b", "pageToken=a%26b&pageSize=1000"), ("", ""), (7, ""), (None, "")])
def test_gemini_gives_a_token(token: Any, query: str) -> None:
    assert protocol("gemini").read_models({"models": [], "nextPageToken": token}).next == query


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "models", "id", "name", "has_more", "last_id"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from(NAMES), VALUES)
def test_whatever_is_answered_is_a_list_or_none(name: str, document: Any) -> None:
    try:
        page = protocol(name).read_models(document)
    except ProtocolViolation:
        return
    assert all(card.id == card.id.strip() != "" for card in page.cards)
