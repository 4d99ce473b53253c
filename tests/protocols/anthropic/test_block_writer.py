from __future__ import annotations

import base64
from typing import Any

import attrs
import pytest

from tests.protocols.anthropic.wires import TARGET, assistant, lost, read_blocks, user, write
from trioproxy.errors import ClientFault, ErrorKind
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
from trioproxy.protocols.anthropic.block_writer import UNSIGNED_THINKING
from trioproxy.protocols.base import Written

ODD = packed("elsewhere", {"odd": 1})


def blocks(*parts: Part, **fields: Any) -> list[Any]:
    return sent(*parts, **fields)[0]


def sent(*parts: Part, **fields: Any) -> tuple[list[Any], Written]:
    written = write(user(*parts), **fields)
    content = written.body["messages"][0]["content"]
    return content, written


def test_text_with_what_belongs_to_it() -> None:
    part = Text(
        text="hi",
        cache=CacheHint(ttl="1h"),
        citations=(Citation(url="https://a.example", extras=ODD),),
        signature=Signature(value="x", form=SignatureForm.GEMINI_THOUGHT),
        extras=ODD,
    )
    content, written = sent(part)
    assert content == [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    path = "messages[0].content[0]"
    assert lost(written) == [f"{path}.odd", f"{path}.signature", f"{path}.citations[0].odd", f"{path}.citations[0]"]


def test_text_that_says_nothing_is_left_out() -> None:
    content, written = sent(Text(text=""), Text(text=" \n"), Text(text="hi"))
    assert content == [{"type": "text", "text": "hi"}]
    assert lost(written) == ["messages[0].content[1]"]


def test_a_refusal_is_text() -> None:
    written = write(user("a"), assistant(Refusal(text="no", extras=ODD), Refusal(text="")), user("b"))
    assert written.body["messages"][1]["content"] == [{"type": "text", "text": "no"}]
    assert lost(written) == ["messages[1].content[0].odd"]


def image(source: Any, **fields: Any) -> Media:
    return Media(kind=MediaKind.IMAGE, source=source, **fields)


def document(source: Any, **fields: Any) -> Media:
    return Media(kind=MediaKind.DOCUMENT, source=source, **fields)


def test_images() -> None:
    content, written = sent(
        image(Base64Source(data="AA==", mime="image/png"), detail="high", cache=CacheHint()),
        image(UrlSource(url="https://a.example", mime="image/png"), filename="x.png"),
        image(FileIdSource(file_id="file_1", protocol="anthropic")),
    )
    assert content == [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AA=="},
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "image", "source": {"type": "url", "url": "https://a.example"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
    ]
    assert lost(written) == ["messages[0].content[0].detail", "messages[0].content[1].filename"]


def test_documents() -> None:
    text = base64.b64encode("é".encode()).decode()
    content, written = sent(
        document(Base64Source(data="AA==", mime="application/pdf"), filename="a.pdf", extras=ODD),
        document(Base64Source(data=text, mime="text/csv"), title="T"),
        document(Base64Source(data=text, mime="application/vnd.x+json")),
        document(UrlSource(url="https://a.example/x.pdf")),
    )
    plain = {"type": "text", "media_type": "text/plain", "data": "é"}
    assert content == [
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            "title": "a.pdf",
        },
        {"type": "document", "source": plain, "title": "T"},
        {"type": "document", "source": plain},
        {"type": "document", "source": {"type": "url", "url": "https://a.example/x.pdf"}},
    ]
    assert lost(written) == ["messages[0].content[0].odd"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Media(kind=MediaKind.AUDIO, source=Base64Source(data="AA==", mime="audio/wav")), "holds audio"),
        (Media(kind=MediaKind.VIDEO, source=UrlSource(url="https://a.example")), "holds video"),
        (image(Base64Source(data="AA==", mime="image/tiff")), "image/tiff"),
        (image(FileIdSource(file_id="f", protocol="openai_responses")), "another provider"),
        (document(Base64Source(data="AA==", mime="application/zip")), "application/zip"),
        (document(Base64Source(data="é", mime="text/plain")), "not base64"),
        (document(Base64Source(data="/w==", mime="text/plain")), "not base64 of UTF-8"),
        (document(FileIdSource(file_id="f", protocol="gemini")), "another provider"),
        (Opaque(protocol="openai_chat", kind="input_audio", payload={}, essential=True), "input_audio"),
    ],
)
def test_what_claude_can_not_read_is_refused_by_name(part: Part, words: str) -> None:
    with pytest.raises(ClientFault, match=words) as caught:
        write(user("look", part))
    failure = caught.value.failure
    assert (failure.kind, failure.param) == (ErrorKind.INVALID_REQUEST, "messages[0].content[1]")


