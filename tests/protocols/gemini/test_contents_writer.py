from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.gemini.exchanges import GEMINI_2, GEMINI_3
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import packed
from trioproxy.neutral.naming import ToolNames
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    Citation,
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
)
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.gemini.contents_writer import NO_CALL_IDS, ContentsWriter
from trioproxy.protocols.gemini.signatures import SKIP_VALIDATION

_GEMINI = Signature(value="c2ln", form=SignatureForm.GEMINI_THOUGHT)
_CLAUDE = Signature(value="xyz", form=SignatureForm.ANTHROPIC_SIGNATURE)
_IMAGE = Media(kind=MediaKind.IMAGE, source=Base64Source(data="aGk=", mime="image/png"))
_IMAGE_PART = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}


def _user(*parts: Part) -> Turn:
    return Turn(role=Role.USER, parts=parts)


def _model(*parts: Part) -> Turn:
    return Turn(role=Role.ASSISTANT, parts=parts)


def _call(call_id: str, name: str = "f", **fields: Any) -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments="{}", **fields)


def _result(call_id: str, text: str = "ok", **fields: Any) -> ToolResult:
    return ToolResult(call_id=call_id, content=(Text(text=text),), **fields)


def _written(*turns: Turn, target: WriteTarget = GEMINI_2) -> tuple[list[dict[str, Any]], list[str]]:
    writer = ContentsWriter(ToolNames(limit=64, allowed=r"[a-zA-Z0-9_.:-]", first=r"[a-zA-Z_]"), target)
    for number, turn in enumerate(turns):
        writer.add(turn, f"turns[{number}]")
    return writer.contents(), [loss.path for loss in writer.losses]


def _parts(*turns: Turn, target: WriteTarget = GEMINI_2) -> tuple[list[list[dict[str, Any]]], list[str]]:
    contents, losses = _written(*turns, target=target)
    return [content["parts"] for content in contents], losses


def test_turns_of_one_role_are_one_content() -> None:
    contents, losses = _written(
        _user(Text(text="a")),
        _user(Text(text="b"), _IMAGE),
        _model(Text(text="c"), Refusal(text="d")),
        _model(),
        _user(),
    )
    assert contents == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}, _IMAGE_PART]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
    ]
    assert losses == []


def test_a_turn_that_comes_to_nothing_parts_no_turns() -> None:
    contents, _ = _written(
        _user(Text(text="a")), _model(Opaque(protocol="anthropic", kind="x", payload={})), _user(Text(text="b"))
    )
    assert contents == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]


def test_turns_with_fields_of_their_own_stay_apart() -> None:
    fields = packed("gemini", {"odd": 1})
    contents, _ = _written(_user(Text(text="a")), Turn(role=Role.USER, parts=(Text(text="b"),), extras=fields))
    assert contents == [
        {"role": "user", "parts": [{"text": "a"}]},
        {"odd": 1, "role": "user", "parts": [{"text": "b"}]},
    ]


def test_an_instruction_in_mid_conversation_is_the_users() -> None:
    turn = Turn(role=Role.SYSTEM, parts=(Text(text="s"),), name="boss", extras=packed("openai_chat", {"x": 1}))
    contents, losses = _written(_user(Text(text="a")), turn)
    assert contents == [{"role": "user", "parts": [{"text": "a"}, {"text": "s"}]}]
    assert losses == ["turns[1].x", "turns[1].name", "turns[1].role"]


def test_calls_and_their_results() -> None:
    (_, calls, results, told), losses = _parts(
        _user(Text(text="a")),
        _model(ToolCall(call_id="c1", name="f", arguments='{"x":1}'),
               ToolCall(call_id="c2", name="g h", arguments="", kind=ToolKind.FUNCTION),
               ToolCall(call_id="c3", name="p", arguments="free", kind=ToolKind.CUSTOM)),
        _user(Text(text="look"), _result("c3"), _result("c1"), _result("c2", "bad", is_error=True)),
    )  # fmt: skip
    assert calls == [
        {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}},
        {"functionCall": {"id": "c2", "name": "g_h", "args": {}}},
        {"functionCall": {"id": "c3", "name": "p", "args": {"input": "free"}}},
    ]
    assert results == [
        {"functionResponse": {"id": "c1", "name": "f", "response": {"result": "ok"}}},
        {"functionResponse": {"id": "c2", "name": "g_h", "response": {"error": "bad"}}},
        {"functionResponse": {"id": "c3", "name": "p", "response": {"result": "ok"}}},
    ]
    assert told == [{"text": "look"}]
    assert losses == []


