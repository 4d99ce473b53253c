"""Citations, both ways.

Anthropic points into a document of the request or a result of its own search, by an index that only it can check; OpenAI and Gemini point
from the answer's text to a URL. A citation of Anthropic's goes back whole. Another vendor's is shown to the client as a search result
without an index, and is left out of a request, where Anthropic would refuse it. Source: platform.claude.com, "Citations" and "Web search
tool".
"""

from __future__ import annotations

from trioproxy.neutral.extras import own, packed, spelling
from trioproxy.neutral.parts import Citation
from trioproxy.protocols.anthropic.endpoints import NAME
from trioproxy.protocols.anthropic.seals import MARK
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["citation_read", "citation_shown", "citation_written"]

_SEARCH = "web_search_result_location"
_TITLE = {_SEARCH: "title", "search_result_location": "title"}
_NAMED = ("type", "url", "title", "document_title", "cited_text")


def citation_read(raw: Object) -> Citation:
    """A citation of a request or an answer; what the hub has no word for is carried."""
    kind = raw.get("type")
    url, source = _text(raw.get("url")), _text(raw.get("source"))
    if url is None and source is not None and source.startswith(("http://", "https://")):
        url = source
    rest = {name: value for name, value in raw.items() if name not in _NAMED and value is not None}
    return Citation(
        url=url,
        title=_text(raw.get(_TITLE.get(str(kind), "document_title"))),
        cited_text=_text(raw.get("cited_text")),
        extras=packed(NAME, rest, spelling={"type": kind}),
    )


def citation_written(citation: Citation) -> Object | None:
    """The citation for Anthropic itself; None where Anthropic would not take it."""
    kind = spelling(citation.extras, NAME).get("type")
    if kind is None:
        return None
    written = _own_words(citation, kind)
    return None if kind == _SEARCH and written.get("encrypted_index") in (None, "", MARK) else written


def citation_shown(citation: Citation) -> Object | None:
    """The citation for a client; None where another vendor names a source without a URL, which nothing here can."""
    kind = spelling(citation.extras, NAME).get("type")
    if kind is not None:
        return _own_words(citation, kind)
    if not citation.url:
        return None
    return {
        "type": _SEARCH,
        "url": citation.url,
        # Clients of the API are strict about it: a source without a title has its address.
        "title": citation.title or citation.url,
        "cited_text": citation.cited_text or "",
        "encrypted_index": MARK,
    }


def _own_words(citation: Citation, kind: str) -> Object:
    written: Object = {
        "type": kind,
        "cited_text": citation.cited_text,
        _TITLE.get(kind, "document_title"): citation.title,
    }
    if kind == _SEARCH:
        written["url"] = citation.url
    return {**written, **own(citation.extras, NAME)}


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None
