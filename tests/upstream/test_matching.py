from __future__ import annotations

import json
from typing import Any

import pytest

from trioproxy.upstream.fixture import Fixture, RecordedRequest
from trioproxy.upstream.matching import Library, MatchMode, NoMatch, first_difference
from trioproxy.upstream.question import Question

CHAT = "/v1/chat/completions"


def chat(text: str = "hi", *, model: str = "m", stream: bool = True, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream} | more


def recorded(
    body: Any,
    *,
    path: str = CHAT,
    query: str = "",
    sequence: int = 0,
    status: int = 200,
    keywords: tuple[str, ...] = (),
) -> Fixture:
    request = RecordedRequest(path=path, query=query, body=json.dumps(body).encode())
    return Fixture(request=request, sequence=sequence, status=status, keywords=keywords)


def asked(body: Any, *, path: str = CHAT, query: str = "") -> Question:
    return Question.of(RecordedRequest(path=path, query=query, body=json.dumps(body).encode()))


def library(mode: MatchMode, **fixtures: Fixture) -> Library:
    return Library.of(fixtures, mode=mode)


def once_each(mode: MatchMode, **fixtures: Fixture) -> Library:
    return Library.of(fixtures, mode=mode, repeat=False)


TOOL = {"type": "function", "function": {"name": "f"}}


# -- strict


def test_strict_wants_the_same_body_in_any_order_of_members() -> None:
    books = library(MatchMode.STRICT, a=recorded(chat("a")), b=recorded(chat("b", temperature=0.5)))
    reordered = dict(reversed(chat("b", temperature=0.5).items()))

    assert books.choose(asked(reordered | {"user": "whoever"})).name == "b"


@pytest.mark.parametrize(
    "question",
    [
        asked(chat("hi", temperature=1)),
        asked(chat("hi", model="other")),
        asked(chat("hi", stream=False)),
        asked(chat("hi"), path="/v1/responses"),
        asked(chat("hi"), query="a=1"),
    ],
)
def test_strict_takes_nothing_less(question: Question) -> None:
    with pytest.raises(NoMatch):
        library(MatchMode.STRICT, a=recorded(chat("hi"))).choose(question)


def test_strict_does_not_mind_another_mount_and_another_key() -> None:
    books = library(MatchMode.STRICT, a=recorded(chat("hi"), path="/api/v1/chat/completions", query="key=REDACTED"))

    assert books.choose(asked(chat("hi"), query="key=mine")).name == "a"


def test_where_a_secret_was_any_text_matches() -> None:
    books = library(MatchMode.STRICT, a=recorded(chat("use REDACTED, please (REDACTED)")))

    assert books.choose(asked(chat("use my\nkey, please ()"))).name == "a"
    with pytest.raises(NoMatch):
        books.choose(asked(chat("use my key, thanks")))


# -- shape


def test_shape_wants_the_same_last_turn_and_tools() -> None:
    books = library(MatchMode.SHAPE, a=recorded(chat("hi", tools=[TOOL])), b=recorded(chat("hi")))
    history = [{"role": "system", "content": "today is monday"}, {"role": "user", "content": "hi"}]

    assert books.choose(asked({"model": "m", "stream": True, "messages": history, "temperature": 1})).name == "b"
    assert books.choose(asked(chat("hi", tools=[TOOL], temperature=0))).name == "a"


@pytest.mark.parametrize(
    "question",
    [
        asked(chat("ho")),
        asked(chat("hi", model="n")),
        asked(chat("hi", stream=False)),
        asked(chat("hi", tools=[TOOL])),
        asked(chat("hi"), path="/v1/messages"),
    ],
)
def test_shape_takes_nothing_less(question: Question) -> None:
    with pytest.raises(NoMatch):
        library(MatchMode.SHAPE, a=recorded(chat("hi"))).choose(question)


def test_shape_does_not_mind_what_a_tool_said_and_prefers_the_same() -> None:
    def answered(*results: str) -> dict[str, Any]:
        tools = [{"role": "tool", "tool_call_id": "c", "content": result} for result in results]
        return {**chat("hi"), "messages": [{"role": "user", "content": "hi"}, *tools]}

    books = library(
        MatchMode.SHAPE, warm=recorded(answered("21")), cold=recorded(answered("3")), ask=recorded(chat("hi"))
    )
    assert [books.choose(asked(answered(result))).name for result in ("3", "21", "3")] == ["cold", "warm", "cold"]
    assert books.choose(asked(answered("17"))).name == "warm", "the last of those that fit"
    assert books.choose(asked(chat("hi"))).name == "ask"
    with pytest.raises(NoMatch, match="It differs at results of tools: recorded 1, asked 2"):
        books.choose(asked(answered("3", "4")))


