from __future__ import annotations

import pytest

from trioproxy.neutral.mimes import registered


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("image/jpg", "image/jpeg"),
        ("IMAGE/PNG", "image/png"),
        ("audio/mp3", "audio/mpeg"),
        ("text/plain; charset=utf-8", "text/plain"),
        ("application/x-unheard-of", "application/x-unheard-of"),
        ("", ""),
    ],
)
def test_types_have_their_registered_names(written: str, known: str) -> None:
    assert registered(written) == known
