"""A whole turn of an agent: an answer with calls and signatures is told to a client, which keeps it as its protocol wants it kept and sends it
back with results. The provider must get its own calls, ids, names and tokens back, whoever the client was."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.recordings import FOLDER
from tests.translation.crossings import CONTEXT, answered, renamed
from tests.translation.gists import canonical
from tests.translation.requests import MODELS, read_request
from trioproxy.neutral.events import Event
from trioproxy.neutral.fold import fold
from trioproxy.neutral.naming import ToolNaming
from trioproxy.neutral.parts import Reasoning, Refusal, Signature, SignatureForm, Text, ToolCall, ToolResult
from trioproxy.neutral.request import Conversation, Tool
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.jsoncodec import dumps, loads

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of real providers beside the project")

OWN_TOKENS = {
    "openai_responses": {SignatureForm.OPENAI_ENCRYPTED},
    "anthropic": {SignatureForm.ANTHROPIC_SIGNATURE, SignatureForm.ANTHROPIC_REDACTED},
    "gemini": {SignatureForm.GEMINI_THOUGHT},
}
"""What each provider signs its answers with, and wants back."""


# How a client of each protocol goes on: its tools, the answer as it keeps it, the results.


def _chat(body: Any, tools: list[str], results: list[tuple[str, str]]) -> Any:
    return {
        "model": "m",
        "messages": [
            {"role": "user", "content": "go"},
            {name: value for name, value in body["choices"][0]["message"].items() if value is not None},
            *({"role": "tool", "tool_call_id": call_id, "content": f"{name} done"} for call_id, name in results),
            {"role": "user", "content": "go on"},
        ],
        "tools": [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in tools],
    }


def _responses(body: Any, tools: list[str], results: list[tuple[str, str]]) -> Any:
    return {
        "model": "m",
        "input": [
            {"role": "user", "content": "go"},
            *body["output"],
            *(
                {"type": "function_call_output", "call_id": call_id, "output": f"{name} done"}
                for call_id, name in results
            ),
            {"role": "user", "content": "go on"},
        ],
        "tools": [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in tools],
    }


def _messages(body: Any, tools: list[str], results: list[tuple[str, str]]) -> Any:
    told = [{"type": "tool_result", "tool_use_id": call_id, "content": f"{name} done"} for call_id, name in results]
    return {
        "model": "m",
        "max_tokens": 64000,
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": body["content"]},
            {"role": "user", "content": [*told, {"type": "text", "text": "go on"}]},
        ],
        "tools": [{"name": name, "input_schema": {"type": "object"}} for name in tools],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }


def _gemini(body: Any, tools: list[str], results: list[tuple[str, str]]) -> Any:
    told = [
        {"functionResponse": {"id": call_id, "name": name, "response": {"result": f"{name} done"}}}
        for call_id, name in results
    ]
    return {
        "contents": [
            {"role": "user", "parts": [{"text": "go"}]},
            body["candidates"][0]["content"],
            {"role": "user", "parts": [*told, {"text": "go on"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": name} for name in tools]}],
    }


GOES_ON: dict[str, Callable[[Any, list[str], list[tuple[str, str]]], Any]] = dict(
    zip(NAMES, (_chat, _responses, _messages, _gemini), strict=True)
)


def _calls(parts: Any) -> list[tuple[str, str, str]]:
    return [(part.call_id, part.name, canonical(part.arguments)) for part in parts if isinstance(part, ToolCall)]


def _tokens(parts: Any, forms: set[SignatureForm]) -> list[Signature]:
    """Tokens of thoughts and calls. Google signs texts too, and takes them back without."""
    signed = [part.signature for part in parts if isinstance(part, Reasoning | ToolCall)]
    return [each for each in signed if each is not None and each.form in forms]


def _led_on(parts: Any) -> Any:
    """The parts up to the last one that a client of another protocol keeps: thoughts of what it does not keep are not taken back."""
    kept = [
        at
        for at, part in enumerate(parts)
        if isinstance(part, ToolCall) or (isinstance(part, Text | Refusal) and part.text)
    ]
    return parts[: max(kept, default=-1) + 1]


def _looped(events: list[Event], naming: ToolNaming, client: str) -> Conversation:
    """What the client asks next, having been told this answer."""
    answer = fold(events)
    body = loads(dumps(protocol(client).write_body(answer, CONTEXT).body))
    calls = _calls(answer.parts)
    tools = sorted({name for _, name, _ in calls})
    return read_request(client, GOES_ON[client](body, tools, [(call_id, name) for call_id, name, _ in calls]))


@needs_recordings
@pytest.mark.parametrize(("provider", "client"), list(itertools.permutations(NAMES, 2)))
def test_a_provider_gets_its_own_calls_back(provider: str, client: str) -> None:
    wrong: list[str] = []
    for recording, said in answered(provider):
        answer = fold(said)
        calls = _calls(answer.parts)
        if not calls or answer.failure is not None or len({call_id for call_id, _, _ in calls}) != len(calls):
            continue
        events, naming = renamed(said)
        asked = _looped(events, naming, client)
        written = protocol(provider).write_request(asked, WriteTarget(model=MODELS[provider]))
        again = read_request(provider, written.body)
        parts = [part for turn in again.turns for part in turn.parts]
        found = [
            (call_id, written.naming.originals.get(name, (name, None))[0], text)
            for call_id, name, text in _calls(parts)
        ]
        expected = [(call_id, f"{name}/of the client", text) for call_id, name, text in calls]
        if found != expected:
            wrong.append(f"{recording}: {expected} became {found}")
        results = [part.call_id for part in parts if isinstance(part, ToolResult)]
        if results != [call_id for call_id, _, _ in calls]:
            wrong.append(f"{recording}: results of {results}")
        if any(isinstance(tool, Tool) and len(tool.name) > 64 for tool in again.tools):
            wrong.append(f"{recording}: {again.tools}")
    assert not wrong, "\n".join(wrong)


@needs_recordings
@pytest.mark.parametrize(
    ("provider", "client"), [pair for pair in itertools.permutations(NAMES, 2) if pair[0] in OWN_TOKENS]
)
def test_a_provider_gets_its_own_tokens_back(provider: str, client: str) -> None:
    forms = OWN_TOKENS[provider]
    wrong: list[str] = []
    seen = 0
    for recording, said in answered(provider):
        answer = fold(said)
        before = _tokens(_led_on(answer.parts), forms)
        if not before or answer.failure is not None:
            continue
        asked = _looped(said, ToolNaming(), client)
        written = protocol(provider).write_request(asked, WriteTarget(model=MODELS[provider]))
        again = read_request(provider, written.body)
        after = _tokens([part for turn in again.turns for part in turn.parts], forms)
        seen += 1
        if [each.value for each in after] != [each.value for each in before]:
            wrong.append(f"{recording}: {before!s:.300} became {after!s:.300}")
    assert not wrong, "\n".join(wrong)
    assert seen