def test_thinking_goes_back_with_its_own_signature_only() -> None:
    own = Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE)
    hidden = Signature(value="EmwK", form=SignatureForm.ANTHROPIC_REDACTED)
    written = write(
        user("a"),
        assistant(
            Reasoning(text="hm", signature=own, extras=ODD),
            Reasoning(summary=("x", "y"), signature=own),
            Reasoning(signature=hidden),
            Reasoning(text="unsigned"),
            Reasoning(text="theirs", signature=Signature(value="g", form=SignatureForm.OPENAI_ENCRYPTED)),
            "answer",
        ),
        user("b"),
    )
    assert written.body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "EqwC"},
        {"type": "thinking", "thinking": "x\n\ny", "signature": "EqwC"},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "text", "text": "answer"},
    ]
    assert lost(written) == [f"messages[1].content[{rest}" for rest in ("0].odd", "3]", "4]")]


def test_some_providers_want_unsigned_thinking_back() -> None:
    target = attrs.evolve(TARGET, quirks=frozenset({UNSIGNED_THINKING}))
    written = write(user("a"), assistant(Reasoning(text="hm"), Reasoning(), "x"), user("b"), target=target)
    assert written.body["messages"][1]["content"][:-1] == [{"type": "thinking", "thinking": "hm", "signature": ""}]
    assert lost(written) == ["messages[1].content[1]"]


@pytest.mark.parametrize("value", ["58551644ecf2a4ee740884f6226e08ab", "0f8fad5b-d9cb-469f-a165-70867728950e"])
def test_what_servers_that_imitate_the_api_sign_with_goes_to_them_alone(value: str) -> None:
    thought = Reasoning(text="hm", signature=Signature(value=value, form=SignatureForm.ANTHROPIC_SIGNATURE))
    written = write(user("a"), assistant(thought, "x"), user("b"))
    assert written.body["messages"][1]["content"] == [{"type": "text", "text": "x"}]
    assert lost(written) == ["messages[1].content[0]"]
    imitation = attrs.evolve(TARGET, quirks=frozenset({UNSIGNED_THINKING}))
    written = write(user("a"), assistant(thought, "x"), user("b"), target=imitation)
    assert written.body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": value}


def call(arguments: str, **fields: Any) -> ToolCall:
    return ToolCall(call_id="c1", name="f", arguments=arguments, **fields)


def looped(*calls: ToolCall, results: tuple[ToolResult, ...] = ()) -> Written:
    answers = results or tuple(ToolResult(call_id=each.call_id, content=(Text(text="ok"),)) for each in calls)
    return write(user("a"), assistant(*calls), user(*answers))


@pytest.mark.parametrize(
    ("arguments", "given", "losses"),
    [
        ('{"a": 1}', {"a": 1}, []),
        ("", {}, []),
        ("  ", {}, []),
        ("null", {}, []),
        ("{bad", {"_raw": "{bad"}, ["messages[1].content[0].arguments"]),
        ('"text"', {"_raw": "text"}, ["messages[1].content[0].arguments"]),
        ("[1]", {"_raw": "[1]"}, ["messages[1].content[0].arguments"]),
    ],
)
def test_arguments_are_an_object(arguments: str, given: Any, losses: list[str]) -> None:
    written = looped(call(arguments))
    assert written.body["messages"][1]["content"] == [{"type": "tool_use", "id": "c1", "name": "f", "input": given}]
    assert lost(written) == losses


def test_a_custom_tools_text_is_its_one_argument() -> None:
    written = looped(call("*** Begin", kind=ToolKind.CUSTOM))
    assert written.body["messages"][1]["content"][0]["input"] == {"input": "*** Begin"}


def test_a_calls_belongings() -> None:
    token = Signature(value="x", form=SignatureForm.GEMINI_THOUGHT)
    written = looped(call("{}", signature=token, cache=CacheHint(), namespace="ns", extras=ODD))
    block = written.body["messages"][1]["content"][0]
    assert block["cache_control"] == {"type": "ephemeral"}
    assert block["name"] == "ns__f"
    assert written.naming.originals == {"ns__f": ("f", "ns")}
    assert lost(written) == ["messages[1].content[0].odd", "messages[1].content[0].signature"]


