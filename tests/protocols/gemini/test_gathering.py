"""A client that keeps the chunks of a stream gives back what it was told, and no paragraph a chunk."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.parts import Part, Reasoning, Signature, SignatureForm, Text, ToolCall
from trioproxy.neutral.request import Role
from trioproxy.protocols.gemini.contents_reader import ContentsReader
from trioproxy.protocols.gemini.signatures import write_signature

USER = {"role": "user", "parts": [{"text": "hi"}]}
ANTHROPIC = Signature(value="EqwC", form=SignatureForm.ANTHROPIC_SIGNATURE)
REDACTED = Signature(value="Emc", form=SignatureForm.ANTHROPIC_REDACTED)


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def thought(text: str, signature: Signature | None = None) -> dict[str, Any]:
    signed = {"thoughtSignature": write_signature(signature)} if signature is not None else {}
    return {"text": text, "thought": True, **signed}


def gathered(*contents: Any) -> tuple[Part, ...]:
    asked, *answers = ContentsReader().turns([USER, *contents], "contents")
    assert asked.parts == (Text(text="hi"),)
    (answer,) = answers
    assert answer.role is Role.ASSISTANT
    assert len(answer.places) == len(answer.parts)
    return answer.parts


def test_a_content_for_each_chunk_is_one_answer() -> None:
    call = {"functionCall": {"name": "f", "args": {}, "id": "a"}}
    chunks = [thought("I pon"), thought("der"), {"text": "Loo"}, {"text": "king"}, call, {"text": ""}, {"text": "!"}]
    thoughts, text, called, tail = gathered(*(model(chunk) for chunk in chunks))
    assert (thoughts, text) == (Reasoning(text="I ponder"), Text(text="Looking"))
    assert isinstance(called, ToolCall)
    assert tail == Text(text="!")


@pytest.mark.parametrize("apart", [True, False])
def test_a_signature_behind_its_thought_signs_all_of_it(*, apart: bool) -> None:
    parts = [thought("**One** I pon"), thought("**der** it"), thought("", ANTHROPIC), {"text": "so"}]
    contents = [model(part) for part in parts] if apart else [model(*parts)]
    assert gathered(*contents) == (Reasoning(text="**One** I pon**der** it", signature=ANTHROPIC), Text(text="so"))


def test_a_thought_that_is_signed_or_hidden_ends_there() -> None:
    hidden = model(thought("a", ANTHROPIC), thought("b"), thought("", REDACTED))
    assert gathered(hidden) == (
        Reasoning(text="a", signature=ANTHROPIC),
        Reasoning(text="b"),
        Reasoning(text="", signature=REDACTED),
    )


def test_within_a_content_borders_may_be_meant() -> None:
    parts = [thought("**One** so"), thought(" it is"), thought("**Two** and"), {"text": "a"}, {"text": "b"}]
    assert gathered(model(*parts)) == (
        Reasoning(text="**One** so it is"),
        Reasoning(text="**Two** and"),
        Text(text="a"),
        Text(text="b"),
    )


def test_members_that_only_one_part_has_keep_it_apart() -> None:
    one, two = gathered(model({"text": "a"}), model({"text": "b", "partMetadata": {"x": 1}}))
    assert isinstance(one, Text)
    assert isinstance(two, Text)


def test_users_are_left_as_they_are_and_so_are_contents_with_members_of_their_own() -> None:
    turns = ContentsReader().turns([USER, USER, model({"text": "a"}), {**model({"text": "b"}), "x": 1}], "contents")
    assert len(turns) == 4
