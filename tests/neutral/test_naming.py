from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.events import Event, PartFinished, ResponseStarted, ToolArgsDelta, ToolCallStarted
from trioproxy.neutral.naming import InputUnwrapper, NameRestorer, ToolNames, ToolNaming
from trioproxy.neutral.parts import ToolKind

NAMES = st.lists(st.tuples(st.text(min_size=1, max_size=90), st.none() | st.text(max_size=20)), unique=True, max_size=8)


@given(NAMES)
def test_names_are_legal_unique_and_stable_and_lead_back(declared: list[tuple[str, str | None]]) -> None:
    names = ToolNames(limit=64, first="[a-zA-Z_]")
    upstream = [names.declare(name, namespace=namespace) for name, namespace in declared]
    again = ToolNames(limit=64, first="[a-zA-Z_]")
    naming = names.naming()

    assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_-]{0,63}", name) for name in upstream)
    assert len(set(upstream)) == len(declared)
    assert [again.declare(name, namespace=namespace) for name, namespace in declared] == upstream
    assert [names.declare(name, namespace=namespace) for name, namespace in declared] == upstream
    assert [naming.originals.get(name, (name, None)) for name in upstream] == declared


def test_legal_names_stay_and_need_no_way_back() -> None:
    names = ToolNames(limit=64)
    assert names.declare("get_weather") == "get_weather"
    assert not names.naming()


def test_a_long_name_keeps_its_telling_tail() -> None:
    name = "mcp__" + "server_" * 12 + "__read_file"
    assert ToolNames(limit=64).declare(name).endswith("__read_file")


def test_of_finds_a_declared_tool_by_its_bare_name_and_invents_for_one_that_is_not() -> None:
    names = ToolNames(limit=64)
    inside = names.declare("run", namespace="shell")
    assert inside == "shell__run"
    assert names.of("run", namespace="shell") == inside
    assert names.of("run") == inside
    assert names.of("gone!") == "gone_"
    assert names.naming().originals["gone_"] == ("gone!", None)


def test_custom_tools_are_remembered() -> None:
    names = ToolNames(limit=64)
    assert names.declare("apply_patch", custom=True) == "apply_patch"
    assert names.naming() == ToolNaming(custom=frozenset({"apply_patch"}))


def restore(naming: ToolNaming, events: list[Event]) -> list[Event]:
    restorer = NameRestorer(naming)
    return restorer.feed_all(events) + restorer.close()


def call(name: str, *pieces: str) -> list[Event]:
    return [
        ToolCallStarted(index=0, call_id="c", name=name),
        *(ToolArgsDelta(index=0, text=piece) for piece in pieces),
        PartFinished(index=0),
    ]


def test_names_and_namespaces_are_given_back() -> None:
    naming = ToolNaming(originals={"shell__run": ("run", "shell")})

    assert restore(naming, [ResponseStarted(id="", model=""), *call("shell__run", "{}"), *call("other", "{}")]) == [
        ResponseStarted(id="", model=""),
        ToolCallStarted(index=0, call_id="c", name="run", namespace="shell"),
        ToolArgsDelta(index=0, text="{}"),
        PartFinished(index=0),
        *call("other", "{}"),
    ]


def test_a_custom_tool_gets_its_free_text_as_it_comes() -> None:
    naming = ToolNaming(custom=frozenset({"patch"}))

    assert restore(naming, call("patch", '{"inp', 'ut": "a\\', "nb", '"}')) == [
        ToolCallStarted(index=0, call_id="c", name="patch", kind=ToolKind.CUSTOM),
        ToolArgsDelta(index=0, text="a"),
        ToolArgsDelta(index=0, text="\nb"),
        PartFinished(index=0),
    ]


def test_what_was_held_back_comes_before_the_end() -> None:
    naming = ToolNaming(custom=frozenset({"patch"}))

    assert restore(naming, call("patch", '{"in')) == [
        ToolCallStarted(index=0, call_id="c", name="patch", kind=ToolKind.CUSTOM),
        ToolArgsDelta(index=0, text='{"in'),
        PartFinished(index=0),
    ]


