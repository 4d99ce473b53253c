from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import UpstreamFault
from trioproxy.protocols.openai_responses.token_counts import read_count, render_count


def test_a_count_comes_back_as_it_was_given() -> None:
    assert read_count(render_count(16)) == 16
    assert render_count(16) == {"object": "response.input_tokens", "input_tokens": 16}


@pytest.mark.parametrize("document", [{}, {"input_tokens": "16"}, {"input_tokens": True}])
def test_an_answer_without_a_count_is_no_count(document: dict[str, Any]) -> None:
    with pytest.raises(UpstreamFault, match="input_tokens"):
        read_count(document)
