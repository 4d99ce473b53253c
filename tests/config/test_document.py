"""YAML and TOML as one tree with lines."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from trioproxy.config.document import Mapping, Node, Scalar, Sequence, parse_toml, parse_yaml
from trioproxy.config.problems import ConfigInvalid, Problem


def plain(node: Node) -> Any:
    """The tree as values with their lines."""
    match node:
        case Scalar():
            return (node.text, node.line)
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(member.value) for key, member in node.members.items()}


def problems(text: str, *, toml: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(ConfigInvalid) as raised:
        (parse_toml if toml else parse_yaml)(text, "file")
    assert raised.value.problems
    return raised.value.problems


def test_yaml_keeps_text_and_lines() -> None:
    tree = parse_yaml("a: 1\nb:\n  - off\n  - x: 'y'\nc: |\n  text\n", "f")

    assert plain(tree) == {"a": ("1", 1), "b": [("off", 3), {"x": ("y", 4)}], "c": ("text\n", 5)}
    assert isinstance(tree, Mapping)
    assert tree.members["b"].line == 2


def test_quotes_are_remembered() -> None:
    tree = parse_yaml("a: ~\nb: '~'\nc:\nd: ''\ne: NULL\n", "f")

    assert isinstance(tree, Mapping)
    nulls = [member.value.is_null for member in tree.members.values() if isinstance(member.value, Scalar)]
    assert nulls == [True, False, True, False, True]


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_empty_text_is_an_empty_mapping(text: str) -> None:
    assert plain(parse_yaml(text, "f")) == {}


def test_empty_document_is_a_null() -> None:
    tree = parse_yaml("---\n", "f")

    assert isinstance(tree, Scalar)
    assert tree.is_null


def test_scalars_show_nothing_of_themselves() -> None:
    tree = parse_yaml("api-key: secret\n", "f")

    assert isinstance(tree, Mapping)
    assert "secret" not in repr(tree) + repr(tree.members) + repr(tree.members["api-key"].value)


def test_anchors_and_merges() -> None:
    tree = parse_yaml(
        "base: &b {x: 1, y: 2}\none: *b\ntwo:\n  <<: *b\n  y: 3\nthree:\n  y: 4\n  <<: [*b, {z: 5}]\n  w: &s 6\nfour: *s\n",
        "f",
    )

    assert plain(tree) == {
        "base": {"x": ("1", 1), "y": ("2", 1)},
        "one": {"x": ("1", 1), "y": ("2", 1)},
        "two": {"x": ("1", 1), "y": ("3", 5)},
        "three": {"y": ("4", 7), "x": ("1", 1), "z": ("5", 8), "w": ("6", 9)},
        "four": ("6", 9),
    }


def test_merge_of_something_else_is_nothing() -> None:
    assert plain(parse_yaml("a:\n  <<: 1\n  b: 2\n", "f")) == {"a": {"b": ("2", 3)}}


def test_keys_given_twice_are_problems_all_of_them() -> None:
    found = problems("a: 1\nb: 2\na: 3\nc:\n  d: 1\n  d: 2\n")

    assert [(problem.line, problem.path) for problem in found] == [(3, "a"), (6, "d")]
    assert "first in line 1" in found[0].message


def test_merge_and_own_key_are_no_repetition_even_in_one_mapping() -> None:
    assert plain(parse_yaml("a:\n  b: &b {k: 1}\n  <<: *b\n  k: 2\n", "f"))["a"]["k"] == ("2", 4)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: [1\nb: 2\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("a: *nowhere\n", 1, "*nowhere"),
        ("a: &x [*x]\n", 1, "*x"),
        ("? [1, 2]\n: 3\n", 1, "a key is a word"),
        ("a: 1\n---\nb: 2\n", 2, "one YAML document"),
        ("a: \x00\n", 0, "not YAML"),
        ("a:\n\t- x\n", 2, "no tabs"),
        ("a: [${X}]\n", 1, "needs quotes"),
        ("a: {b: ${X}}\nc: 1", 1, "needs quotes"),
        ("[" * 41 + "]" * 41, 1, "deeper"),
        ("%YAML 9.9\n---\na: 1\n", 1, "not YAML"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int, word: str) -> None:
    found = problems(text)

    assert (found[0].line, found[0].file) == (line, "file")
    assert word in found[0].message


def test_depth_costs_no_stack() -> None:
    assert "deeper" in problems("- " * 50_000 + "x")[0].message


def test_size_is_bounded() -> None:
    assert "16 MiB" in problems("#" * (16 * 1024 * 1024 + 1))[0].message
    assert "16 MiB" in problems("#" * (16 * 1024 * 1024 + 1), toml=True)[0].message


def test_merged_keys_are_bounded() -> None:
    wide = "{" + ", ".join(f"k{number}: 1" for number in range(1000)) + "}"
    text = f"a: &a {wide}\n" + "".join(f"b{number}: {{<<: *a}}\n" for number in range(101))

    assert "merged" in problems(text)[0].message


def test_without_the_c_library_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")

    assert plain(parse_yaml("a:\n  - 1\n", "f")) == {"a": [("1", 2)]}
    assert "not YAML" in problems("a: [")[0].message


TOML = """\
# a comment
[server]
host = "127.0.0.1"
port = 18080

[providers."p.1"]
protocol = "openai_responses"
deep.er = true

[[routing.routes]]
name = "a"  # here
when = 2020-01-01

[[routing.routes]]
name = 'b'
list = [1.5, {x = "y"}, [2]]
[routing.routes.timeouts]
idle = 1
"""


def test_toml_keeps_text_and_lines() -> None:
    assert plain(parse_toml(TOML, "f")) == {
        "server": {"host": ("127.0.0.1", 3), "port": ("18080", 4)},
        "providers": {"p.1": {"protocol": ("openai_responses", 7), "deep": {"er": ("true", 8)}}},
        "routing": {
            "routes": [
                {"name": ("a", 11), "when": ("2020-01-01", 12)},
                {
                    "name": ("b", 15),
                    "list": [("1.5", 16), {"x": ("y", 16)}, [("2", 16)]],
                    "timeouts": {"idle": ("1", 18)},
                },
            ]
        },
    }


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a = \n", 1, "not TOML"),
        ("a = 1\na = 2\n", 2, "not TOML"),
        ("a = " + "[" * 42 + "]" * 42 + "\n", 1, "deeper"),
        ("a = " + "[" * 20_000 + "]" * 20_000 + "\n", 0, "nested too deeply"),
        ("a", 0, "not TOML"),
    ],
)
def test_what_is_no_toml_is_told(text: str, line: int, word: str) -> None:
    found = problems(text, toml=True)

    assert word in found[0].message
    assert found[0].line == line


def test_toml_booleans_and_nulls() -> None:
    assert plain(parse_toml("a = false\nb = ''\n", "f")) == {"a": ("false", 1), "b": ("", 2)}
