from __future__ import annotations

from trioproxy.protocols.base import ModelCard
from trioproxy.protocols.openai_chat.models import render_model, render_models


def test_a_model_of_which_little_is_known() -> None:
    assert render_model(ModelCard(id="m", owned_by="o")) == {
        "id": "m",
        "object": "model",
        "created": 0,
        "owned_by": "o",
    }


def test_a_list() -> None:
    card = ModelCard(id="m", owned_by="o", created=5, display_name="M", context_length=9, max_output_tokens=3)
    assert render_models([card]) == {
        "object": "list",
        "data": [
            {
                "id": "m",
                "object": "model",
                "created": 5,
                "owned_by": "o",
                "display_name": "M",
                "context_length": 9,
                "max_output_tokens": 3,
            }
        ],
    }
