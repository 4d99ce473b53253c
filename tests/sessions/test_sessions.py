"""Whole sessions of agents: many turns, and another provider whenever it pleases.

A client of each protocol asks, keeps what it is told, gives results in any order and is instructed on its way. What the provider of a turn gets
has to be legal for it, and to hold every word in its order, its own tokens and nobody else's. What the client gets has to name its tools, and no
two calls alike.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

import attrs
import pytest

from tests.sessions.legality import LEGALITY, OWN_TOKENS
from tests.sessions.players import PLAYERS, TOOLS, Call, Player
from tests.support.houses import Bench, posted
from tests.support.upstreams import Script
from tests.translation.crossings import CONTEXT
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.parts import Reasoning, Signature, SignatureForm, Text, ToolCall
from trioproxy.neutral.response import Answer, AnswerPart
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.upstream.base import UpstreamRequest
from trioproxy.wire.jsoncodec import dumps

JSON = ((b"content-type", b"application/json"),)
VENDORS = {
    "openai_chat": ("https://api.openai.com/v1", "gpt-4.1"),
    "openai_responses": ("https://api.openai.com/v1", "gpt-5.4"),
    "anthropic": ("https://api.anthropic.com", "claude-opus-4-8"),
    "gemini": ("https://generativelanguage.googleapis.com", "gemini-3.1-pro-preview"),
}
CONFIG = "openai-compatibility:\n" + "".join(
    f"  - {{name: {wire}, base-url: '{base}', wire: {wire}, api-key-entries: [{{api-key: K}}], models: [{{name: {model}, alias: {wire}}}]}}\n"
    for wire, (base, model) in VENDORS.items()
)
FORMS = {
    "openai_responses": SignatureForm.OPENAI_ENCRYPTED,
    "anthropic": SignatureForm.ANTHROPIC_SIGNATURE,
    "gemini": SignatureForm.GEMINI_THOUGHT,
}
WORD = re.compile(r"[UACRS]\d{4}x")
TOKEN = re.compile(r"(ANT|OAI|GEM)\d{4}")


@attrs.define(eq=False)
class Session:
    """One client's session; ``said`` are its words in order, each with the step that it was said in."""

    client: str
    dice: random.Random
    said: list[tuple[int, str]] = attrs.field(factory=list)
    signed: list[str] = attrs.field(factory=list)
    called: list[str] = attrs.field(factory=list)
    count: int = 0
    step: int = 0

    def word(self, kind: str) -> str:
        self.count += 1
        word = f"{kind}{self.count:04d}x"
        self.said.append((self.step, word))
        return word

    def answer_of(self, provider: str, names: list[str]) -> Answer:
        """Thoughts, words and calls as this vendor's model may give them, its calls counted from 0."""
        parts: list[AnswerPart] = []
        if provider in FORMS and self.dice.random() < 0.6:
            parts.append(Reasoning(summary=("hm",), signature=self._token(provider)))
        if self.dice.random() < 0.6:
            parts.append(Text(text=self.word("A")))
        for number in range(self.dice.choice([0, 1, 2, 3])):
            token = self._token(provider) if provider == "gemini" and number == 0 else None
            parts.append(
                ToolCall(
                    call_id=f"call_{number}" if provider != self.client else f"{provider[:4]}_{self.count}_{number}",
                    name=self.dice.choice(names),
                    arguments=json.dumps({"x": self.word("C")}),
                    signature=token,
                )
            )
        if not any(isinstance(part, Text | ToolCall) for part in parts):
            parts.append(Text(text=self.word("A")))
        finish = FinishReason.TOOL_CALLS if isinstance(parts[-1], ToolCall) else FinishReason.STOP
        return Answer(id="a", model="m", parts=tuple(parts), finish=finish, usage=Usage(input=1, output=1))

    def _token(self, provider: str) -> Signature:
        self.count += 1
        token = f"{OWN_TOKENS[provider]}{self.count:04d}0"  # eight characters: Google's are base64
        self.signed.append(token)
        return Signature(value=token, form=FORMS[provider])

    def check(self, provider: str, sent: Any) -> None:
        """What a provider was sent."""
        assert list(LEGALITY[provider](sent)) == []
        text = json.dumps(next(sent[name] for name in ("messages", "input", "contents") if name in sent))
        found = WORD.findall(text)
        assert sorted(found) == sorted(word for _, word in self.said)
        steps = dict((word, step) for step, word in self.said)
        assert [steps[word] for word in found] == sorted(steps.values())
        for kind in "UACS":
            assert [word for word in found if word[0] == kind] == [word for _, word in self.said if word[0] == kind]
        tokens = [match.group() for match in TOKEN.finditer(text)]
        assert tokens == [token[:7] for token in self.signed if token.startswith(OWN_TOKENS[provider])]
        assert "trioproxy" not in text

    def told(self, calls: list[Call], before: int) -> None:
        """What the client was told."""
        assert all(call.name in TOOLS for call in calls)
        assert [call.arguments["x"] for call in calls] == [word for _, word in self.said[before:] if word[0] == "C"]
        self.called += [call.call_id for call in calls]
        assert len(set(self.called)) == len(self.called)

    def go_on(self, player: Player, calls: list[Call]) -> None:
        """Results in any order, or none, and more words."""
        dice = self.dice
        dice.shuffle(calls)
        if calls:
            results = [(call, self.word("R") if dice.random() < 0.8 else None) for call in calls]
            player.answer(results, self.word("U") if dice.random() < 0.3 else None)
        else:
            player.say(self.word("U"))
        if dice.random() < 0.15:
            player.instruct(self.word("U" if type(player).instruct is Player.instruct else "S"))


def declared(sent: Any) -> list[str]:
    tools = [each for tool in sent["tools"] for each in tool.get("functionDeclarations", [tool.get("function", tool)])]
    return [tool["name"] for tool in tools]


@pytest.mark.parametrize("client", NAMES)
@pytest.mark.parametrize("seed", range(25))
async def test_a_session_goes_on_with_any_provider(client: str, seed: int) -> None:
    session = Session(client, random.Random(f"{client}{seed}"))
    player = PLAYERS[client]()
    player.say(session.word("U"))
    for _ in range(8):
        provider = session.dice.choice(NAMES)
        before = len(session.said)

        def answer(request: UpstreamRequest, provider: str = provider) -> Script:
            sent = json.loads(request.body)
            session.check(provider, sent)
            session.step += 1
            body = protocol(provider).write_body(session.answer_of(provider, declared(sent)), CONTEXT).body
            return Script(headers=JSON, chunks=[dumps(body)])

        bench = Bench(answer, config=CONFIG)
        path, body = player.ask(provider)
        exchange = await bench.serve(posted(path, json.dumps(body).encode()))
        assert exchange.status == 200, exchange.body
        calls = player.hear(json.loads(exchange.body))
        session.told(calls, before)
        session.step += 1
        session.go_on(player, calls)
