from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from tests.protocols.openai_chat.chat import conversation, written
from trioproxy.errors import ClientFault
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    Media,
    MediaKind,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
    UrlSource,
)
from trioproxy.neutral.request import Conversation, Role, Turn
from trioproxy.protocols.openai_chat.messages_writer import wrapped_input

USER = {"role": "user", "content": "hi"}
IMAGE = Media(kind=MediaKind.IMAGE, source=Base64Source(data="AA", mime="image/png"))


def _said(*turns: tuple[Role, list[Part]], system: tuple[Text | Opaque, ...] = ()) -> Conversation:
    return Conversation(
        model="m", system=system, turns=tuple(Turn(role=role, parts=tuple(parts)) for role, parts in turns)
    )


OPENING = {"role": "user", "content": "(The conversation goes on from here.)"}
MISSING = "No result was given for this call."


def _messages(said: Conversation, *quirks: str) -> Any:
    """The messages, but for the opening and the results that fragments of a history get."""
    messages = written(said, *quirks).body["messages"]
    return [each for each in messages if each != OPENING and each["content"] != MISSING]


def _losses(said: Conversation, *quirks: str) -> list[str]:
    losses = written(said, *quirks).losses
    return [each.path for each in losses if each.path != "messages" and "were answered" not in each.reason]


def _called(*ids: str) -> tuple[Role, list[Part]]:
    return Role.ASSISTANT, [ToolCall(call_id=each, name="f", arguments="{}") for each in ids]


def _result(call_id: str, *content: Text | Media | Opaque, is_error: bool = False) -> ToolResult:
    return ToolResult(call_id=call_id, content=content, is_error=is_error)


def test_a_history_in_which_nobody_asks_gets_an_opening() -> None:
    said = _said(_called("1"), (Role.USER, [_result("1", Text(text="x"))]))
    result = written(said)
    assert [message["role"] for message in result.body["messages"]] == ["user", "assistant", "tool"]
    assert [loss.path for loss in result.losses] == ["messages"]
    led = written(attrs.evolve(said, system=(Text(text="a"),)))
    assert [message["role"] for message in led.body["messages"]] == ["system", "assistant", "tool"]


# Instructions.


def test_instructions_become_one_message() -> None:
    system = (Text(text="a"), Text(text="b"))
    assert _messages(_said((Role.USER, [Text(text="hi")]), system=system)) == [
        {"role": "system", "content": "a\n\nb"},
        USER,
    ]