def test_ids_are_legal_on_both_ends() -> None:
    written = looped(attrs.evolve(call("{}"), call_id="fc|a.b"))
    odd = "toolu_trioproxy_fc-7ca-2eb"
    assert written.body["messages"][1]["content"][0]["id"] == odd
    assert written.body["messages"][2]["content"][0]["tool_use_id"] == odd


@pytest.mark.parametrize(
    ("result", "written"),
    [
        (ToolResult(call_id="c1", content=()), {}),
        (ToolResult(call_id="c1", content=(Text(text="ok"),)), {"content": "ok"}),
        (ToolResult(call_id="c1", content=(Text(text=""),)), {}),
        (ToolResult(call_id="c1", content=(Text(text="no"),), is_error=True), {"content": "no", "is_error": True}),
        (
            ToolResult(call_id="c1", content=(Text(text="a"), Text(text="b")), cache=CacheHint(), extras=ODD),
            {
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                "cache_control": {"type": "ephemeral"},
            },
        ),
        (
            ToolResult(call_id="c1", content=(image(UrlSource(url="https://a.example")),)),
            {"content": [{"type": "image", "source": {"type": "url", "url": "https://a.example"}}]},
        ),
        (ToolResult(call_id="c1", content=(Opaque(protocol="gemini", kind="blob", payload={}),)), {}),
    ],
)
def test_results(result: ToolResult, written: dict[str, Any]) -> None:
    block = looped(call("{}"), results=(result,)).body["messages"][2]["content"][0]
    assert block == {"type": "tool_result", "tool_use_id": "c1", **written}


def test_foreign_items_are_lost_and_own_ones_come_back() -> None:
    block = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}
    (own,) = read_blocks(block)
    content, written = sent(own, Opaque(protocol="gemini", kind="executable_code", payload={}))
    assert content == [block]
    assert content[0] is not block
    assert lost(written) == ["messages[0].content[1]"]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "global"}, "odd": 1},
        {
            "type": "text",
            "text": "x",
            "citations": [{"type": "char_location", "cited_text": "x", "document_title": "T"}],
        },
        {"type": "image", "source": {"type": "url", "url": "https://a.example", "odd": 1}, "transformations": {}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}, "title": "T"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é"}, "context": "C"},
        {"type": "document", "source": {"type": "file", "file_id": "f"}, "citations": {"enabled": True}},
        {
            "type": "document",
            "source": {
                "type": "content",
                "content": [
                    {"type": "image", "source": {"type": "url", "url": "https://a.example"}, "odd": 1},
                    {"type": "text", "text": "a"},
                ],
            },
            "context": "C",
            "odd": 2,
        },
        {"type": "image", "source": {"type": "url", "url": "https://a.example"}, "transformations": None},
        {"type": "compaction", "content": None},
        {"type": "search_result", "title": "T", "source": "s", "content": [{"type": "text", "text": "x"}], "odd": 1},
        {"type": "compaction", "content": "so far"},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "thinking", "thinking": "", "signature": "EqwC"},
        {"type": "redacted_thinking", "data": "EmwK"},
    ],
    ids=lambda block: block["type"],
)
def test_this_apis_blocks_come_back_as_they_were(block: dict[str, Any]) -> None:
    content, written = sent(*read_blocks(block))
    assert content == [block]
    assert written.losses == ()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"content": "ok"},
        {"content": ""},
        {"content": []},
        {"content": [{"type": "text", "text": "ok"}]},
        {"content": [{"type": "tool_reference", "tool_name": "f"}], "is_error": False},
        {"content": "no", "is_error": True, "cache_control": {"type": "ephemeral"}, "toolset_name": "x"},
    ],
)
def test_this_apis_tool_loops_come_back_as_they_were(fields: dict[str, Any]) -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1.0}, "caller": {"type": "direct"}}
    result = {"type": "tool_result", "tool_use_id": "t", **fields}
    written = write(user("a"), assistant(*read_blocks(use)), user(*read_blocks(result)))
    assert [message["content"] for message in written.body["messages"][1:]] == [[use], [result]]
    assert lost(written) == []


def test_types_of_media_have_the_names_that_the_api_knows() -> None:
    image = Media(kind=MediaKind.IMAGE, source=Base64Source(data="aGk=", mime="image/jpg"))
    pdf = Media(kind=MediaKind.DOCUMENT, source=Base64Source(data="aGk=", mime="application/x-pdf"))
    assert [each["source"]["media_type"] for each in blocks(image, pdf)] == ["image/jpeg", "application/pdf"]
