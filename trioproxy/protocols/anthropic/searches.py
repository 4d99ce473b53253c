"""Searches of the web that a provider made by itself, both ways: ``server_tool_use`` of ``web_search``, and the block of its results.

Source: platform.claude.com, "Web search tool".
"""

from __future__ import annotations

from trioproxy.neutral.parts import Citation, Search
from trioproxy.protocols.anthropic.seals import SEARCH_MARK
from trioproxy.wire.jsoncodec import Object

__all__ = ["search_blocks", "search_made"]

_TOOL = "web_search"


def search_made(block: Object) -> Search | None:
    """The search that a whole block is the call of, None where it is something else."""
    asked = block.get("input")
    query = asked.get("query") if isinstance(asked, dict) else None
    searching = block.get("type") == "server_tool_use" and block.get("name") == _TOOL
    return Search(query=query) if searching and isinstance(query, str) else None


def search_blocks(search: Search, identity: str) -> list[Object]:
    """The blocks that tell a client of another vendor's search. Their results are no tokens that Anthropic could read, so they are taken out
    of a body that goes there (``seals.py``)."""
    use_id = f"{SEARCH_MARK}{identity}"
    return [
        {"type": "server_tool_use", "id": use_id, "name": _TOOL, "input": {"query": search.query}},
        {"type": "web_search_tool_result", "tool_use_id": use_id, "content": [*map(_result, search.found)]},
    ]


def _result(source: Citation) -> Object:
    # Agents show these as links; one without a title has its address.
    shown: Object = {"type": "web_search_result", "url": source.url or "", "title": source.title or source.url or ""}
    return {**shown, "encrypted_content": "", "page_age": None}
