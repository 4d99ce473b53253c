from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.gemini.exchanges import normalised, peeked, read, rewritten
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import own, settled
from trioproxy.neutral.parts import Text
from trioproxy.neutral.request import Role, Turn
from trioproxy.protocols.gemini import PROTOCOL


def test_a_request() -> None:
    conversation = PROTOCOL.read_request(
        {"model": "models/other", "contents": [{"role": "user", "parts": [{"text": "hi"}]}], "system_instruction": {"parts": [{"text": "s"}]}},
        peeked(verb="streamGenerateContent", model="asked"),
    )  # fmt: skip
    assert conversation.model == "asked"
    assert conversation.stream
    assert conversation.turns == (Turn(role=Role.USER, parts=(Text(text="hi"),)),)
    assert conversation.system == (Text(text="s"),)
    assert conversation.extras == {}


@pytest.mark.parametrize("contents", ["hi", {"parts": [{"text": "hi"}]}, {"parts": {"text": "hi"}}])
def test_a_lone_content_is_a_list_of_one(contents: Any) -> None:
    assert read({"contents": contents}).turns == (Turn(role=Role.USER, parts=(Text(text="hi"),)),)


@pytest.mark.parametrize("document", [{}, {"contents": None}, {"contents": 3}])
def test_without_contents_there_is_nothing_to_answer(document: dict[str, Any]) -> None:
    with pytest.raises(ClientFault, match="`contents`") as caught:
        read(document)
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.failure.param == "contents"


def test_a_whole_request_to_be_counted() -> None:
    whole = {"generateContentRequest": {"model": "models/m", "contents": [], "systemInstruction": "s"}}
    assert read(whole, verb="countTokens").system == (Text(text="s"),)
    with pytest.raises(ClientFault, match=r"generateContentRequest\.contents"):
        read({"generateContentRequest": {}}, verb="countTokens")


def test_what_the_hub_has_no_word_for_stays() -> None:
    conversation = read(
        {
            "contents": [],
            "cached_content": "cachedContents/x",
            "safetySettings": [],
            "labels": {"team": "a"},
            "brandNew": 1,
            "serviceTier": "flex",
            "systemInstruction": {"role": "user", "parts": []},
        }
    )
    assert own(conversation.extras, "gemini") == {
        "cachedContent": "cachedContents/x",
        "safetySettings": [],
        "labels": {"team": "a"},
        "brandNew": 1,
    }
    assert conversation.service_tier == "flex"
    with pytest.raises(ClientFault) as caught:
        settled(conversation.extras, "openai_chat")
    assert caught.value.failure.param == "cachedContent"


_text = st.text(max_size=5)
_unknown = st.dictionaries(st.sampled_from(["brandNew", "oddOne", "xY"]), st.integers(), max_size=2)
_parts = st.one_of(
    st.builds(lambda text, rest: {"text": text, **rest}, _text, _unknown),
    st.builds(lambda text: {"text": text, "thought": True, "thoughtSignature": "c2ln"}, _text),
    st.builds(
        lambda rest: {"inlineData": {"mimeType": "image/png", "data": "aGk=", **rest}, "videoMetadata": {"fps": 1}},
        _unknown,
    ),
    st.builds(lambda rest: {"fileData": {"fileUri": "gs://a/b", "mimeType": "audio/wav", **rest}}, _unknown),
    st.builds(lambda rest: {"fileData": {"fileUri": "https://a.example/b", "mimeType": "image/png"}, **rest}, _unknown),
    st.just({"executableCode": {"code": "1", "language": "PYTHON"}, "thoughtSignature": "c2ln"}),
    st.builds(lambda value: {"unheardOf": value}, _text),
)


@st.composite
def _requests(draw: st.DrawFn) -> dict[str, Any]:
    """Requests as a Gemini client may write them, steps of calls answered in full."""
    contents: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 3))):
        contents.append({"role": "user", "parts": draw(st.lists(_parts, min_size=1, max_size=3)), **draw(_unknown)})
        names = draw(st.lists(st.sampled_from(["f", "g"]), max_size=3))
        ids = [{"id": f"c{number}-{n}"} if draw(st.booleans()) else {} for n in range(len(names))]
        calls = [
            {"functionCall": {**given, "name": name, "args": {"x": 1}, **draw(_unknown)}, "thoughtSignature": "c2ln"}
            for name, given in zip(names, ids, strict=True)
        ]
        contents.append({"role": "model", "parts": [*draw(st.lists(_parts, min_size=1, max_size=2)), *calls]})
        answers = [
            {"functionResponse": {**given, "name": name, "response": {"any": draw(_text)}, **draw(_unknown)}}
            for name, given in zip(names, ids, strict=True)
        ]
        if answers:
            contents.append({"role": "user", "parts": answers})
    config = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "temperature": st.floats(0, 2),
                "topK": st.integers(1, 100),
                "maxOutputTokens": st.integers(1, 100),
                "stopSequences": st.lists(_text.filter(bool), min_size=1, max_size=2),
                "candidateCount": st.integers(1, 3),
                "responseMimeType": st.sampled_from(["text/plain", "application/json", "text/x.enum"]),
                "responseModalities": st.sampled_from([["TEXT"], ["TEXT", "IMAGE"]]),
                "thinkingConfig": st.sampled_from(
                    [{"thinkingBudget": 5}, {"thinkingBudget": 0, "includeThoughts": False}, {"includeThoughts": True}]
                ),
                "speechConfig": st.just({"languageCode": "de"}),
                "brandNew": st.integers(),
            },
        )
    )  # fmt: skip
    function: dict[str, Any] = {
        "name": "f",
        "parameters": {"type": "OBJECT", "properties": {"x": {"type": "INTEGER", "format": "int32"}}},
    }
    tools: list[dict[str, Any]] = draw(
        st.sampled_from([[], [{"functionDeclarations": [function]}], [{"googleSearch": {}}, {"codeExecution": {}}]])
    )
    modes: list[dict[str, Any]] = [
        {},
        {"mode": "ANY", "allowedFunctionNames": ["f"]},
        {"mode": "VALIDATED"},
        {"streamFunctionCallArguments": True},
    ]
    choice = draw(st.sampled_from(modes)) if tools and "functionDeclarations" in tools[0] else {}
    return {
        "contents": contents,
        **({"generationConfig": config} if config else {}),
        **({"tools": tools} if tools else {}),
        **({"toolConfig": {"functionCallingConfig": choice}} if choice else {}),
        **draw(st.sampled_from([{}, {"systemInstruction": {"role": "user", "parts": [{"text": "s"}]}}])),
        **draw(
            st.sampled_from(
                [{}, {"cachedContent": "c", "labels": {"a_b": "c"}, "safetySettings": [{"threshold": "OFF"}]}]
            )
        ),
        **draw(_unknown),
    }


@given(_requests())
def test_any_request_survives(request: dict[str, Any]) -> None:
    written = rewritten(request)
    assert written.losses == ()
    assert normalised(written.body) == normalised(request)


@given(_requests(), st.sampled_from(["anthropic", "openai_chat", "openai_responses"]))
def test_no_unknown_field_vanishes_on_the_way_to_another_protocol(request: dict[str, Any], other: str) -> None:
    conversation = read({**request, "aFieldOfTomorrow": 1})
    known = {name: value for name, value in conversation.extras["gemini"].items() if name != "!"}
    losses = settled({"gemini": known}, other)
    assert "aFieldOfTomorrow" in [loss.path for loss in losses]
