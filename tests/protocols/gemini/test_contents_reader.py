from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.gemini.exchanges import CONTEXT
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import own, packed, spelling
from trioproxy.neutral.parts import (
    Base64Source,
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
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.gemini.contents_reader import ContentsReader, media_kind
from trioproxy.protocols.gemini.signatures import write_signature


def _turns(*contents: Any) -> tuple[Turn, ...]:
    return ContentsReader().turns(list(contents), "contents")


def _part(part: Any) -> Part:
    ((read,),) = [turn.parts for turn in _turns({"parts": [part]})]
    return read


def test_roles() -> None:
    contents = [{"role": role, "parts": [{"text": "a"}]} for role in ("user", "model", "function", "system")]
    turns = _turns(*contents, {"parts": []}, "hello")
    assert [turn.role for turn in turns] == [
        Role.USER, Role.ASSISTANT, Role.USER, Role.SYSTEM, Role.USER, Role.USER,
    ]  # fmt: skip
    assert turns[5].parts == (Text(text="hello"),)
    assert turns[4].parts == ()
    with pytest.raises(ClientFault) as caught:
        _turns({"role": "assistant", "parts": []})
    assert caught.value.failure.param == "contents[0].role"


def test_what_is_said_beside_parts_stays() -> None:
    (turn,) = _turns({"role": "user", "parts": {"text": "a"}, "odd": 1})
    assert turn.parts == (Text(text="a"),)
    assert own(turn.extras, "gemini") == {"odd": 1}


def test_text_and_thoughts() -> None:
    signed = Signature(value="c2ln", form=SignatureForm.GEMINI_THOUGHT)
    assert _part("a") == Text(text="a")
    assert _part({"text": "a"}) == Text(text="a")
    assert _part({}) == Text(text="", extras=packed("gemini", {}, spelling={"text": ""}))
    assert _part({"thought_signature": "c2ln"}) == Text(text="", signature=signed)
    assert _part({"text": "hm", "thought": True, "thoughtSignature": "c2ln"}) == Reasoning(text="hm", signature=signed)
    beside = _part({"text": "a", "thought": False, "partMetadata": {"k": 1}})
    assert isinstance(beside, Text)
    assert own(beside.extras, "gemini") == {"partMetadata": {"k": 1}}


def test_another_vendors_signature_is_unwrapped() -> None:
    signature = Signature(value="abc", form=SignatureForm.ANTHROPIC_SIGNATURE)
    assert _part({"text": "hm", "thought": True, "thoughtSignature": write_signature(signature)}) == Reasoning(
        text="hm", signature=signature
    )
    assert CONTEXT.token


def test_media() -> None:
    inline = _part({"inline_data": {"mime_type": "image/png", "data": "a-_="}})
    assert inline == Media(kind=MediaKind.IMAGE, source=Base64Source(data="a+/=", mime="image/png"))
    named = _part(
        {
            "inlineData": {"mimeType": "application/pdf", "data": "aGk=", "displayName": "x.pdf", "odd": 1},
            "thoughtSignature": "c2ln",
        }
    )
    assert isinstance(named, Media)
    assert (named.kind, named.filename) == (MediaKind.DOCUMENT, "x.pdf")
    assert own(named.extras, "gemini") == {"inlineData": {"odd": 1}, "thoughtSignature": "c2ln"}
    assert spelling(named.extras, "gemini") == {"displayName": "x.pdf"}
    film = _part({"fileData": {"fileUri": "https://youtu.be/x"}, "videoMetadata": {"fps": 1}})
    assert isinstance(film, Media)
    assert (film.kind, film.source) == (MediaKind.VIDEO, UrlSource(url="https://youtu.be/x"))
    assert own(film.extras, "gemini") == {"videoMetadata": {"fps": 1}}
    page = _part({"fileData": {"file_uri": "https://a.example/x.pdf", "mimeType": "application/pdf"}})
    assert page == Media(
        kind=MediaKind.DOCUMENT, source=UrlSource(url="https://a.example/x.pdf", mime="application/pdf")
    )


@pytest.mark.parametrize(
    "uri",
    ["gs://bucket/x.wav", "files/abc", "https://generativelanguage.googleapis.com/v1beta/files/abc", "http://[broken"],
)
def test_a_file_that_lies_with_google(uri: str) -> None:
    part = _part({"fileData": {"fileUri": uri, "mimeType": "audio/wav"}})
    assert isinstance(part, Media)
    assert (part.kind, part.source) == (MediaKind.AUDIO, FileIdSource(file_id=uri, protocol="gemini"))
    assert spelling(part.extras, "gemini") == {"mimeType": "audio/wav"}


def test_kinds_of_media() -> None:
    assert [media_kind(mime) for mime in ("IMAGE/png", "audio/wav", "video/mp4", "text/plain", "")] == [
        MediaKind.IMAGE, MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.DOCUMENT, MediaKind.DOCUMENT,
    ]  # fmt: skip


def test_what_only_google_can_read() -> None:
    code = {"executableCode": {"code": "1"}, "thought": True, "thoughtSignature": "c2ln"}
    assert _part(code) == Opaque(protocol="gemini", kind="executableCode", payload=code)
    assert _part({"tool_call": {"id": 1}}) == Opaque(
        protocol="gemini", kind="toolCall", payload={"toolCall": {"id": 1}}
    )
    assert _part({"newThing": 1}) == Opaque(protocol="gemini", kind="newThing", payload={"newThing": 1}, essential=True)


def _call(name: str, call_id: str | None = None) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}, **({"id": call_id} if call_id else {})}}


def _response(name: str, call_id: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {}, **({"id": call_id} if call_id else {}), **fields}}


