from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openai_responses.test_read_request import conversation_of, round_trip
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import settled
from trioproxy.neutral.parts import (
    Base64Source,
    Media,
    MediaKind,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolResult,
)
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.openai_responses.signatures import UNSIGNED, seal


def turns(*items: Any) -> tuple[Turn, ...]:
    return conversation_of({"model": "m", "input": list(items)}).turns


def same(*items: Any) -> bool:
    body = {"model": "m", "input": list(items)}
    return round_trip(body) == body


def call(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def output(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": "x"}


USER = {"role": "user", "content": "hi"}


def test_parallel_calls_and_their_results_are_one_turn_each() -> None:
    asked = turns(USER, call("a"), call("b"), output("a"), output("b"))

    assert [turn.role for turn in asked] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert [part.call_id for part in asked[1].parts if isinstance(part, ToolCall)] == ["a", "b"]
    assert [part.call_id for part in asked[2].parts if isinstance(part, ToolResult)] == ["a", "b"]


def test_what_the_model_said_between_its_calls_stays_with_them() -> None:
    said = {"role": "assistant", "content": "one moment"}
    asked = turns(
        USER, {"type": "reasoning", "summary": []}, said, call("a"), output("a"), call("b"), output("b"), USER
    )

    assert [[type(part).__name__ for part in turn.parts] for turn in asked] == [
        ["Text"],
        ["Reasoning", "Text", "ToolCall"],
        ["ToolResult"],
        ["ToolCall"],
        ["ToolResult"],
        ["Text"],
    ]


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], id="two messages"),
        pytest.param([{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}], id="a refusal"),
        pytest.param([{"role": "assistant", "content": []}], id="an empty message"),
        pytest.param([{"role": "assistant", "content": "", "phase": None}], id="an empty string"),
        pytest.param([{"role": "assistant", "content": [{"type": "chart", "x": 1}]}], id="an unknown part"),
        pytest.param(
            [{"role": "assistant", "content": [{"type": "input_text", "text": "odd"}]}],
            id="an input part of the model's",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "chart"}, {"type": "input_text", "text": "x"}]}],
            id="an unknown user part",
        ),
        pytest.param([{"role": "user", "content": []}], id="an empty user message"),
        pytest.param(
            [{"role": "user", "content": "x", "brand_new": 1}, {"type": "message", **USER, "id": "m"}], id="members"
        ),
        pytest.param([{"role": "system", "content": []}, USER], id="an empty system message"),
        pytest.param(
            [
                {
                    "role": "system",
                    "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
                },
                USER,
            ],
            id="a system message of two parts",
        ),
        pytest.param(
            [{"role": "system", "content": [{"type": "input_image", "image_url": "https://a.example"}]}, USER],
            id="a system message with an image",
        ),
        pytest.param(
            [USER, {"type": "message", "role": "developer", "content": "later", "id": "m"}],
            id="an instruction in the middle",
        ),
        pytest.param(
            [{"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "a"}]}],
            id="text",
        ),
        pytest.param(
            [
                {
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": "a", "new": 1}],
                    "content": [{"type": "reasoning_text", "text": "a"}, {"type": "text", "text": "b"}],
                    "encrypted_content": None,
                    "status": None,
                }
            ],
            id="odd reasoning",
        ),
        pytest.param(
            [{**call("a"), "status": "completed", "id": "fc"}, {**output("a"), "name": "f", "status": None}],
            id="status",
        ),
        pytest.param([{"id": "msg_1"}], id="a bare reference"),
        pytest.param([{"type": "item_reference", "id": "msg_1"}], id="a reference"),
        pytest.param([{"type": "never_heard_of_it", "x": 1}, USER], id="an unknown item"),
        pytest.param(
            [
                {"type": "computer_call", "id": "cu", "call_id": "c", "action": {}},
                {"type": "computer_call_output", "call_id": "c", "output": {}},
            ],
            id="a computer",
        ),
        pytest.param([{**output("a"), "output": [{"type": "chart"}]}], id="an unknown part of an output"),
        pytest.param([{**output("a"), "output": []}], id="an empty output"),
    ],
)
def test_items_come_out_as_they_went_in(items: list[Any]) -> None:
    assert same(*items)


