"""Strategies: exact shares, nobody forgotten, order kept where it was asked for."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.config.model import Credential, Deadlines, Strategy
from trioproxy.config.routed import Candidate
from trioproxy.credentials import selection
from trioproxy.credentials.selection import Counters, in_rotation
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import ModelFacts, Provider, Wire

WIRE = Wire(protocol="openai_chat", base_url="http://x.test/v1", paths={Operation.GENERATE: "/chat/completions"})
PROVIDER = Provider(name="x", title="X", wires=(WIRE,))


def candidate(
    name: str,
    *,
    tier: int = 0,
    weight: int = 1,
    features: frozenset[str] = frozenset(),
    facts: ModelFacts | None = None,
) -> Candidate:
    credential = Credential(id=name, label=name, provider=PROVIDER, wires=(WIRE,), weight=weight, features=features)
    return Candidate(credential=credential, wire=WIRE, model="m", deadlines=Deadlines(), tier=tier, facts=facts)


def weighted(*weights: int) -> list[Candidate]:
    return [candidate(f"c{number}", weight=weight) for number, weight in enumerate(weights)]


def ids(candidates: list[Candidate]) -> str:
    return " ".join(each.credential.id for each in candidates)


def arranged(candidates: list[Candidate], strategy: Strategy, counters: Counters, **more: Any) -> list[Candidate]:
    tiers = [list(members) for _, members in groupby(candidates, key=lambda each: each.tier)]
    return selection.arranged(tiers, strategy, counters, **more)


STRATEGIES = st.sampled_from(Strategy)
WEIGHTS = st.lists(st.integers(0, 9), min_size=1, max_size=6)


@given(STRATEGIES, st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5)), max_size=8), st.integers(1, 4))
def test_everyone_is_in_the_order_once_and_tiers_stay_apart(
    strategy: Strategy, made: list[tuple[int, int]], rounds: int
) -> None:
    candidates = [candidate(f"c{n}", tier=tier, weight=weight) for n, (tier, weight) in enumerate(sorted(made))]
    counters = Counters()
    for _ in range(rounds):
        order = arranged(candidates, strategy, counters)
        assert sorted(ids(order).split()) == sorted(ids(candidates).split())
        assert [each.tier for each in order] == [each.tier for each in candidates]


@given(WEIGHTS, st.integers(1, 3))
def test_weighted_shares_are_exact_over_a_cycle(weights: list[int], cycles: int) -> None:
    candidates, counters = weighted(*weights), Counters()
    for _ in range(cycles):
        first = Counter(
            order[0].credential.id
            for _ in range(sum(weights))
            if (order := arranged(candidates, Strategy.WEIGHTED, counters))
        )
        assert first == {f"c{number}": weight for number, weight in enumerate(weights) if weight}


@given(STRATEGIES.filter(lambda each: each is not Strategy.FILL_FIRST), st.integers(1, 7))
def test_of_equals_each_is_first_once_in_a_cycle(strategy: Strategy, count: int) -> None:
    candidates, counters = weighted(*[1] * count), Counters()
    first = [arranged(candidates, strategy, counters)[0].credential.id for _ in range(count)]
    assert sorted(first) == sorted(ids(candidates).split())


def test_weights_are_spread_smoothly() -> None:
    # The sequence nginx documents for weights 5, 1, 1.
    candidates, counters = weighted(5, 1, 1), Counters()
    first = [arranged(candidates, Strategy.WEIGHTED, counters)[0].credential.id for _ in range(7)]
    assert first == ["c0", "c0", "c1", "c0", "c2", "c0", "c0"]


@pytest.mark.parametrize("weight", [0, -1])
def test_without_a_weight_a_credential_is_out_of_weighted_rotation_only(weight: int) -> None:
    out, other = candidate("out", weight=weight), candidate("other")
    assert ids(arranged([out, other], Strategy.WEIGHTED, Counters())) == "other"
    assert arranged([out], Strategy.WEIGHTED, Counters()) == []
    assert ids(arranged([out, other], Strategy.FILL_FIRST, Counters())) == "out other"
    assert [in_rotation(out, each) for each in Strategy] == [each is not Strategy.WEIGHTED for each in Strategy]


def test_who_leaves_the_rotation_leaves_its_savings() -> None:
    candidates, counters = weighted(1, 1, 1), Counters()
    arranged(candidates, Strategy.WEIGHTED, counters)
    arranged(candidates[:2], Strategy.WEIGHTED, counters)
    assert counters.credits(("", 0), [("c0", "m"), ("c2", "m")])[("c2", "m")] == 0


def test_one_credential_with_two_models_has_two_turns() -> None:
    one = candidate("c")
    two = attrs.evolve(one, model="other")
    counters = Counters()
    first = [arranged([one, two], Strategy.WEIGHTED, counters)[0].model for _ in range(4)]
    assert first == ["m", "other", "m", "other"]


def test_fill_first_keeps_the_files_order() -> None:
    counters = Counters()
    for _ in range(3):
        assert ids(arranged(weighted(1, 9, 3), Strategy.FILL_FIRST, counters)) == "c0 c1 c2"


def test_capability_asks_those_that_have_it_then_those_nobody_knows() -> None:
    candidates = [
        candidate("lacks", features=frozenset({"tools"})),
        candidate("unknown"),
        candidate("has", features=frozenset({"tools"}), facts=ModelFacts(id="m", features=frozenset({"multimodal"}))),
        candidate("knows", facts=ModelFacts(id="m", features=frozenset({"functions", "vision"}))),
    ]
    counters, needs = Counters(), frozenset({"tools", "vision"})
    orders = [ids(arranged(candidates, Strategy.CAPABILITY, counters, needs=needs)) for _ in range(4)]
    assert orders == [
        "has knows unknown lacks",
        "has knows unknown lacks",
        "has knows unknown lacks",
        "knows has unknown lacks",
    ]


def test_capability_rotates_where_nothing_is_needed() -> None:
    candidates = [candidate("a", features=frozenset({"tools"})), candidate("b")]
    counters = Counters()
    assert [ids(arranged(candidates, Strategy.CAPABILITY, counters)) for _ in range(2)] == ["a b", "b a"]


def test_models_have_turns_of_their_own() -> None:
    candidates, counters = weighted(1, 1), Counters()
    orders = [ids(arranged(candidates, Strategy.ROUND_ROBIN, counters, asked=asked)) for asked in "aba"]
    assert orders == ["c0 c1", "c0 c1", "c1 c0"]


def test_groups_that_were_not_asked_for_longest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MOST_GROUPS", 2)
    counters = Counters()
    assert [counters.turn((name, 0)) for name in ("a", "b", "a", "c", "a", "b")] == [0, 0, 1, 0, 2, 0]
    for name in "abac":
        saved = counters.credits((name, 0), [("c", "m")])
        saved["c", "m"] += 1
    assert [counters.credits((name, 0), [("c", "m")])["c", "m"] for name in "acb"] == [2, 1, 0]
