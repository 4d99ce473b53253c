from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.gemini.exchanges import GEMINI_2, GEMINI_3, read, rewritten
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Opaque, Text, ToolCall, ToolResult
from trioproxy.neutral.request import (
    Conversation,
    Effort,
    OutputFormat,
    OutputKind,
    ReasoningAsk,
    Role,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    Turn,
)
from trioproxy.protocols.base import Operation, WriteTarget
from trioproxy.protocols.gemini import PROTOCOL
from trioproxy.protocols.gemini.request_writer import NO_SERVER_SIDE_FLAG, SAFETY_OFF

_HI = (Turn(role=Role.USER, parts=(Text(text="hi"),)),)
_CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]


def _body(target: WriteTarget = GEMINI_2, **fields: Any) -> dict[str, Any]:
    body = PROTOCOL.write_request(Conversation(model="m", **{"turns": _HI, **fields}), target).body
    assert body.pop("contents") == _CONTENTS
    return body


def _losses(**fields: Any) -> list[str]:
    written = PROTOCOL.write_request(Conversation(model="m", **{"turns": _HI, **fields}), GEMINI_2)
    return [loss.path for loss in written.losses]


def test_the_least_request() -> None:
    assert _body() == {}


def test_everything_the_hub_names() -> None:
    body = _body(
        WriteTarget(model="a-model-of-any-generation"),
        system=(Text(text="be brief"),),
        tools=(Tool(name="f", schema={"type": "object"}),),
        tool_choice=ToolChoice(mode=ToolChoiceMode.REQUIRED),
        sampling=Sampling(
            max_tokens=9,
            temperature=0.5,
            top_p=0.9,
            top_k=4,
            stop=("END",),
            seed=7,
            presence_penalty=1,
            frequency_penalty=2,
        ),
        reasoning=ReasoningAsk(effort=Effort.LOW),
        output=OutputFormat(kind=OutputKind.JSON),
        service_tier="default",
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "tools": [
            {"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object", "properties": {}}}]}
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 4,
            "maxOutputTokens": 9,
            "stopSequences": ["END"],
            "seed": 7,
            "presencePenalty": 1,
            "frequencyPenalty": 2,
            "responseMimeType": "application/json",
            "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True},
        },
        "serviceTier": "standard",
    }


def test_the_form_of_the_answer() -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "$schema": "x"}
    assert _body(output=OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=schema)) == {
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": {
                "type": "object",
                "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            },
        }
    }
    assert _body(output=OutputFormat(kind=OutputKind.TEXT)) == {}
    assert _body(output=OutputFormat(kind=OutputKind.JSON_SCHEMA)) == {
        "generationConfig": {"responseMimeType": "application/json"}
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parallel_tools", False),
        ("user", "u"),
        ("metadata", {"a": 1}),
        ("cache_key", "k"),
        ("verbosity", "low"),
        ("service_tier", "scale"),
    ],
)
def test_what_gemini_has_no_word_for_is_lost(field: str, value: Any) -> None:
    assert _losses(**{field: value}) == [field]


def test_what_says_nothing_is_no_loss() -> None:
    assert _losses(parallel_tools=True, service_tier="auto") == []
    assert _losses(output=OutputFormat(kind=OutputKind.JSON, name="n", description="d")) == [
        "output.name",
        "output.description",
    ]


def test_a_conversation_that_lies_elsewhere_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        _body(previous_response_id="resp_1")
    assert caught.value.failure.param == "previous_response_id"


def test_what_another_protocol_can_not_do_without_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        _body(extras=packed("openai_chat", {"n": 2}, essential=("n",)))
    assert caught.value.failure.param == "n"
    assert _losses(extras=packed("openai_chat", {"logit_bias": {}})) == ["logit_bias"]


