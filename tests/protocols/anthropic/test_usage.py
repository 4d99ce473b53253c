from __future__ import annotations

import attrs
import pytest
from hypothesis import given

from tests.support.events import usages
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.anthropic.usage import Tally, usage_fields


def test_the_hub_counts_the_cache_inside_the_input() -> None:
    usage = Tally().take(
        {"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3, "output_tokens": 4}
    )
    assert usage == Usage(input=15, output=4, cache_read=7, cache_write=3)


def test_reports_are_cumulative_and_a_zero_replaces_nothing() -> None:
    tally = Tally()
    assert tally.take({"input_tokens": 17, "output_tokens": 1}) == Usage(input=17, output=1)
    assert tally.take({"input_tokens": 0, "output_tokens": 227}) == Usage(input=17, output=227)
    assert tally.take({"input_tokens": 12, "cache_read_input_tokens": 5}) == Usage(input=17, output=227, cache_read=5)
    assert tally.take({"input_tokens": 9, "cache_read_input_tokens": 0}) == Usage(input=9, output=227, cache_read=0)
    assert tally.take(None) is None


def test_nothing_known_is_nothing_said() -> None:
    tally = Tally()
    assert tally.take({}) is None
    assert tally.take([]) is None
    assert tally.take({"input_tokens": None, "output_tokens": "3"}) is None
    assert tally.take({"output_tokens": True}) is None
    assert tally.take({"output_tokens": -1}) is None


def test_output_alone() -> None:
    assert Tally().take({"output_tokens": 0}) == Usage(output=0)


def test_thinking_is_inside_the_output() -> None:
    tally = Tally()
    assert tally.take({"output_tokens_details": {"thinking_tokens": 9}}) == Usage(reasoning=9)
    assert tally.take({"output_tokens": 20, "output_tokens_details": None}) == Usage(output=20, reasoning=9)


def test_what_somebody_may_want_is_kept() -> None:
    tally = Tally()
    tally.take(
        {
            "service_tier": "standard",
            "inference_geo": "global",
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "server_tool_use": {"web_search_requests": 1},
            "speed": None,
        }
    )
    assert tally.rest == {"server_tool_use": {"web_search_requests": 1}}
    tally.take({"service_tier": "unheard of"})
    assert tally.rest == {"server_tool_use": {"web_search_requests": 1}, "service_tier": "unheard of"}


def test_counts_for_a_client() -> None:
    nothing = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    assert usage_fields(None) == dict.fromkeys(nothing, 0)
    assert usage_fields(Usage(input=15, output=4, cache_read=7, cache_write=3, reasoning=2)) == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 7,
        "output_tokens": 4,
        "output_tokens_details": {"thinking_tokens": 2},
    }


def test_input_is_never_below_nothing() -> None:
    assert usage_fields(Usage(input=3, cache_read=7))["input_tokens"] == 0


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (Usage(input=12, cache_read=10, cache_write=10), (0, 2, 10)),
        (Usage(input=12, cache_read=10, cache_write=2), (0, 2, 10)),
        (Usage(input=12, cache_read=3, cache_write=20), (0, 20, 3)),
    ],
)
def test_what_is_read_and_written_both_is_counted_once(usage: Usage, told: tuple[int, int, int]) -> None:
    said = usage_fields(usage)
    assert (said["input_tokens"], said["cache_creation_input_tokens"], said["cache_read_input_tokens"]) == told


@given(usages())
def test_counts_survive_the_way_out_and_in(usage: Usage) -> None:
    counted = attrs.evolve(usage, cache_read=usage.cache_read or 0, cache_write=usage.cache_write or 0)
    assert Tally().take(usage_fields(usage)) == counted
