from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_chat.chat import conversation
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign, own
from trioproxy.neutral.parts import (
    CacheHint,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from trioproxy.neutral.request import Role, Turn

USER = {"role": "user", "content": "hi"}


def _turns(*messages: Any) -> tuple[Turn, ...]:
    return conversation(USER, *messages).turns[1:]


def _turn(message: Any) -> Turn:
    (turn,) = _turns(message)
    return turn


def _fault(*messages: Any) -> str | None:
    with pytest.raises(ClientFault) as caught:
        conversation(*messages)
    return caught.value.failure.param


def test_instructions_lead_or_stand_in_the_middle() -> None:
    said = conversation(
        {"role": "system", "content": "a"},
        {"role": "developer", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
        USER,
        {"role": "system", "content": "d"},
    )
    assert [part.text for part in said.system if isinstance(part, Text)] == ["a", "b", "c"]
    assert [turn.role for turn in said.turns] == [Role.USER, Role.SYSTEM]
    assert said.turns[1].parts == (Text(text="d"),)


def test_own_members_of_a_leading_instruction_are_not_lost_in_silence() -> None:
    said = conversation({"role": "system", "content": "a", "name": "n", "odd": 1}, USER)
    losses, _ = foreign(
        said.system[0].extras if isinstance(said.system[0], Text) else {}, "elsewhere", path="system[0]"
    )
    assert [loss.path for loss in losses] == ["system[0].message"]


def test_a_leading_instruction_of_pictures_or_of_nothing() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://a"}}
    (part,) = conversation({"role": "system", "content": [picture], "name": "n"}, USER).system
    assert isinstance(part, Opaque)
    assert part.essential
    said = conversation({"role": "system", "content": []}, USER)
    assert said.system == ()
    assert [turn.role for turn in said.turns] == [Role.SYSTEM, Role.USER]


def test_users_and_their_names() -> None:
    turn = _turn(
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://a"}}],
            "name": "n",
        }
    )
    assert (turn.role, turn.name) == (Role.USER, "n")
    assert [type(part) for part in turn.parts] == [Text, Media]


def test_results_in_any_form() -> None:
    turn = _turn({"role": "tool", "tool_call_id": "x", "content": "r", "name": "f", "odd": 1})
    (result,) = turn.parts
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.content, result.name, result.is_error) == ("x", (Text(text="r"),), "f", False)
    assert own(result.extras, "openai_chat") == {"odd": 1}
    (result,) = _turn({"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "a"}]}).parts
    assert isinstance(result, ToolResult)
    assert result.content == (Text(text="a"),)


def test_an_assistant_with_everything() -> None:
    turn = _turn(
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
            "refusal": "never",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "y", "type": "custom", "custom": {"name": "sh", "input": "ls"}},
            ],
            "name": "bob",
            "prefix": True,
        }
    )
    assert turn.role is Role.ASSISTANT
    thought, text, refused, again, called, custom = turn.parts
    assert thought == Reasoning(text="hm")
    assert text == Text(text="a")
    assert [part.text for part in (refused, again) if isinstance(part, Refusal)] == ["no", "never"]
    assert called == ToolCall(call_id="x", name="f", arguments='{"a":1}')
    assert custom == ToolCall(call_id="y", name="sh", arguments="ls", kind=ToolKind.CUSTOM)
    assert turn.name == "bob"
    assert own(turn.extras, "openai_chat") == {"prefix": True}


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ({"name": "f", "arguments": ""}, ""),
        ({"name": "f"}, ""),
        ({"name": "f", "arguments": None}, ""),
        ({"name": "f", "arguments": {"a": 1}}, '{"a":1}'),
    ],
)
def test_arguments_in_any_form(function: Any, arguments: str) -> None:
    (call,) = _turn({"role": "assistant", "tool_calls": [{"id": "x", "function": function}]}).parts
    assert isinstance(call, ToolCall)
    assert call.arguments == arguments


def test_spoken_answers_can_not_be_left_out() -> None:
    turn = _turn({"role": "assistant", "content": None, "audio": {"id": "a"}})
    assert foreign(turn.extras, "elsewhere", path="messages[1]")[1] == ("messages[1].audio",)


SIGNATURE = Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE)


def _detail(**members: Any) -> Any:
    return {"type": "reasoning.text", "format": "anthropic-claude-v1", **members}


