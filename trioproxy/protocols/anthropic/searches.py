"""Searches of the web that a provider made by itself, both ways: ``server_tool_use`` of ``web_search``, and the block of its results.

Source: platform.claude.com, "Web search tool".
"""

from __future__ import annotations

from trioproxy.neutral.parts import Search
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
    """The blocks that tell a client of another vendor's search. What it found stands in the citations of the text: the results here have
    tokens in them that only Anthropic makes."""
    use_id = f"srvtoolu_{identity}"
    return [
        {"type": "server_tool_use", "id": use_id, "name": _TOOL, "input": {"query": search.query}},
        {"type": "web_search_tool_result", "tool_use_id": use_id, "content": []},
    ]