def test_shape_prefers_what_is_the_same_altogether() -> None:
    hot, cold = chat("hi", temperature=1), chat("hi", temperature=0)
    books = library(MatchMode.SHAPE, one=recorded(hot), cold=recorded(cold), two=recorded(hot))
    asks = (cold, hot, cold, hot, hot)
    assert [books.choose(asked(each)).name for each in asks] == ["cold", "one", "cold", "two", "two"]


# -- several that match


def test_equal_recordings_answer_in_order_and_the_last_one_for_ever() -> None:
    books = library(
        MatchMode.SHAPE,
        z=recorded(chat(), sequence=1),
        a=recorded(chat(), sequence=2),
        other=recorded(chat("other"), sequence=3),
    )

    assert [books.choose(asked(chat())).name for _ in range(4)] == ["z", "a", "a", "a"]
    assert [volume.uses for volume in books.volumes] == [1, 3, 0]


def test_each_recording_may_answer_once_only() -> None:
    books = once_each(MatchMode.SHAPE, a=recorded(chat()), b=recorded(chat()))
    assert [books.choose(asked(chat())).name for _ in range(2)] == ["a", "b"]

    with pytest.raises(NoMatch) as caught:
        books.choose(asked(chat()))

    assert str(caught.value) == (
        "no recording is left for POST chat/completions for m, streamed: 2 recordings matched and each answers once. "
        "The last was b."
    )


# -- sequence


def test_a_sequence_answers_in_order_and_begins_anew() -> None:
    books = library(
        MatchMode.SEQUENCE,
        a=recorded(chat("a"), sequence=2),
        b=recorded(chat("b"), sequence=1),
        c=recorded(chat("c"), path="/v1/messages", sequence=3),
    )

    assert [books.choose(asked(chat("whatever"))).name for _ in range(5)] == ["b", "a", "b", "a", "b"]
    assert books.choose(asked(chat("whatever"), path="/v1/messages")).name == "c"


def test_a_sequence_without_repeats_ends() -> None:
    books = once_each(MatchMode.SEQUENCE, a=recorded(chat("a")))
    books.choose(asked(chat()))

    with pytest.raises(NoMatch, match="1 recording matched and each answers once"):
        books.choose(asked(chat()))


# -- any


DEMO = {
    "text": recorded(chat("x", stream=False), keywords=("nursery",)),
    "text_stream": recorded(chat("x"), keywords=("nursery",)),
    "tool": recorded(chat("weather?", tools=[TOOL]), keywords=("weather",)),
    "tool_answer": recorded({"messages": [{"role": "tool", "content": "18"}], "tools": [TOOL], "stream": True}),
    "thought": recorded(chat("prime?", reasoning_effort="low"), keywords=("prime",)),
    "error": recorded(chat("boom", stream=False), status=429, keywords=("show me an error",)),
    "array": recorded({}, path="/v1beta/models/g:streamGenerateContent"),
    "sse": recorded({}, path="/v1beta/models/g:streamGenerateContent", query="alt=sse"),
}


@pytest.mark.parametrize(
    ("question", "name"),
    [
        (asked(chat("hello")), "text_stream"),
        (asked(chat("hello", stream=False)), "text"),
        (asked(chat("Is 7 PRIME?")), "thought"),
        (asked(chat("think", reasoning_effort="high")), "thought"),
        (asked(chat("hello", tools=[TOOL])), "tool"),
        (asked(chat("a nursery, please", tools=[TOOL])), "text_stream"),
        (asked(chat("weather?", tools=[{"name": "g"}])), "text_stream"),
        (asked({"messages": [{"role": "tool", "content": "20"}], "tools": [TOOL], "stream": True}), "tool_answer"),
        (asked({"messages": [{"role": "tool", "content": "20"}], "tools": [{"name": "g"}], "stream": True}), "text_stream"),
        (asked(chat("now Show me an ERROR")), "error"),
        (asked({}, path="/v1beta/models/x:streamGenerateContent"), "array"),
        (asked({}, path="/v1beta/models/x:streamGenerateContent", query="alt=sse"), "sse"),
    ],
)  # fmt: skip
def test_a_demonstration_plays_what_fits_best(question: Question, name: str) -> None:
    assert library(MatchMode.ANY, **DEMO).choose(question).name == name