@pytest.mark.parametrize("quirk", ["developer-role", "openai-reasoning-model"])
def test_developers_where_the_target_has_them(quirk: str) -> None:
    said = _said((Role.USER, [Text(text="hi")]), (Role.SYSTEM, [Text(text="now")]), system=(Text(text="a"),))
    assert [message["role"] for message in _messages(said, quirk)] == ["developer", "user", "developer"]
    assert [message["role"] for message in _messages(said)] == ["system", "user", "system"]
    native = conversation({"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, USER)
    assert [message["role"] for message in _messages(native)] == ["system", "developer", "user"]
    assert [message["role"] for message in _messages(native, quirk)] == ["developer", "developer", "user"]


def test_instructions_with_breakpoints_are_a_list_where_the_target_takes_it() -> None:
    said = _said((Role.USER, [Text(text="hi")]), system=(Text(text="a", cache=CacheHint()), Text(text="b")))
    assert _messages(said, "cache-control")[0]["content"] == [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "b"},
    ]
    assert _messages(said)[0]["content"] == "a\n\nb"
    assert _losses(said) == ["system[0].cache_control"]


def test_instructions_that_changed_since_they_were_read() -> None:
    said = conversation({"role": "developer", "content": "a"}, {"role": "system", "content": "b"}, USER)
    changed = attrs.evolve(said, system=(*said.system, Text(text="c")))
    assert _messages(changed) == [{"role": "system", "content": "a\n\nb\n\nc"}, USER]


def test_instructions_without_a_word_are_no_message() -> None:
    said = _said((Role.USER, [Text(text="hi")]), (Role.SYSTEM, []), system=(Text(text=""), Text(text="")))
    assert _messages(said) == [{"role": "user", "content": "hi"}]
    said = _said((Role.USER, [Text(text="hi")]), system=(Text(text=""), Text(text="a")))
    assert _messages(said)[0] == {"role": "system", "content": "a"}


def test_instructions_that_show_something_are_the_users_words() -> None:
    shown = Media(kind=MediaKind.IMAGE, source=UrlSource(url="https://a.example/b.png"))
    said = _said((Role.SYSTEM, [Text(text="like this"), shown]), (Role.USER, [Text(text="hi")]))
    first, _ = _messages(said, "developer-role")
    assert (first["role"], [part["type"] for part in first["content"]]) == ("user", ["text", "image_url"])
    assert _losses(said) == ["messages[0].role"]
    shows = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    native = conversation({"role": "system", "content": [shows]}, USER)
    assert _messages(native)[0]["role"] == "system"


def test_instructions_that_are_no_text() -> None:
    with pytest.raises(ClientFault) as caught:
        written(_said(system=(Opaque(protocol="gemini", kind="x", payload={}, essential=True),)))
    assert caught.value.failure.param == "system[0]"
    lost = _said(
        (Role.USER, [Text(text="hi")]), system=(Text(text="a"), Opaque(protocol="gemini", kind="x", payload={}))
    )
    assert _messages(lost)[0] == {"role": "system", "content": "a"}
    nothing = _said((Role.USER, [Text(text="hi")]), system=(Opaque(protocol="gemini", kind="x", payload={}),))
    assert _messages(nothing) == [{"role": "user", "content": "hi"}]
    assert _losses(lost) == ["system[1]"]


def test_a_request_that_says_nothing_gets_a_message() -> None:
    assert _messages(Conversation(model="m")) == [{"role": "user", "content": ""}]
    assert _messages(_said(system=(Text(text="a"),))) == [{"role": "system", "content": "a"}]


# Users and results.


def test_results_come_first_and_together() -> None:
    said = _said(
        (
            Role.ASSISTANT,
            [ToolCall(call_id="1", name="f", arguments="{}"), ToolCall(call_id="2", name="g", arguments="")],
        ),
        (Role.USER, [Text(text="look"), _result("1", Text(text="a"), Text(text="b"))]),
        (Role.USER, [_result("2"), Text(text="and"), IMAGE]),
    )
    assert _messages(said) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "a\nb"},
        {"role": "tool", "tool_call_id": "2", "content": ""},
        {"role": "user", "content": "look"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "and"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
            ],
        },
    ]


def test_what_a_result_shows_follows_all_results() -> None:
    said = _said(
        _called("1", "2"), (Role.USER, [_result("1", Text(text="see"), IMAGE), _result("2", IMAGE), Text(text="so?")])
    )
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    assert _messages(said)[1:] == [
        {"role": "tool", "tool_call_id": "1", "content": "see"},
        {"role": "tool", "tool_call_id": "2", "content": "The result is in the next user message."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Content of the result of tool call 1:"},
                image,
                {"type": "text", "text": "Content of the result of tool call 2:"},
                image,
            ],
        },
        {"role": "user", "content": "so?"},
    ]
    assert _losses(said) == ["messages[1].content[0].content", "messages[1].content[1].content"]


def test_errors_say_so() -> None:
    said = _said(_called("1"), (Role.USER, [_result("1", Text(text="no such file"), is_error=True)]))
    assert _messages(said)[1]["content"] == "Error: no such file"


def test_parts_of_a_result_that_only_others_have() -> None:
    odd = Opaque(protocol="anthropic", kind="search_result", payload={})
    said = _said(_called("1"), (Role.USER, [_result("1", Text(text="a"), odd)]))
    assert _messages(said)[1]["content"] == "a"
    assert _losses(said) == ["messages[1].content[0].content[1]"]