@pytest.mark.parametrize(
    ("members", "parts"),
    [
        ({"reasoning": "hm"}, (Reasoning(text="hm"),)),
        ({"reasoning": "hm", "reasoning_content": "more"}, (Reasoning(text="more"),)),
        ({"reasoning_content": ""}, ()),
        ({"reasoning_details": []}, ()),
        ({"reasoning_details": [_detail(text="hm", signature="s")]}, (Reasoning(text="hm", signature=SIGNATURE),)),
        (
            {"reasoning": "hm", "reasoning_details": [_detail(text="hm", signature="s")]},
            (Reasoning(text="hm", signature=SIGNATURE),),
        ),
        (
            {"reasoning": "hm", "reasoning_details": [_detail(signature="s")]},
            (Reasoning(text="hm", signature=SIGNATURE),),
        ),
    ],
)
def test_thoughts_in_history(members: Any, parts: Any) -> None:
    assert _turn({"role": "assistant", "content": None, **members}).parts == parts


def test_geminis_signatures_in_history() -> None:
    extra = {"google": {"thought_signature": "AV"}}
    signature = Signature(value="AV", form=SignatureForm.GEMINI_THOUGHT)
    call = {"id": "x", "function": {"name": "f", "arguments": "{}"}}
    (used,) = _turn({"role": "assistant", "tool_calls": [{**call, "extra_content": extra}]}).parts
    assert isinstance(used, ToolCall)
    assert used.signature == signature
    text, used = _turn({"role": "assistant", "content": "a", "tool_calls": [call], "extra_content": extra}).parts
    assert isinstance(text, Text)
    assert isinstance(used, ToolCall)
    assert (text.signature, used.signature) == (None, signature)
    (used,) = _turn(
        {
            "role": "assistant",
            "tool_calls": [{**call, "extra_content": extra}],
            "extra_content": {"google": {"thought_signature": "B"}},
        }
    ).parts
    assert isinstance(used, ToolCall)
    assert used.signature == signature
    (text,) = _turn({"role": "assistant", "content": "a", "extra_content": extra}).parts
    assert isinstance(text, Text)
    assert text.signature == signature
    assert _turn({"role": "assistant", "content": "a", "extra_content": {}}).parts == (Text(text="a"),)
    assert _turn({"role": "assistant", "content": None, "extra_content": extra}).parts == ()


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([3], "messages[0]"),
        ([{}], "messages[0].role"),
        ([{"role": "wizard", "content": "a"}], "messages[0].role"),
        ([USER, {"role": "function", "name": "f", "content": "r"}], "messages[1].role"),
        ([{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}], "messages[0].function_call"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": "a", "name": 3}], "messages[0].name"),
        ([{"role": "tool", "content": "r"}], "messages[0].tool_call_id"),
        ([{"role": "tool", "tool_call_id": "", "content": "r"}], "messages[0].tool_call_id"),
        (
            [{"role": "tool", "tool_call_id": "x", "content": [{"type": "refusal", "refusal": "a"}]}],
            "messages[0].content",
        ),
        ([{"role": "assistant", "tool_calls": {}}], "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}], "messages[0].tool_calls[0].id"),
        ([{"role": "assistant", "tool_calls": [{"id": "x"}]}], "messages[0].tool_calls[0].function"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "x", "type": "custom", "custom": {}}]}],
            "messages[0].tool_calls[0].custom.name",
        ),
        ([{"role": "assistant", "reasoning": 3}], "messages[0].reasoning"),
    ],
)
def test_faults_name_the_member(messages: list[Any], param: str) -> None:
    assert _fault(*messages) == param


@pytest.mark.parametrize("messages", [None, [], "x", {}])
def test_a_request_without_messages(messages: Any) -> None:
    with pytest.raises(ClientFault, match="`messages`"):
        conversation(messages=messages)


def test_what_clients_store_beside_a_message_is_nobodys_loss() -> None:
    call = {"id": "x", "index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turn = _turn({"role": "assistant", "content": None, "tool_calls": [call], "prefix": False})
    (used,) = turn.parts
    assert isinstance(used, ToolCall)
    assert foreign(turn.extras, "elsewhere") == ([], ())
    assert foreign(used.extras, "elsewhere") == ([], ())


def test_a_breakpoint_of_a_whole_message_stands_on_its_last_text() -> None:
    said = conversation(
        {"role": "system", "content": "s", "cache_control": {"type": "ephemeral"}},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
    )
    (leading,), (first, last) = said.system, said.turns[0].parts
    assert isinstance(leading, Text)
    assert isinstance(first, Text)
    assert isinstance(last, Text)
    assert [part.cache for part in (leading, first, last)] == [CacheHint(), None, CacheHint(ttl="1h")]


def test_blocks_of_thought_are_signed_thoughts() -> None:
    blocks = [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "thinking", "thinking": "unsigned", "signature": ""},
        3,
    ]
    said = conversation(
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "a", "reasoning_content": "t", "thinking_blocks": blocks},
    )
    assert said.turns[1].parts[:2] == (
        Reasoning(text="t", signature=Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE)),
        Reasoning(text="", signature=Signature(value="d", form=SignatureForm.ANTHROPIC_REDACTED)),
    )
