from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.protocols.anthropic.wires import read_blocks
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign, own, settled
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    FileIdSource,
    Media,
    MediaKind,
    Opaque,
    Part,
    Reasoning,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolResult,
    UrlSource,
)
from trioproxy.protocols.anthropic.seals import call_seal, seal

OWN = SignatureForm.ANTHROPIC_SIGNATURE
GEMINI = Signature(value="CoQB", form=SignatureForm.GEMINI_THOUGHT)
OPENAI = Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")


def one(block: Any) -> Part:
    (part,) = read_blocks(block, role="assistant")
    return part


def losses(part: Any) -> list[str]:
    return [loss.path for loss in foreign(part.extras, "openai_chat")[0]]


def test_text() -> None:
    part = one(
        {
            "type": "text",
            "text": "hi",
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
            "citations": [{"type": "char_location", "cited_text": "x", "document_index": 0}],
            "odd": 1,
        }
    )
    assert isinstance(part, Text)
    assert (part.text, part.cache, part.citations[0].cited_text) == ("hi", CacheHint(ttl="1h"), "x")
    assert losses(part) == ["odd"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "base64", "media_type": "image/png", "data": "AA=="}, Base64Source(data="AA==", mime="image/png")),
        ({"type": "url", "url": "https://a.example/x.png"}, UrlSource(url="https://a.example/x.png")),
        ({"type": "file", "file_id": "file_1"}, FileIdSource(file_id="file_1", protocol="anthropic")),
    ],
)
def test_images(source: dict[str, str], expected: Any) -> None:
    part = one({"type": "image", "source": {**source, "odd": 1}, "cache_control": {"type": "ephemeral"}})
    assert isinstance(part, Media)
    assert (part.kind, part.source, part.cache) == (MediaKind.IMAGE, expected, CacheHint())
    assert own(part.extras, "anthropic") == {"source": {"odd": 1}}
    assert losses(part) == ["source"]


def test_an_image_from_nowhere_is_carried_and_may_not_be_dropped() -> None:
    block = {"type": "image", "source": {"type": "dream"}}
    assert one(block) == Opaque(protocol="anthropic", kind="image", payload=block, essential=True)


def encoded(text: str) -> Base64Source:
    return Base64Source(data=base64.b64encode(text.encode()).decode(), mime="text/plain")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            Base64Source(data="AA==", mime="application/pdf"),
        ),
        ({"type": "text", "media_type": "text/plain", "data": "é"}, encoded("é")),
        ({"type": "url", "url": "https://a.example/x.pdf"}, UrlSource(url="https://a.example/x.pdf")),
        ({"type": "file", "file_id": "file_1"}, FileIdSource(file_id="file_1", protocol="anthropic")),
        ({"type": "content", "content": "whole"}, encoded("whole")),
        (
            {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            encoded("a\n\nb"),
        ),
    ],
)
def test_documents(source: dict[str, Any], expected: Any) -> None:
    block = {"type": "document", "source": source, "title": "T", "context": "C", "citations": {"enabled": True}}
    told, part = read_blocks(block)
    assert isinstance(told, Text)
    assert told.text == "C"
    assert isinstance(part, Media)
    assert (part.kind, part.source, part.title) == (MediaKind.DOCUMENT, expected, "T")
    assert losses(part) == ["citations"]


def test_a_document_with_pictures_in_it_is_its_parts() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a.example"}}
    source = {"type": "content", "content": [{"type": "text", "text": "see"}, {**image, "odd": 1}, image]}
    parts = read_blocks({"type": "document", "source": source, "title": "T", "context": "C", "odd": 2})
    assert [part.text if isinstance(part, Text) else type(part) for part in parts] == ["T:", "C", "see", Media, Media]
    assert [losses(part) for part in parts] == [[], [], [], ["odd"], ["odd"]]
    (bare,) = read_blocks({"type": "document", "source": {"type": "content", "content": [image]}})
    assert isinstance(bare, Media)


