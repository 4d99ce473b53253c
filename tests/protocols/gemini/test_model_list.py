from __future__ import annotations

from trioproxy.protocols.base import ModelCard
from trioproxy.protocols.gemini.model_list import render_model, render_models


def test_a_model() -> None:
    card = ModelCard(
        id="gemini-x", owned_by="google", display_name="Gemini X", context_length=1000, max_output_tokens=100
    )
    assert render_model(card) == {
        "name": "models/gemini-x",
        "displayName": "Gemini X",
        "description": "Gemini X (google)",
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "inputTokenLimit": 1000,
        "outputTokenLimit": 100,
    }


def test_a_list_and_names_that_have_a_place_already() -> None:
    cards = [ModelCard(id="team/x", owned_by="me"), ModelCard(id="tunedModels/y", owned_by="me")]
    models = render_models(cards)["models"]
    assert [model["name"] for model in models] == ["models/team/x", "tunedModels/y"]
    assert "inputTokenLimit" not in models[0]
    assert models[0]["displayName"] == "team/x"
