from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.openai_responses.test_read_request import conversation_of
from tests.protocols.openai_responses.test_write_request import paths, written
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    Citation,
    FileIdSource,
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
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.base import WriteTarget, Written
from trioproxy.protocols.openai_responses import PROTOCOL

IMAGE = Media(kind=MediaKind.IMAGE, source=Base64Source(data="iVBO", mime="image/png"))


def said(role: Role, *parts: Part) -> Written:
    return written(turns=(Turn(role=role, parts=parts),))


def items(result: Written) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.body["input"]
    return found


def test_a_user_shows_images_and_files() -> None:
    pdf = Media(
        kind=MediaKind.DOCUMENT, source=Base64Source(data="JVBE", mime="application/pdf"), title="T", detail="low"
    )
    linked = Media(kind=MediaKind.DOCUMENT, source=UrlSource(url="https://a.example/b.pdf"), filename="b.pdf")
    own = Media(kind=MediaKind.IMAGE, source=FileIdSource(file_id="file-1", protocol=PROTOCOL.name))
    odd = Media(kind=MediaKind.DOCUMENT, source=Base64Source(data="AA", mime="application/x-odd"))
    titled = Media(
        kind=MediaKind.DOCUMENT, source=UrlSource(url="https://a.example/c.pdf"), title="T", filename="c.pdf"
    )
    result = said(Role.USER, Text(text="look"), IMAGE, pdf, linked, own, odd, titled)

    (message,) = items(result)
    assert message["content"] == [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "auto"},
        {
            "type": "input_file",
            "filename": "T.pdf",
            "file_data": "data:application/pdf;base64,JVBE",
            "detail": "low",
        },
        {"type": "input_file", "file_url": "https://a.example/b.pdf", "filename": "b.pdf"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "filename": "file.bin", "file_data": "data:application/x-odd;base64,AA"},
        {"type": "input_file", "file_url": "https://a.example/c.pdf", "filename": "c.pdf"},
    ]
    assert paths(result.losses) == ["turns[0].parts[6].title"]


@pytest.mark.parametrize(
    "part",
    [
        Media(kind=MediaKind.AUDIO, source=Base64Source(data="AA", mime="audio/wav")),
        Media(kind=MediaKind.VIDEO, source=UrlSource(url="https://a.example")),
        Media(kind=MediaKind.IMAGE, source=FileIdSource(file_id="f", protocol="anthropic")),
        Opaque(protocol="anthropic", kind="container_upload", payload={}, essential=True),
    ],
    ids=["sound", "film", "an upload elsewhere", "an essential of another protocol"],
)
def test_what_can_not_be_said_is_refused_by_name(part: Part) -> None:
    with pytest.raises(ClientFault) as caught:
        said(Role.USER, Text(text="x"), part)
    assert caught.value.failure.param == "turns[0].parts[1]"


def test_what_need_not_be_said_is_a_loss() -> None:
    cited = Citation(cited_text="x")
    result = written(
        turns=(
            Turn(role=Role.USER, parts=(Opaque(protocol="anthropic", kind="odd", payload={}),), name="bob"),
            Turn(
                role=Role.USER, parts=(Text(text="a", cache=CacheHint(ttl="5m"), extras=packed("anthropic", {"x": 1})),)
            ),
            Turn(
                role=Role.ASSISTANT,
                parts=(
                    Text(
                        text="b", citations=(cited,), signature=Signature(value="x", form=SignatureForm.GEMINI_THOUGHT)
                    ),
                    IMAGE,
                    Reasoning(text="hm", signature=Signature(value="x", form=SignatureForm.ANTHROPIC_SIGNATURE)),
                    Reasoning(text="hm"),
                ),
                extras=packed("gemini", {"y": 1}),
            ),
        )
    )

    assert paths(result.losses) == [
        "turns[0].name",
        "turns[0].parts[0]",
        "turns[1].parts[0].x",
        "turns[1].parts[0].cache",
        "turns[2].y",
        "turns[2].parts[0].citations",
        "turns[2].parts[0].signature",
        "turns[2].parts[1]",
        "turns[2].parts[2]",
        "turns[2].parts[3]",
    ]
    assert [item["role"] for item in items(result)] == ["user", "assistant"]


def test_a_model_said_and_called_and_was_answered() -> None:
    encrypted = Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")
    turns = (
        Turn(
            role=Role.ASSISTANT,
            parts=(
                Reasoning(text="full", summary=("short",), signature=encrypted),
                Text(text="a", citations=(Citation(url="https://a.example", title="A", start=0, end=1),)),
                Refusal(text="no", extras=packed("openai_chat", {"z": 1})),
                ToolCall(call_id="c1", name="f", arguments=""),
                ToolCall(call_id="c2", name="g", arguments="", kind=ToolKind.CUSTOM),
            ),
        ),
        Turn(
            role=Role.USER,
            parts=(
                ToolResult(call_id="c1", content=(Text(text="x"), Text(text="y"))),
                ToolResult(call_id="c2", content=(Text(text="boom"),), is_error=True, name="g"),
                Text(text="well?"),
            ),
        ),
        Turn(role=Role.SYSTEM, parts=(Text(text="mind"),)),
    )
    result = written(turns=turns)

    assert items(result) == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "short"}],
            "encrypted_content": "gAAA",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {
                    "type": "output_text",
                    "text": "a",
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url": "https://a.example",
                            "title": "A",
                            "start_index": 0,
                            "end_index": 1,
                        }
                    ],
                },
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": ""},
        {"type": "function_call_output", "call_id": "c1", "output": "x\ny"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "Error: boom"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "well?"}]},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "mind"}]},
    ]
    assert paths(result.losses) == ["turns[0].parts[0].text", "turns[0].parts[2].z"]


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((Text(text="a"),), "a"),
        ((Text(text="a"), Text(text=""), Text(text="b")), "ab"),
        (
            (Text(text="a"), Refusal(text="b")),
            [{"type": "output_text", "text": "a", "annotations": []}, {"type": "refusal", "refusal": "b"}],
        ),
    ],
)
def test_what_a_model_said_is_a_string_where_it_is_text(parts: tuple[Part, ...], content: object) -> None:
    assert items(said(Role.ASSISTANT, *parts)) == [{"type": "message", "role": "assistant", "content": content}]


