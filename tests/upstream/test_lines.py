from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trioproxy.upstream.lines import Path, line_of, lines, spelled

TEXT = """{
  "a": 1,
  "b": [
    {"c": "x, y: {"},
    [], {},
    "\\"]"
  ], "d": null,
  "é": {"e":
    true}
}"""

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Every member, in the order of the text."""
    found = [path]
    if isinstance(value, dict):
        for name, item in value.items():
            found += paths(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += paths(item, (*path, number))
    return found


def test_every_member_has_its_line() -> None:
    assert lines(TEXT) == {
        (): 1,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 0, "c"): 4,
        ("b", 1): 5,
        ("b", 2): 5,
        ("b", 3): 6,
        ("d",): 7,
        ("é",): 8,
        ("é", "e"): 9,
    }


@given(JSONS)
def test_members_are_found_however_the_text_is_spaced(value: Any) -> None:
    assert list(lines(json.dumps(value))) == paths(value)
    unfolded = lines(json.dumps(value, indent=1, ensure_ascii=False))
    assert list(unfolded) == paths(value)
    assert list(unfolded.values()) == sorted(unfolded.values())


def test_what_is_not_there_has_the_line_of_what_holds_it() -> None:
    found = lines(TEXT)
    assert line_of(found, ("b", 0, "absent", 7)) == 4
    assert line_of(found, ("absent",)) == 1
    assert line_of({}, ("absent",)) == 0


def test_a_path_is_spelled_as_people_do() -> None:
    assert spelled(("response", "chunks", 3, "at")) == "response.chunks[3].at"
    assert spelled(()) == ""
