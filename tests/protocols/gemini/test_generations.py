from __future__ import annotations

import pytest

from trioproxy.protocols.gemini.generations import (
    UNKNOWN,
    continues_itself,
    demands_signatures,
    forms_beside_tools,
    generation,
    levels_of,
    makes_images,
    mixes_tools,
    takes_media_in_results,
    thinks,
)


@pytest.mark.parametrize(
    ("model", "number"),
    [
        ("gemini-2.5-flash", (2, 5)),
        ("gemini-3-pro-preview", (3, 0)),
        ("models/Gemini-3.1-Pro", (3, 1)),
        ("google/gemini-2.0-flash-001", (2, 0)),
        ("gemini-flash-latest", (3, 0)),
        ("gemini-pro-vision", UNKNOWN),
        ("gemma-3-27b", UNKNOWN),
        ("gemini-1234567", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_generation(model: str, number: tuple[int, int]) -> None:
    assert generation(model) == number


def test_what_follows() -> None:
    for fact in (demands_signatures, mixes_tools, takes_media_in_results):
        assert fact("gemini-3-flash")
        assert not fact("gemini-2.5-pro")
        assert not fact("anything")
    assert thinks("gemini-2.5-pro")
    assert thinks("anything")
    assert not thinks("gemini-2.0-flash")
    assert forms_beside_tools("anything")
    assert forms_beside_tools("gemini-3-flash")
    assert not forms_beside_tools("gemini-2.5-pro")
    for model, least in (("gemini-3-flash", "minimal"), ("gemini-3.1-pro", "low"), ("gemini-3.9-flash", "low")):
        assert levels_of(model)[0] == least
    assert makes_images("gemini-3-pro-image-preview")
    assert not makes_images("gemini-3-pro-preview")


@pytest.mark.parametrize(
    ("model", "may"),
    [
        ("gemini-2.5-flash", True),
        ("gemini-3.1-pro-preview", True),
        ("gemini-3.5-flash", True),
        ("gemini-3.5-flash-lite", False),
        ("gemini-3.6-flash", False),
        ("gemini-4-pro", False),
        ("gemini-flash-latest", False),
        ("anything", True),
    ],
)
def test_who_goes_on_with_its_own_words(model: str, may: bool) -> None:
    assert continues_itself(model) is may