def test_results_of_no_call_are_told_as_text() -> None:
    said = _said((Role.USER, [_result("1", Text(text="a"), is_error=True)]))
    texts = [{"type": "text", "text": text} for text in ("Error of tool call 1:", "a")]
    assert _messages(said) == [{"role": "user", "content": texts}]


def test_a_user_turn_of_which_nothing_is_left() -> None:
    said = _said(
        (Role.USER, [Opaque(protocol="gemini", kind="x", payload={})]), (Role.USER, []), (Role.USER, [Text(text="hi")])
    )
    assert _messages(said) == [USER]


# Assistants.


def test_turns_of_an_assistant_become_one_message() -> None:
    said = _said(
        (Role.ASSISTANT, [Reasoning(text="hm")]),
        (Role.ASSISTANT, [Text(text="I "), Text(text="look")]),
        (Role.ASSISTANT, [ToolCall(call_id="1", name="f", arguments="{}")]),
        (Role.ASSISTANT, [Text(text="again")]),
        (Role.ASSISTANT, [ToolCall(call_id="2", name="f", arguments="{}")]),
    )
    (message,) = _messages(said)
    assert message["content"] == "I look\n\nagain"
    assert [call["id"] for call in message["tool_calls"]] == ["1", "2"]


def test_thoughts_go_back_only_where_they_are_wanted() -> None:
    signature = Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE)
    said = _said(
        (Role.ASSISTANT, [Reasoning(text="a", signature=signature), Reasoning(summary=("b", "c")), Text(text="x")]),
        (Role.USER, [Text(text="hi")]),
        (Role.ASSISTANT, [ToolCall(call_id="1", name="f", arguments="{}")]),
        (Role.USER, [_result("1")]),
        (Role.ASSISTANT, [Text(text="y")]),
    )
    first, _, called, _, last = _messages(said)
    assert not any("reasoning" in name for message in (first, called, last) for name in message)
    assert _losses(said) == ["messages[0].content[0]", "messages[0].content[1]"]
    first, _, called, _, last = _messages(said, "reasoning-content-history")
    assert first["reasoning_content"] == "a\n\nb\n\nc"
    assert called["reasoning_content"] == ""
    assert "reasoning_content" not in last
    first, _, called, _, _ = _messages(said, "reasoning-details")
    assert first["reasoning_details"] == [
        {"type": "reasoning.text", "text": "a", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": "b\n\nc", "index": 1},
    ]
    assert "reasoning_details" not in called
    assert _losses(said, "reasoning-details") == []
    first, _, called, _, last = _messages(said, "think-tags-history")
    assert first["content"] == "<think>\na\n\nb\n\nc\n</think>\n\nx"
    assert (called["content"], last["content"]) == (None, "y")
    assert _losses(said, "think-tags-history") == []
    sealed = _said(
        (Role.USER, [Text(text="hi")]), (Role.ASSISTANT, [Reasoning(text="", signature=signature), Text(text="x")])
    )
    assert _messages(sealed, "think-tags-history")[1]["content"] == "x"
    assert _losses(sealed, "think-tags-history") == ["messages[1].content[0]"]


def test_what_is_lost_or_refused_is_named_by_its_place_in_the_turn() -> None:
    sent = UrlSource(url="https://x.y/z.pdf")
    cached = Text(text="more", cache=CacheHint())
    said = _said(_called("1"), (Role.USER, [_result("1", Text(text="a")), Text(text="b"), cached]))
    assert _losses(said) == ["messages[1].content[2].cache_control"]
    document = Media(kind=MediaKind.DOCUMENT, source=sent)
    cases: list[tuple[list[Part], str]] = [
        ([_result("1", Text(text="a")), document], "messages[1].content[1]"),
        ([_result("1", Text(text="a"), document)], "messages[1].content[0].content[1]"),
    ]
    for parts, place in cases:
        with pytest.raises(ClientFault) as caught:
            written(_said(_called("1"), (Role.USER, parts)))
        assert caught.value.failure.param == place


def test_a_turn_of_which_nothing_is_left_is_left_out() -> None:
    said = _said((Role.ASSISTANT, [Reasoning(text="hm")]), (Role.USER, [Text(text="hi")]))
    assert _messages(said) == [USER]
    assert _losses(said) == ["messages[0].content[0]"]
    assert _messages(said, "reasoning-content-history") == [USER]
    assert _losses(said, "reasoning-content-history") == ["messages[0].reasoning"]


def test_refusals_and_pictures_of_an_assistant() -> None:
    said = _said((Role.ASSISTANT, [Refusal(text="I can't"), IMAGE]))
    assert _messages(said) == [{"role": "assistant", "content": "I can't"}]
    assert _losses(said) == ["messages[0].content[1]"]


def test_custom_calls() -> None:
    call = ToolCall(call_id="1", name="sh", arguments='say "hi"', kind=ToolKind.CUSTOM)
    (message,) = _messages(_said((Role.ASSISTANT, [call])))
    assert message["tool_calls"] == [
        {"id": "1", "type": "function", "function": {"name": "sh", "arguments": '{"input":"say \\"hi\\""}'}}
    ]
    assert json.loads(wrapped_input("é\n")) == {"input": "é\n"}
    (message,) = _messages(_said((Role.ASSISTANT, [call])), "custom-tools")
    assert message["tool_calls"] == [{"id": "1", "type": "custom", "custom": {"name": "sh", "input": 'say "hi"'}}]


def test_names_in_history_are_those_of_the_declarations() -> None:
    call = ToolCall(call_id="1", name="read file", arguments="{}", namespace="fs")
    result = written(_said((Role.ASSISTANT, [call])))
    assert result.body["messages"][1]["tool_calls"][0]["function"]["name"] == "fs__read_file"
    assert result.naming.originals == {"fs__read_file": ("read file", "fs")}


def test_thought_signatures_of_words() -> None:
    signature = Signature(value="AV", form=SignatureForm.GEMINI_THOUGHT)
    said = _said((Role.ASSISTANT, [Text(text="a"), Text(text="b", signature=signature)]))
    assert _losses(said) == ["messages[0].signature"]
    [message] = _messages(said, "google-extra-content")
    assert message == {
        "role": "assistant",
        "content": "ab",
        "extra_content": {"google": {"thought_signature": "AV"}},
    }


def test_thought_signatures_of_calls() -> None:
    signature = Signature(value="AV", form=SignatureForm.GEMINI_THOUGHT)
    said = _said((Role.ASSISTANT, [ToolCall(call_id="1", name="f", arguments="{}", signature=signature)]))
    assert _losses(said) == ["messages[0].content[0].signature"]
    (message,) = _messages(said, "google-extra-content")
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "AV"}}
    other = Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE)
    assert _losses(_said((Role.ASSISTANT, [ToolCall(call_id="1", name="f", arguments="{}", signature=other)]))) == []


def test_short_ids_in_calls_and_results_alike() -> None:
    said = _said(
        (Role.ASSISTANT, [ToolCall(call_id="toolu_1", name="f", arguments="{}")]), (Role.USER, [_result("toolu_1")])
    )
    used, result = _messages(said, "mistral-call-ids")
    assert used["tool_calls"][0]["id"] == result["tool_call_id"] != "toolu_1"


def test_ids_beyond_what_openai_takes_are_told_apart_by_a_digest() -> None:
    long, fits = "toolu_vrtx_" + "x" * 60, "c" * 40
    results: list[Part] = [_result(long, Text(text="a")), _result(fits, Text(text="b"))]
    said = _said(_called(long, fits), (Role.USER, results))
    assert _messages(said)[-2]["tool_call_id"] == long
    asking, first, second = _messages(said, "openai-fields")[-3:]
    ids = [call["id"] for call in asking["tool_calls"]]
    assert [first["tool_call_id"], second["tool_call_id"]] == ids
    assert len(ids[0]) == 40
    assert ids[1] == fits
