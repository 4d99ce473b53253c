from __future__ import annotations

import pytest

from trioproxy.protocols.openai_responses.ids import response_id


@pytest.mark.parametrize(
    ("given_id", "expected"),
    [
        ("", "resp_t"),
        ("resp_x", "resp_x"),
        ("bf5e7791-6c05-44ca-b7e0-56aa217150b1", "bf5e7791-6c05-44ca-b7e0-56aa217150b1"),
        ("chatcmpl-1", "resp_chatcmpl-1_t"),
    ],
)
def test_the_id_of_a_response(given_id: str, expected: str) -> None:
    assert response_id(given_id, "t") == expected
