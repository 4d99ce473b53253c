from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.openai_responses.seals import MARKS, without_seals
from trioproxy.protocols.openai_responses.signatures import MARK, UNSIGNED, open_summary, seal, seal_summary

THOUGHT = {
    "type": "reasoning",
    "summary": [],
    "encrypted_content": seal(Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE)),
}
UNSIGNED_THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": UNSIGNED}
OWN = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}
COMPACTION = {"type": "compaction", "id": "cmp_1", "encrypted_content": seal_summary("so far")}
SAID = {"type": "message", "role": "user", "content": f"{MARK} is a word here"}


def test_other_vendors_reasoning_goes_and_a_summary_becomes_a_message() -> None:
    document = {"model": "m", "input": [SAID, THOUGHT, UNSIGNED_THOUGHT, OWN, COMPACTION, "odd"]}
    before = copy.deepcopy(document)
    opened = without_seals(document)
    assert document == before
    assert opened == {
        "model": "m",
        "input": [
            SAID,
            OWN,
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "so far"}]},
            "odd",
        ],
    }


@pytest.mark.parametrize("document", [{}, {"input": f"say {MARK}"}, {"input": [SAID, OWN]}])
def test_what_holds_no_seal_stays_as_it_is(document: dict[str, Any]) -> None:
    assert without_seals(document) is None


@pytest.mark.parametrize("escaped", [False, True])
def test_every_sealed_body_holds_a_mark(escaped: bool) -> None:
    body = json.dumps({"input": [THOUGHT]})
    raw = (body.replace("/", "\\/") if escaped else body).encode()
    assert any(mark in raw for mark in MARKS)


@pytest.mark.parametrize("value", [None, 3, "gAAAA", MARK, f"{MARK}{{", THOUGHT["encrypted_content"]])
def test_only_a_sealed_summary_opens(value: Any) -> None:
    assert open_summary(value) is None
    assert open_summary(seal_summary("ä / b")) == "ä / b"