def test_citations_that_are_off_are_none() -> None:
    source = {"type": "url", "url": "https://a.example/x.pdf"}
    assert losses(one({"type": "document", "source": source, "citations": {"enabled": False}})) == []


@pytest.mark.parametrize(
    "source",
    [
        {"type": "dream"},
        {"type": "content", "content": [{"type": "dream"}]},
        {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "dream"}]},
    ],
)
def test_a_document_nobody_else_can_read_may_not_be_dropped(source: dict[str, Any]) -> None:
    part = one({"type": "document", "source": source})
    assert isinstance(part, Opaque)
    assert part.essential


def test_thinking() -> None:
    assert one({"type": "thinking", "thinking": "hm", "signature": "EqwC"}) == Reasoning(
        text="hm", signature=Signature(value="EqwC", form=OWN)
    )
    assert one({"type": "thinking", "thinking": "hm"}) == Reasoning(text="hm")
    assert one({"type": "redacted_thinking", "data": "EmwK"}) == Reasoning(
        signature=Signature(value="EmwK", form=SignatureForm.ANTHROPIC_REDACTED)
    )


def test_thinking_of_other_vendors_is_recognised() -> None:
    assert one({"type": "thinking", "thinking": "hm", "signature": seal(GEMINI)}) == Reasoning(
        text="hm", signature=GEMINI
    )
    assert one({"type": "thinking", "thinking": "hm", "signature": seal(OPENAI)}) == Reasoning(
        summary=("hm",), signature=OPENAI
    )
    assert one({"type": "redacted_thinking", "data": seal(OPENAI)}) == Reasoning(signature=OPENAI)


def test_a_calls_token_is_put_back_on_the_call() -> None:
    call = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
    other = {"type": "tool_use", "id": "call_2", "name": "f", "input": {}}
    token = {"type": "redacted_thinking", "data": call_seal("call_1", GEMINI)}

    first, second = read_blocks(call, token, other, role="assistant")

    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.signature, second.signature) == (GEMINI, None)


def test_tool_use() -> None:
    part = one(
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "f",
            "input": {"a": [1, "é"]},
            "cache_control": {"type": "ephemeral"},
            "caller": {"type": "direct"},
            "odd": 1,
        }
    )
    assert isinstance(part, ToolCall)
    assert (part.call_id, part.name, part.arguments, part.cache) == ("toolu_1", "f", '{"a":[1,"é"]}', CacheHint())
    assert losses(part) == ["odd"]


def test_a_call_that_code_made_is_told_apart() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
    part = one({"type": "tool_use", "id": "t", "name": "f", "caller": caller})
    assert isinstance(part, ToolCall)
    assert part.arguments == "{}"
    assert losses(part) == ["caller"]


@pytest.mark.parametrize(
    ("fields", "content", "failed"),
    [
        ({}, (), False),
        ({"content": "done"}, (Text(text="done"),), False),
        ({"content": [{"type": "text", "text": "done"}], "is_error": True}, (Text(text="done"),), True),
    ],
)
def test_tool_results(fields: dict[str, Any], content: Any, failed: bool) -> None:
    part = one({"type": "tool_result", "tool_use_id": "t", **fields})
    assert isinstance(part, ToolResult)
    assert (part.call_id, part.content, part.is_error) == ("t", content, failed)
    assert losses(part) == []


def test_a_tool_result_with_an_image() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a.example"}}
    part = one({"type": "tool_result", "tool_use_id": "t", "content": [image], "is_error": False})
    assert isinstance(part, ToolResult)
    assert isinstance(part.content[0], Media)
    assert part.is_error is False


