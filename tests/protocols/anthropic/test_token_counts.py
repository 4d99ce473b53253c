from __future__ import annotations

import pytest

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.protocols.anthropic.token_counts import count_request, read_count, render_count


def test_only_what_is_counted_is_sent() -> None:
    body = {"model": "m", "messages": [], "max_tokens": 5, "stream": True, "temperature": 1, "system": "s", "tools": []}
    assert count_request(body) == {"model": "m", "messages": [], "system": "s", "tools": []}


def test_the_count_both_ways() -> None:
    assert read_count(render_count(17)) == 17


@pytest.mark.parametrize("document", [{}, {"input_tokens": "3"}, {"input_tokens": True}])
def test_an_answer_without_a_count(document: dict[str, object]) -> None:
    with pytest.raises(UpstreamFault, match="input_tokens") as caught:
        read_count(document)
    assert caught.value.failure.kind is ErrorKind.MALFORMED
