"""Items of this protocol's own that other protocols can show in part, both ways: searches of the web, and images that the model made.

Refuses to know: where in an answer or a history such an item stands.
"""

from __future__ import annotations

import re
from typing import assert_never

import attrs

from trioproxy.neutral.parts import Base64Source, Citation, Media, MediaKind, Search
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Shown", "read_shown", "write_shown"]

_BASE64 = re.compile(r"[A-Za-z0-9+/]{2,}={0,2}")
_SEARCH, _IMAGE = "web_search_call", "image_generation_call"


@attrs.frozen(kw_only=True)
class Shown:
    """An item: as it is announced, the events of its progress, and whole."""

    begun: Object
    progress: tuple[str, ...]
    whole: Object


def read_shown(item: Object) -> Media | Search | None:
    """What of an item other protocols can show."""
    match item.get("type"):
        case "web_search_call":
            action = item.get("action")
            query = _query(action)
            return Search(query=query, found=_found(action)) if query is not None else None
        case "image_generation_call":
            data, form = item.get("result"), item.get("output_format")
            if not isinstance(data, str) or not _BASE64.fullmatch(data):
                return None
            mime = f"image/{form}" if isinstance(form, str) and form else "image/png"
            return Media(kind=MediaKind.IMAGE, source=Base64Source(data=data, mime=mime))
        case _:
            return None


def _query(action: JSON) -> str | None:
    if not isinstance(action, dict):
        return None
    queries = action.get("queries")
    several = queries if isinstance(queries, list) else []
    return next((each for each in (action.get("query"), *several) if isinstance(each, str) and each), None)


def _found(action: JSON) -> tuple[Citation, ...]:
    sources = action.get("sources") if isinstance(action, dict) else None
    urls = [each.get("url") for each in sources if isinstance(each, dict)] if isinstance(sources, list) else []
    return tuple(Citation(url=url) for url in urls if isinstance(url, str))


def write_shown(shown: Media | Search, identity: str) -> Shown | None:
    """The item for what another vendor made; None where there is none for it. ``identity`` is what its id is made of."""
    match shown:
        case Search(query=query, found=found):
            action: Object = {"type": "search", "query": query}
            if found:
                action["sources"] = [{"type": "url", "url": each.url} for each in found]
            item: Object = {"id": f"ws_{identity}", "type": _SEARCH, "action": action}
            return _running(item, "in_progress", "searching", "completed")
        case Media(kind=MediaKind.IMAGE, source=Base64Source(data=data)):
            image: Object = {"id": f"ig_{identity}", "type": _IMAGE, "result": data}
            return _running(image, "in_progress", "generating", "completed", without={"result": None})
        case Media():
            return None
        case _:
            assert_never(shown)


def _running(item: Object, *steps: str, without: Object | None = None) -> Shown:
    progress = tuple(f"response.{item['type']}.{step}" for step in steps)
    begun = {**item, **(without or {}), "status": "in_progress"}
    return Shown(begun=begun, progress=progress, whole={**item, "status": "completed"})
