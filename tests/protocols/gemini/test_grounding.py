from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.parts import Citation, Search
from trioproxy.protocols.gemini import grounding
from trioproxy.protocols.gemini.grounding import Placed, RememberedText, citations_of, grounding_of, search_of, unquoted

_A = {"web": {"uri": "https://a.example/", "title": "A"}}
_B = {"retrievedContext": {"fileSearchStore": "stores/x", "text": "quoted"}}


def _candidate(segment: Any, numbers: Any, chunks: Any = None) -> dict[str, Any]:
    support = {"segment": segment, "groundingChunkIndices": numbers}
    return {
        "groundingMetadata": {"groundingChunks": [_A, _B] if chunks is None else chunks, "groundingSupports": [support]}
    }


def test_segments_are_bytes_and_citations_characters() -> None:
    text = "Ωmega is — a letter."
    segment = {"startIndex": 0, "endIndex": len("Ωmega is —".encode()), "text": "Ωmega is —"}
    assert citations_of(_candidate(segment, [0, 1]), text) == [
        Citation(url="https://a.example/", title="A", start=0, end=10),
        Citation(title="stores/x", cited_text="quoted", start=0, end=10),
    ]


def test_a_start_of_zero_is_left_out_and_the_end_of_bytes_holds_without_text() -> None:
    assert citations_of(_candidate({"endIndex": 3}, [0]), "abcdef") == [
        Citation(url="https://a.example/", title="A", start=0, end=3)
    ]


def test_offsets_may_count_from_the_start_of_all_text() -> None:
    segment = {"startIndex": 12, "endIndex": 15, "text": "two"}
    (found,) = citations_of(_candidate(segment, [0]), "two", 12)
    assert (found.start, found.end) == (0, 3)


def test_wrong_offsets_are_settled_by_the_segments_text() -> None:
    segment = {"startIndex": 1, "endIndex": 4, "text": "word"}
    (found,) = citations_of(_candidate(segment, [0]), "the word here")
    assert (found.start, found.end) == (4, 8)


def test_what_speaks_of_another_text_is_left_out() -> None:
    assert citations_of(_candidate({"startIndex": 1, "endIndex": 4, "text": "elsewhere"}, [0]), "the word here") == []
    assert citations_of(_candidate({"startIndex": 90, "endIndex": 94}, [0]), "short") == []
    assert citations_of(_candidate({"startIndex": 2}, [0]), "short") == []


def test_a_forgotten_text_keeps_its_sources() -> None:
    assert citations_of(_candidate({"endIndex": 3, "text": "abc"}, [0]), None) == [
        Citation(url="https://a.example/", title="A")
    ]


def test_what_is_odd_is_left_out() -> None:
    odd = [
        _candidate(None, [0]),
        _candidate({"endIndex": 3}, None),
        _candidate({"endIndex": 3}, [7, -1, "0"]),
        _candidate({"endIndex": 3}, [0], [{"web": {}}]),
        _candidate({"endIndex": 3}, [0], [{"web": "x"}]),
        _candidate({"endIndex": 3}, [0], "x"),
        {"groundingMetadata": "x", "citationMetadata": 3},
        {"citationMetadata": {"citations": [{"startIndex": 50, "endIndex": 60}]}},
        {},
    ]
    assert [citations_of(each, "abcdef") for each in odd] == [[]] * len(odd)


def test_recitations() -> None:
    source = {"startIndex": 0, "endIndex": 2, "uri": "https://c.example/", "title": "C", "license": "MIT"}
    expected = [Citation(url="https://c.example/", title="C", start=0, end=2)]
    assert citations_of({"citationMetadata": {"citations": [source]}}, "abc") == expected
    assert citations_of({"citationMetadata": {"citationSources": [source]}}, "abc") == expected


def test_written_metadata() -> None:
    text = "Ω is a letter"
    cited = [
        Citation(url="https://a.example/", title="A", start=0, end=1),
        Citation(url="https://a.example/", title="A", start=0, end=1),
        Citation(title="B", cited_text="quoted", start=0, end=1),
        Citation(url="https://c.example/"),
        Citation(url="https://c.example/", start=5, end=99),
    ]
    assert grounding_of(Placed(citation=each, text=text, part=2, before=10) for each in cited) == {
        "groundingChunks": [
            {"web": {"uri": "https://a.example/", "title": "A"}},
            {"retrievedContext": {"title": "B", "text": "quoted"}},
            {"web": {"uri": "https://c.example/"}},
        ],
        "groundingSupports": [
            {
                "segment": {"partIndex": 2, "startIndex": 10, "endIndex": 12, "text": "Ω"},
                "groundingChunkIndices": [0, 1],
            },
            {
                "segment": {"partIndex": 2, "startIndex": 10, "endIndex": 24, "text": text},
                "groundingChunkIndices": [2],
            },
        ],
    }
    assert grounding_of([]) is None
    unplaced = grounding_of([Placed(citation=Citation(url="u", start=0, end=1), text=None)])
    assert unplaced == {"groundingChunks": [{"web": {"uri": "u"}}]}


def test_a_page_is_named_and_not_quoted() -> None:
    cited = [Placed(citation=Citation(url="https://a.example/", cited_text="words"), text="abc")]
    assert grounding_of(cited) == {
        "groundingChunks": [{"web": {"uri": "https://a.example/"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 0, "endIndex": 3, "text": "abc"}, "groundingChunkIndices": [0]}
        ],
    }
    assert [loss.path for loss in unquoted(cited)] == ["groundingChunks.web"]


def test_sources_without_a_place_are_those_of_the_whole_text() -> None:
    metadata = {"groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}, {}]}
    found = citations_of({"groundingMetadata": metadata}, "abc")
    assert found == [Citation(url="https://a.example/", title="A")]


@given(st.text(min_size=1, max_size=30), st.data(), st.text(max_size=10))
def test_a_placed_citation_is_found_again(text: str, data: st.DataObject, earlier: str) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    citation = Citation(url="https://a.example/", start=start, end=end)
    metadata = grounding_of([Placed(citation=citation, text=text, before=len(earlier.encode()))])
    (found,) = citations_of({"groundingMetadata": metadata}, text, len(earlier.encode()))
    # Where the same words stand twice, the offsets may count from either start; what they frame is the same.
    assert found.start is not None
    assert text[found.start : found.end] == text[start:end]


def test_a_long_text_is_forgotten() -> None:
    def after(*texts: str) -> str | None:
        remembered = RememberedText()
        for text in texts:
            remembered.add(text)
        return remembered.whole

    assert after("a", "b") == "ab"
    assert after("a", "b" * grounding.REMEMBERED) is None
    assert after("a", "b" * grounding.REMEMBERED, "c") is None


def test_a_search_is_told_once() -> None:
    known: set[str] = set()
    chunks = [_A, _B, {"web": {"title": "nowhere"}}, {"web": 7}]
    candidate = {"groundingMetadata": {"webSearchQueries": ["cats", 7, "dogs"], "groundingChunks": chunks}}
    found = (Citation(url="https://a.example/", title="A"),)
    assert search_of(candidate, known) == Search(query="cats", found=found)
    assert search_of(candidate, known) is None
    assert search_of({"groundingMetadata": {"webSearchQueries": ["cats", "birds"]}}, known) == Search(query="birds")
    odds: tuple[dict[str, Any], ...] = ({}, {"groundingMetadata": 7}, {"groundingMetadata": {"webSearchQueries": 7}})
    for odd in odds:
        assert search_of(odd, known) is None
