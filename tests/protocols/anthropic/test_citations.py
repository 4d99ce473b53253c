from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.extras import foreign
from trioproxy.neutral.parts import Citation
from trioproxy.protocols.anthropic.citations import citation_read, citation_shown, citation_written

SEARCH = {
    "type": "web_search_result_location",
    "url": "https://a.example",
    "title": "A",
    "cited_text": "x",
    "encrypted_index": "Eo8B",
}
CHARS = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 1,
    "end_char_index": 2,
}
RESULT = {
    "type": "search_result_location",
    "source": "https://b.example",
    "title": None,
    "cited_text": "y",
    "search_result_index": 0,
    "start_block_index": 0,
    "end_block_index": 1,
}


@pytest.mark.parametrize("raw", [SEARCH, CHARS, RESULT, {**RESULT, "source": "doc-7"}], ids=lambda raw: raw["type"])
def test_the_apis_own_come_back_whole(raw: dict[str, Any]) -> None:
    assert citation_written(citation_read(raw)) == raw
    assert citation_shown(citation_read(raw)) == raw


def test_what_the_hub_has_words_for() -> None:
    citation = citation_read(SEARCH)
    assert (citation.url, citation.title, citation.cited_text) == ("https://a.example", "A", "x")
    assert [loss.path for loss in foreign(citation.extras, "openai_chat")[0]] == ["encrypted_index"]
    assert citation_read(RESULT).url == "https://b.example"
    assert citation_read({**CHARS, "document_title": "T"}).title == "T"
    assert citation_read({"type": "search_result_location", "source": "doc-7"}).url is None
    assert citation_read({"type": "odd", "url": 3}).url is None


def test_another_vendors_is_shown_but_not_sent() -> None:
    citation = Citation(url="https://c.example", title="C", start=0, end=3)
    assert citation_written(citation) is None
    shown = citation_shown(citation)
    assert shown == {
        "type": "web_search_result_location",
        "url": "https://c.example",
        "title": "C",
        "cited_text": "",
        "encrypted_index": "trioproxy:",
    }
    # A client keeps it and sends it back; it still is nothing the API would take.
    assert shown is not None
    assert citation_written(citation_read(shown)) is None
    assert citation_shown(Citation(title="report.pdf")) is None
