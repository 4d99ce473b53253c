"""What providers list themselves, in lists and routes."""

from __future__ import annotations

import pytest

from tests.config.making import made
from trioproxy.config.listing import listing
from trioproxy.config.model import ClientKey, ModelEntry, Secret, Snapshot
from trioproxy.config.routes import explain, route
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.errors import ErrorKind, ProxyError

LOCAL = """
openai-compatibility:
  - {name: ollama, base-url: "http://a/v1", discover: true}
  - {name: studio, prefix: s, base-url: "http://b/v1", discover: true}
"""


def telling(text: str, **lists: list[str]) -> Snapshot:
    """The snapshot after each named group has told its models; ``ollama_2`` is the second credential."""
    cell = SnapshotCell(made(text))
    labels = {credential.label: credential.id for credential in cell.current.credentials}
    for name, models in lists.items():
        group, _, number = name.partition("_")
        entries = tuple(ModelEntry(name=each, alias=each, context_length=7) for each in models)
        cell.discover(labels[f"{group}#{number or 1}"], entries)
    return cell.current


def to(snapshot: Snapshot, model: str) -> list[tuple[str, str]]:
    routed = route(snapshot, protocol="openai_chat", model=model)
    return [(each.credential.label, each.model) for each in routed.candidates]


def test_a_name_that_was_told_goes_to_who_told_it() -> None:
    snapshot = telling(LOCAL, ollama=["qwen3:8b"], studio=["org/llama", "both"])

    assert [card.id for card in listing(snapshot)] == ["qwen3:8b", "s/org/llama", "org/llama", "s/both", "both"]
    assert to(snapshot, "qwen3:8b") == [("ollama#1", "qwen3:8b")]
    assert to(snapshot, "org/llama") == to(snapshot, "s/org/llama") == [("studio#1", "org/llama")]
    assert to(snapshot, "qwen3:8b(high)") == [("ollama#1", "qwen3:8b")]
    [candidate] = route(snapshot, protocol="openai_chat", model="both").candidates
    assert candidate.facts is not None
    assert candidate.facts.context_length == 7
    assert to(snapshot, "auto")[0] == ("ollama#1", "qwen3:8b")


def test_other_names_go_as_they_went() -> None:
    before, after = made(LOCAL), telling(LOCAL, ollama=["a"], studio=["b"])

    for name in ("unknown", "s/unknown", "ollama/unknown"):
        assert to(before, name) == to(after, name)


def test_a_name_with_parentheses_that_was_told_is_that_name() -> None:
    snapshot = telling(LOCAL, ollama=["odd(high)"])

    assert to(snapshot, "odd(high)") == [("ollama#1", "odd(high)")]


def test_it_outranks_patterns_but_not_who_has_the_very_name() -> None:
    text = LOCAL + "codex-api-key: [{api-key: k}]\n"
    snapshot = telling(text, ollama=["gpt-oss:20b", "gpt-5"], studio=["codex/gpt-5", "codex/mine"])

    assert to(snapshot, "gpt-oss:20b") == [("ollama#1", "gpt-oss:20b")]
    assert to(snapshot, "gpt-5") == [("ollama#1", "gpt-5"), ("codex#1", "gpt-5")]
    assert to(snapshot, "codex/gpt-5") == [("studio#1", "codex/gpt-5"), ("codex#1", "gpt-5")]
    assert to(snapshot, "codex/mine") == [("studio#1", "codex/mine")]
    first = telling(text.replace("{api-key: k}", "{api-key: k, priority: 1}"), ollama=["gpt-5"])
    assert to(first, "gpt-5") == [("codex#1", "gpt-5"), ("ollama#1", "gpt-5")]


def test_names_in_the_file_outrank_it() -> None:
    text = LOCAL + "groq: [{api-key: k, models: [{name: m, alias: a}]}]\n"

    assert to(telling(text, ollama=["a"]), "a") == [("groq#1", "m")]


def test_behind_one_prefix_nobody_is_asked_whose_list_lacks_the_name() -> None:
    text = """
openai-compatibility:
  - {name: one, prefix: p, base-url: "http://a/v1", discover: true}
  - {name: two, prefix: p, base-url: "http://b/v1", discover: true}
  - {name: three, prefix: p, base-url: "http://c/v1"}
"""
    snapshot = telling(text, one=["m"], two=["n"])

    assert to(snapshot, "p/m") == [("one#1", "m"), ("three#1", "m")]
    assert to(snapshot, "p/else") == [("one#1", "else"), ("two#1", "else"), ("three#1", "else")]


def test_lists_of_exclusions_and_of_client_keys_hold() -> None:
    text = LOCAL.replace("discover: true", "discover: true, excluded-models: ['*-base']")
    snapshot = telling("force-model-prefix: true\n" + text, ollama=["m", "m-base"], studio=["n", "n-base"])
    client = ClientKey(id="c", key=Secret("k"), models=("s/*",))

    assert [card.id for card in listing(snapshot)] == ["m", "s/n"]
    assert [card.id for card in listing(snapshot, client)] == ["s/n"]
    for name in ("m-base", "s/n-base"):
        with pytest.raises(ProxyError) as raised:
            to(snapshot, name)
        assert raised.value.failure.kind is ErrorKind.MODEL_NOT_FOUND
    assert to(snapshot, "n") == [("ollama#1", "n")]  # without its prefix the other is not meant


def test_a_route_takes_the_figures_that_were_told() -> None:
    snapshot = telling(
        LOCAL + "routing: {routes: [{model-pattern: r, provider: ollama, upstream-model: m}]}\n", ollama=["m"]
    )

    [candidate] = route(snapshot, protocol="openai_chat", model="r").candidates
    assert candidate.facts is not None
    assert candidate.facts.context_length == 7


def test_near_names_and_reasons_know_it() -> None:
    text = LOCAL.split("  - {name: ollama")[0] + LOCAL.splitlines()[3] + "\n"
    snapshot = telling(text, studio=["qwen3:8b"])
    explanation = explain(snapshot, protocol="openai_chat", model="qwen3:8c")
    unknown = explain(made(text), protocol="openai_chat", model="qwen3:8c")

    assert "did you mean 'qwen3:8b'" in explanation.lines[0]
    assert explanation.lines[1].endswith("its provider lists no such model")
    assert unknown.lines[1].endswith("no list of its provider's models is known here")


def test_lists_and_switches_lie_over_each_other_and_outlive_reloads() -> None:
    cell = SnapshotCell(made(LOCAL))
    first, second = cell.current.credentials
    generation = cell.current.generation
    models = (ModelEntry(name="m", alias="m"),)
    assert cell.discover(first.id, models).generation == generation + 1
    assert cell.discover(first.id, models).generation == generation + 1
    cell.switch("ollama", False)
    assert [(each.enabled, each.discovered) for each in cell.current.credentials] == [(False, models), (True, ())]
    cell.swap(made(LOCAL + "port: 1\n"))
    assert [(each.enabled, each.discovered) for each in cell.current.credentials] == [(False, models), (True, ())]
    cell.swap(made(LOCAL.replace("discover: true", "discover: false")))
    assert cell.discover(second.id, models) is cell.current
    cell.swap(made(LOCAL))
    assert [each.discovered for each in cell.current.credentials] == [(), ()]
