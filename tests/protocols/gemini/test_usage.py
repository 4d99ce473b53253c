from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.support.events import usages
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.gemini.usage import read_usage, unnamed_counts, write_usage


@pytest.mark.parametrize(
    ("metadata", "usage"),
    [
        ({}, None),
        ({"trafficType": "ON_DEMAND"}, None),
        ({"promptTokenCount": 11, "totalTokenCount": 11}, Usage(input=11, output=0)),
        ({"promptTokenCount": 11, "totalTokenCount": 15}, Usage(input=11, output=4)),
        ({"promptTokenCount": 11}, Usage(input=11)),
        ({"candidatesTokenCount": 2}, Usage(output=2)),
        (
            {"promptTokenCount": 9, "candidatesTokenCount": 10, "thoughtsTokenCount": 256, "totalTokenCount": 275},
            Usage(input=9, output=266, reasoning=256),
        ),
        (
            {
                "promptTokenCount": 100,
                "toolUsePromptTokenCount": 40,
                "cachedContentTokenCount": 60,
                "candidatesTokenCount": 5,
                "totalTokenCount": 145,
            },
            Usage(input=140, output=5, cache_read=60),
        ),
        ({"toolUsePromptTokenCount": 4, "thoughtsTokenCount": 3}, Usage(input=4, output=3, reasoning=3)),
        ({"promptTokenCount": True, "candidatesTokenCount": -1, "thoughtsTokenCount": "7"}, None),
        ({"promptTokenCount": 9, "totalTokenCount": 3}, Usage(input=9, output=0)),
    ],
)
def test_counts(metadata: dict[str, Any], usage: Usage | None) -> None:
    assert read_usage(metadata) == usage


@given(usages())
def test_what_is_written_is_read_again(usage: Usage) -> None:
    written = write_usage(usage)
    assert read_usage(written) == Usage(
        input=usage.input, output=usage.output, cache_read=usage.cache_read, reasoning=usage.reasoning
    )
    parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert written["totalTokenCount"] == usage.total == sum(written.get(name, 0) for name in parts)


def test_what_tools_brought_stays_beside_the_prompt() -> None:
    metadata = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 40,
        "candidatesTokenCount": 5,
        "totalTokenCount": 145,
    }
    assert write_usage(read_usage(metadata), unnamed_counts(metadata)) == metadata


def test_unnamed_counts() -> None:
    metadata = {"promptTokenCount": 1, "serviceTier": "flex", "promptTokensDetails": [{"modality": "TEXT"}], "x": None}
    assert unnamed_counts(metadata) == {"serviceTier": "flex", "promptTokensDetails": [{"modality": "TEXT"}]}


def test_there_is_always_a_count() -> None:
    assert write_usage(None) == {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0}
    assert write_usage(Usage(output=3, reasoning=5))["candidatesTokenCount"] == 0
