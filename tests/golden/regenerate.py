"""``python -m tests.golden.regenerate``: write the expected files of the golden matrix anew."""

from __future__ import annotations

from tests.golden.matrix import EXPECTED, expected_files

if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    wanted = dict(expected_files())
    for path in set(EXPECTED.glob("*.md")) - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
