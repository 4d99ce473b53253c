from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.support.events import usages
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.openai_chat.usage import read_usage, write_usage


@pytest.mark.parametrize(
    "document",
    [
        None,
        3,
        [],
        {},
        {"prompt_tokens": None},
        {"prompt_tokens": "5"},
        {"prompt_tokens": True, "completion_tokens": -1},
    ],
)
def test_what_holds_no_counts_is_no_usage(document: Any) -> None:
    assert read_usage(document) is None


@pytest.mark.parametrize(
    ("document", "usage"),
    [
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}, Usage(input=5, output=2), id="sums"
        ),
        pytest.param(
            {
                "prompt_tokens": 15,
                "completion_tokens": 4,
                "total_tokens": 19,
                "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            Usage(input=15, output=4, cache_read=7, cache_write=3, reasoning=2),
            id="details",
        ),
        pytest.param(
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 43,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 30},
            },
            Usage(input=39, output=4, cache_read=0),
            id="mistral hears beside the prompt",
        ),
        pytest.param(
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 13,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 5},
            },
            Usage(input=9, output=4, cache_read=0),
            id="others hear inside it",
        ),
        pytest.param(
            {
                "prompt_tokens": 7,
                "completion_tokens": 1,
                "total_tokens": 8,
                "prompt_tokens_details": {"cached_tokens": 160},
            },
            Usage(input=167, output=1, cache_read=160),
            id="azure's grok reads its cache beside the prompt",
        ),
        pytest.param({"completion_tokens": 2}, Usage(output=2), id="one of them"),
        pytest.param({"input_tokens": 5, "output_tokens": 2}, Usage(input=5, output=2), id="the newer names"),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 1},
            Usage(input=5, output=2, cache_read=4),
            id="deepseek",
        ),
        pytest.param(
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "cache_read_input_tokens": 4,
                "cache_creation_input_tokens": 3,
            },
            Usage(input=9, output=2, cache_read=4, cache_write=3),
            id="litellm",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 2, "cached_tokens": 4},
            Usage(input=5, output=2, cache_read=4),
            id="moonshot",
        ),
        pytest.param(
            {
                "prompt_tokens": 12,
                "completion_tokens": 1,
                "total_tokens": 303,
                "completion_tokens_details": {"reasoning_tokens": 290},
            },
            Usage(input=12, output=291, reasoning=290),
            id="xai leaves reasoning out of the completion",
        ),
        pytest.param(
            {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109},
            Usage(input=35, output=74, reasoning=62),
            id="gemini counts thoughts in the total alone",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 9, "reasoning_tokens": 1},
            Usage(input=5, output=2, reasoning=1),
            id="a total that nothing explains",
        ),
        pytest.param(
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "prompt_tokens_details": None,
                "completion_tokens_details": None,
            },
            Usage(input=5, output=2),
            id="null details",
        ),
    ],
)
def test_counts_as_servers_give_them(document: Any, usage: Usage) -> None:
    assert read_usage(document) == usage


def test_unknown_counts_are_zero_on_the_wire() -> None:
    assert write_usage(None) == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def test_anthropics_cache_is_inside_the_prompt() -> None:
    assert write_usage(Usage(input=15, output=4, cache_read=7, cache_write=3)) == {
        "prompt_tokens": 15,
        "completion_tokens": 4,
        "total_tokens": 19,
        "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 3},
    }


@given(usages())
def test_what_is_written_is_read_back(usage: Usage) -> None:
    assert read_usage(write_usage(usage)) == usage


@pytest.mark.parametrize(
    "name", ["cache_write_tokens", "cache_creation_tokens", "cached_creation_tokens", "created_cache_tokens"]
)
def test_what_was_written_to_a_cache_has_several_names(name: str) -> None:
    details = {"cached_tokens": 30, name: 20}
    usage = read_usage({"prompt_tokens": 120, "completion_tokens": 5, "prompt_tokens_details": details})
    assert usage == Usage(input=120, output=5, cache_read=30, cache_write=20)