def test_a_target_without_ids() -> None:
    target = WriteTarget(model="gemini-2.5-flash", quirks=frozenset({NO_CALL_IDS}))
    (calls, results), _ = _parts(_model(_call("c1")), _user(_result("c1")), target=target)
    assert calls == [{"functionCall": {"name": "f", "args": {}}}]
    assert results == [{"functionResponse": {"name": "f", "response": {"result": "ok"}}}]


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    (calls, results, told), losses = _parts(_model(_call("c1"), _call("c2")), _user(_result("c2"), Text(text="go on")))
    assert len(calls) == 2
    assert results == [
        {"functionResponse": {"id": "c1", "name": "f", "response": {"error": "The call gave no result."}}},
        {"functionResponse": {"id": "c2", "name": "f", "response": {"result": "ok"}}},
    ]
    assert told == [{"text": "go on"}]
    assert losses == ["turns[0].parts[0]"]
    target = WriteTarget(model="gemini-2.5-flash", quirks=frozenset({NO_CALL_IDS}))
    (_, results, _), _ = _parts(_model(_call("c1")), _user(Text(text="go on")), target=target)
    assert results[0]["functionResponse"].keys() == {"name", "response"}


def test_so_do_calls_at_the_end() -> None:
    contents, losses = _written(_user(Text(text="a")), _model(_call("c1")))
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert contents[-1]["parts"] == [
        {"functionResponse": {"name": "f", "id": "c1", "response": {"error": "The call gave no result."}}}
    ]
    assert losses == ["turns[1].parts[0]"]


def test_a_result_that_answers_no_call_is_told() -> None:
    media = ToolResult(call_id="c9", content=(Text(text="x"), _IMAGE), name="g", is_error=True)
    spelled = ToolResult(
        call_id="c8", content=(), name="h", extras=packed("gemini", {}, spelling={"response": {"a": 1, "b": 2}})
    )
    empty = ToolResult(call_id="c7", content=(), name="i", extras=packed("gemini", {}, spelling={"response": {}}))
    (first, calls, results, told), losses = _parts(
        _user(_result("c0")), _model(_call("c1")), _user(_result("c1"), _result("c1", "again"), media, spelled, empty)
    )
    assert first == [{"text": "Result of an earlier call of c0:\nok"}]
    assert len(calls) == 1
    assert results == [{"functionResponse": {"id": "c1", "name": "f", "response": {"result": "ok"}}}]
    assert told == [
        {"text": "Result of an earlier call of f:\nagain"},
        {"text": "Result of an earlier call of g:\nx"},
        _IMAGE_PART,
        {"text": 'Result of an earlier call of h:\n{"a":1,"b":2}'},
        {"text": "Result of an earlier call of i:\n{}"},
    ]
    assert losses == [
        "turns[0].parts[0]", "turns[2].parts[1]", "turns[2].parts[2]", "turns[2].parts[3]", "turns[2].parts[4]",
    ]  # fmt: skip


def test_calls_that_share_an_id_are_answered_one_by_one() -> None:
    (_, results), losses = _parts(
        _model(_call("c"), _call("c", "g"), _call("c")), _user(_result("c", "one"), _result("c", "two"))
    )
    assert [result["functionResponse"]["response"] for result in results] == [
        {"result": "one"},
        {"result": "two"},
        {"error": "The call gave no result."},
    ]
    assert losses == ["turns[0].parts[2]"]


def test_nothing_stands_beside_results_and_what_they_show_comes_before_what_is_said_next() -> None:
    result = ToolResult(call_id="c1", content=(_IMAGE,))
    turn = attrs.evolve(_user(result, Text(text="and now?")), extras=packed("gemini", {"odd": 1}))
    (_, answered, told), _ = _written(_model(_call("c1")), turn)
    assert [next(iter(part)) for part in answered["parts"]] == ["functionResponse"]
    assert [next(iter(part)) for part in told["parts"]] == ["inlineData", "text"]
    assert ("odd" in answered, "odd" in told) == (True, False)


def test_media_in_results() -> None:
    result = ToolResult(call_id="c1", content=(Text(text="a"), _IMAGE, Text(text="b")), cache=CacheHint())
    (_, old, shown), losses = _parts(_model(_call("c1")), _user(result))
    assert old == [{"functionResponse": {"id": "c1", "name": "f", "response": {"result": "a\nb"}}}]
    assert shown == [_IMAGE_PART]
    assert losses == ["turns[1].parts[0].cache"]
    (told,), _ = _parts(_user(result), target=GEMINI_3)
    assert told == [{"text": "Result of an earlier call of c1:\na\nb"}, _IMAGE_PART]
    marked = ToolResult(call_id="c1", content=(Text(text="a", cache=CacheHint()),))
    _, losses = _parts(_model(_call("c1")), _user(marked))
    assert losses == ["turns[1].parts[0].content[0].cache"]
    (_, new), _ = _parts(_model(_call("c1")), _user(result), target=GEMINI_3)
    assert new == [
        {"functionResponse": {"id": "c1", "name": "f", "response": {"result": "a\nb"}, "parts": [_IMAGE_PART]}}
    ]
    own = ToolResult(
        call_id="c1",
        content=(Text(text="{}"), _IMAGE),
        extras=packed(
            "gemini", {"functionResponse": {"willContinue": True}, "k": 1}, spelling={"response": {}, "id": None}
        ),
    )
    (_, again), _ = _parts(_model(_call("c1")), _user(own))
    assert again == [
        {"functionResponse": {"name": "f", "response": {}, "parts": [_IMAGE_PART], "willContinue": True}, "k": 1}
    ]