def test_a_demonstration_has_no_answer_to_another_operation() -> None:
    with pytest.raises(NoMatch, match="no recording matches POST embeddings"):
        library(MatchMode.ANY, **DEMO).choose(asked({}, path="/v1/embeddings"))


def test_a_demonstration_has_no_text_for_who_asks_for_json() -> None:
    question = asked(chat("hi", response_format={"type": "json_object"}))
    with pytest.raises(NoMatch):
        library(MatchMode.ANY, **DEMO).choose(question)
    books = library(MatchMode.ANY, **DEMO, json=recorded(chat("any", response_format={"type": "json_object"})))
    assert books.choose(question).name == "json"


def test_an_error_that_nobody_called_for_is_no_answer() -> None:
    with pytest.raises(NoMatch) as caught:
        library(MatchMode.ANY, error=DEMO["error"]).choose(asked(chat("boom", stream=False)))

    assert str(caught.value) == "no recording matches POST chat/completions for m (any). The nearest is error."


def test_an_empty_library_says_so() -> None:
    for mode in MatchMode:
        with pytest.raises(NoMatch, match="the folder holds none"):
            library(mode).choose(asked(chat()))


# -- misses


def test_a_miss_names_the_nearest_recording_and_the_first_difference() -> None:
    books = library(
        MatchMode.STRICT,
        far=recorded(chat("something else entirely", temperature=1)),
        near=recorded(chat("hello there, general", temperature=0, top_p=1)),
    )

    with pytest.raises(NoMatch) as caught:
        books.choose(asked(chat("hello there, admiral", temperature=0, top_p=1)))

    assert str(caught.value) == (
        "no recording matches POST chat/completions for m, streamed (strict). The nearest is near. "
        'It differs at body.messages[0].content: recorded "hello there, general", asked "hello there, admiral".'
    )


def test_the_nearest_has_the_same_turn_then_the_same_model_then_most_in_common() -> None:
    books = library(
        MatchMode.SHAPE,
        turn=recorded(chat("hi", model="other")),
        model=recorded(chat("ho", stream=False)),
        stream=recorded(chat("ho")),
        common=recorded(chat("ho", temperature=0.5)),
    )

    def nearest(body: dict[str, Any]) -> str:
        with pytest.raises(NoMatch) as caught:
            books.choose(asked(body))
        return str(caught.value).partition("The nearest is ")[2].partition(".")[0]

    assert nearest(chat("hi")) == "turn"
    assert nearest(chat("hey", temperature=0.5)) == "common"
    assert nearest(chat("hey", stream=False)) == "model"


def test_a_miss_of_the_operation_is_told_first() -> None:
    with pytest.raises(NoMatch, match=r'differs at operation: recorded "chat/completions", asked "embeddings"'):
        library(MatchMode.SEQUENCE, a=recorded(chat())).choose(asked(chat(), path="/v1/embeddings"))


@pytest.mark.parametrize(
    ("recorded", "asked", "difference"),
    [
        (1, 1, None),
        (1, 1.0, None),
        (1, True, ("", "1", "true")),
        (True, True, None),
        (None, 0, ("", "null", "0")),
        ("a", ["a"], ("", '"a"', '["a"]')),
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1}, {}, ("a", "1", "nothing")),
        ({}, {"a": {"b": 1}}, ("a", "nothing", '{"b":1}')),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ("a.b[1].c", "2", "3")),
        ([1, 2], [1], ("", "2 items", "1 item")),
        ({"a": []}, {"a": [1]}, ("a", "0 items", "1 item")),
        ("x" * 100 + "A", "x" * 100 + "B", ("", '"…' + "x" * 20 + 'A"', '"…' + "x" * 20 + 'B"')),
        ("abc", "abcd", ("", '"abc"', '"abcd"')),
        ("y" * 200, "z" * 200, ("", '"' + "y" * 59 + "…", '"' + "z" * 59 + "…")),
        ("k REDACTED", "k anything", None),
        ("k REDACTED", "l anything", ("", '"k REDACTED"', '"l anything"')),
    ],
)  # fmt: skip
def test_the_first_difference(recorded: Any, asked: Any, difference: tuple[str, str, str] | None) -> None:
    assert first_difference(recorded, asked) == difference
