from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.support.events import citations
from trioproxy.neutral.parts import Citation
from trioproxy.protocols.openai_chat.citations import read_annotation, read_sources, write_annotation


def test_openais_annotation() -> None:
    body = {"url": "https://a", "title": "A", "start_index": 3, "end_index": 9, "content": "text"}
    expected = Citation(url="https://a", title="A", cited_text="text", start=3, end=9)
    assert read_annotation({"type": "url_citation", "url_citation": body}) == expected
    assert read_annotation({"type": "url_citation", **body}) == expected


@pytest.mark.parametrize("entry", [None, "x", {}, {"type": "file_citation"}])
def test_other_entries(entry: Any) -> None:
    assert read_annotation(entry) is None


def test_no_place_is_written_as_zero_and_read_as_none() -> None:
    written = write_annotation(Citation(url="https://a"))
    assert written["url_citation"] == {"start_index": 0, "end_index": 0, "title": "", "url": "https://a"}
    assert read_annotation(written) == Citation(url="https://a")


def test_places_count_from_the_beginning_of_the_message() -> None:
    written = write_annotation(Citation(url="https://a", start=1, end=4), offset=10)
    assert (written["url_citation"]["start_index"], written["url_citation"]["end_index"]) == (11, 14)


@given(citations())
def test_what_is_written_is_read_back(citation: Citation) -> None:
    read = read_annotation(write_annotation(citation))
    assert read is not None
    assert (read.url, read.title, read.start, read.end) == (
        citation.url,
        citation.title or None,
        citation.start,
        citation.end,
    )
    assert (read.cited_text or "") == (citation.cited_text or "")


@pytest.mark.parametrize(
    ("document", "sources"),
    [
        ({}, []),
        ({"citations": "x"}, []),
        ({"citations": ["https://a", 3]}, [Citation(url="https://a")]),
        (
            {"citations": ["https://a"], "search_results": [None, {"title": "?"}, {"url": "https://a", "title": "A"}]},
            [Citation(url="https://a", title="A")],
        ),
        ({"citations": ["https://a"], "search_results": {}}, [Citation(url="https://a")]),
        ({"search_results": [{"url": "https://a", "title": "A"}, {"url": ""}]}, [Citation(url="https://a", title="A")]),
        ({"web_search": [{"link": "https://a", "title": "A", "content": "b"}]}, [Citation(url="https://a", title="A")]),
    ],
)
def test_sources_beside_the_choices(document: Any, sources: list[Citation]) -> None:
    assert read_sources(document) == sources
