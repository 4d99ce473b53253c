"""What every protocol makes of the others' words, letter by letter. Read ``matrix.py`` before you regenerate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.matrix import EXPECTED, expected_files

ALL = list(expected_files())


@pytest.mark.parametrize(("path", "text"), ALL, ids=[path.stem for path, _ in ALL])
def test_golden(path: Path, text: str) -> None:
    assert path.read_text("utf-8").splitlines() == text.splitlines(), (
        "python -m tests.golden.regenerate, then read the difference"
    )


def test_no_expectation_is_left_over() -> None:
    assert set(EXPECTED.glob("*.md")) == {path for path, _ in ALL}
