from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from tests.support.events import signatures
from trioproxy.neutral.parts import Reasoning, Signature, SignatureForm
from trioproxy.protocols.openai_chat.reasoning import Detail, details_of, read_details, reasoning_of


@pytest.mark.parametrize(
    "value", [None, {}, "x", [], [3, None, {}], [{"type": "reasoning.text", "text": "", "signature": ""}]]
)
def test_nothing_is_no_detail(value: Any) -> None:
    assert read_details(value) == []


def test_text_and_summaries_are_shown() -> None:
    details = [
        {"type": "reasoning.text", "text": "a"},
        {"type": "reasoning.summary", "summary": "b"},
        {"type": "other", "text": "c"},
    ]
    assert [detail.text for detail in read_details(details)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("detail", "signature"),
    [
        (
            {"type": "reasoning.text", "text": "a", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
            Signature(value="s", form=SignatureForm.ANTHROPIC_SIGNATURE),
        ),
        (
            {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 0, "id": None},
            Signature(value="d", form=SignatureForm.ANTHROPIC_REDACTED),
        ),
        (
            {"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1", "index": 0, "id": "rs_1"},
            Signature(value="d", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1"),
        ),
        (
            {"type": "reasoning.encrypted", "data": "d", "format": "google-gemini-v1"},
            Signature(value="d", form=SignatureForm.GEMINI_THOUGHT),
        ),
    ],
)
def test_the_format_says_whose_token_it_is(detail: Any, signature: Signature) -> None:
    (found,) = read_details([detail])
    assert found.signature == signature


@pytest.mark.parametrize(
    "detail",
    [
        {"type": "reasoning.encrypted", "data": "d", "format": "xai-responses-v1"},
        {"type": "reasoning.encrypted", "data": "d", "format": "google-gemini-v1", "id": "tool_1"},
        {"type": "reasoning.text", "signature": "s", "format": "anthropic-claude-v1", "extra": 1},
        {"type": "reasoning.text", "signature": ["s"], "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1", "id": 3},
        {"type": "reasoning.text", "signature": "s"},
    ],
)
def test_anything_else_is_carried_whole(detail: Any) -> None:
    (found,) = read_details([detail])
    assert found.signature is not None
    assert found.signature.form is SignatureForm.OPENROUTER_DETAILS
    assert json.loads(found.signature.value) == [detail]
    assert details_of("", found.signature, index=3) == [{**detail, "index": 3}]
    (numbered,) = read_details([{**detail, "index": 1}])
    assert numbered == found


def test_text_beside_an_encrypted_token_has_a_detail_of_its_own() -> None:
    signature = Signature(value="d", form=SignatureForm.OPENAI_ENCRYPTED, item_id="rs_1")
    text, token = details_of("hm", signature, index=2)
    assert text == {"type": "reasoning.text", "text": "hm", "format": "openai-responses-v1", "index": 2}
    assert (token["id"], token["data"], token["index"]) == ("rs_1", "d", 3)


def test_unsigned_text_is_a_detail_too() -> None:
    assert details_of("hm", None, index=1) == [{"type": "reasoning.text", "text": "hm", "index": 1}]
    assert details_of("", None, index=1) == []


@pytest.mark.parametrize("value", ["not json", "3", "[3]"])
def test_a_carried_token_that_is_no_list_of_details_gives_none(value: str) -> None:
    assert details_of("", Signature(value=value, form=SignatureForm.OPENROUTER_DETAILS), index=0) == []


@given(signatures())
def test_a_signature_is_read_back_as_it_was_written(signature: Signature) -> None:
    written = details_of("", signature, index=0)
    assert [detail.signature for detail in read_details(written)] == [signature]


def test_history_pairs_texts_with_the_tokens_behind_them() -> None:
    first = Signature(value="1", form=SignatureForm.ANTHROPIC_SIGNATURE)
    second = Signature(value="2", form=SignatureForm.ANTHROPIC_REDACTED)
    details = [Detail(text="a"), Detail(text="b", signature=first), Detail(signature=second), Detail(text="c")]
    assert reasoning_of(details) == [
        Reasoning(text="ab", signature=first),
        Reasoning(signature=second),
        Reasoning(text="c"),
    ]