def test_no_content_is_empty_content() -> None:
    body = {"model": "m", "input": [{"role": "user", "content": None}, {"role": "assistant"}]}

    assert [turn.role for turn in conversation_of(body).turns] == [Role.USER, Role.ASSISTANT]
    assert [item["content"] for item in round_trip(body)["input"]] == [[], []]


def test_instructions_lead_and_follow() -> None:
    developer = {"role": "developer", "content": "d"}
    asked = conversation_of({"model": "m", "input": [{"role": "system", "content": "s"}, developer, USER, developer]})

    assert [part.text for part in asked.system if isinstance(part, Text)] == ["s", "d"]
    assert [turn.role for turn in asked.turns] == [Role.USER, Role.SYSTEM]


def test_an_instruction_with_an_image_is_a_turn() -> None:
    image = {"role": "system", "content": [{"type": "input_image", "image_url": "https://a.example"}]}
    (turn,) = turns(image)

    assert (turn.role, type(turn.parts[0])) == (Role.SYSTEM, Media)


@pytest.mark.parametrize(
    ("item", "essential"),
    [
        ({"type": "item_reference", "id": "x"}, True),
        ({"type": "compaction", "id": "x", "encrypted_content": "y"}, True),
        ({"type": "mcp_approval_response", "approval_request_id": "x", "approve": True}, True),
        ({"type": "computer_call_output", "call_id": "x", "output": {}}, True),
        ({"type": "never_heard_of_it"}, True),
        ({"type": "web_search_call", "id": "x"}, False),
        ({"type": "mcp_call", "id": "x"}, False),
        ({"type": "shell_call", "call_id": "x", "environment": {"type": "container_reference"}}, False),
    ],
)
def test_what_may_not_be_lost_is_marked(item: dict[str, Any], essential: bool) -> None:
    (turn,) = turns(item)

    assert turn.parts == (Opaque(protocol="openai_responses", kind=item["type"], payload=item, essential=essential),)


def test_an_unknown_part_of_a_message_may_not_be_lost() -> None:
    (turn,) = turns({"role": "user", "content": [{"type": "input_hologram"}]})

    (part,) = turn.parts
    assert isinstance(part, Opaque)
    assert (part.kind, part.essential) == ("content/input_hologram", True)


