"""Sources in the words of Chat Completions: ``annotations`` (OpenAI), and the ``citations`` beside the choices (Perplexity, xAI)."""

from __future__ import annotations

from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Citation
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["nameless_source", "read_annotation", "read_sources", "write_annotation"]


def read_annotation(entry: JSON) -> Citation | None:
    """The source in one entry of ``annotations``, None where it is something else (a file's content, say)."""
    if not isinstance(entry, dict) or entry.get("type") != "url_citation":
        return None
    inner = entry.get("url_citation")
    body = inner if isinstance(inner, dict) else entry
    start, end = body.get("start_index"), body.get("end_index")
    # Both are compulsory on the wire, so servers that know no place say 0 and 0.
    placed = isinstance(start, int) and isinstance(end, int) and (start, end) != (0, 0)
    return Citation(
        url=_text(body.get("url")),
        title=_text(body.get("title")),
        cited_text=_text(body.get("content")),
        start=start if placed else None,
        end=end if placed else None,
    )


def nameless_source(citation: Citation) -> Loss | None:
    """The loss of a source without a URL, which is all that an annotation can name one by; None for any other."""
    if citation.url:
        return None
    return Loss("annotations", f"{citation.title or 'a source'} has no URL to name it by")


def write_annotation(citation: Citation, *, offset: int = 0, length: int = 0) -> Object:
    """One entry of ``annotations``. ``offset`` is where the cited text begins in the whole message, ``length`` how long it is: a source that
    names no place in it (Anthropic's, which stand on a whole block) is one of all of it."""
    placed = citation.start is not None and citation.end is not None
    body: Object = {
        "start_index": offset + ((citation.start or 0) if placed else 0),
        "end_index": offset + ((citation.end or 0) if placed else length),
        "title": citation.title or "",
        "url": citation.url or "",
    }
    if citation.cited_text is not None:
        body["content"] = citation.cited_text
    return {"type": "url_citation", "url_citation": body}


def read_sources(document: Object) -> list[Citation]:
    """The sources that stand beside the choices: ``citations`` with their titles where ``search_results`` gives them, else those results alone
    (Perplexity has given up ``citations`` for them), else the ``web_search`` of Zhipu."""
    urls = document.get("citations")
    titles = _titled(document.get("search_results"), "url") or _titled(document.get("web_search"), "link")
    if not isinstance(urls, list):
        urls = list(titles)
    return [Citation(url=url, title=_text(titles.get(url))) for url in urls if isinstance(url, str)]


def _titled(results: JSON, address: str) -> dict[str, JSON]:
    """The titles of what a search found, by its ``address``."""
    titles: dict[str, JSON] = {}
    for result in results if isinstance(results, list) else ():
        url = result.get(address) if isinstance(result, dict) else None
        if isinstance(url, str) and url:
            titles[url] = result.get("title")
    return titles


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) and value else None
