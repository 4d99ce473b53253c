from __future__ import annotations

import copy
from typing import Any

import pytest

from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.gemini import PROTOCOL
from trioproxy.protocols.gemini.seals import without_seals
from trioproxy.protocols.gemini.signatures import SKIP_VALIDATION, write_signature
from trioproxy.wire.jsoncodec import dumps

SEALED = write_signature(Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE))
CALL = {"functionCall": {"name": "f", "args": {}}}


def request(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": list(parts)}]}


@pytest.mark.parametrize("name", ["thoughtSignature", "thought_signature"])
def test_another_vendors_signature_goes_and_what_it_stood_on_stays(name: str) -> None:
    document = request(
        {"text": "so", name: SEALED},
        {"text": "hm", "thought": True, name: SEALED},
        {"text": "", "thought": True, name: SEALED},
        {**CALL, name: SEALED},
        {"text": "own", name: "CiQB"},
        "bare",
    )
    before = copy.deepcopy(document)
    opened = without_seals(document)
    assert document == before
    assert opened is not None
    assert opened["contents"][0] is document["contents"][0]
    assert opened["contents"][1]["parts"] == [
        {"text": "so"},
        {"text": "hm", "thought": True},
        {**CALL, name: SKIP_VALIDATION},
        {"text": "own", name: "CiQB"},
        "bare",
    ]


def test_a_content_that_was_nothing_but_a_seal_goes_with_it() -> None:
    hi, empty = {"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": []}
    sealed = {"role": "model", "parts": [{"text": "", "thought": True, "thoughtSignature": SEALED}]}
    assert without_seals({"contents": [hi, sealed, empty]}) == {"contents": [hi, empty]}


def test_a_request_that_is_only_counted_is_opened_too() -> None:
    sealed = {"generateContentRequest": request({"text": "so", "thoughtSignature": SEALED}), "model": "m"}
    opened = without_seals(sealed)
    assert opened == {"generateContentRequest": request({"text": "so"}), "model": "m"}
    assert without_seals(opened) is None


@pytest.mark.parametrize(
    "document",
    [{}, {"contents": "hi"}, {"contents": ["hi", {"parts": "x"}, {"role": "user"}]}, request({"text": SEALED}, CALL)],
)
def test_what_holds_no_seal_stays_as_it_is(document: dict[str, Any]) -> None:
    assert without_seals(document) is None


def test_every_sealed_body_holds_a_mark() -> None:
    assert PROTOCOL.seals is not None
    assert any(mark in dumps(request({"text": "", "thoughtSignature": SEALED})) for mark in PROTOCOL.seals.marks)
