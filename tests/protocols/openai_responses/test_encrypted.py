from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.request import ServerTool, Tool, ToolSpec
from trioproxy.protocols.openai_responses.encrypted import is_encrypted, with_encrypted_arguments

MARKED = {"type": "object", "properties": {"message": {"type": "string", "encrypted": True}, "to": True}}


@pytest.mark.parametrize(
    ("text", "found"),
    [("gAAAAABo" + "x" * 40, True), ("gAAAAABo" + "x" * 40 + "==", True), ("gAAAA", False), ("do it", False)],
)
def test_ciphertext_is_told_by_its_beginning(text: str, found: bool) -> None:
    assert is_encrypted(text) is found


@pytest.mark.parametrize("schema", [None, {}, {"properties": []}, {"properties": {"a": {"encrypted": "yes"}}}])
def test_tools_without_a_marked_parameter(schema: Any) -> None:
    assert with_encrypted_arguments([Tool(name="f", schema=schema)]) == frozenset()


def test_tools_with_one() -> None:
    tools: list[ToolSpec] = [
        Tool(name="spawn_agent", namespace="collaboration", schema=MARKED),
        Tool(name="spawn_agent"),
        ServerTool(family=None, protocol="openai_responses", payload={}),
    ]
    assert with_encrypted_arguments(tools) == {("spawn_agent", "collaboration")}
