"""MiniMax's errors behind a status 200."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ErrorKind, Fault
from trioproxy.protocols.minimax import minimax_failure


@pytest.mark.parametrize(
    ("base", "kind", "code", "message"),
    [
        ({"status_code": 1004, "status_msg": "login fail"}, ErrorKind.UNAUTHENTICATED, "1004", "login fail"),
        (
            {"status_code": 2056, "status_msg": ""},
            ErrorKind.RATE_LIMITED,
            "2056",
            "The provider answered with error 2056",
        ),
        ({"status_code": 7}, ErrorKind.INTERNAL, "7", "The provider answered with error 7"),
        ({"status_code": "x", "status_msg": 1}, ErrorKind.INTERNAL, "x", "The provider answered with error x"),
    ],
)
def test_a_code_says_what_it_is(base: Any, kind: ErrorKind, code: str, message: str) -> None:
    failure = minimax_failure({"base_resp": base})
    assert failure is not None
    assert (failure.kind, failure.code, failure.message, failure.fault) == (kind, code, message, Fault.UPSTREAM)


@pytest.mark.parametrize("document", [{}, {"base_resp": None}, {"base_resp": {}}, {"base_resp": {"status_code": 0}}])
def test_all_is_well(document: Any) -> None:
    assert minimax_failure(document) is None
