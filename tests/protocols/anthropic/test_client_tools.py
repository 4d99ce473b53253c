from __future__ import annotations

import pytest

from tests.protocols.anthropic.wires import read
from trioproxy.neutral.request import Conversation, Tool
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.anthropic.client_tools import client_tool
from trioproxy.protocols.base import WriteTarget


@pytest.mark.parametrize("kind", ["bash_20250124", "text_editor_20250728", "memory_20250818", "computer_20251124"])
def test_every_version_of_a_tool_is_the_tool(kind: str) -> None:
    known = client_tool(kind)
    assert known is not None
    assert set(known.schema["required"]) <= known.schema["properties"].keys()


@pytest.mark.parametrize(
    "kind", ["bash", "bash_tool", "web_search_20250305", "computer_toolset_20260801", "bash_20250124x", ""]
)
def test_any_other_type_is_none_of_them(kind: str) -> None:
    assert client_tool(kind) is None


@pytest.mark.parametrize(
    ("kind", "member", "can"),
    [
        ("text_editor_20241022", "command", {"undo_edit"}),
        ("text_editor_20250124", "command", {"undo_edit"}),
        ("text_editor_20250429", "command", set()),
        ("computer_20241022", "action", set()),
        ("computer_20250124", "action", {"scroll", "wait"}),
        ("computer_20251124", "action", {"scroll", "wait", "zoom"}),
    ],
)
def test_a_version_is_told_what_it_can(kind: str, member: str, can: set[str]) -> None:
    known = client_tool(kind)
    assert known is not None
    assert set(known.schema["properties"][member]["enum"]) & {"undo_edit", "scroll", "wait", "zoom"} == can


def test_a_model_is_told_how_large_the_screen_is() -> None:
    kind = {"type": "computer_20251124", "name": "computer"}
    sized, unsized = read(tools=[{**kind, "display_width_px": 1280, "display_height_px": 800}, kind]).tools
    assert isinstance(sized, Tool)
    assert isinstance(unsized, Tool)
    assert sized.description == f"{unsized.description} The screen is 1280 pixels wide and 800 high."


def test_anthropic_gets_the_declaration_as_it_was() -> None:
    declared = {
        "type": "text_editor_20250728",
        "name": "str_replace_based_edit_tool",
        "max_characters": 9,
        "cache_control": {"type": "ephemeral"},
    }
    said: Conversation = read(tools=[declared])
    assert PROTOCOL.write_request(said, WriteTarget(model="m")).body["tools"] == [declared]
