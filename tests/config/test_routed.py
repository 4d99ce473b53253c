"""Where a request may go, and what is told of it once for all requests."""

from __future__ import annotations

from tests.config.making import made
from trioproxy.config.routed import Routed
from trioproxy.config.routes import route

HOUSE = """
openai-compatibility:
  - name: a
    base-url: "http://a.example/v1"
    priority: 2
    limits: {concurrent: 1}
    api-key-entries: [{api-key: k1}, {api-key: k2, weight: 0}]
    models: [{name: m}]
  - name: b
    base-url: "http://b.example/v1"
    api-key-entries: [{api-key: k3}]
    models: [{name: m}, {name: other}]
fallbacks: {m: [other]}
"""


def routed() -> Routed:
    return route(made(HOUSE), protocol="openai_chat", model="m")


def test_tiers_are_cut_where_the_model_or_the_priority_changes() -> None:
    found = [(tier.fallback, tier.number, tier.start, tier.end) for tier in routed().tiers]

    assert found == [(None, 0, 0, 2), (None, 1, 2, 3), ("other", 2, 3, 4)]


def test_places_of_a_credential_are_all_of_them() -> None:
    way = routed()
    k3 = way.candidates[2].credential.id

    assert way.places[k3] == (2, 3)
    assert sum(len(places) for places in way.places.values()) == 4


def test_who_has_limits_or_no_weight_is_known_by_place() -> None:
    assert routed().limited == (0, 1)
    assert routed().weightless == {1}


def test_candidates_that_share_a_wire_are_looked_at_once() -> None:
    way = routed()

    assert {each.wire.base_url for each in way.wires} == {"http://a.example/v1", "http://b.example/v1"}
    assert len(way.wires) < len(way.candidates)


def test_groups_are_told_by_the_model_that_led_there() -> None:
    assert routed().groups == {None: {"a", "b"}, "other": {"b"}}


def test_what_is_peculiar_of_a_provider_stands_before_what_is_of_its_model() -> None:
    (candidate,) = route(made("deepseek: [{api-key: k}]"), protocol="openai_chat", model="deepseek-chat").candidates

    assert candidate.quirks[: len(candidate.credential.quirks)] == candidate.credential.quirks
    assert candidate.quirks == (*candidate.credential.quirks, *candidate.credential.provider.quirks_of("deepseek-chat"))
