from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.anthropic.wires import read_blocks
from trioproxy.neutral.parts import Signature, SignatureForm, ToolCall, ToolResult
from trioproxy.protocols.anthropic.call_ids import legal_id, meant_id
from trioproxy.protocols.anthropic.seals import call_seal

LEGAL = re.compile(r"[a-zA-Z0-9_-]+")
KIMI = "functions.Bash:0"
SPELLED = "toolu_trioproxy_functions-2eBash-3a0"


@given(st.text(min_size=1))
def test_every_id_comes_back(call_id: str) -> None:
    assert LEGAL.fullmatch(legal_id(call_id))
    assert meant_id(legal_id(call_id)) == call_id


@given(
    st.text(alphabet="toluripxy_-0123456789abcdef", min_size=1)
    | st.from_regex(r"toolu_trioproxy_[ -~é]*", fullmatch=True)
)
def test_a_clients_own_id_is_written_as_it_was_given(given_id: str) -> None:
    if LEGAL.fullmatch(given_id):
        assert legal_id(meant_id(given_id)) == given_id
    else:
        assert meant_id(given_id) == given_id


@pytest.mark.parametrize(
    "given_id",
    ["toolu_01A", *(f"toolu_trioproxy_{rest}" for rest in ("", "plain", "a-2E", "a-ff", "日", "a-"))],
)
def test_what_is_no_spelling_of_ours_stays(given_id: str) -> None:
    assert meant_id(given_id) == given_id


def test_a_legal_id_stays_and_another_is_spelled() -> None:
    assert legal_id("toolu_01-A") == "toolu_01-A"
    assert legal_id(KIMI) == SPELLED
    assert meant_id(SPELLED) == KIMI


@pytest.mark.parametrize("odd", ["", "a\ud800"])
def test_what_can_not_be_spelled_is_digested(odd: str) -> None:
    assert LEGAL.fullmatch(legal_id(odd))
    assert legal_id(odd) == legal_id(odd)


def test_the_vendor_gets_its_own_id_back() -> None:
    token = Signature(value="x", form=SignatureForm.GEMINI_THOUGHT)
    use = {"type": "tool_use", "id": SPELLED, "name": "Bash", "input": {}}
    (call,) = read_blocks(use, {"type": "redacted_thinking", "data": call_seal(SPELLED, token)}, role="assistant")
    (result,) = read_blocks({"type": "tool_result", "tool_use_id": SPELLED, "content": "ok"})
    assert isinstance(call, ToolCall)
    assert (call.call_id, call.signature) == (KIMI, token)
    assert isinstance(result, ToolResult)
    assert result.call_id == KIMI
