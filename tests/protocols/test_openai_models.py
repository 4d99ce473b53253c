"""Model lists in OpenAI's words, in both of its protocols."""

from __future__ import annotations

import pytest

from trioproxy.protocols import openai_chat, openai_responses
from trioproxy.protocols.base import ModelCard, Protocol

of_both = pytest.mark.parametrize(
    "protocol", [openai_chat.PROTOCOL, openai_responses.PROTOCOL], ids=lambda each: each.name
)


@of_both
def test_a_model_of_which_little_is_known(protocol: Protocol) -> None:
    assert protocol.render_model(ModelCard(id="m", owned_by="o")) == {
        "id": "m",
        "object": "model",
        "created": 0,
        "owned_by": "o",
    }


@of_both
def test_a_list(protocol: Protocol) -> None:
    card = ModelCard(id="m", owned_by="o", created=5, display_name="M", context_length=9, max_output_tokens=3)
    assert protocol.render_models([card]) == {
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
