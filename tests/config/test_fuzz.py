"""Whatever a file holds: a snapshot or ConfigInvalid, and nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.making import made
from trioproxy.config.load import ConfigInvalid, build, load
from trioproxy.config.model import Snapshot
from trioproxy.config.schema import root
from trioproxy.config.tables import blocks_in
from trioproxy.providers.catalog import catalogue

KEYS = sorted({key.name for block in blocks_in(root(catalogue())) for key in block.keys} | {"<<", "", "x"})
VALUES = st.sampled_from(
    ["", "a", "*", "(", "claude", "replay", "custom", "openai_chat", "anthropic", "regex", "http://h", "https://api.openai.com/v1",
     "off", "${X}", "${HOME}", "${X:-1}", "m(high)", "~", "$1", "/", "a/b", "\u2028", "[", "127.0.0.1"]
)  # fmt: skip
SCALARS = VALUES | st.integers(-3, 70000) | st.floats(allow_nan=True) | st.booleans() | st.none()
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)
TOP_KEYS = sorted({key.name for key in root(catalogue()).keys})


def tried(text: str, name: str = "c.yaml") -> Snapshot | None:
    try:
        return made(text, name=name)
    except ConfigInvalid as exc:
        refusal = exc
    assert refusal.problems
    assert all(problem.message for problem in refusal.problems)
    return None


@given(st.dictionaries(st.sampled_from(TOP_KEYS), DOCUMENTS, max_size=5))
@settings(max_examples=300)
def test_any_document_of_known_keys(document: dict[str, Any]) -> None:
    tried(yaml.safe_dump(document))


TABLES = st.dictionaries(st.sampled_from(KEYS), DOCUMENTS, max_size=6)
ENTRIES = st.lists(st.dictionaries(st.sampled_from(KEYS), DOCUMENTS, max_size=5), max_size=2)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "claude-api-key": ENTRIES,
            "openai-compatibility": ENTRIES,
            "providers": st.dictionaries(st.sampled_from(["a", "claude", " "]), TABLES, max_size=2),
            "routing": st.fixed_dictionaries({}, optional={"routes": ENTRIES, "default-provider-names": DOCUMENTS}),
            "api-keys": ENTRIES,
        },
    )
)
@settings(max_examples=300)
def test_any_entry_of_known_keys(document: dict[str, Any]) -> None:
    tried(yaml.safe_dump(document))


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    tried(text)
    tried(text, "c.toml")


@given(st.text(alphabet=" \n:-[]{}&*?!|>'\"#%@,~ab1\t<", max_size=60))
@settings(max_examples=300)
def test_any_text_of_yamls_own_characters(text: str) -> None:
    tried(text)


@given(data=st.binary(max_size=100), suffix=st.sampled_from([".yaml", ".toml"]))
def test_any_bytes(data: bytes, suffix: str, tmp_path_factory: Any) -> None:
    path: Path = tmp_path_factory.getbasetemp() / f"fuzzed{suffix}"
    path.write_bytes(data)

    with contextlib.suppress(ConfigInvalid):
        build(load(path), catalogue(), {})


def test_nested_anchors_stay_small() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    for key in (
        "fallbacks: {m: *a11}",
        "api-keys: *a11",
        "claude-api-key: *a11",
        "payload: *a11",
        "providers: {p: *a11}",
    ):
        assert tried("\n".join([*lines, key])) is None


def test_nested_anchors_of_blocks_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioproxy.config.reading._MOST_NODES", 20_000)
    models = "m: &m [" + ", ".join(["{name: a}"] * 300) + "]\n"
    entries = "e: &e [" + ", ".join(["{api-key: k, models: *m}"] * 300) + "]\n"
    blocks = "".join(
        f"{block}: *e\n" for block in ("groq", "mistral", "together", "novita", "kimi", "nvidia", "qwen", "roo")
    )

    assert tried(models + entries + blocks) is None
