from __future__ import annotations

from tests.protocols.openai_responses.test_content import CITED, FILE_CITED
from trioproxy.neutral.parts import (
    Text,
)
from trioproxy.protocols.openai_responses.content import read_part


def test_a_citation_has_what_it_names() -> None:
    odd = {"type": "odd", "url": 5, "title": 5, "start_index": "a", "end_index": None}
    text = read_part({"type": "output_text", "text": "x", "annotations": [CITED, FILE_CITED, odd]}, "p")

    assert isinstance(text, Text)
    assert [(each.url, each.title, each.start, each.end) for each in text.citations] == [
        ("https://a.example", "A", 0, 1),
        (None, "a.pdf", None, None),
        (None, None, None, None),
    ]