def _ids(*contents: tuple[str, list[dict[str, Any]]]) -> tuple[list[str], list[str]]:
    """The ids of calls, and of what was answered, in order."""
    turns = _turns(*({"role": role, "parts": parts} for role, parts in contents))
    parts = [part for turn in turns for part in turn.parts]
    return (
        [part.call_id for part in parts if isinstance(part, ToolCall)],
        [part.call_id for part in parts if isinstance(part, ToolResult)],
    )


def test_a_call() -> None:
    call = _part(
        {"function_call": {"name": "f", "args": {"x": 1}, "id": "c1", "odd": 2}, "thoughtSignature": "c2ln", "k": 3}
    )
    assert isinstance(call, ToolCall)
    assert (call.call_id, call.name, call.arguments) == ("c1", "f", '{"x":1}')
    assert call.signature == Signature(value="c2ln", form=SignatureForm.GEMINI_THOUGHT)
    assert own(call.extras, "gemini") == {"functionCall": {"odd": 2}, "k": 3}
    bare = _part({"functionCall": {"name": "f"}})
    assert isinstance(bare, ToolCall)
    assert bare.arguments == "{}"
    assert bare.call_id.startswith("call_")
    assert spelling(bare.extras, "gemini") == {"id": None}


def test_responses_find_their_calls_by_name_and_order() -> None:
    calls, answers = _ids(
        ("model", [_call("f"), _call("g"), _call("f")]),
        ("user", [_response("f"), _response("f"), _response("g")]),
    )
    assert len(set(calls)) == 3
    assert answers == [calls[0], calls[2], calls[1]]


def test_responses_find_their_calls_by_id() -> None:
    assert _ids(("model", [_call("f", "a"), _call("f", "b")]), ("user", [_response("f", "b"), _response("f")])) == (
        ["a", "b"],
        ["b", "a"],
    )
    # The call had no name of its own: what the response calls it does not matter.
    calls, answers = _ids(("model", [_call("f")]), ("user", [_response("f", "z")]))
    assert answers == calls


def test_a_response_that_answers_nothing_keeps_its_id_or_gets_one() -> None:
    calls, answers = _ids(("model", [_call("f", "a")]), ("user", [_response("f", "z"), _response("g"), _response("g")]))
    assert answers[0] == "z"
    assert len({*answers, *calls}) == 4


def test_a_step_of_the_model_leaves_earlier_calls_unanswered() -> None:
    calls, answers = _ids(
        ("model", [_call("f")]),
        ("model", [_call("f")]),
        ("user", []),
        ("model", [_call("f")]),
        ("user", [_response("f")]),
    )
    assert answers == [calls[2]]
    calls, answers = _ids(("model", [_call("f")]), ("model", [_call("f")]), ("user", [_response("f"), _response("f")]))
    assert answers == calls


def test_ids_are_the_same_while_a_history_grows() -> None:
    first = [("user", [{"text": "a"}]), ("model", [_call("f")]), ("user", [_response("f")])]
    calls, _ = _ids(*first)
    longer, _ = _ids(*first, ("model", [_call("f")]))
    assert longer[0] == calls[0] != longer[1]


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"result": "ok"}, "ok", False),
        ({"output": {"a": 1}}, '{"a":1}', False),
        ({"error": "bad"}, "bad", True),
        ({"error": "bad", "more": 1}, '{"error":"bad","more":1}', False),
        ({"return_value": "x"}, '{"return_value":"x"}', False),
        ({}, "{}", False),
    ],
)
def test_what_a_response_says(response: dict[str, Any], text: str, is_error: bool) -> None:
    result = _part({"functionResponse": {"name": "f", "id": "c", "response": response}})
    assert isinstance(result, ToolResult)
    assert result.content == (Text(text=text),)
    assert result.is_error is is_error
    assert result.name == "f"
    assert spelling(result.extras, "gemini") == {"response": response}


def test_a_response_with_media() -> None:
    parts = [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}, {"functionCall": {"name": "odd"}}]
    result = _part(
        {"functionResponse": {"name": "f", "parts": parts, "willContinue": True}, "thoughtSignature": "c2ln"}
    )
    assert isinstance(result, ToolResult)
    assert result.content[1:] == (
        Media(kind=MediaKind.IMAGE, source=Base64Source(data="aGk=", mime="image/png")),
        Opaque(protocol="gemini", kind="part", payload=parts[1], essential=True),
    )
    assert own(result.extras, "gemini") == {"functionResponse": {"willContinue": True}, "thoughtSignature": "c2ln"}
    assert spelling(result.extras, "gemini") == {"response": {}, "id": None}


def test_the_instruction() -> None:
    reader = ContentsReader()
    assert reader.system("be brief", "systemInstruction") == ((Text(text="be brief"),), {})
    image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    parts, beside = reader.system({"role": "system", "parts": [{"text": "a"}, image]}, "systemInstruction")
    assert parts == (Text(text="a"), Opaque(protocol="gemini", kind="part", payload=image, essential=True))
    assert beside == {"role": "system"}
    assert reader.system({}, "systemInstruction") == ((), {})


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"functionCall": {"args": {}}}, "functionCall.name"),
        ({"functionResponse": {"response": {}}}, "functionResponse.name"),
        ({"fileData": {"mimeType": "x"}}, "fileData.fileUri"),
        ({"text": 3}, "text"),
        ({"inlineData": "x"}, "inlineData"),
        ({"inlineData": {"data": "aGk="}}, "inlineData.mimeType"),
        ({"inlineData": {"data": "aGk=", "mimeType": ""}}, "inlineData.mimeType"),
    ],
)
def test_what_can_not_be_read_is_named(part: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        _part(part)
    assert caught.value.failure.param == f"contents[0].parts[0].{param}"
