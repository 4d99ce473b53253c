"""Sources: ``groundingMetadata`` and ``citationMetadata`` of a candidate, and neutral citations.

Google gives a segment in bytes of UTF-8, counted from the start of a part, or of all text where the stream was cut in parts; the neutral
offsets are characters of one text (https://ai.google.dev/api/generate-content#GroundingMetadata). The segment repeats its own text, which
settles what the numbers leave open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

import attrs

from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Citation, Search
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = [
    "BESIDE_PARTS",
    "REMEMBERED",
    "Placed",
    "RememberedText",
    "citations_of",
    "grounding_of",
    "search_of",
    "unquoted",
]

BESIDE_PARTS = frozenset({"groundingMetadata", "citationMetadata"})
"""The fields of a candidate that hold its sources."""

REMEMBERED = 256 * 1024
"""How many characters of a text are kept for its citations; one that grows longer loses their offsets, not the citations."""


class RememberedText:
    """A text as it grows, forgotten once it is too long to be kept."""

    def __init__(self) -> None:
        self._kept = StringIO()
        self._length = 0

    def add(self, text: str) -> None:
        """More of it."""
        self._length += len(text)
        if self._length <= REMEMBERED:
            self._kept.write(text)
        else:
            self._kept = StringIO()

    @property
    def whole(self) -> str | None:
        """All of it; None where it was forgotten."""
        return self._kept.getvalue() if self._length <= REMEMBERED else None


@attrs.frozen(kw_only=True)
class Placed:
    """A citation and the text it stands in: the number of that text among the candidate's parts (None in a stream, where parts are not
    counted), the bytes of text before it there, and the text itself (None where it was forgotten)."""

    citation: Citation
    text: str | None
    part: int | None = None
    before: int = 0


def citations_of(candidate: Object, text: str | None, before: int = 0) -> list[Citation]:
    """The sources of ``text``, the last open text of the answer (None where it was forgotten); ``before`` is the bytes of text before it.

    What speaks of another text is left out: it stays in the metadata, which a reader passes on whole.
    """
    found: list[Citation] = []
    metadata = candidate.get("groundingMetadata")
    if isinstance(metadata, dict):
        found += _grounded(metadata, text, before)
    recited = candidate.get("citationMetadata")
    sources = recited.get("citations", recited.get("citationSources")) if isinstance(recited, dict) else None
    for source in _objects(sources):
        span = _span(source, text, before)
        if span is not None:
            found.append(Citation(url=_text(source, "uri"), title=_text(source, "title"), start=span[0], end=span[1]))
    return found


def search_of(candidate: Object, known: set[str]) -> Search | None:
    """The search that a candidate tells of, None where its query is ``known``; ``known`` learns it. What was found supports the text and is
    cited there too."""
    metadata = candidate.get("groundingMetadata")
    queries = metadata.get("webSearchQueries") if isinstance(metadata, dict) else None
    asked = [each for each in queries if isinstance(each, str) and each.strip()] if isinstance(queries, list) else []
    query = next((each for each in asked if each not in known), None)
    if query is None or not isinstance(metadata, dict):
        return None
    known.update(asked)
    sources = [_source(chunk) for chunk in _objects(metadata.get("groundingChunks")) if "web" in chunk]
    return Search(
        query=query, found=tuple(source for source in sources if source is not None and source.url is not None)
    )


def grounding_of(placed: Iterable[Placed], queries: Sequence[str] = ()) -> Object | None:
    """``groundingMetadata`` that says the same, and what was searched for; None where there is neither."""
    chunks: list[Object] = []
    supports: dict[tuple[int | None, int, int], Object] = {}
    for each in placed:
        chunk = _chunk(each.citation)
        if chunk not in chunks:
            chunks.append(chunk)
        number = chunks.index(chunk)
        start, end = _place(each)
        if each.text is None or not 0 <= start < end <= len(each.text):
            continue
        support = supports.setdefault((each.part, each.before + start, each.before + end), _support(each, start, end))
        if number not in support["groundingChunkIndices"]:
            support["groundingChunkIndices"].append(number)
    grounding: Object = {}
    if queries:
        grounding["webSearchQueries"] = [*queries]
    if chunks:
        grounding["groundingChunks"] = chunks
    if supports:
        grounding["groundingSupports"] = [*supports.values()]
    return grounding or None


def unquoted(placed: Iterable[Placed]) -> list[Loss]:
    """The losses of :func:`grounding_of`: a page of the web is named, what was read there is not."""
    quoted = [each for each in placed if each.citation.url is not None and each.citation.cited_text]
    return [Loss("groundingChunks.web", f"the words quoted from {each.citation.url} have no place") for each in quoted]


def _grounded(metadata: Object, text: str | None, before: int) -> Iterator[Citation]:
    chunks = [_source(chunk) for chunk in _objects(metadata.get("groundingChunks"))]
    supports = _objects(metadata.get("groundingSupports"))
    if not supports:
        # Nothing says what a source stands for: it is one of the whole text.
        yield from (source for source in chunks if source is not None)
    for support in supports:
        segment, numbers = support.get("segment"), support.get("groundingChunkIndices")
        span = _span(segment, text, before) if isinstance(segment, dict) else None
        if span is None or not isinstance(numbers, list):
            continue
        for number in numbers:
            source = chunks[number] if isinstance(number, int) and 0 <= number < len(chunks) else None
            if source is not None:
                yield attrs.evolve(source, start=span[0], end=span[1])


def _source(chunk: Object) -> Citation | None:
    """The source a grounding chunk names, whatever kind it is (``web``, ``maps``, ``retrievedContext``, ``image``)."""
    for each in chunk.values():
        if isinstance(each, dict):
            source = Citation(
                url=_text(each, "uri", "sourceUri"),
                title=_text(each, "title", "fileSearchStore"),
                cited_text=_text(each, "text"),
            )
            return source if source != Citation() else None
    return None


def _place(placed: Placed) -> tuple[int, int]:
    """What a citation speaks of: where it does not say, the whole of its text, as where vendors cite block by block."""
    start, end = placed.citation.start, placed.citation.end
    return (0, len(placed.text or "")) if start is None or end is None else (start, end)


def _chunk(citation: Citation) -> Object:
    named = {"uri": citation.url, "title": citation.title}
    kind = "web"
    if citation.url is None:
        kind, named = "retrievedContext", {**named, "text": citation.cited_text}
    return {kind: {name: value for name, value in named.items() if value is not None}}


def _support(placed: Placed, start: int, end: int) -> Object:
    text = placed.text or ""
    first = placed.before + len(text[:start].encode())
    segment: Object = {} if placed.part is None else {"partIndex": placed.part}
    segment |= {"startIndex": first, "endIndex": first + len(text[start:end].encode()), "text": text[start:end]}
    return {"segment": segment, "groundingChunkIndices": []}


def _span(segment: Object, text: str | None, before: int) -> tuple[int | None, int | None] | None:
    """Where a segment lies in ``text``, in characters; two None where the text was forgotten; None where it does not lie there."""
    if text is None:
        return (None, None)
    first, last, quoted = _number(segment, "startIndex") or 0, _number(segment, "endIndex"), _text(segment, "text")
    encoded = text.encode()
    for start in (first, first - before):
        end = (last if last is not None else first) - first + start
        if 0 <= start < end <= len(encoded) and (quoted is None or encoded[start:end] == quoted.encode()):
            return (_characters(encoded, start), _characters(encoded, end))
    at = text.find(quoted) if quoted else -1
    return (at, at + len(quoted)) if quoted and at >= 0 else None


def _characters(encoded: bytes, end: int) -> int:
    return len(encoded[:end].decode("utf-8", "ignore"))


def _objects(value: JSON) -> list[Object]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(value: Object, name: str) -> int | None:
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _text(value: Object, *names: str) -> str | None:
    return next((value[name] for name in names if isinstance(value.get(name), str)), None)
