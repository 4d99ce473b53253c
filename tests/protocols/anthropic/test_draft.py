from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.anthropic.draft import Draft, Message
from trioproxy.protocols.base import WriteTarget

HI = {"type": "text", "text": "hi"}
CACHED = {**HI, "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("message", "written"),
    [
        (Message(role="user", blocks=[HI]), {"role": "user", "content": [HI]}),
        (Message(role="user", blocks=[HI], spelled="string"), {"role": "user", "content": "hi"}),
        (Message(role="user", blocks=[CACHED], spelled="string"), {"role": "user", "content": [CACHED]}),
        (Message(role="user", blocks=[HI, HI], spelled="string"), {"role": "user", "content": [HI, HI]}),
        (Message(role="system", blocks=[], spelled="absent", fields={"x": 1}), {"role": "system", "x": 1}),
        (Message(role="system", blocks=[HI], spelled="absent"), {"role": "system", "content": [HI]}),
    ],
)
def test_messages(message: Message, written: dict[str, Any]) -> None:
    assert message.written() == written


def test_a_body() -> None:
    draft = Draft(target=WriteTarget(model="m"), top={"model": "m"}, messages=[Message(role="user", blocks=[HI])])
    assert draft.body() == {"model": "m", "messages": [{"role": "user", "content": [HI]}]}
    draft.system = [HI]
    draft.tools = [{"name": "f"}]
    assert draft.body()["system"] == [HI]
    assert draft.body()["tools"] == [{"name": "f"}]
    draft.system_spelled = "string"
    assert draft.body()["system"] == "hi"
    draft.system = [HI, HI]
    assert draft.body()["system"] == [HI, HI]


def test_what_is_dropped_is_a_loss_once() -> None:
    draft = Draft(target=WriteTarget(model="m"), top={"top_k": 3})
    draft.drop("top_k", "why")
    draft.drop("top_k", "why")
    assert (draft.top, draft.losses) == ({}, [Loss("top_k", "why")])
