from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.gemini.exchanges import read, rewritten
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import own, settled, spelling
from trioproxy.neutral.request import (
    Conversation,
    Effort,
    OutputFormat,
    OutputKind,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)


def _with(**fields: Any) -> Conversation:
    return read({"contents": [], **fields})


def _config(**config: Any) -> Conversation:
    return _with(generationConfig=config)


def test_sampling() -> None:
    conversation = _config(
        temperature=0.5,
        top_p="0.9",
        topK=40.0,
        max_output_tokens="100",
        stopSequences=["END"],
        seed=7,
        presencePenalty=1,
        frequencyPenalty=-1,
    )
    assert conversation.sampling == Sampling(
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        stop=("END",),
        seed=7,
        presence_penalty=1,
        frequency_penalty=-1,
    )
    assert conversation.extras == {}


def test_thinking() -> None:
    ask = _config(thinkingConfig={"thinkingLevel": "HIGH", "include_thoughts": True}).reasoning
    assert ask is not None
    assert (ask.effort, ask.budget, ask.visible) == (Effort.HIGH, None, True)
    unsaid = _config(thinking_config={"thinking_budget": 1024}).reasoning
    assert unsaid is not None
    assert (unsaid.effort, unsaid.budget, unsaid.visible) == (None, 1024, False)
    assert spelling(unsaid.extras, "gemini") == {"includeThoughts": None}
    odd = _config(thinkingConfig={"thinkingLevel": "SIDEWAYS", "new": 1, "includeThoughts": False}).reasoning
    assert odd is not None
    assert odd.effort is None
    assert own(odd.extras, "gemini") == {"thinkingLevel": "SIDEWAYS", "new": 1}
    assert _config().reasoning is None


@pytest.mark.parametrize(
    ("config", "output"),
    [
        ({}, None),
        ({"responseMimeType": "text/plain"}, None),
        ({"responseMimeType": "application/json"}, OutputFormat(kind=OutputKind.JSON)),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}},
            OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object"}, strict=True),
        ),
        (
            {"response_json_schema": {"type": "object", "$defs": {}}},
            OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object", "$defs": {}}, strict=True),
        ),
        (
            {"responseFormat": [{"text": {"mimeType": "APPLICATION_JSON", "schema": {"type": "OBJECT"}}}]},
            OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object"}, strict=True),
        ),
        ({"responseFormat": {"text": {"mime_type": "application/json"}}}, OutputFormat(kind=OutputKind.JSON)),
        ({"responseFormat": {"text": {"mimeType": "TEXT_PLAIN"}}}, None),
    ],
)
def test_the_form_of_the_answer(config: dict[str, Any], output: OutputFormat | None) -> None:
    conversation = _config(**config)
    assert conversation.output == output
    assert settled(conversation.extras, "anthropic") == []


@pytest.mark.parametrize(
    ("config", "param"),
    [
        ({"candidateCount": 2}, "generationConfig.candidateCount"),
        ({"responseModalities": ["AUDIO"]}, "generationConfig.responseModalities"),
        ({"responseMimeType": "text/x.enum", "responseSchema": {}}, "generationConfig.responseMimeType"),
        ({"responseFormat": []}, "generationConfig.responseFormat"),
        ({"responseFormat": [{"image": {}}]}, "generationConfig.responseFormat"),
        ({"responseFormat": {"text": {"delivery": "URI"}}}, "generationConfig.responseFormat"),
        ({"responseFormat": {"text": {"mimeType": "text/x.enum"}}}, "generationConfig.responseMimeType"),
    ],
)
def test_what_no_other_protocol_can_leave_out(config: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        settled(_config(**config).extras, "anthropic")
    assert caught.value.failure.param == param


def test_what_others_lose_and_what_nobody_loses() -> None:
    conversation = _config(candidateCount=1, responseModalities=["text"], speechConfig={}, logprobs=3)
    losses = settled(conversation.extras, "anthropic")
    assert [loss.path for loss in losses] == ["generationConfig.speechConfig", "generationConfig.logprobs"]
    assert spelling(conversation.extras, "gemini") == {
        "generationConfig.candidateCount": 1,
        "generationConfig.responseModalities": ["text"],
    }


def test_tools() -> None:
    conversation = _with(
        tools=[
            {
                "function_declarations": [
                    {"name": "f", "description": "d", "parameters": {"type": "OBJECT"}, "behavior": "NON_BLOCKING"},
                    {"name": "g", "parametersJsonSchema": {"type": "object"}},
                    {"name": "h"},
                ],
                "google_search": {"x": 1},
            },
            {"codeExecution": {}, "urlContext": {}, "fileSearch": {"fileSearchStoreNames": []}},
        ]
    )
    first, second, third, *built_in = conversation.tools
    assert isinstance(first, Tool)
    assert (first.name, first.description, first.schema) == ("f", "d", {"type": "object"})
    assert own(first.extras, "gemini") == {"behavior": "NON_BLOCKING"}
    assert spelling(first.extras, "gemini") == {"parameters": {"type": "OBJECT"}}
    assert isinstance(second, Tool)
    assert second.schema == {"type": "object"}
    assert third == Tool(name="h")
    assert built_in == [
        ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {"x": 1}}),
        ServerTool(family="code_execution", protocol="gemini", payload={"codeExecution": {}}),
        ServerTool(family="web_fetch", protocol="gemini", payload={"urlContext": {}}),
        ServerTool(family=None, protocol="gemini", payload={"fileSearch": {"fileSearchStoreNames": []}}),
    ]
    assert _with(tools={"googleSearch": {}}).tools == (
        ServerTool(family="web_search", protocol="gemini", payload={"googleSearch": {}}),
    )
    with pytest.raises(ClientFault) as caught:
        _with(tools=[{"functionDeclarations": [{"description": "nameless"}]}])
    assert caught.value.failure.param == "tools[0].functionDeclarations[0].name"


