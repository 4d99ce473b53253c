from __future__ import annotations

import pytest

from trioproxy.neutral.usage import Usage
from trioproxy.protocols.openai_responses.usage import read_usage, write_usage


@pytest.mark.parametrize(
    "odd", [None, 5, [], {}, {"input_tokens": None, "input_tokens_details": 5}, {"input_tokens": True}]
)
def test_usage_that_counts_nothing_is_none(odd: object) -> None:
    assert read_usage(odd) is None


def test_usage_both_ways() -> None:
    usage = Usage(input=9, output=4, cache_read=3, cache_write=2, reasoning=1)

    assert read_usage(write_usage(usage)) == usage
    assert write_usage(usage)["total_tokens"] == 13


def test_gateways_name_what_was_written_to_a_cache_otherwise() -> None:
    usage = read_usage({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 3, "cache_creation_tokens": 2}})

    assert usage == Usage(input=9, cache_read=3, cache_write=2)
