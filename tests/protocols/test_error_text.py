from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.events import Failed
from trioproxy.protocols.error_text import error_text
from trioproxy.protocols.table import NAMES, protocol


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"error": {"message": "a"}, "message": "b"}, "a"),
        ({"error": "a"}, "a"),
        ({"error": "invalid_token", "error_description": "a"}, "a"),
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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("document", [{}, {"detail": "try again"}, {"id": "x", "data": None}])
def test_a_body_that_holds_no_answer_is_none_and_is_told_in_its_own_words(name: str, document: Any) -> None:
    (failed,) = protocol(name).read_body(document)
    assert isinstance(failed, Failed)
    assert failed.failure.http_status == 502
    told = failed.failure.message
    assert told == document.get("detail", told)
    assert told
