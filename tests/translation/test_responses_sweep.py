"""What becomes of each thing a client of Responses may ask, behind a provider of each other protocol: said in its words, lost by name, or
refused by name. The rows are the types of the openai package 3.57 (``ResponseCreateParams``, ``ResponseInputItemParam``, ``ToolParam``,
``ToolChoice``) and what Codex sends beside them; each was judged before it was written down."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translation.requests import MODELS, asked
from trioproxy.errors import ClientFault
from trioproxy.gateway.spellings import spelled_fault, spelled_losses
from trioproxy.neutral.choices import check_choice
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.table import protocol

NAME = "openai_responses"
TARGETS = ("openai_chat", "anthropic", "gemini")

PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERg=="
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
CIPHER = "gAAAAABo" + "x" * 60
F: dict[str, Any] = {"type": "function", "name": "f", "parameters": CLOSED}
G = {"type": "function", "name": "g", "parameters": {"type": "object"}}
SEARCH = {"type": "web_search"}
MCP = {"type": "mcp", "server_label": "x", "server_url": "https://x.example", "require_approval": "never"}
SPACE = {"type": "namespace", "name": "n", "description": "", "tools": [F]}
USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "ok"}


def tool(*tools: Any, **more: Any) -> dict[str, Any]:
    return {"tools": list(tools), **more}


def chosen(choice: Any, *tools: Any) -> dict[str, Any]:
    return {"tools": list(tools), "tool_choice": choice}


def said(*items: Any) -> dict[str, Any]:
    return {"input": [USER, *items]}


def part(**members: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [members]}]}


def call(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, "id": "i", "call_id": "c", "status": "completed", **members}


def among(mode: str, *tools: Any) -> dict[str, Any]:
    return {"type": "allowed_tools", "mode": mode, "tools": list(tools)}


SETTINGS: dict[str, dict[str, Any]] = {
    "access_programs": {"access_programs": {"cyber": "standard"}},
    "background": {"background": True},
    "background: false": {"background": False},
    "background_options": {"background_options": {"completion_window": "soonest"}},
    "context_management": {"context_management": [{"type": "compaction", "compact_threshold": 1000}]},
    "conversation": {"conversation": {"id": "conv_1"}},
    "image": {"image": {"context_compression": "auto"}},
    "include: encrypted reasoning": {"include": ["reasoning.encrypted_content"]},
    "include: more": {"include": ["reasoning.encrypted_content", "web_search_call.action.sources"]},
    "instructions": {"instructions": "be brief"},
    "max_output_tokens": {"max_output_tokens": 4000},
    "max_tool_calls": {"max_tool_calls": 3},
    "metadata": {"metadata": {"a": "b"}},
    "moderation: score": {"moderation": {"model": "m"}},
    "moderation: block": {"moderation": {"model": "m", "policy": {"output": {"mode": "block"}}}},
    "parallel_tool_calls": {"parallel_tool_calls": False, "tools": [F]},
    "previous_response_id": {"previous_response_id": "resp_1"},
    "prompt": {"prompt": {"id": "pmpt_1"}},
    "prompt_cache_key": {"prompt_cache_key": "k"},
    "prompt_cache_options": {"prompt_cache_options": {"mode": "explicit"}},
    "prompt_cache_options: prewarm": {"prompt_cache_options": {"prewarm": True}},
    "prompt_cache_retention": {"prompt_cache_retention": "24h"},
    "generate: false": {"generate": False},
    "generate: true": {"generate": True},
    "reasoning.effort": {"reasoning": {"effort": "high"}},
    "reasoning.summary": {"reasoning": {"effort": "low", "summary": "detailed"}},
    "reasoning: defaults": {"reasoning": {"context": "auto", "mode": "standard"}},
    "reasoning.context": {"reasoning": {"context": "all_turns"}},
    "reasoning.mode": {"reasoning": {"mode": "pro"}},
    "safety_identifier": {"safety_identifier": "u"},
    "service_tier": {"service_tier": "priority"},
    "store": {"store": True},
    "store: false": {"store": False},
    "stream_options: off": {"stream_options": {"include_obfuscation": False}},
    "stream_options: on": {"stream_options": {"include_obfuscation": True}},
    "temperature": {"temperature": 0.3},
    "text: plain": {"text": {"format": {"type": "text"}}},
    "text: JSON": {"text": {"format": {"type": "json_object"}}},
    "text: schema": {"text": {"format": {"type": "json_schema", "name": "n", "schema": CLOSED, "strict": True}}},
    "text: unknown form": {"text": {"format": {"type": "grammar"}}},
    "text.verbosity": {"text": {"verbosity": "low"}},
    "top_logprobs": {"top_logprobs": 2},
    "top_logprobs: none": {"top_logprobs": 0},
    "truncation": {"truncation": "auto"},
    "truncation: disabled": {"truncation": "disabled"},
    "user": {"user": "u"},
    "unknown": {"brand_new": 1},
}

TOOLS: dict[str, dict[str, Any]] = {
    "function": tool({**F, "strict": True}),
    "function: defaults": tool({**F, "defer_loading": False, "async": False, "allowed_callers": ["direct"]}),
    "function: OpenAI's own": tool({**F, "defer_loading": True, "output_schema": {"type": "string"}, "async": True}),
    "custom": tool({"type": "custom", "name": "c", "description": "d"}),
    "custom: grammar": tool(
        {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}}
    ),
    "namespace": tool(SPACE),
    "namespace: described": tool({**SPACE, "description": "d"}, {**F, "defer_loading": True}),
    "file_search": tool({"type": "file_search", "vector_store_ids": ["v"]}),
    "computer": tool({"type": "computer"}),
    "web_search": tool(SEARCH),
    "web_search: only there": tool({**SEARCH, "filters": {"blocked_domains": ["x.example"]}}),
    "web_search: no domains": tool({**SEARCH, "filters": {"allowed_domains": None}, "user_location": None}),
    "web_search: wrong domains": tool({**SEARCH, "filters": {"allowed_domains": "x.example"}}),
    "web_search: settings": tool({**SEARCH, "search_context_size": "low", "external_web_access": False}),
    "web_search_preview": tool({"type": "web_search_preview_2025_03_11"}),
    "mcp": tool(MCP),
    "code_interpreter": tool({"type": "code_interpreter", "container": {"type": "auto"}}),
    "programmatic_tool_calling": tool({"type": "programmatic_tool_calling"}),
    "image_generation": tool({"type": "image_generation"}),
    "local_shell": tool({"type": "local_shell"}),
    "shell": tool({"type": "shell", "environment": {"type": "local"}}),
    "shell: skills": tool({"type": "shell", "environment": {"type": "local", "skills": [{"name": "s"}]}}),
    "shell: container": tool({"type": "shell", "environment": {"type": "container_auto"}}),
    "apply_patch": tool({"type": "apply_patch"}),
    "tool_search: client": tool({"type": "tool_search", "execution": "client"}),
    "tool_search: server": tool({"type": "tool_search"}),
    "tool: unknown": tool({"type": "brand_new"}),
    "tool: as in Chat": tool({"type": "function", "function": {"name": "f"}}),
}

CHOICES: dict[str, dict[str, Any]] = {
    "auto": chosen("auto", F),
    "none": chosen("none", F),
    "none: search": chosen("none", SEARCH),
    "required": chosen("required", F),
    "required: no tools": chosen("required"),
    "required: only MCP": chosen("required", MCP),
    "required: search": chosen("required", SEARCH),
    "a function": chosen({"type": "function", "name": "f"}, F, G),
    "a function in a namespace": chosen({"type": "function", "name": "f"}, SPACE),
    "a function that is not there": chosen({"type": "function", "name": "h"}, F),
    "search": chosen({"type": "web_search"}, SEARCH),
    "search by its older name": chosen({"type": "web_search_preview"}, SEARCH),
    "MCP": chosen({"type": "mcp", "server_label": "x"}, MCP),
    "code_interpreter": chosen({"type": "code_interpreter"}, {"type": "code_interpreter", "container": "x"}),
    "shell": chosen({"type": "shell"}, {"type": "shell"}, F),
    "among: a function": chosen(among("auto", {"type": "function", "name": "f"}), F, G),
    "among: search": chosen(among("auto", SEARCH), F, SEARCH),
    "among, required: search": chosen(among("required", SEARCH), F, SEARCH),
    "among: both": chosen(among("auto", {"type": "function", "name": "f"}, SEARCH), F, G, SEARCH),
    "among: a namespace": chosen(among("auto", {"type": "namespace", "name": "n"}), SPACE, G),
    "among: what is not there": chosen(among("auto", {"type": "function", "name": "h"}), F),
    "choice: unknown": chosen("any", F),
}

PARTS: dict[str, dict[str, Any]] = {
    "input_text": part(type="input_text", text="x"),
    "input_text: breakpoint": part(type="input_text", text="x", prompt_cache_breakpoint={"mode": "explicit"}),
    "input_image": part(type="input_image", image_url=PNG, detail="auto"),
    "input_image: URL": part(type="input_image", image_url="https://x.example/a.png", detail="high"),
    "input_image: upload": part(type="input_image", file_id="file-1"),
    "input_file": part(type="input_file", filename="a.pdf", file_data=PDF),
    "input_file: URL": part(type="input_file", file_url="https://x.example/a.pdf"),
    "input_file: upload": part(type="input_file", file_id="file-1"),
    "input_audio": part(type="input_audio", input_audio={"data": "AAAA", "format": "wav"}),
    "input_audio: URL": part(type="input_audio", audio_url="data:audio/wav;base64,AAAA"),
    "part: unknown": part(type="input_video", x=1),
}

ITEMS: dict[str, dict[str, Any]] = {
    "message: phase": said({"type": "message", "phase": "commentary", **SAID}, USER),
    "message: refusal": said({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, USER),
    "message: a part of no type": said({"role": "assistant", "content": [{"type": []}]}),
    "message: developer": said({"role": "developer", "content": "be kind"}, USER),
    "reasoning": said({"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]}, SAID, USER),
    "reasoning: encrypted": said({"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}, SAID, USER),
    "function_call": said(
        call("function_call", name="f", arguments="{}", caller={"type": "direct"}),
        {"type": "function_call_output", "call_id": "c", "output": "x"},
    ),
    "function_call_output: parts": said(
        call("function_call", name="f", arguments="{}"),
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": PNG}]},
    ),
    "custom_tool_call": said(
        call("custom_tool_call", name="f", input="x"),
        {"type": "custom_tool_call_output", "call_id": "c", "output": "x"},
    ),
    "local_shell_call": said(
        call("local_shell_call", action={"type": "exec", "command": ["ls"], "env": {}}),
        {"type": "local_shell_call_output", "id": "i", "output": "x"},
    ),
    "shell_call": said(
        call("shell_call", action={"commands": ["ls"]}),
        {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x"}]},
    ),
    "apply_patch_call": said(
        call("apply_patch_call", operation={"type": "delete_file", "path": "a"}),
        {"type": "apply_patch_call_output", "call_id": "c", "status": "failed"},
    ),
    "tool_search": said(
        call("tool_search_call", execution="client", arguments={"goal": "x"}),
        {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [F]},
    ),
    "additional_tools": said({"type": "additional_tools", "role": "developer", "tools": [F]}),
    "web_search_call": said({"type": "web_search_call", "id": "i", "status": "completed", "action": {}}, SAID, USER),
    "file_search_call": said({"type": "file_search_call", "id": "i", "queries": ["q"]}, SAID, USER),
    "code_interpreter_call": said({"type": "code_interpreter_call", "id": "i", "code": "1"}, SAID, USER),
    "image_generation_call": said({"type": "image_generation_call", "id": "i", "result": None}, SAID, USER),
    "mcp_call": said({"type": "mcp_call", "id": "i", "name": "t", "arguments": "{}"}, SAID, USER),
    "mcp_list_tools": said({"type": "mcp_list_tools", "id": "i", "tools": []}),
    "mcp_approval_response": said({"type": "mcp_approval_response", "approval_request_id": "i", "approve": True}),
    "computer_call_output": said(
        call("computer_call", action={"type": "screenshot"}),
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": PNG}},
    ),
    "program": said({"type": "program", "id": "i", "code": "1"}, SAID, USER),
    "compaction": said({"type": "compaction", "encrypted_content": "gAAA"}),
    "compaction: ours": said({"type": "compaction", "encrypted_content": 'trioproxy/1:["summary","so far",null]'}),
    "item_reference": said({"type": "item_reference", "id": "msg_1"}),
    "configuration_update": said({"type": "configuration_update", "reasoning": {"effort": "high"}}),
    "agent_message": said(
        {
            "type": "agent_message",
            "author": "/root",
            "content": [{"type": "encrypted_content", "encrypted_content": "go"}],
        }
    ),
    "agent_message: ciphertext": said(
        {"type": "agent_message", "content": [{"type": "encrypted_content", "encrypted_content": CIPHER}]}
    ),
    "agent_message: ciphertext, answered": said(
        {"type": "agent_message", "content": [{"type": "encrypted_content", "encrypted_content": CIPHER}]}, SAID, USER
    ),
    "item: unknown": said({"type": "brand_new"}),
    "item: of OpenRouter's tools": said({"type": "openrouter:datetime", "datetime": "now"}, SAID, USER),
}

BODIES = {**SETTINGS, **TOOLS, **{f"choice: {name}": body for name, body in CHOICES.items()}, **PARTS, **ITEMS}


def fate(body: dict[str, Any], target: str) -> str:
    """ "" for what is said, the names of what is lost, or the name of what is refused behind a "!"."""
    document = {"model": "m", "input": "hi", **body}
    conversation = None
    words = protocol(NAME).words
    try:
        conversation = protocol(NAME).read_request(document, asked(NAME, document))
        check_choice(conversation)
        written = protocol(target).write_request(conversation, WriteTarget(model=MODELS[target]))
    except ClientFault as fault:
        told = spelled_fault(fault, conversation, words) if conversation is not None else fault
        return f"!{told.failure.param}"
    return " ".join(loss.path for loss in spelled_losses(written.losses, conversation, words))


FATES: dict[str, str | tuple[str, str, str]] = {
    "access_programs": "access_programs",
    "background": "!background",
    "background: false": "",
    "background_options": "background_options",
    "context_management": "context_management",
    "conversation": "!conversation",
    "image": "image",
    "include: encrypted reasoning": "",
    "include: more": "include",
    "instructions": "",
    "max_output_tokens": "",
    "max_tool_calls": "max_tool_calls",
    "metadata": "metadata",
    "moderation: score": "moderation",
    "moderation: block": "!moderation",
    "parallel_tool_calls": ("", "", "parallel_tool_calls"),
    "previous_response_id": "!previous_response_id",
    "prompt": "!prompt",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_options": "prompt_cache_options",
    "prompt_cache_options: prewarm": "!prompt_cache_options",
    "prompt_cache_retention": "prompt_cache_retention",
    "generate: false": "!generate",
    "generate: true": "",
    "reasoning.effort": "",
    "reasoning.summary": ("reasoning.summary", "reasoning.summary", ""),
    "reasoning: defaults": "",
    "reasoning.context": "reasoning.context",
    "reasoning.mode": "reasoning.mode",
    "safety_identifier": ("", "", "user"),
    "service_tier": ("service_tier", "service_tier", ""),
    "store": "store",
    "store: false": "",
    "stream_options: off": "",
    "stream_options: on": "stream_options",
    "temperature": "",
    "text: plain": "",
    "text: JSON": ("text.format", "text.format", ""),
    "text: schema": ("", "text.format.name", "text.format.name"),
    "text: unknown form": "!text.format.type",
    "text.verbosity": "text.verbosity",
    "top_logprobs": "!top_logprobs",
    "top_logprobs: none": "",
    "truncation": "truncation",
    "truncation: disabled": "",
    "user": ("", "", "user"),
    "unknown": "brand_new",
    "function": "",
    "function: defaults": "",
    "function: OpenAI's own": "tools[0].defer_loading tools[0].output_schema tools[0].async",
    "custom": "",
    "custom: grammar": "tools[0].format",
    "namespace": "",
    "namespace: described": "tools[0].tools[0].namespace.description tools[1].defer_loading",
    "file_search": "tools[0]",
    "computer": "tools[0]",
    "web_search": ("tools[0]", "", ""),
    "web_search: only there": ("tools[0]", "", "tools[0].filters"),
    "web_search: no domains": ("tools[0]", "", ""),
    "web_search: wrong domains": ("tools[0]", "!tools[0].filters.allowed_domains", "tools[0].filters"),
    "web_search: settings": (
        "tools[0]",
        "tools[0].search_context_size tools[0].external_web_access",
        "tools[0].search_context_size tools[0].external_web_access",
    ),
    "web_search_preview": ("tools[0]", "", ""),
    "mcp": "tools[0]",
    "code_interpreter": ("tools[0]", "tools[0]", "tools[0].container"),
    "programmatic_tool_calling": "tools[0]",
    "image_generation": "tools[0]",
    "local_shell": "",
    "shell": "",
    "shell: skills": "tools[0].environment",
    "shell: container": "tools[0]",
    "apply_patch": "",
    "tool_search: client": "",
    "tool_search: server": "tools[0]",
    "tool: unknown": "tools[0]",
    "tool: as in Chat": "",
    "choice: auto": "",
    "choice: none": "",
    "choice: none: search": ("tools[0]", "", ""),
    "choice: required": "",
    "choice: required: no tools": "tool_choice",
    "choice: required: only MCP": "!tool_choice",
    "choice: required: search": ("!tool_choice", "", "tool_choice"),
    "choice: a function": "",
    "choice: a function in a namespace": "",
    "choice: a function that is not there": "!tool_choice",
    "choice: search": ("!tool_choice", "", "tool_choice"),
    "choice: search by its older name": ("!tool_choice", "", "tool_choice"),
    "choice: MCP": "!tool_choice",
    "choice: code_interpreter": ("!tool_choice", "!tool_choice", "tools[0].container tool_choice"),
    "choice: shell": "",
    "choice: among: a function": "",
    "choice: among: search": ("tools[1]", "", ""),
    "choice: among, required: search": ("!tool_choice", "", "tool_choice"),
    "choice: among: both": ("tools[2]", "", ""),
    "choice: among: a namespace": "",
    "choice: among: what is not there": "!tool_choice",
    "choice: choice: unknown": "!tool_choice",
    "input_text": "",
    "input_text: breakpoint": (
        "input[0].content[0].prompt_cache_breakpoint",
        "",
        "input[0].content[0].prompt_cache_breakpoint",
    ),
    "input_image": "",
    "input_image: URL": ("", "input[0].content[0].detail", "input[0].content[0].detail"),
    "input_image: upload": ("", "!input[0].content[0]", "!input[0].content[0]"),
    "input_file": ("", "", "input[0].content[0].filename"),
    "input_file: URL": ("!input[0].content[0]", "", ""),
    "input_file: upload": ("", "!input[0].content[0]", "!input[0].content[0]"),
    "input_audio": ("", "!input[0].content[0]", ""),
    "input_audio: URL": ("", "!input[0].content[0]", ""),
    "part: unknown": "!input[0].content[0]",
    "message: phase": "input[1].content[0].phase",
    "message: refusal": "",
    "message: a part of no type": "!input[1].content[0].type",
    "message: developer": ("", "input[1].role", "input[1].role"),
    "reasoning": ("input[1]", "input[1]", ""),
    "reasoning: encrypted": ("input[1]", "input[1]", "input[1].signature"),
    "function_call": ("", "tools", ""),
    "function_call_output: parts": ("input[2].output", "tools", ""),
    "custom_tool_call": ("", "tools", ""),
    "local_shell_call": ("", "tools", ""),
    "shell_call": ("", "tools", ""),
    "apply_patch_call": ("", "tools", ""),
    "tool_search": "",
    "additional_tools": "",
    "web_search_call": "input[1]",
    "file_search_call": "input[1]",
    "code_interpreter_call": "input[1]",
    "image_generation_call": "input[1]",
    "mcp_call": "input[1]",
    "mcp_list_tools": "input[1]",
    "mcp_approval_response": "!input[1]",
    "computer_call_output": "!input[2]",
    "program": "input[1]",
    "compaction": "!input[1]",
    "compaction: ours": "",
    "item_reference": "!input[1]",
    "configuration_update": "",
    "agent_message": "",
    "agent_message: ciphertext": "!input[1].content[0]",
    "agent_message: ciphertext, answered": "input[1].content[0]",
    "item: unknown": "!input[1]",
    "item: of OpenRouter's tools": "input[1]",
}
"""One for all three, or one for each of :data:`TARGETS`."""


@pytest.mark.parametrize("name", BODIES)
def test_everything_is_said_lost_or_refused_by_name(name: str) -> None:
    expected = FATES[name]
    each = (expected,) * len(TARGETS) if isinstance(expected, str) else expected
    assert tuple(fate(BODIES[name], target) for target in TARGETS) == each
