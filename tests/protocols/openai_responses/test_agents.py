from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_responses.test_read_items import USER, same, turns
from trioproxy.errors import ClientFault
from trioproxy.neutral.parts import Opaque, Text
from trioproxy.neutral.request import Role

CIPHER = "gAAAAABo" + "x" * 60


def message(*content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "agent_message", "author": "/root", "recipient": "/root/a", "content": list(content), **more}


def sealed(text: str) -> dict[str, Any]:
    return {"type": "encrypted_content", "encrypted_content": text}


def test_it_is_a_users_words_with_who_said_them() -> None:
    item = message({"type": "input_text", "text": "NEW_TASK"}, sealed("look around"))
    (turn,) = turns(item)
    assert turn.role is Role.USER
    assert [part.text for part in turn.parts if isinstance(part, Text)] == [
        "Message from the agent /root to /root/a:",
        "NEW_TASK",
        "look around",
    ]
    assert turn.places == ("input[0]", "input[0].content[0]", "input[0].content[1]")
    assert same(USER, item, USER)


@pytest.mark.parametrize(("content", "texts"), [("go", ["go"]), (None, []), ([], [])])
def test_content_may_be_a_string_or_nothing(content: Any, texts: list[str]) -> None:
    (turn,) = turns({"type": "agent_message", "content": content})
    assert [part.text for part in turn.parts if isinstance(part, Text)] == ["Message from the agent unknown:", *texts]


def test_ciphertext_that_is_to_be_answered_can_not_be_left_out() -> None:
    past, now = message(sealed(CIPHER)), message({"type": "input_text", "text": "x"}, sealed(CIPHER))
    asked = turns(past, {"role": "assistant", "content": "done"}, now)
    sealed_parts = [part for turn in asked for part in turn.parts if isinstance(part, Opaque)]
    assert [part.essential for part in sealed_parts] == [False, True]
    assert same(past, {"role": "assistant", "content": "done"}, now)


@pytest.mark.parametrize("content", [[5], [{"type": "encrypted_content"}], [{}]])
def test_malformed_content_is_refused_by_name(content: Any) -> None:
    with pytest.raises(ClientFault) as caught:
        turns({"type": "agent_message", "author": "/root", "content": content})
    assert str(caught.value.failure.param).startswith("input[0].content[0]")