def test_from_gemini_3_on_each_step_is_signed() -> None:
    turns = (
        _model(Text(text="a"), _call("c1"), _call("c2", signature=_GEMINI)),
        _user(_result("c1"), _result("c2")),
        _model(_call("c3", signature=_GEMINI), _call("c4")),
        _user(_result("c3"), _result("c4")),
        _model(Text(text="done")),
    )
    parts, _ = _parts(*turns, target=GEMINI_3)
    signatures = [[part.get("thoughtSignature") for part in content] for content in parts]
    assert signatures == [[None, SKIP_VALIDATION, "c2ln"], [None, None], ["c2ln", None], [None, None], [None]]
    older, _ = _parts(*turns)
    assert SKIP_VALIDATION not in str(older)


def test_signatures_go_back_to_their_own_vendor_only() -> None:
    (parts,), losses = _parts(
        _model(
            Text(text="a", signature=_GEMINI, extras=packed("gemini", {"partMetadata": {}})),
            Text(text="b", signature=_CLAUDE, citations=(Citation(url="u"),), cache=CacheHint()),
            Reasoning(text="hm", summary=("one", "two"), signature=_GEMINI),
            Reasoning(text="ha", signature=_CLAUDE),
            Reasoning(signature=_CLAUDE),
            Reasoning(signature=_GEMINI),
            Reasoning(extras=packed("gemini", {"k": 1})),
            Reasoning(),
        )
    )
    assert parts == [
        {"text": "a", "thoughtSignature": "c2ln", "partMetadata": {}},
        {"text": "b"},
        {"text": "hm\n\none\n\ntwo", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "ha", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "", "thought": True, "k": 1},
    ]
    assert losses == [
        "turns[0].parts[1].cache",
        "turns[0].parts[1].citations",
        "turns[0].parts[1].signature",
        "turns[0].parts[3].signature",
        "turns[0].parts[4].signature",
    ]


def test_a_call_as_a_gemini_client_wrote_it() -> None:
    call = ToolCall(
        call_id="call_1",
        name="f",
        arguments="[",
        extras=packed("gemini", {"functionCall": {"odd": 1}, "k": 2}, spelling={"id": None}),
    )
    ((part,), (answer,)), losses = _parts(_model(call), _user(_result("call_1")))
    assert part == {"functionCall": {"name": "f", "args": {"_raw": "["}, "odd": 1}, "k": 2}
    assert answer["functionResponse"]["name"] == "f"
    assert losses == ["turns[0].parts[0].arguments"]


def test_what_only_one_provider_can_read() -> None:
    code = {"executableCode": {"code": "1"}}
    ((*parts,),), losses = _parts(
        _model(
            Opaque(protocol="gemini", kind="executableCode", payload=code, essential=True),
            Opaque(protocol="gemini", kind="odd", payload="no part"),
            Opaque(protocol="anthropic", kind="server_tool_use", payload={}),
        )
    )
    assert parts == [code]
    assert losses == ["turns[0].parts[1]", "turns[0].parts[2]"]
    with pytest.raises(ClientFault, match="container_upload") as caught:
        _written(_user(Opaque(protocol="anthropic", kind="container_upload", payload={}, essential=True)))
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.failure.param == "turns[0].parts[0]"
    with pytest.raises(ClientFault, match=r"`turns\[0\]\.parts\[0\]\.x`"):
        _written(_user(Text(text="a", extras=packed("anthropic", {"x": 1}, essential=("x",)))))


def test_a_text_that_is_empty_is_sent_only_where_google_s_own_client_says_it() -> None:
    own = Text(text="", extras=packed("gemini", {}, spelling={"text": ""}))
    contents, lost = _written(
        _user(Text(text="a")),
        _model(Text(text=""), Refusal(text="")),
        _user(Text(text=""), Text(text="b")),
        _model(Text(text="", signature=_GEMINI), own),
    )
    assert contents == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "", "thoughtSignature": "c2ln"}, {"text": ""}]},
    ]
    assert lost == []


def test_images_that_a_model_made_stay_its_own() -> None:
    made = Opaque(protocol="openai_chat", kind="images", payload={}, shown=_IMAGE)
    turns = (
        _user(Text(text="draw")),
        _model(Reasoning(text="hm"), Text(text="here"), made),
        _user(Text(text="bigger")),
    )
    (_, parts, _), losses = _parts(*turns)
    assert parts == [{"text": "hm", "thought": True}, {"text": "here"}, _IMAGE_PART]
    assert losses == []
    (_, signed, _), _ = _parts(*turns, target=WriteTarget(model="gemini-3-pro-image-preview"))
    assert [part.get("thoughtSignature") for part in signed] == [None, SKIP_VALIDATION, SKIP_VALIDATION]