def test_a_limit_beyond_the_models_is_lowered() -> None:
    target = WriteTarget(model="gemini-2.5-flash", max_output_tokens=100)
    written = PROTOCOL.write_request(Conversation(model="m", turns=_HI, sampling=Sampling(max_tokens=500)), target)
    assert written.body["generationConfig"] == {"maxOutputTokens": 100}
    assert [loss.path for loss in written.losses] == ["sampling.max_tokens"]
    assert _body(target, sampling=Sampling(max_tokens=99)) == {"generationConfig": {"maxOutputTokens": 99}}
    assert _body(target, sampling=Sampling(max_tokens=0)) == {"generationConfig": {"maxOutputTokens": 1}}


def test_an_instruction_alone_is_the_users_word() -> None:
    written = PROTOCOL.write_request(Conversation(model="m", system=(Text(text="hi"),)), GEMINI_2)
    assert written.body == {"contents": _CONTENTS}
    assert [loss.path for loss in written.losses] == ["system"]


def test_nothing_to_answer_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        PROTOCOL.write_request(Conversation(model="m"), GEMINI_2)
    assert caught.value.failure.param == "messages"


def test_an_instruction_that_says_nothing_is_none() -> None:
    assert _body(system=(Text(text=""),)) == {}


def test_a_conversation_begins_with_the_user() -> None:
    turns = (Turn(role=Role.ASSISTANT, parts=(Text(text="Hello."),)), *_HI)
    written = PROTOCOL.write_request(Conversation(model="m", turns=turns), GEMINI_2)
    assert [each["role"] for each in written.body["contents"]] == ["user", "model", "user"]
    assert [loss.path for loss in written.losses] == ["messages"]


def test_what_is_refused_in_the_instruction_too() -> None:
    with pytest.raises(ClientFault) as caught:
        _body(system=(Opaque(protocol="anthropic", kind="x", payload={}, essential=True),))
    assert caught.value.failure.param == "system[0]"


def test_quirks() -> None:
    settings = _body(WriteTarget(model="m", quirks=frozenset({SAFETY_OFF})))["safetySettings"]
    assert len(settings) == 5
    assert settings[-1] == {"category": "HARM_CATEGORY_CIVIC_INTEGRITY", "threshold": "BLOCK_NONE"}
    own = packed("gemini", {"safetySettings": []})
    assert _body(WriteTarget(model="m", quirks=frozenset({SAFETY_OFF})), extras=own) == {"safetySettings": []}
    tools = (Tool(name="f"), ServerTool(family="web_search", protocol="anthropic", payload={}))
    assert _body(GEMINI_3, tools=tools)["toolConfig"] == {"includeServerSideToolInvocations": True}
    vertex = WriteTarget(model="gemini-3-flash", quirks=frozenset({NO_SERVER_SIDE_FLAG}))
    assert "toolConfig" not in _body(vertex, tools=tools)


def test_names_are_made_legal_and_can_be_restored() -> None:
    long = "mcp__" + "x" * 80
    written = PROTOCOL.write_request(
        Conversation(
            model="m",
            tools=(Tool(name=long), Tool(name="a/b")),
            tool_choice=ToolChoice(mode=ToolChoiceMode.NAMED, names=(long,)),
            turns=(
                *_HI,
                Turn(role=Role.ASSISTANT, parts=(ToolCall(call_id="c", name=long, arguments="{}"),)),
                Turn(role=Role.USER, parts=(ToolResult(call_id="c", content=()),)),
            ),
        ),
        GEMINI_2,
    )
    short, slash = [each["name"] for each in written.body["tools"][0]["functionDeclarations"]]
    assert len(short) == 64
    assert slash == "a_b"
    assert written.naming.originals == {short: (long, None), slash: ("a/b", None)}
    assert written.body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == [short]
    assert written.body["contents"][1]["parts"][0]["functionCall"]["name"] == short
    assert written.body["contents"][2]["parts"][0]["functionResponse"]["name"] == short