def unwrap(pieces: list[str]) -> str:
    unwrapper = InputUnwrapper()
    return "".join(unwrapper.feed(piece) for piece in pieces) + unwrapper.close()


@given(st.text(), st.booleans(), st.data())
def test_the_string_comes_out_whatever_the_borders(text: str, ascii_only: bool, data: st.DataObject) -> None:
    raw = json.dumps({"input": text}, ensure_ascii=ascii_only)
    borders = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[a:b] for a, b in zip([0, *borders], [*borders, len(raw)], strict=True)]

    assert unwrap(pieces) == text


@pytest.mark.parametrize("raw", ["plain words", '{"other": 1}', "[1]", '{"input": 3}', "", '{"input'])
def test_another_shape_passes_unchanged(raw: str) -> None:
    assert unwrap([raw]) == raw
    assert unwrap(list(raw)) == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r'{"input":"\ud83d\ude00"}', "😀"),
        (r'{"input":"\ud83dx"}', "\ufffdx"),
        (r'{"input":"\ud83dxxxxxx"}', "\ufffdxxxxxx"),
        (r'{"input":"\ud83d\u0041"}', "\ufffdA"),
        (r'{"input":"\ude00"}', "\ufffd"),
        (r'{"input":"\/\b\f\q"}', "/\b\fq"),
        (' {\n "input" : "a" , "more": 1}', "a"),
        (r'{"input":"\uZZZZ"}', r"\uZZZZ"),
        (r'{"input":"\u12"}', r"\u12"),
        (r'{"input":"\ud83d\uZZZZ"}', "\ufffd" + r"\uZZZZ"),
        (r'{"input":"\u00', ""),
    ],
)
def test_escapes(raw: str, text: str) -> None:
    assert unwrap([raw]) == text
    assert unwrap(list(raw)) == text


@pytest.mark.parametrize("name", ["input", "patch", "code", "script", "text"])
def test_free_text_comes_out_of_the_argument_that_a_model_knows_by_heart(name: str) -> None:
    unwrapper = InputUnwrapper()
    whole = f'{{"{name}": "*** Begin\\n"}}'
    assert "".join(unwrapper.feed(piece) for piece in whole) + unwrapper.close() == "*** Begin\n"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('{"inputs": "x"}', '{"inputs": "x"}'),
        ("{}", ""),
        (" { } ", ""),
        ('{"why": "a slip", "input": "*** Begin"}', "*** Begin"),
        ('{"command": ["apply_patch", "*** Begin"]}', "*** Begin"),
        ('{"command": ["bash", "-lc", "ls"]}', '{"command": ["bash", "-lc", "ls"]}'),
        ('{"why": "cut o', '{"why": "cut o'),
        ("{ not json", "{ not json"),
    ],
)
def test_an_object_of_another_shape_waits_for_its_end(raw: str, text: str) -> None:
    assert unwrap([raw]) == text
    assert unwrap(list(raw)) == text


def test_arguments_get_their_types_back() -> None:
    names = ToolNames(limit=64)
    names.retype(names.declare("f"), {"properties": {"n": {"enum": [60]}}})
    naming = names.naming()
    assert naming
    restorer = NameRestorer(naming)
    started = [ToolCallStarted(index=0, call_id="a", name="f"), ToolCallStarted(index=1, call_id="b", name="g")]
    pieces = [
        ToolArgsDelta(index=0, text='{"n":"6'),
        ToolArgsDelta(index=1, text="{}"),
        ToolArgsDelta(index=0, text='0"}'),
    ]
    assert restorer.feed_all([*started, *pieces]) == [*started, pieces[1]]
    assert (restorer.unwraps(0), restorer.unwraps(1)) == (True, False)
    assert restorer.feed(PartFinished(index=0)) == [ToolArgsDelta(index=0, text='{"n":60}'), PartFinished(index=0)]
    empty: list[Event] = [ToolCallStarted(index=2, call_id="c", name="f"), PartFinished(index=2)]
    assert restorer.feed_all(empty) == empty
