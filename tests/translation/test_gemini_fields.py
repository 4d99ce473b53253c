"""Every member, part, tool and mode of a Gemini request at the other protocols: said there, a loss by name, or refused by name.

The table is what a client may rely on. Where Google's package is installed, no member it knows is missing.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.translation.fates import LOST, REFUSED, SAID, fate
from tests.translation.requests import read_request
from trioproxy.protocols.gemini.words import WORDS

_OTHERS = ("openai_chat", "openai_responses", "anthropic")


_USER = {"role": "user", "parts": [{"text": "hi"}]}
_PLAIN = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "additionalProperties": False}
_OPEN = {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}}
_FUNCTIONS = {"functionDeclarations": [{"name": "f", "parameters": _OPEN}]}
_CALL = {"functionCall": {"id": "c", "name": "f", "args": {}}}
_PNG = {"mimeType": "image/png", "data": "iVBORw0KGgo="}


def _all(fate: str) -> tuple[str, str, str]:
    return fate, fate, fate


def _config(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


def _json(**fields: Any) -> dict[str, Any]:
    return _config(responseMimeType="application/json", **fields)


def _thinking(**fields: Any) -> dict[str, Any]:
    return _config(thinkingConfig=fields)


def _calling(**fields: Any) -> dict[str, Any]:
    return {"tools": [_FUNCTIONS], "toolConfig": {"functionCallingConfig": fields}}


def _declared(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{"name": "f", **fields}]}]}


def _tool(name: str, value: Any) -> dict[str, Any]:
    return {"tools": [{name: value}]}


# Name -> the members, and their fate at Chat Completions, Responses and Messages.
MEMBERS: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "cachedContent": ({"cachedContent": "cachedContents/x"}, _all(REFUSED)),
    "contents": ({}, _all(SAID)),
    "labels": ({"labels": {"a": "b"}}, _all(LOST)),
    "modelArmorConfig": ({"modelArmorConfig": {}}, _all(LOST)),
    "safetySettings": ({"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}]}, _all(LOST)),
    "serviceTier": ({"serviceTier": "flex"}, (LOST, SAID, LOST)),
    "serviceTier standard": ({"serviceTier": "STANDARD"}, (LOST, SAID, SAID)),
    "serviceTier unspecified": ({"serviceTier": "SERVICE_TIER_UNSPECIFIED"}, _all(SAID)),
    "store": ({"store": True}, _all(LOST)),
    "systemInstruction": ({"systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]}}, _all(SAID)),
    "an unknown member": ({"odd": 1}, _all(LOST)),
    "audioTimestamp": (_config(audioTimestamp=True), _all(LOST)),
    "audioTranscriptionConfig": (_config(audioTranscriptionConfig={}), _all(LOST)),
    "candidateCount": (_config(candidateCount=2), _all(REFUSED)),
    "candidateCount of one": (_config(candidateCount=1), _all(SAID)),
    "enableAffectiveDialog": (_config(enableAffectiveDialog=True), _all(LOST)),
    "enableEnhancedCivicAnswers": (_config(enableEnhancedCivicAnswers=True), _all(LOST)),
    "frequencyPenalty": (_config(frequencyPenalty=0.5), (SAID, LOST, LOST)),
    "imageConfig": (_config(imageConfig={"aspectRatio": "1:1"}), _all(LOST)),
    "logprobs": (_config(logprobs=2), _all(LOST)),
    "maxOutputTokens": (_config(maxOutputTokens=50), _all(SAID)),
    "mediaResolution": (_config(mediaResolution="MEDIA_RESOLUTION_LOW"), _all(LOST)),
    "modelSelectionConfig": (_config(modelSelectionConfig={}), _all(LOST)),
    "presencePenalty": (_config(presencePenalty=0.5), (SAID, LOST, LOST)),
    "responseFormat": (
        _config(responseFormat=[{"text": {"mimeType": "APPLICATION_JSON", "schema": _PLAIN}}]),
        _all(SAID),
    ),
    "responseFormat of an image": (_config(responseFormat=[{"image": {}}]), _all(REFUSED)),
    "responseJsonSchema": (_json(responseJsonSchema=_PLAIN), _all(SAID)),
    "responseLogprobs": (_config(responseLogprobs=True), _all(REFUSED)),
    "responseMimeType": (_json(), _all(LOST)),
    "responseMimeType of text": (_config(responseMimeType="text/plain"), _all(SAID)),
    "responseMimeType of an enum": (
        _config(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["x", "y"]}),
        (LOST, LOST, SAID),
    ),
    "responseMimeType of an enum without words": (
        _config(responseMimeType="text/x.enum", responseSchema=_OPEN),
        _all(REFUSED),
    ),
    "responseModalities": (_config(responseModalities=["AUDIO"]), _all(REFUSED)),
    "responseModalities of images": (_config(responseModalities=["TEXT", "IMAGE"]), (SAID, SAID, REFUSED)),
    "responseModalities of text": (_config(responseModalities=["TEXT"]), _all(SAID)),
    "responseSchema": (_json(responseSchema=_OPEN), _all(LOST)),
    "routingConfig": (_config(routingConfig={}), _all(LOST)),
    "seed": (_config(seed=1), (SAID, LOST, LOST)),
    "speechConfig": (_config(speechConfig={"languageCode": "de"}), _all(LOST)),
    "stopSequences": (_config(stopSequences=["x"]), (SAID, LOST, SAID)),
    "temperature": (_config(temperature=0.5), _all(SAID)),
    "thinkingConfig": (_thinking(thinkingLevel="high", includeThoughts=True), _all(SAID)),
    "thinkingConfig of a budget": (_thinking(thinkingBudget=2000), (LOST, SAID, SAID)),
    "thinkingConfig of none": (_thinking(thinkingBudget=0), (LOST, SAID, SAID)),
    "thinkingConfig of the model's choice": (_thinking(thinkingBudget=-1, includeThoughts=True), _all(SAID)),
    "topK": (_config(topK=5), (LOST, LOST, SAID)),
    "topP": (_config(topP=0.5), _all(SAID)),
    "translationConfig": (_config(translationConfig={}), _all(LOST)),
    "functionDeclarations": ({"tools": [_FUNCTIONS]}, _all(SAID)),
    "functionDeclarations with JSON Schema": (_declared(parametersJsonSchema=_PLAIN), _all(SAID)),
    "functionDeclarations that wait": (_declared(behavior="NON_BLOCKING"), _all(LOST)),
    "functionDeclarations with an answer": (_declared(response={"type": "STRING"}), _all(LOST)),
    "codeExecution": (_tool("codeExecution", {}), (LOST, SAID, LOST)),
    "computerUse": (_tool("computerUse", {"environment": "ENVIRONMENT_BROWSER"}), _all(LOST)),
    "enterpriseWebSearch": (_tool("enterpriseWebSearch", {}), (LOST, SAID, SAID)),
    "exaAiSearch": (_tool("exaAiSearch", {}), _all(LOST)),
    "fileSearch": (_tool("fileSearch", {"fileSearchStoreNames": ["x"]}), _all(LOST)),
    "googleMaps": (_tool("googleMaps", {}), _all(LOST)),
    "googleSearch": (_tool("googleSearch", {}), (LOST, SAID, SAID)),
    "googleSearchRetrieval": (_tool("googleSearchRetrieval", {}), (LOST, SAID, SAID)),
    "mcpServers": (_tool("mcpServers", [{"name": "x"}]), _all(LOST)),
    "parallelAiSearch": (_tool("parallelAiSearch", {}), _all(LOST)),
    "retrieval": (_tool("retrieval", {}), _all(LOST)),
    "urlContext": (_tool("urlContext", {}), _all(LOST)),
    "mode AUTO": (_calling(mode="AUTO"), _all(SAID)),
    "mode ANY": (_calling(mode="ANY"), _all(SAID)),
    "mode ANY of one": (_calling(mode="ANY", allowedFunctionNames=["f"]), _all(SAID)),
    "mode ANY of none": (_calling(mode="ANY", allowedFunctionNames=["g"]), _all(REFUSED)),
    "mode NONE": (_calling(mode="NONE"), _all(SAID)),
    "mode VALIDATED": (_calling(mode="VALIDATED"), _all(LOST)),
    "streamFunctionCallArguments": (_calling(streamFunctionCallArguments=True), _all(LOST)),
    "retrievalConfig": ({"toolConfig": {"retrievalConfig": {"languageCode": "de"}}}, _all(LOST)),
    "includeServerSideToolInvocations": ({"toolConfig": {"includeServerSideToolInvocations": True}}, _all(LOST)),
}


def _user(*parts: Any) -> list[Any]:
    return [{"role": "user", "parts": list(parts)}]


def _model(*parts: Any) -> list[Any]:
    return [_USER, {"role": "model", "parts": list(parts)}, _USER]


def _loop(call: Any = _CALL, role: str = "user", **said: Any) -> list[Any]:
    response = {"id": "c", "name": "f", "response": {"result": "r"}, **said}
    return [_USER, {"role": "model", "parts": [call]}, {"role": role, "parts": [{"functionResponse": response}]}]


def _data(mime: str, **beside: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": "AAAA"}, **beside}


_SIGNED = {"thoughtSignature": "c2ln"}
_SERVED = {"id": "1", "toolType": "GOOGLE_SEARCH_WEB"}

CONTENTS: dict[str, tuple[list[Any], tuple[str, str, str]]] = {
    "an image": (_user({"inlineData": _PNG}), _all(SAID)),
    "an image's resolution": (
        _user({"inlineData": _PNG, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}),
        _all(LOST),
    ),
    "an image by URL": (_user({"fileData": {"mimeType": "image/png", "fileUri": "https://a/b.png"}}), _all(SAID)),
    "a file of Google's": (_user({"fileData": {"mimeType": "image/png", "fileUri": "gs://a/b.png"}}), _all(REFUSED)),
    "a document": (_user(_data("application/pdf")), _all(SAID)),
    "a text's file": (_user({"inlineData": {"mimeType": "text/csv", "data": "YSxi"}}), _all(SAID)),
    "sound": (_user(_data("audio/wav")), (SAID, REFUSED, REFUSED)),
    "a film": (_user(_data("video/mp4", videoMetadata={"startOffset": "1s"})), _all(REFUSED)),
    "partMetadata": (_user({"text": "a", "partMetadata": {"a": 1}}), _all(LOST)),
    "an unknown part": (_user({"hologram": {}}), _all(REFUSED)),
    "calls": (_loop(), _all(SAID)),
    "calls without ids": (_loop({"functionCall": {"name": "f", "args": {}}}, id=None), _all(SAID)),
    "role function": (_loop(role="function"), _all(SAID)),
    "an image in a response": (_loop(parts=[{"inlineData": _PNG}]), (LOST, SAID, SAID)),
    "scheduling": (_loop(scheduling="SILENT"), _all(LOST)),
    "willContinue": (_loop(willContinue=True), _all(LOST)),
    "thoughts": (_model({"text": "t", "thought": True}, {"text": "a"}), _all(LOST)),
    "signed thoughts": (_model({"text": "t", "thought": True, **_SIGNED}, {"text": "a"}), _all(LOST)),
    "a signed text": (_model({"text": "a", **_SIGNED}), _all(LOST)),
    "a signed call": (_loop({**_CALL, **_SIGNED}), (LOST, SAID, LOST)),
    "an image of the model's": (_model({"inlineData": _PNG}), (LOST, LOST, SAID)),
    "code": (
        _model(
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        ),
        _all(LOST),
    ),
    "a tool of Google's": (_model({"toolCall": _SERVED}, {"toolResponse": _SERVED}), _all(LOST)),
    "a call without a response": (_model(_CALL), _all(LOST)),
    "a response without a call": ([_USER, _loop()[2]], _all(LOST)),
    "prefill": (_model({"text": "So"})[:2], _all(SAID)),
}

CASES = [
    *((name, {"contents": [_USER], **members}, fates) for name, (members, fates) in MEMBERS.items()),
    *((name, {"contents": contents, "tools": [_FUNCTIONS]}, fates) for name, (contents, fates) in CONTENTS.items()),
]


def _fate(members: Any, target: str) -> tuple[str, list[str]]:
    """What becomes of a request, and the names it is told by."""
    said = read_request("gemini", members)
    return fate(said, target, WORDS)


@pytest.mark.parametrize(("name", "members", "fates"), CASES, ids=[name for name, _, _ in CASES])
def test_what_becomes_of_it(name: str, members: Any, fates: tuple[str, str, str]) -> None:
    told = [_fate(members, target) for target in _OTHERS]
    assert tuple(became for became, _ in told) == fates
    # Whoever is told of something finds it in what was sent.
    for _, paths in told:
        for path in paths:
            assert path.partition(".")[0].partition("[")[0] in members


def test_no_member_is_missing() -> None:
    types = pytest.importorskip("google.genai.types")
    named = {*MEMBERS, "allowedFunctionNames", "functionCallingConfig", "mode"}
    for each in (types.GenerationConfig, types.Tool, types.ToolConfig, types.FunctionCallingConfig):
        known = {field.alias or name for name, field in each.model_fields.items()}
        assert known <= named, each.__name__
