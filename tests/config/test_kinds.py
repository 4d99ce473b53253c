"""What keys may hold, and how text is read."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from trioproxy.config.document import Mapping, parse_yaml
from trioproxy.config.kinds import (
    Anything,
    Choice,
    Flag,
    Kind,
    Number,
    Seconds,
    Text,
    TextLists,
    TextMap,
    Texts,
    Whole,
)
from trioproxy.config.model import Secret
from trioproxy.config.problems import Place, Report
from trioproxy.config.reading import UNSET, Reading
from trioproxy.config.tables import Block, Forms, Hidden, Key, Many, Named

KINDS: list[Kind] = [
    Text(), Text(secret=True), Text(empty=False), Choice(words={"a": 1}), Flag(), Whole(), Number(), Seconds(), Seconds(zero_is_off=True),
    Texts(), TextMap(), TextLists(), Anything(), Block(title="b", keys=(Key("k", Text(), ""),)), Many(block=Block(title="b", keys=())),
    Named(block=Block(title="b", keys=())), Hidden(kind=Flag()),
]  # fmt: skip


def read(kind: Kind, text: str, env: dict[str, str] | None = None) -> tuple[Any, list[str]]:
    """The value of ``k`` in ``k: text``, and the messages."""
    report = Report()
    tree = parse_yaml(f"k: {text}\n", "f")
    assert isinstance(tree, Mapping)
    value = kind.read(tree.members["k"].value, Place("f", 1, "k"), Reading(env=env or {}, report=report))
    return value, [problem.message for problem in report.problems]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Text(), "word", "word"),
        (Text(), "' padded '", "padded"),
        (Text(), "8317", "8317"),
        (Text(), "off", "off"),
        (Text(), "", UNSET),
        (Text(), "''", ""),
        (Choice(words={"openai_chat": 1, "b": 2}), "OPENAI-chat", 1),
        (Flag(), "yes", True),
        (Flag(), "Off", False),
        (Flag(), "'true'", True),
        (Flag(), "~", UNSET),
        (Whole(), "8317", 8317),
        (Whole(), "'8_317'", 8317),
        (Whole(low=None), "-3", -3),
        (Whole(low=1, high=3), "3", 3),
        (Whole(), "null", UNSET),
        (Number(), "0.5", 0.5),
        (Number(), "1e2", 100.0),
        (Number(), "", UNSET),
        (Seconds(), "2.5", 2.5),
        (Seconds(), "'30s'", 30.0),
        (Seconds(), "1h30m", 5400.0),
        (Seconds(), "500ms", 0.5),
        (Seconds(), "1d", 86400.0),
        (Seconds(), "off", inf),
        (Seconds(), "false", inf),
        (Seconds(), "Never", inf),
        (Seconds(), "", UNSET),
        (Seconds(zero_is_off=True), "0", inf),
        (Seconds(zero_is_off=True), "-1", inf),
        (Seconds(zero=True), "0", 0.0),
        (Texts(), "[a, 1, ' b ', '', ~]", ("a", "1", "b")),
        (Texts(), "alone", ("alone",)),
        (Texts(), "", ()),
        (TextMap(), "{a: 1, b: ~, c: x}", {"a": "1", "c": "x"}),
        (TextMap(), "", {}),
        (TextLists(), "{a: [b, c], d: e}", {"a": ("b", "c"), "d": ("e",)}),
        (Anything(), "{any: [thing]}", None),
    ],
)
def test_text_is_read_as_the_kind_says(kind: Kind, text: str, value: Any) -> None:
    assert read(kind, text) == (value, [])


def test_secret_is_hidden() -> None:
    value, _ = read(Text(secret=True), " sk-1 ")

    assert value == Secret("sk-1")
    assert "sk-1" not in repr(value)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Text(), "[a]", "expected one value, got a list"),
        (Text(), "{a: b}", "expected one value, got a mapping"),
        (Text(empty=False), "'  '", "is empty"),
        (Choice(words={"json": 1, "text": 2}), "jsn", "'jsn' is not one of json, text"),
        (Flag(), "maybe", "expected true or false, got 'maybe'"),
        (Whole(), "1.5", "expected a whole number, got '1.5'"),
        (Whole(), "'99999999999999999999'", "expected a whole number"),
        (Whole(), "-1", "-1 is out of range (at least 0)"),
        (Whole(low=None, high=3), "4", "4 is out of range (at most 3)"),
        (Whole(low=1, high=3), "4", "4 is out of range (1 to 3)"),
        (Number(), "-1", "expected a number of at least 0"),
        (Number(), "nan", "expected a number of at least 0"),
        (Number(), "many", "expected a number of at least 0"),
        (Seconds(), "0", "write off"),
        (Seconds(), "-1", "expected seconds"),
        (Seconds(), "soon", "expected seconds"),
        (Seconds(), "5 m", "expected seconds"),
        (Seconds(), "1m?", "expected seconds"),
        (Seconds(zero_is_off=True), "soon", "expected seconds"),
        (Seconds(), "[1]", "expected one value"),
        (TextMap(), "[a]", "expected a mapping (key: value lines), got a list"),
        (TextMap(), "word", "expected a mapping (key: value lines), got one value"),
        (Texts(), "[[a]]", "expected one value, got a list"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_nothing(kind: Kind, text: str, message: str) -> None:
    value, messages = read(kind, text)

    assert value in (UNSET, {}, ())
    assert len(messages) == 1
    assert message in messages[0]


@pytest.mark.parametrize(
    ("text", "env", "value"),
    [
        ("'${A}'", {"A": "x"}, "x"),
        ("'a${A}b${B:-y}c'", {"A": "x"}, "axbyc"),
        ("'${A:-d}'", {"A": ""}, "d"),
        ("'${A:-}'", {}, ""),
        ("'${A:-http://h:1/x}'", {}, "http://h:1/x"),
        ("'${1} $A ${a b} ${}'", {"A": "x"}, "${1} $A ${a b} ${}"),
        ("'${A}'", {"A": "${B}", "B": "never"}, "${B}"),
    ],
)
def test_variables_are_expanded(text: str, env: dict[str, str], value: str) -> None:
    assert read(Text(), text, env) == (value, [])


def test_variable_may_stand_for_a_number_or_a_switch() -> None:
    assert read(Whole(), "${PORT}", {"PORT": "9"}) == (9, [])
    assert read(Flag(), "${ON:-true}") == (True, [])


def test_missing_variable_is_a_problem_but_in_templates() -> None:
    _, messages = read(Text(), "${NOT_SET}")

    assert "NOT_SET" in messages[0]
    assert "${NOT_SET:-...}" in messages[0]
    assert read(Text(lenient=True), "'${name}/$1'") == ("${name}/$1", [])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_every_kind_has_a_word_and_a_schema(kind: Kind) -> None:
    assert kind.word
    Draft202012Validator.check_schema(kind.schema())


def test_forms_have_one_too() -> None:
    block = Block(title="b", keys=())
    forms = Forms(blocks=(block,), choose=lambda keys: block)

    assert forms.word
    Draft202012Validator.check_schema(forms.schema())


TREES = st.recursive(
    st.sampled_from(["a", "'q'", "1", "off", "~", "'${X}'", "-1", "1.5", "''"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from("kab"), inner, max_size=3).map(
            lambda members: "{" + ", ".join(f"{key}: {value}" for key, value in members.items()) + "}"
        )
    ),
    max_leaves=6,
)


@given(st.sampled_from(KINDS), TREES)
def test_no_value_breaks_a_reader(kind: Kind, text: str) -> None:
    value, messages = read(kind, text)

    assert value is not None or isinstance(kind, Anything)
    assert all(messages)


def test_what_anchors_make_of_a_small_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioproxy.config.reading._MOST_NODES", 20_000)
    wide = ", ".join(f"k{number}: v" for number in range(1000))
    tree = parse_yaml(f"l: &l {{{wide}}}\nk:\n" + "".join(f"  m{number}: *l\n" for number in range(1000)), "f")
    assert isinstance(tree, Mapping)
    report = Report()
    reading = Reading(env={}, report=report)
    block = Named(block=Block(title="b", keys=tuple(Key(f"k{n}", Text(), "") for n in range(1000))))

    block.read(tree.members["k"].value, Place("f", 1), reading)

    assert Texts().read(parse_yaml("[a, b]", "f"), Place("f", 1), reading) == ()
    assert len(report.problems) == 1
    assert "anchors" in report.problems[0].message
    assert reading.visited < 30_000
