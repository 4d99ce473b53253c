from __future__ import annotations

from tests.protocols.openai_chat.chat import conversation
from trioproxy.neutral.request import Tool
from trioproxy.protocols.openai_chat.legacy import asks_legacy_functions, is_legacy


def test_only_declarations_of_functions_are_legacy() -> None:
    old = conversation(functions=[{"name": "f"}])
    new = conversation(tools=[{"type": "function", "function": {"name": "f"}}, {"type": "x:y"}])
    assert [is_legacy(tool) for tool in (*old.tools, *new.tools) if isinstance(tool, Tool)] == [True, False]
    assert asks_legacy_functions(old)
    assert not asks_legacy_functions(new)
    assert not asks_legacy_functions(conversation())
    assert not asks_legacy_functions(None)
