from __future__ import annotations

import pytest

from tests.protocols.openai_responses.test_read_tools import tools
from trioproxy.neutral.request import ServerTool
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.protocols.openai_responses.vocabulary import family_of


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("web_search", "web_search"),
        ("web_search_preview", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("web_search_2025_08_26", "web_search"),
        ("code_interpreter", "code_execution"),
        ("image_generation", "image_generation"),
        ("file_search", None),
        ("odd_20x", None),
    ],
)
def test_the_family_of_a_providers_tool(kind: str, family: str | None) -> None:
    assert family_of(kind) == family
    assert tools({"type": kind}) == (ServerTool(family=family, protocol=PROTOCOL.name, payload={"type": kind}),)
