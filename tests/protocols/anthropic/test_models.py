from __future__ import annotations

from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.base import ModelCard

OPUS = ModelCard(
    id="claude-opus-5",
    owned_by="anthropic",
    created=1_700_000_000,
    display_name="Claude Opus 5",
    context_length=1_000_000,
    max_output_tokens=128_000,
)
BARE = ModelCard(id="gpt-5", owned_by="openai")


def test_one_model() -> None:
    assert PROTOCOL.render_model(OPUS) == {
        "type": "model",
        "id": "claude-opus-5",
        "display_name": "Claude Opus 5",
        "created_at": "2023-11-14T22:13:20Z",
        "lifecycle": "active",
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
    }


def test_a_model_nothing_is_known_of() -> None:
    assert PROTOCOL.render_model(BARE) == {
        "type": "model",
        "id": "gpt-5",
        "display_name": "gpt-5",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }


def test_the_list_is_one_page() -> None:
    page = PROTOCOL.render_models([OPUS, BARE])
    assert [model["id"] for model in page.pop("data")] == ["claude-opus-5", "gpt-5"]
    assert page == {"has_more": False, "first_id": "claude-opus-5", "last_id": "gpt-5"}


def test_an_empty_list() -> None:
    assert PROTOCOL.render_models([]) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
