from __future__ import annotations

import pytest

from trioproxy.neutral.mimes import file_name, registered


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


@pytest.mark.parametrize(
    ("name", "mime", "named"),
    [
        ("Report", "application/pdf", "Report.pdf"),
        ("Report v1.2", "application/pdf", "Report v1.2.pdf"),
        ("a.PDF", "application/x-pdf", "a.PDF"),
        ("a.txt", "application/pdf", "a.txt.pdf"),
        ("notes", "text/markdown", "notes.md"),
        ("main.py", "text/plain", "main.py"),
        ("a", "application/json", "a.json"),
        ("a", "application/vnd.unheard-of", "a.bin"),
        ("a", "", "a.bin"),
    ],
)
def test_a_name_says_the_type(name: str, mime: str, named: str) -> None:
    assert file_name(name, mime) == named
