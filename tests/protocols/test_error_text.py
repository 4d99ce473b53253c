from __future__ import annotations

from typing import Any

import pytest

from trioproxy.protocols.error_text import error_text


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"error": {"message": "a"}, "message": "b"}, "a"),
        ({"error": "a"}, "a"),
        ({"error": {"message": " "}, "detail": "a"}, "a"),
        ({"error": {"message": 7}, "message": "a"}, "a"),
        ({"detail": [{"msg": "a"}, {"message": "b"}, {"msg": 7}, "c"]}, "a; b"),
        ({"message": {"detail": [{"msg": "a"}]}}, "a"),
        ({"base_resp": {"status_msg": "a"}}, "a"),
        (" a ", "a"),
        (" ", None),
        ({"detail": []}, None),
        ({"detail": [7]}, None),
        ({"message": {}}, None),
        ({"error": None, "base_resp": None}, None),
        ({}, None),
        (None, None),
        ([{"error": {"message": "a"}}], None),
    ],
)
def test_the_words_are_found_wherever_servers_put_them(document: Any, said: str | None) -> None:
    assert error_text(document) == said
