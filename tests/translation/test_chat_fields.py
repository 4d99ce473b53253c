"""Every member, part, tool and choice of a Chat Completions request at the other protocols: said there, a loss by name, or refused by name.

The table is what a client may rely on. Where OpenAI's package is installed, no member it knows is missing.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.translation.fates import LOST, REFUSED, SAID, fate
from tests.translation.requests import read_request
from trioproxy.errors import ClientFault
from trioproxy.protocols.openai_chat.words import WORDS
from trioproxy.protocols.table import NAMES

_, RESPONSES, MESSAGES, GEMINI = NAMES
_OTHERS = (MESSAGES, RESPONSES, GEMINI)


_PNG = "data:image/png;base64,iVBORw0KGgo="
_SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"], "additionalProperties": False}
_FUNCTION = {"type": "function", "function": {"name": "f", "parameters": _SCHEMA}}
_CUSTOM = {"type": "custom", "custom": {"name": "f"}}
_NAMED = {"type": "function", "function": {"name": "f"}}
_ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [_NAMED]}}
_CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_FORM = {"type": "json_schema", "json_schema": {"name": "n", "schema": _SCHEMA, "strict": True}}
_USER = {"role": "user", "content": "hi"}


_STAND_FOR = ("system", "parallel_tool_calls", "user", "reasoning_effort", "seed")


def _all(fate: str) -> tuple[str, str, str]:
    return fate, fate, fate


# Name -> the members, and their fate at Messages, Responses and Gemini.
MEMBERS: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "cache_control": ({"cache_control": {"type": "ephemeral"}}, (SAID, LOST, LOST)),
    "documents": ({"documents": [{"id": "1", "source": {"type": "text", "text": "t"}}]}, _all(REFUSED)),
    "documents that are none": ({"documents": []}, _all(SAID)),
    "guided_choice": ({"guided_choice": ["a", "b"]}, _all(REFUSED)),
    "guided_json": ({"guided_json": _SCHEMA}, _all(REFUSED)),
    "random_seed": ({"random_seed": 1}, (LOST, LOST, SAID)),
    "response_format of nothing": ({"response_format": {}}, _all(SAID)),
    "structured_outputs": ({"structured_outputs": {"regex": "a+"}}, _all(REFUSED)),
    "web_search_options of a place": (
        {"web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "Bern"}}}},
        (SAID, SAID, LOST),
    ),
    "web_search_options of an odd place": (
        {"web_search_options": {"user_location": {"type": "approximate", "approximate": {"street": "x"}}}},
        _all(LOST),
    ),
    "web_search_options of no place": ({"web_search_options": {"user_location": "Bern"}}, (REFUSED, REFUSED, LOST)),
    "audio": ({"audio": {"voice": "alloy", "format": "wav"}}, _all(REFUSED)),
    "frequency_penalty": ({"frequency_penalty": 0.5}, (LOST, LOST, SAID)),
    "function_call": ({"functions": [{"name": "f"}], "function_call": {"name": "f"}}, (SAID, SAID, LOST)),
    "functions": ({"functions": [{"name": "f"}]}, (SAID, SAID, LOST)),
    "logit_bias": ({"logit_bias": {"1": 2}}, _all(LOST)),
    "logprobs": ({"logprobs": True}, _all(REFUSED)),
    "max_completion_tokens": ({"max_completion_tokens": 50}, _all(SAID)),
    "max_tokens": ({"max_tokens": 50}, _all(SAID)),
    "messages": ({}, _all(SAID)),
    "metadata": ({"metadata": {"a": "b"}}, (LOST, SAID, LOST)),
    "modalities": ({"modalities": ["text", "audio"]}, _all(REFUSED)),
    "modalities of images": ({"modalities": ["text", "image"]}, (REFUSED, SAID, SAID)),
    "model": ({}, _all(SAID)),
    "moderation": ({"moderation": {"model": "x"}}, _all(REFUSED)),
    "n": ({"n": 2}, _all(REFUSED)),
    "n of one": ({"n": 1}, _all(SAID)),
    "parallel_tool_calls": ({"tools": [_FUNCTION], "parallel_tool_calls": False}, (SAID, SAID, LOST)),
    "prediction": ({"prediction": {"type": "content", "content": "x"}}, _all(LOST)),
    "presence_penalty": ({"presence_penalty": 0.5}, (LOST, LOST, SAID)),
    "prompt_cache_key": ({"prompt_cache_key": "k"}, (LOST, SAID, LOST)),
    "prompt_cache_options": ({"prompt_cache_options": {"mode": "x"}}, (LOST, SAID, LOST)),
    "prompt_cache_retention": ({"prompt_cache_retention": "24h"}, (LOST, SAID, LOST)),
    "reasoning_effort": ({"reasoning_effort": "high"}, _all(SAID)),
    "response_format": ({"response_format": _FORM}, (LOST, SAID, LOST)),
    "response_format of any JSON": ({"response_format": {"type": "json_object"}}, (LOST, LOST, SAID)),
    "response_format of text": ({"response_format": {"type": "text"}}, _all(SAID)),
    "response_format beside its schema": ({"response_format": {"type": "json_schema", "schema": _SCHEMA}}, _all(SAID)),
    "response_format of a grammar": ({"response_format": {"type": "grammar"}}, _all(REFUSED)),
    "safety_identifier": ({"safety_identifier": "u"}, (SAID, SAID, LOST)),
    "seed": ({"seed": 1}, (LOST, LOST, SAID)),
    "service_tier": ({"service_tier": "auto"}, _all(SAID)),
    "stop": ({"stop": ["x"]}, (SAID, LOST, SAID)),
    "store": ({"store": True}, _all(LOST)),
    "stream": ({"stream": True}, _all(SAID)),
    "stream_options": ({"stream": True, "stream_options": {"include_usage": True}}, _all(SAID)),
    "temperature": ({"temperature": 0.5}, _all(SAID)),
    "tool_choice": ({"tools": [_FUNCTION], "tool_choice": _NAMED}, _all(SAID)),
    "tool_choice of some": ({"tools": [_FUNCTION], "tool_choice": _ALLOWED}, _all(SAID)),
    "tool_choice of a word": ({"tools": [_FUNCTION], "tool_choice": "required"}, _all(SAID)),
    "tool_choice of no tool": ({"tools": [_FUNCTION], "tool_choice": "none"}, _all(SAID)),
    "tool_choice of what is not declared": ({"tools": [_CUSTOM], "tool_choice": {"type": "x"}}, _all(REFUSED)),
    "tools": ({"tools": [_FUNCTION]}, _all(SAID)),
    "tools of free text": (
        {"tools": [_CUSTOM], "tool_choice": {"type": "custom", "custom": {"name": "f"}}},
        _all(SAID),
    ),
    "tools of the provider": ({"tools": [{"type": "web_search"}]}, _all(SAID)),
    "tools of another provider": ({"tools": [{"type": "mcp", "server_label": "x"}]}, _all(LOST)),
    "tools of Anthropic": ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, _all(SAID)),
    "tools of Google": ({"tools": [{"google_search": {}}]}, _all(SAID)),
    "top_logprobs": ({"top_logprobs": 2}, _all(REFUSED)),
    "top_p": ({"top_p": 0.5}, _all(SAID)),
    "user": ({"user": "u"}, (SAID, SAID, LOST)),
    "verbosity": ({"verbosity": "low"}, (LOST, SAID, LOST)),
    "web_search_options": ({"web_search_options": {}}, _all(SAID)),
    "an unknown member": ({"odd": 1}, _all(LOST)),
    "top_k": ({"top_k": 5}, (SAID, LOST, SAID)),
    "reasoning": ({"reasoning": {"max_tokens": 2000}}, _all(SAID)),
    "thinking": ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, _all(SAID)),
    "thinking of none": ({"thinking": {"type": "disabled"}}, (SAID, SAID, LOST)),
    "enable_thinking": ({"enable_thinking": True}, _all(SAID)),
    "chat_template_kwargs": ({"chat_template_kwargs": {"thinking": True}}, _all(SAID)),
}


def _user(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


def _loop(result: Any, **said: Any) -> list[Any]:
    return [
        _USER,
        {"role": "assistant", "content": None, "tool_calls": [_CALL], **said},
        {"role": "tool", "tool_call_id": "c", "content": result},
    ]


def _said(**said: Any) -> list[Any]:
    return [_USER, {"role": "assistant", "content": "x", **said}, _USER]


_TEXT = {"type": "text", "text": "a"}
_PICTURE = {"type": "image_url", "image_url": {"url": _PNG}}
_PDF = "data:application/pdf;base64,JVBERi0="
_DETAILS = [{"type": "reasoning.text", "text": "t", "signature": "s", "format": "anthropic-claude-v1"}]

MESSAGES_OF: dict[str, tuple[list[Any], tuple[str, str, str]]] = {
    "system": ([{"role": "system", "content": "s"}, _USER], _all(SAID)),
    "developer": ([{"role": "developer", "content": [_TEXT]}, _USER], _all(SAID)),
    "system amid": ([_USER, {"role": "system", "content": "s"}, _USER], (LOST, SAID, LOST)),
    "a name": ([{**_USER, "name": "n"}], _all(LOST)),
    "an image": (_user(_TEXT, _PICTURE), _all(SAID)),
    "an image by URL": (_user({"type": "image_url", "image_url": {"url": "https://a/b.png"}}), _all(SAID)),
    "detail": (_user({"type": "image_url", "image_url": {"url": _PNG, "detail": "low"}}), (LOST, SAID, LOST)),
    "a document in an image's place": (_user({"type": "image_url", "image_url": {"url": _PDF}}), _all(SAID)),
    "a file": (_user({"type": "file", "file": {"file_data": _PDF}}), _all(SAID)),
    "a file by id": (_user({"type": "file", "file": {"file_id": "file-1"}}), (REFUSED, SAID, REFUSED)),
    "sound": (_user({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}), (REFUSED, REFUSED, SAID)),
    "a film": (_user({"type": "video_url", "video_url": {"url": "https://a/b.mp4"}}), (REFUSED, REFUSED, SAID)),
    "a film by OpenRouter's other name": (
        _user({"type": "input_video", "video_url": {"url": "https://a/b.mp4"}}),
        (REFUSED, REFUSED, SAID),
    ),
    "sound by address": (
        _user({"type": "audio_url", "audio_url": {"url": "https://a/b.mp3"}}),
        (REFUSED, REFUSED, SAID),
    ),
    "sound as Mistral has it": (
        _user(*({"type": "input_audio", "input_audio": said} for said in ("https://a/b.mp3", "UklGRgAA"))),
        (REFUSED, REFUSED, SAID),
    ),
    "an unknown part": (_user({"type": "hologram"}), _all(REFUSED)),
    "calls": (_loop("r"), _all(SAID)),
    "an image in a result": (_loop([_TEXT, _PICTURE]), _all(SAID)),
    "thoughts": (_loop("r", reasoning_content="t"), (LOST, LOST, SAID)),
    "signed thoughts": (_loop("r", reasoning_details=_DETAILS), (SAID, LOST, LOST)),
    "a call without a result": ([*_loop("r")[:2], _USER], _all(LOST)),
    "a result without a call": ([_USER, _loop("r")[2]], _all(LOST)),
    "a refusal": (_said(content=None, refusal="no"), _all(SAID)),
    "annotations": (_said(annotations=[{"type": "url_citation"}]), _all(LOST)),
    "speech": (_said(content=None, audio={"id": "a"}), _all(REFUSED)),
    "role function": ([_USER, {"role": "function", "name": "f", "content": "r"}], _all(REFUSED)),
    "function_call": (_said(function_call={"name": "f", "arguments": "{}"}), _all(REFUSED)),
    "a breakpoint": (_user({**_TEXT, "cache_control": {"type": "ephemeral"}}), (SAID, LOST, LOST)),
    "a breakpoint of a message": ([{**_USER, "cache_control": {"type": "ephemeral"}}], (SAID, LOST, LOST)),
    "prefill": ([_USER, {"role": "assistant", "content": "So"}], _all(SAID)),
}

CASES = [
    *((name, {"messages": [_USER], **members}, fates) for name, (members, fates) in MEMBERS.items()),
    *((name, {"messages": messages, "tools": [_FUNCTION]}, fates) for name, (messages, fates) in MESSAGES_OF.items()),
]


def _fate(members: Any, target: str) -> tuple[str, list[str]]:
    """What becomes of a request, and the names it is told by."""
    try:
        said = read_request("openai_chat", {"model": "m", **members})
    except ClientFault as fault:
        return REFUSED, [fault.failure.param or ""]
    return fate(said, target, WORDS)


@pytest.mark.parametrize(("name", "members", "fates"), CASES, ids=[name for name, _, _ in CASES])
def test_what_becomes_of_it(name: str, members: Any, fates: tuple[str, str, str]) -> None:
    told = [_fate(members, target) for target in _OTHERS]
    assert tuple(became for became, _ in told) == fates
    # Whoever is told of something finds it in what was sent: itself, or what it stands for (several members say one thing).
    for _, paths in told:
        for path in paths:
            assert path.partition(".")[0].partition("[")[0] in {*members, *_STAND_FOR}


def test_no_member_is_missing() -> None:
    params = pytest.importorskip("openai.types.chat.completion_create_params")
    known = {*params.CompletionCreateParamsBase.__annotations__, "stream"}
    assert known <= {member for members, _ in MEMBERS.values() for member in members} | {"messages", "model"}