def test_blocks_in_plain_words() -> None:
    found = one(
        {
            "type": "search_result",
            "title": "T",
            "source": "https://a.example",
            "content": [{"type": "text", "text": "body"}],
            "cache_control": {"type": "ephemeral"},
        }
    )
    assert isinstance(found, Text)
    assert (found.text, found.cache) == ("T\nhttps://a.example\nbody", CacheHint())
    summary = one({"type": "compaction", "content": "so far"})
    assert isinstance(summary, Text)
    assert summary.text == "so far"
    tool = one({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference", "tool_name": "f"}]})
    assert isinstance(tool, ToolResult)
    assert [part.text for part in tool.content if isinstance(part, Text)] == ["The tool f is available."]
    assert losses(found) == losses(summary) == losses(tool) == []


def test_an_encrypted_compaction_may_not_be_dropped() -> None:
    part = one({"type": "compaction", "content": None, "encrypted_content": "x"})
    assert isinstance(part, Opaque)
    assert part.essential


def test_a_compaction_that_failed_says_nothing() -> None:
    part = one({"type": "compaction", "content": None})
    assert isinstance(part, Opaque)
    assert not part.essential


def test_a_browsers_state_is_told_as_it_is() -> None:
    state = {"type": "browser_state", "tabs": [{"tab_id": "1", "active": True}]}
    result = one({"type": "tool_result", "tool_use_id": "t", "content": [state]})
    assert isinstance(result, ToolResult)
    assert [part.text for part in result.content if isinstance(part, Text)] == [
        '{"tabs":[{"tab_id":"1","active":true}]}'
    ]


@pytest.mark.parametrize(
    ("kind", "essential"),
    [("server_tool_use", False), ("web_search_tool_result", False), ("brand_new", False), ("container_upload", True)],
)
def test_what_only_this_api_knows_is_carried_whole(kind: str, essential: bool) -> None:
    block = {"type": kind, "id": "srv_1", "cache_control": {"type": "ephemeral"}}
    assert one(block) == Opaque(protocol="anthropic", kind=kind, payload=block, essential=essential)


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ("text", "messages[0].content[0]"),
        ({"text": "x"}, "messages[0].content[0].type"),
        ({"type": "text"}, "messages[0].content[0].text"),
        ({"type": "text", "text": "x", "citations": [1]}, "messages[0].content[0].citations[0]"),
        ({"type": "image"}, "messages[0].content[0].source"),
        ({"type": "image", "source": {}}, "messages[0].content[0].source.type"),
        ({"type": "image", "source": {"type": "url"}}, "messages[0].content[0].source.url"),
        ({"type": "document"}, "messages[0].content[0].source"),
        ({"type": "document", "source": {"type": "content"}}, "messages[0].content[0].source.content"),
        ({"type": "tool_use", "id": "x"}, "messages[0].content[0].name"),
        ({"type": "tool_result"}, "messages[0].content[0].tool_use_id"),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "thinking", "thinking": "x"}]},
            "messages[0].content[0].content[0]",
        ),
        ({"type": "redacted_thinking"}, "messages[0].content[0].data"),
        ({"type": "tool_reference"}, "messages[0].content[0].tool_name"),
    ],
)
def test_what_a_block_must_be(block: Any, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        read_blocks(block)
    assert caught.value.failure.param == param


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (7, ["7"]),
        ({"rows": [1]}, ['{"rows":[1]}']),
        ([{"id": 1}, {"id": 2}], ['[{"id":1},{"id":2}]']),
        ({"type": "text", "text": "alone"}, ["alone"]),
        ({"type": "weather", "c": 3}, ['{"type":"weather","c":3}']),
    ],
)
def test_a_result_may_be_any_json(content: Any, said: list[str]) -> None:
    result = one({"type": "tool_result", "tool_use_id": "t", "content": content})
    assert isinstance(result, ToolResult)
    assert [part.text for part in result.content if isinstance(part, Text)] == said


def test_an_input_that_is_its_own_text_is_what_the_model_wrote() -> None:
    call = one({"type": "tool_use", "id": "t", "name": "f", "input": '{"a": 1}'})
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"a": 1}'


def test_carried_text_is_no_loss_elsewhere() -> None:
    part = one({"type": "search_result", "title": "T", "source": "s", "content": []})
    assert isinstance(part, Text)
    assert settled(part.extras, "gemini") == []
