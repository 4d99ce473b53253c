from __future__ import annotations

from trioproxy.protocols.base import ModelCard
from trioproxy.protocols.openai_responses import PROTOCOL


def test_models_are_listed_as_openai_lists_them() -> None:
    plain = ModelCard(id="m", owned_by="me", created=5)
    full = ModelCard(id="n", owned_by="me", display_name="N", context_length=9, max_output_tokens=3)

    assert PROTOCOL.render_models([plain]) == {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 5, "owned_by": "me"}],
    }
    assert PROTOCOL.render_model(full) == {
        "id": "n",
        "object": "model",
        "created": 0,
        "owned_by": "me",
        "display_name": "N",
        "context_length": 9,
        "max_output_tokens": 3,
    }
