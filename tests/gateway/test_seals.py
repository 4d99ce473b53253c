"""Other vendors' signatures are given back to them alone: they are taken out of what passes to a vendor as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import ANSWERS
from tests.support.houses import Bench, posted
from tests.support.upstreams import Script
from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.anthropic.seals import seal as seal_for_anthropic
from trioproxy.protocols.gemini.signatures import write_signature
from trioproxy.protocols.openai_responses.signatures import seal as seal_for_responses

ANTHROPIC = Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE)
GOOGLE = Signature(value="CiQB", form=SignatureForm.GEMINI_THOUGHT)


def messages(signature: str) -> Any:
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    return {
        "model": "anthropic-m",
        "max_tokens": 9,
        "stream": True,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [thought, {"type": "text", "text": "so"}]},
            {"role": "user", "content": "on"},
        ],
    }


def items(signature: str) -> Any:
    thought = {"type": "reasoning", "summary": [], "encrypted_content": signature}
    said = {"role": "user", "content": "on"}
    return {"model": "responses-m", "stream": True, "input": [thought, said]}


def contents(signature: str) -> Any:
    parts = [{"text": "so", "thoughtSignature": signature}]
    return {"contents": [{"role": "model", "parts": parts}, {"role": "user", "parts": [{"text": "on"}]}]}


PLACES = {
    "anthropic": ("/v1/messages", messages, seal_for_anthropic(GOOGLE), "EqwC"),
    "openai_responses": ("/v1/responses", items, seal_for_responses(ANTHROPIC), "gAAA"),
    "gemini": (
        "/v1beta/models/gemini-m:streamGenerateContent?alt=sse",
        contents,
        write_signature(ANTHROPIC),
        "CiQB",
    ),
}
in_each_place = pytest.mark.parametrize("protocol", sorted(PLACES))


@in_each_place
async def test_what_a_vendor_did_not_sign_does_not_go_there(protocol: str) -> None:
    target, document, sealed, _ = PLACES[protocol]
    bench = Bench(Script(chunks=ANSWERS[protocol].frames))
    exchange = await bench.serve(posted(target, json.dumps(document(sealed)).encode()))
    assert exchange.status == 200
    assert sealed.encode() not in bench.upstream.requests[0].body
    assert b"on" in bench.upstream.requests[0].body
    if protocol != "gemini":
        assert bench.sent["model"].endswith("-up")


@in_each_place
async def test_what_it_signed_itself_passes_byte_for_byte(protocol: str) -> None:
    target, document, _, own = PLACES[protocol]
    raw = json.dumps(document(own), indent=1).encode()
    bench = Bench(Script(chunks=ANSWERS[protocol].frames))
    await bench.serve(posted(target, raw))
    name = document(own).get("model", "").removesuffix("-m")
    assert bench.upstream.requests[0].body == raw.replace(f'"{name}-m"'.encode(), f'"{name}-up"'.encode())


async def test_a_mark_in_a_users_own_words_changes_nothing() -> None:
    raw = b'{"model":"anthropic-up", "messages":[{"role":"user","content":"what is trioproxy: ?"}],"max_tokens":1}'
    config = "claude-api-key: [{api-key: K, base-url: 'http://anthropic.test', models: [{name: anthropic-up}]}]"
    bench = Bench(Script(chunks=ANSWERS["anthropic"].frames), config=config)
    await bench.serve(posted("/v1/messages", raw))
    assert bench.upstream.requests[0].body == raw


async def test_a_rule_acts_on_what_is_left() -> None:
    _, document, sealed, _ = PLACES["anthropic"]
    raw = json.dumps({**document(sealed), "betas": ["b-1"]}).encode()
    bench = Bench(Script(chunks=ANSWERS["anthropic"].frames))
    await bench.serve(posted("/v1/messages", raw))
    assert b"trioproxy:" not in bench.upstream.requests[0].body
    assert "betas" not in bench.sent