def test_a_gemini_clients_own_words_come_back() -> None:
    request = {
        "contents": _CONTENTS,
        "systemInstruction": {"role": "system", "parts": [{"text": "s"}]},
        "generationConfig": {
            "responseSchema": {"type": "OBJECT", "title": "kept"},
            "responseMimeType": "application/json",
            "candidateCount": 2,
            "speechConfig": {"a": 1},
            "thinkingConfig": {"thinkingBudget": 5},
        },
        "toolConfig": {"retrievalConfig": {"b": 2}},
        "cachedContent": "cachedContents/x",
        "generationConfig.x": 1,
    }
    written = rewritten(request)
    nested = {**request["generationConfig"], "x": request.pop("generationConfig.x")}  # type: ignore[dict-item]
    assert written.body == {**request, "generationConfig": nested}
    assert written.losses == ()


def test_only_contents_are_counted_so_all_is_among_them() -> None:
    target = WriteTarget(model="m", operation=Operation.COUNT_TOKENS)
    conversation = Conversation(model="m", turns=_HI, system=(Text(text="s"),), tools=(Tool(name="f"),), user="u")
    written = PROTOCOL.write_request(conversation, target)
    told = {"role": "user", "parts": [{"text": "s"}, {"text": '{"functionDeclarations":[{"name":"f"}]}'}]}
    assert written.body == {"contents": [told, *_CONTENTS]}
    assert written.losses == ()
    assert PROTOCOL.write_request(read({"contents": "hi"}, verb="countTokens"), target).body == {"contents": _CONTENTS}


def test_at_stop_sequences_beyond_the_fifth_we_cut() -> None:
    sampling = Sampling(stop=tuple("abcdefg"))
    written = PROTOCOL.write_request(Conversation(model="m", turns=_HI, sampling=sampling), GEMINI_2)
    assert written.body["generationConfig"]["stopSequences"] == list("abcde")
    assert written.stops == ("f", "g")
    assert [loss.path for loss in written.losses] == ["stop"]


def test_images_that_another_protocols_client_asks_for() -> None:
    extras = packed("openai_chat", {"image_config": {"aspect_ratio": "16:9"}})
    assert _body(modalities=("image", "text"), extras=extras) == {
        "generationConfig": {"responseModalities": ["IMAGE", "TEXT"], "imageConfig": {"aspectRatio": "16:9"}}
    }


@pytest.mark.parametrize("schema", [None, {"type": "object"}])
def test_before_gemini_3_no_form_stands_beside_tools(schema: dict[str, Any] | None) -> None:
    kind = OutputKind.JSON if schema is None else OutputKind.JSON_SCHEMA
    asked: dict[str, Any] = {"tools": (Tool(name="f"),), "output": OutputFormat(kind=kind, schema=schema)}
    body = _body(system=(Text(text="be brief"),), **asked)
    assert "generationConfig" not in body
    brief, told = body["systemInstruction"]["parts"]
    assert brief == {"text": "be brief"}
    assert ('{"type":"object"}' in told["text"]) is (schema is not None)
    assert _losses(**asked) == ["response_format"]
    assert "responseMimeType" in _body(GEMINI_3, **asked)["generationConfig"]
    assert "systemInstruction" not in _body(tools=(Tool(name="f"),), output=OutputFormat(kind=OutputKind.TEXT))
    own = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}
    declared = {"tools": [{"functionDeclarations": [{"name": "f"}]}], "generationConfig": own}
    assert rewritten({"contents": _CONTENTS, **declared}).body["generationConfig"] == own


def test_a_beginning_of_the_answer_is_followed_by_a_word_of_the_user_where_models_take_none() -> None:
    turns = (*_HI, Turn(role=Role.ASSISTANT, parts=(Text(text="{"),)))
    for model, roles in (("gemini-2.5-flash", ["user", "model"]), ("gemini-3.8-flash", ["user", "model", "user"])):
        written = PROTOCOL.write_request(Conversation(model="m", turns=turns), WriteTarget(model=model))
        assert [content["role"] for content in written.body["contents"]] == roles
        assert [loss.path for loss in written.losses] == ["messages"] * (len(roles) - 2)
