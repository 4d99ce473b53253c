from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.events import Event, PartFinished, ResponseStarted, ToolArgsDelta, ToolCallStarted
from trioproxy.neutral.naming import NameRestorer, ToolNames, ToolNaming
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
