from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.protocols.gemini.token_counts import count_request, read_count, render_count


def test_contents_alone_are_counted() -> None:
    body = {"contents": [1], "tools": [], "generationConfig": {}, "safetySettings": [], "systemInstruction": {}}
    assert count_request(body) == {"contents": [1]}


def test_the_count() -> None:
    assert read_count({"totalTokens": 31, "promptTokensDetails": []}) == 31
    assert read_count(render_count(7)) == 7
    # Zero is the default of the field, and defaults are left out.
    assert read_count({}) == 0


@pytest.mark.parametrize("document", [{"total": 1}, {"totalTokens": "x"}, {"totalTokens": True}])
def test_an_answer_without_a_count(document: dict[str, Any]) -> None:
    with pytest.raises(UpstreamFault, match="totalTokens") as caught:
        read_count(document)
    assert caught.value.failure.kind is ErrorKind.MALFORMED
