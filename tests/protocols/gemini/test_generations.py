from __future__ import annotations

import pytest

from trioproxy.protocols.gemini.generations import (
    UNKNOWN,
    demands_signatures,
    generation,
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