def test_a_model_that_said_nothing_leaves_no_message() -> None:
    asked = Turn(role=Role.USER, parts=(Text(text="hi"),))
    silent = Turn(role=Role.ASSISTANT, parts=(Text(text=""),))

    assert len(items(written(turns=(asked, silent)))) == 1


def test_encrypted_reasoning_without_an_id_has_none() -> None:
    encrypted = Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED)

    assert items(said(Role.ASSISTANT, Reasoning(signature=encrypted), Text(text="a"))) == [
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
        {"type": "message", "role": "assistant", "content": "a"},
    ]


def test_a_tool_may_answer_with_an_image() -> None:
    odd = Opaque(protocol="anthropic", kind="odd", payload={})
    native = Opaque(protocol=PROTOCOL.name, kind="content/chart", payload={"type": "chart"})
    call = Turn(role=Role.ASSISTANT, parts=(ToolCall(call_id="c", name="f", arguments="{}"),))
    answered = ToolResult(call_id="c", content=(IMAGE, odd, native), is_error=True)
    result = written(turns=(call, Turn(role=Role.USER, parts=(answered,))))

    _, item = items(result)
    assert item["output"] == [
        {"type": "input_text", "text": "Error:"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "auto"},
        {"type": "chart"},
    ]
    assert paths(result.losses) == ["turns[1].parts[0].content[1]"]


def test_long_call_ids_are_shortened_alike() -> None:
    long = "x" * 65
    result = written(
        turns=(
            Turn(role=Role.ASSISTANT, parts=(ToolCall(call_id=long, name="f", arguments="{}"),)),
            Turn(role=Role.USER, parts=(ToolResult(call_id=long, content=()),)),
        )
    )

    call, output = items(result)
    assert call["call_id"] == output["call_id"]
    assert len(call["call_id"]) <= 64


def test_another_vendors_reasoning_is_not_sent_back_to_openai() -> None:
    asked = conversation_of(
        {"model": "m", "input": [{"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}]}
    )
    turn = asked.turns[0]
    (reasoning,) = turn.parts
    assert isinstance(reasoning, Reasoning)
    claude = Signature(value="EqQB", form=SignatureForm.ANTHROPIC_SIGNATURE)
    changed = attrs.evolve(asked, turns=(attrs.evolve(turn, parts=(Reasoning(text="x", signature=claude),)),))

    result = PROTOCOL.write_request(changed, WriteTarget(model="m"))
    assert "input" not in result.body
    assert len(result.losses) == 1


def test_a_message_that_was_a_string_and_is_one_no_more() -> None:
    asked = conversation_of({"model": "m", "input": [{"role": "user", "content": "x"}]})
    (turn,) = asked.turns
    changed = attrs.evolve(asked, turns=(attrs.evolve(turn, parts=(IMAGE, *turn.parts, Text(text="more"))),))

    (message,) = items(PROTOCOL.write_request(changed, WriteTarget(model="m")))
    assert [part["type"] for part in message["content"]] == ["input_image", "input_text", "input_text"]


def test_a_text_behind_a_string_is_a_message_of_its_own() -> None:
    asked = conversation_of({"model": "m", "input": [{"role": "user", "content": "x"}]})
    (turn,) = asked.turns
    changed = attrs.evolve(asked, turns=(attrs.evolve(turn, parts=(*turn.parts, Text(text="more"))),))

    first, second = items(PROTOCOL.write_request(changed, WriteTarget(model="m")))
    assert first == {"role": "user", "content": "x"}
    assert second["content"] == [{"type": "input_text", "text": "more"}]


def test_own_items_stand_where_they_stood() -> None:
    search = Opaque(protocol=PROTOCOL.name, kind="web_search_call", payload={"type": "web_search_call"})
    part = Opaque(protocol=PROTOCOL.name, kind="content/chart", payload={"type": "chart"})
    result = said(Role.ASSISTANT, Text(text="a"), part, search, Text(text="b"))

    assert [item.get("type") for item in items(result)] == ["message", "web_search_call", "message"]
    assert items(result)[0]["content"][1] == {"type": "chart"}


def test_calls_and_results_that_lost_each_other_are_paired() -> None:
    result = written(
        turns=(
            Turn(role=Role.ASSISTANT, parts=(ToolCall(call_id="a", name="f", arguments="{}"),)),
            Turn(role=Role.USER, parts=(ToolResult(call_id="b", content=(Text(text="x"),)),)),
        )
    )

    assert [item["type"] for item in items(result)] == ["function_call", "function_call_output", "message"]
    assert paths(result.losses) == ["turns[0]", "turns[1]"]
