from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, ask
from tests.support.upstreams import Script
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.spellings import spelled, spelled_fault, spelled_losses
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Text
from trioproxy.neutral.request import Conversation, Role, Tool, Turn
from trioproxy.protocols.table import NAMES, protocol

WORDS = {
    "stop": "stop_sequences",
    "reasoning": "thinking",
    "reasoning.budget": "thinking.budget_tokens",
    ".cache": ".mark",
    ".content": ".output",
}
SAID = Conversation(
    model="m",
    system=(Text(text="s"),),
    system_places=("instructions",),
    tools=(Tool(name="f", place="tools[0].tools[0]"), Tool(name="g")),
    turns=(
        Turn(role=Role.USER, parts=(Text(text="a"),)),
        Turn(
            role=Role.USER,
            parts=(Text(text="b"), Text(text="c")),
            places=("input[2].content[0]", "input[2].content[1]"),
        ),
        Turn(role=Role.USER, parts=(), places=("somewhere",)),
    ),
)


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("turns[1].parts[1]", "input[2].content[1]"),
        ("messages[1].content[0].detail", "input[2].content[0].detail"),
        ("turns[1].role", "input[2].role"),
        ("turns[1].parts[1].cache", "input[2].content[1].mark"),
        ("tools[0].cache", "tools[0].tools[0].mark"),
        ("turns[1].parts[7]", "input[2]"),
        ("turns[2].parts[0].content[1].cache", "somewhere.output[1].cache"),
        ("system[0].cache", "instructions.mark"),
        ("system[1]", "system[1]"),
        ("turns[2].name", "somewhere.name"),
        ("tools[0].strict", "tools[0].tools[0].strict"),
        ("tools[1]", "tools[1]"),
        ("tools[7].x", "tools[7].x"),
        ("turns[0].parts[0]", "turns[0].parts[0]"),
        ("messages[9].content[0]", "messages[9].content[0]"),
        ("stop", "stop_sequences"),
        ("reasoning.budget", "thinking.budget_tokens"),
        ("reasoning.other", "thinking.other"),
        ("stop[3]", "stop_sequences[3]"),
        ("", ""),
    ],
)
def test_a_field_has_the_clients_own_name(path: str, own: str) -> None:
    assert spelled(path, SAID, WORDS) == own


def test_losses_and_refusals_are_told_under_it() -> None:
    assert spelled_losses([Loss("stop", "why")], SAID, WORDS) == (Loss("stop_sequences", "why"),)
    told = spelled_fault(ClientFault(ErrorKind.INVALID_REQUEST, "`stop`: stop it", param="stop"), SAID, WORDS)
    assert (told.failure.param, told.failure.message) == ("stop_sequences", "`stop_sequences`: stop it")
    for fault in (ClientFault(ErrorKind.UNSUPPORTED, "x"), ClientFault(ErrorKind.INVALID_REQUEST, "x", param="y")):
        assert spelled_fault(fault, SAID, WORDS) is fault


def test_no_word_is_its_own_translation() -> None:
    for name in NAMES:
        assert all(hub != own for hub, own in protocol(name).words.items())


HOLOGRAM = {"type": "input_hologram"}
CALL = {"type": "function", "id": "c", "function": {"name": "f", "arguments": "[]"}}
SOUND = {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}
FORCED = {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}}
THOUGHT = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"}
CALLING = {"role": "assistant", "tool_calls": [CALL]}
UPLOAD = {"role": "user", "content": [{"type": "container_upload"}]}
HI = {"role": "user", "content": "x"}
AUDIO = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
SYSTEM = {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("client", "provider", "body", "named"),
    [
        ("openai_chat", "anthropic", {"messages": [SYSTEM, {"role": "user", "content": [AUDIO]}]}, "messages[1].content[0]"),
        ("openai_responses", "gemini", {"input": [{"role": "user", "content": [HOLOGRAM]}]}, "input[0].content[0]"),
        ("openai_responses", "anthropic", {"input": [HI, {"id": "msg_1"}]}, "input[1]"),
        ("anthropic", "gemini", {"messages": [UPLOAD]}, "messages[0].content[0]"),
        ("gemini", "openai_responses", FORCED, "toolConfig.functionCallingConfig"),
        ("gemini", "openai_responses", {"contents": [{"parts": [{"text": "a"}, SOUND]}]}, "contents[0].parts[1]"),
    ],
)  # fmt: skip
async def test_a_refusal_names_what_the_client_sent_before_anyone_is_asked(
    client: str, provider: str, body: dict[str, Any], named: str
) -> None:
    bench = Bench(Script(chunks=[b"{}"]))
    exchange = await bench.serve(ask(client, of=provider, stream=False, **body))
    assert exchange.status == 400
    assert named in json.dumps(json.loads(exchange.body)).replace("\\u0060", "`")
    assert not bench.upstream.requests


@pytest.mark.parametrize(
    ("client", "provider", "body", "named"),
    [
        ("openai_chat", "gemini", {"messages": [SYSTEM, {"role": "user", "name": "bob", "content": "x"}]}, "messages[1].name"),
        ("openai_chat", "anthropic", {"messages": [HI, CALLING]}, "messages[1].tool_calls[0].arguments"),
        ("openai_responses", "anthropic", {"input": [HI, THOUGHT, HI]}, "input[1]"),
        ("openai_responses", "anthropic", {"text": {"verbosity": "low"}}, "text.verbosity"),
        ("anthropic", "openai_responses", {"stop_sequences": ["x"]}, "stop_sequences"),
        ("gemini", "openai_responses", {"generationConfig": {"stopSequences": ["x"]}}, "generationConfig.stopSequences"),
        ("anthropic", "gemini", {"metadata": {"user_id": "u"}}, "metadata.user_id"),
        ("gemini", "anthropic", {"generationConfig": {"seed": 3}}, "generationConfig.seed"),
    ],
)  # fmt: skip
async def test_a_loss_names_what_the_client_sent(client: str, provider: str, body: dict[str, Any], named: str) -> None:
    bench = Bench(Script(chunks=ANSWERS[provider].frames), settings={"loss_header": True})
    exchange = await bench.serve(ask(client, of=provider, stream=False, **body))
    assert exchange.status == 200
    assert named.encode() in (exchange.header(b"x-trioproxy-loss") or b"").split(b"; ")
