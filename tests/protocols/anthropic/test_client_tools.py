from __future__ import annotations

import pytest

from tests.protocols.anthropic.wires import read
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.client_tools import client_tool
from trioproxy.protocols.base import WriteTarget


@pytest.mark.parametrize("kind", ["bash_20250124", "text_editor_20250728", "memory_20250818"])
def test_every_version_of_a_tool_is_the_tool(kind: str) -> None:
    known = client_tool(kind)
    assert known is not None
    assert set(known.schema["required"]) <= known.schema["properties"].keys()


@pytest.mark.parametrize("kind", ["bash", "bash_tool", "web_search_20250305", "computer_20250124", ""])
def test_any_other_type_is_none_of_them(kind: str) -> None:
    assert client_tool(kind) is None


def test_anthropic_gets_the_declaration_as_it_was() -> None:
    declared = {
        "type": "text_editor_20250728",
        "name": "str_replace_based_edit_tool",
        "max_characters": 9,
        "cache_control": {"type": "ephemeral"},
    }
    said: Conversation = read(tools=[declared])
    assert PROTOCOL.write_request(said, WriteTarget(model="m")).body["tools"] == [declared]