@pytest.mark.parametrize(
    ("calling", "mode", "names"),
    [
        ({"mode": "AUTO"}, ToolChoiceMode.AUTO, ()),
        ({"mode": "auto"}, ToolChoiceMode.AUTO, ()),
        ({"mode": "NONE"}, ToolChoiceMode.NONE, ()),
        ({"mode": "ANY"}, ToolChoiceMode.REQUIRED, ()),
        ({"mode": "ANY", "allowed_function_names": ["f"]}, ToolChoiceMode.NAMED, ("f",)),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoiceMode.REQUIRED, ("f", "g")),
    ],
)
def test_tool_choice(calling: dict[str, Any], mode: ToolChoiceMode, names: tuple[str, ...]) -> None:
    choice = _with(tool_config={"function_calling_config": calling}).tool_choice
    assert choice == ToolChoice(mode=mode, names=names)


def test_tool_choice_beyond_the_hub() -> None:
    conversation = _with(
        toolConfig={
            "functionCallingConfig": {"mode": "VALIDATED", "streamFunctionCallArguments": True},
            "includeServerSideToolInvocations": True,
        }
    )
    assert conversation.tool_choice is not None
    assert conversation.tool_choice.mode is ToolChoiceMode.AUTO
    assert own(conversation.tool_choice.extras, "gemini") == {"mode": "VALIDATED", "streamFunctionCallArguments": True}
    assert own(conversation.extras, "gemini") == {"toolConfig.includeServerSideToolInvocations": True}
    assert _with(toolConfig={}).tool_choice is None
    for mode in ({}, {"mode": "MODE_UNSPECIFIED"}):
        choice = _with(toolConfig={"functionCallingConfig": mode}).tool_choice
        assert choice is not None
        assert choice.mode is ToolChoiceMode.AUTO
        assert spelling(choice.extras, "gemini") == {"mode": mode.get("mode")}
    with pytest.raises(ClientFault) as caught:
        _with(toolConfig={"functionCallingConfig": {"mode": "SOME"}})
    assert caught.value.failure.param == "toolConfig.functionCallingConfig.mode"


@pytest.mark.parametrize(
    ("asked", "modalities"), [(["TEXT", "IMAGE"], ("text", "image")), (["image"], ("image",)), (["TEXT"], ())]
)
def test_images_are_asked_for_in_the_hubs_words(asked: list[str], modalities: tuple[str, ...]) -> None:
    conversation = _config(responseModalities=asked)
    assert conversation.modalities == modalities
    assert settled(conversation.extras, "openai_chat") == []
    assert rewritten(
        {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"responseModalities": asked}}
    ).body["generationConfig"] == {"responseModalities": asked}


@pytest.mark.parametrize("field", ["parameters", "parametersJsonSchema"])
def test_either_dialect_of_schemas_stands_in_either_field(field: str) -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    declared = {"name": "f", field: schema}
    (tool,) = _with(tools=[{"functionDeclarations": [declared]}]).tools
    assert isinstance(tool, Tool)
    assert tool.schema == {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
    assert spelling(tool.extras, "gemini") == {field: schema}
    output = _config(responseJsonSchema=schema).output
    assert output is not None
    assert output.schema == tool.schema
