"""Which session a request says it is of, and how long a binding holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.credentials import sessions
from trioproxy.credentials.sessions import Bindings, Bond, Pool, Session, session_names

POOL = Pool(frozenset({"chat"}), "m")

# Every source, the one that counts most first.
SOURCES: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"x-claude-code-session-id": "S"}, {}),
    ({}, {"metadata": {"user_id": "user_1_account_2_session_S"}}),
    ({"session-id": "S"}, {}),
    ({"session_id": "S"}, {}),
    ({"x-session-id": "S"}, {}),
    ({"x-session-affinity": "S"}, {}),
    ({"x-client-request-id": "S"}, {}),
    ({}, {"session_id": "S"}),
    ({}, {"sessionId": "S"}),
    ({}, {"prompt_cache_key": "S"}),
    ({}, {"conversation": "S"}),
    ({}, {"conversation_id": "S"}),
    ({}, {"messages": [{"role": "user", "content": "S"}]}),
]


def names(headers: dict[str, str], body: dict[str, Any] | None) -> tuple[str, ...]:
    return session_names(tuple((name.encode(), value.encode()) for name, value in headers.items()), body)


def test_each_source_is_read() -> None:
    assert len({names(*source) for source in SOURCES[:-1]}) == 1
    assert len(names(*SOURCES[-1])) == 1


@pytest.mark.parametrize("number", range(len(SOURCES) - 1))
def test_sources_count_in_order(number: int) -> None:
    headers, body = SOURCES[number]
    for other_headers, other_body in SOURCES[number + 1 :]:
        more = json.loads(json.dumps(other_body).replace("S", "T"))
        lower = {name: "T" for name in other_headers}
        assert names({**lower, **headers}, {**more, **body}) == names(headers, body)


@pytest.mark.parametrize(
    ("body", "same"),
    [
        ({"metadata": {"user_id": '{"device_id": "d", "session_id": "S"}'}}, True),
        ({"conversation": {"id": "S"}}, True),
        ({"metadata": {"user_id": "S"}}, True),
        ({"metadata": {"user_id": " S "}}, True),
        ({"metadata": {"user_id": '{"device_id": "d"}'}}, False),
        ({"metadata": {"user_id": '{"broken'}}, False),
        ({"metadata": {"user_id": "x_session_"}}, False),
    ],
)
def test_spellings(body: dict[str, Any], same: bool) -> None:
    assert (names({}, body) == names({"session-id": "S"}, {})) is same
    assert len(names({}, body)) == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"metadata": 3, "conversation": [], "session_id": 7, "messages": 3},
        {"messages": []},
        {"messages": ["x", {"role": "user", "content": 5}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"role": "user", "content": [[[[["deep"]]]]]}]},
        {"session_id": " "},
    ],
)
def test_where_nothing_tells_there_is_no_name(body: dict[str, Any] | None) -> None:
    assert names({"session-id": " "}, body) == ()


USER = {"role": "user", "content": "question"}
SAME_BEGINNING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"messages": [{"role": "system", "content": "s"}, USER]},
        {"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "more"}]},
    ),
    (
        {"system": [{"type": "text", "text": "s"}], "messages": [{"role": "user", "content": [{"text": "question"}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a"}]}]},
    ),
    (
        {
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [{"role": "user", "parts": [{"text": "question"}]}],
        },
        {"contents": [{"role": "model", "parts": [{"text": "a"}]}]},
    ),
    (
        {"instructions": "s", "input": [USER]},
        {"input": [{"role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]},
    ),
]


@pytest.mark.parametrize(("begun", "answer"), SAME_BEGINNING)
def test_a_guess_knows_the_name_it_had_before_the_first_answer(begun: dict[str, Any], answer: dict[str, Any]) -> None:
    [key] = answer
    [first] = names({}, begun)
    second = names({}, {**begun, key: begun[key] + answer[key]})
    assert second[1:] == (first,)
    later = [{"role": "user", "content": "later"}, {"role": "assistant", "content": "b"}]
    assert names({}, {**begun, key: begun[key] + answer[key] + later}) == second
    assert first == names({}, SAME_BEGINNING[0][0])[0]


def test_a_text_alone_is_a_users_turn() -> None:
    assert names({}, {"input": "question"}) == names({}, {"messages": [USER]})


@given(st.text(), st.text(), st.text(), st.text())
def test_borders_between_texts_count(system: str, user: str, other_system: str, other_user: str) -> None:
    one, two = (
        names({}, {"system": first, "messages": [{"role": "user", "content": second}]})
        for first, second in ((system, user), (other_system, other_user))
    )
    assert (one == two) is ((system, user) == (other_system, other_user) or not (user or other_user))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(alphabet="aS{}_\ud800", max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "messages",
                        "input",
                        "contents",
                        "role",
                        "content",
                        "text",
                        "parts",
                        "metadata",
                        "user_id",
                        "id",
                        "conversation",
                        "system",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    ).filter(lambda document: isinstance(document, dict))
)
def test_no_document_is_too_strange(document: Any) -> None:
    assert all(len(name) == 32 for name in names({}, document))


# Bindings


def test_a_session_sticks_to_the_one_that_worked_last() -> None:
    session = Session(bindings=Bindings(), names=("a",), ttl=10)
    assert session.credential(POOL, 0) is None
    session.worked(POOL, "one", 0)
    assert session.credential(POOL, 9.9) == "one"
    session.worked(POOL, "two", 9.9)
    assert session.credential(POOL, 19.8) == "two"


def test_a_binding_ends_with_its_time() -> None:
    session = Session(bindings=Bindings(), names=("a",), ttl=10)
    session.worked(POOL, "one", 0)
    assert session.credential(POOL, 10) is None
    assert len(session.bindings) == 0


def test_pools_and_sessions_are_apart() -> None:
    bindings = Bindings()
    Session(bindings=bindings, names=("a",)).worked(POOL, "one", 0)
    assert Session(bindings=bindings, names=("b",)).credential(POOL, 0) is None
    assert Session(bindings=bindings, names=("a",)).credential(Pool(POOL.groups, "n"), 0) is None
    assert Session(bindings=bindings, names=("a",)).credential(Pool(frozenset({"other"}), "m"), 0) is None


def test_an_earlier_name_is_looked_up_and_the_new_one_is_bound() -> None:
    bindings = Bindings()
    Session(bindings=bindings, names=("short",)).worked(POOL, "one", 0)
    grown = Session(bindings=bindings, names=("long", "short"))
    assert grown.credential(POOL, 0) == "one"
    grown.worked(POOL, "two", 0)
    assert grown.credential(POOL, 0) == "two"
    assert Session(bindings=bindings, names=("short",)).credential(POOL, 0) == "one"


def test_without_a_name_nothing_is_bound() -> None:
    session = Session(bindings=Bindings())
    session.worked(POOL, "one", 0)
    assert session.credential(POOL, 0) is None
    assert len(session.bindings) == 0


def test_bindings_that_were_not_used_for_longest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_BINDINGS", 2)
    bindings = Bindings()
    for name in "abac":
        bindings.bind(POOL, name, "one", 10)
    assert [bindings.of(POOL, name, 0) for name in "abc"] == ["one", None, "one"]


def test_what_is_bound_here_is_told_once_and_learned_elsewhere() -> None:
    here, there, heard = Bindings(), Bindings(), list[str]()
    pool = Pool(frozenset({"a"}), "m")
    there.bind(pool, "s", "old", 5.0)
    here.heed = lambda: heard.append("news")
    here.bind(pool, "s", "one", 10.0)
    here.bind(pool, "s", "two", 20.0)
    assert len(heard) == 2
    (bond,) = here.take_news()
    assert (bond, here.take_news()) == (Bond(pool, "s", "two", 20.0), [])
    there.learn(bond)
    assert there.of(pool, "s", 15.0) == "two"
    assert there.take_news() == []