def test_sound_is_read_and_written_as_it_was() -> None:
    item = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}]}
    ((part,),) = (turn.parts for turn in turns(item))

    assert isinstance(part, Media)
    assert (part.kind, part.source) == (MediaKind.AUDIO, Base64Source(data="AA", mime="audio/mpeg"))
    body = {"model": "m", "input": [item]}
    assert round_trip(body) == body
    with pytest.raises(ClientFault) as caught:
        turns({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": 1}}]})
    assert caught.value.failure.param == "input[0].content[0].input_audio"


def test_encrypted_reasoning_is_a_signature() -> None:
    (turn,) = turns({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"})

    (part,) = turn.parts
    assert isinstance(part, Reasoning)
    assert part.signature == Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")


CLAUDE = Signature(value="EqQB", form=SignatureForm.ANTHROPIC_SIGNATURE)
GEMINI = Signature(value="CiQB", form=SignatureForm.GEMINI_THOUGHT)


@pytest.mark.parametrize(
    "said",
    [
        {"summary": [], "content": [{"type": "reasoning_text", "text": "let me"}]},
        {"summary": [{"type": "summary_text", "text": "let me"}]},
    ],
    ids=["as text", "as a summary"],
)
def test_another_vendors_thoughts_come_back_as_they_were(said: dict[str, Any]) -> None:
    (turn,) = turns({"type": "reasoning", "id": "rs_1", **said, "encrypted_content": seal(CLAUDE)})

    assert turn.parts == (Reasoning(text="let me", signature=CLAUDE),)


def test_a_signature_comes_back_to_its_call() -> None:
    sealed = {"type": "reasoning", "summary": [], "encrypted_content": seal(GEMINI, call_id="a")}
    first, _ = turns(call("b"), call("a"), sealed, output("a"))

    other, signed = first.parts
    assert isinstance(other, ToolCall)
    assert isinstance(signed, ToolCall)
    assert (other.signature, signed.signature) == (None, GEMINI)


def test_a_signature_whose_call_is_gone_is_left_out() -> None:
    sealed = {"type": "reasoning", "summary": [], "encrypted_content": seal(GEMINI, call_id="gone")}

    assert len(turns(call("b"), sealed)[0].parts) == 1


def test_a_refusal_and_a_text_share_a_message() -> None:
    content = [{"type": "output_text", "text": "I"}, {"type": "refusal", "refusal": "no"}]
    (turn,) = turns({"role": "assistant", "content": content})

    assert [type(part) for part in turn.parts] == [Text, Refusal]


@pytest.mark.parametrize("given", [{}, {"call_id": ""}, {"call_id": None}])
def test_an_output_that_names_no_call_answers_none(given: Any) -> None:
    (turn,) = turns({"type": "function_call_output", "output": "x", **given})

    (part,) = turn.parts
    assert isinstance(part, ToolResult)
    assert (part.call_id, part.content) == ("", (Text(text="x"),))


@pytest.mark.parametrize(("success", "is_error"), [(False, True), (True, False), (None, False)])
def test_an_output_of_clients_of_2025(success: bool | None, is_error: bool) -> None:
    given = {**output("a"), "output": {"content": "bad", "success": success}}
    (result,) = turns(USER, call("a"), given)[2].parts

    assert isinstance(result, ToolResult)
    assert (result.content, result.is_error) == ((Text(text="bad"),), is_error)
    assert same(USER, call("a"), given)


def test_what_a_client_notes_on_its_items_for_itself_is_no_loss() -> None:
    mark = {"internal_chat_message_metadata_passthrough": {"turn_id": "t"}}
    items = [{**USER, **mark}, {**call("a"), **mark, "encrypted_function_args": []}, {**output("a"), **mark}]
    said = turns(*items)

    assert [each for turn in said for each in settled(turn.extras, "anthropic")] == []
    assert [
        each
        for turn in said
        for part in turn.parts
        if not isinstance(part, Opaque)
        for each in settled(part.extras, "anthropic")
    ] == []
    assert same(*items)


def test_a_second_message_in_a_row_is_a_turn_of_its_own() -> None:
    first, second = {"role": "assistant", "content": "One."}, {"role": "assistant", "content": "Two."}
    said = turns(
        USER, {"type": "reasoning", "summary": []}, first, call("a"), second, call("b"), output("a"), output("b")
    )

    assert [[type(part).__name__ for part in turn.parts] for turn in said[1:-1]] == [
        ["Reasoning", "Text", "ToolCall"],
        ["Text", "ToolCall"],
    ]
    assert same(USER, first, second, USER)


def test_an_image_that_was_made_is_shown() -> None:
    (turn,) = turns({"type": "image_generation_call", "id": "x", "status": "completed", "result": "aGkaGkaG"})

    (part,) = turn.parts
    assert isinstance(part, Opaque)
    assert isinstance(part.shown, Media)
    assert part.shown.source == Base64Source(data="aGkaGkaG", mime="image/png")


def test_thoughts_that_nobody_signed_come_back_as_their_words() -> None:
    summary = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]
    item = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": UNSIGNED}

    _, said = turns(USER, item)
    assert said.parts == (Reasoning(text="a\n\nb"),)
