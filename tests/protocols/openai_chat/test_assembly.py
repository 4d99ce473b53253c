from __future__ import annotations

from trioproxy.neutral.events import CitationAdded, Foreign, PartFinished, PartKind, PartSigned, PartStarted, TextDelta
from trioproxy.neutral.parts import Citation, Signature, SignatureForm
from trioproxy.protocols.openai_chat.assembly import AnswerAssembly

SIGNATURE = Signature(value="s", form=SignatureForm.GEMINI_THOUGHT)


def test_one_of_the_three_is_open_at_a_time() -> None:
    parts = AnswerAssembly()
    assert AnswerAssembly().empty
    assert parts.grow(PartKind.TEXT, "a") == [PartStarted(index=0, kind=PartKind.TEXT), TextDelta(index=0, text="a")]
    assert parts.grow(PartKind.TEXT, "b") == [TextDelta(index=0, text="b")]
    assert parts.grow(PartKind.REASONING, "c")[:2] == [
        PartFinished(index=0),
        PartStarted(index=1, kind=PartKind.REASONING),
    ]
    assert parts.grow(PartKind.REFUSAL, "d")[:2] == [PartFinished(index=1), PartStarted(index=2, kind=PartKind.REFUSAL)]
    assert parts.finish() == [PartFinished(index=2)]
    assert parts.finish() == []
    assert not parts.empty
    assert all(parts.has(kind) for kind in PartKind)


def test_what_is_carried_ends_nothing() -> None:
    parts = AnswerAssembly()
    parts.grow(PartKind.TEXT, "a")
    assert parts.carry("audio", {}) == [Foreign(index=1, protocol="openai_chat", kind="audio", payload={})]
    assert parts.grow(PartKind.TEXT, "b") == [TextDelta(index=0, text="b")]


def test_a_signature_ends_the_thought_it_stands_on() -> None:
    parts = AnswerAssembly()
    parts.grow(PartKind.REASONING, "a")
    assert parts.sign(SIGNATURE) == [PartSigned(index=0, signature=SIGNATURE), PartFinished(index=0)]
    assert parts.sign(SIGNATURE)[0] == PartStarted(index=1, kind=PartKind.REASONING)


def test_sources_need_a_text() -> None:
    parts = AnswerAssembly()
    citation = Citation(url="https://a")
    assert parts.cite([]) == []
    assert parts.cite([citation]) == [
        PartStarted(index=0, kind=PartKind.TEXT),
        CitationAdded(index=0, citation=citation),
    ]


def test_a_messages_signature_finds_its_part() -> None:
    parts = AnswerAssembly()
    assert [type(event) for event in parts.sign_message(SIGNATURE, called=True)] == [
        PartStarted,
        PartSigned,
        PartFinished,
    ]
    parts.grow(PartKind.TEXT, "a")
    assert parts.sign_message(SIGNATURE, called=False) == [PartSigned(index=1, signature=SIGNATURE)]
    parts.calls.feed([{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}])
    assert parts.sign_message(SIGNATURE, called=True) == [PartSigned(index=2, signature=SIGNATURE)]
