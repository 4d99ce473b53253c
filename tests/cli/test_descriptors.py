from __future__ import annotations

import resource
import sys
from typing import Any

import pytest

from trioproxy.cli.descriptors import ENOUGH, raise_limit

FOREVER = resource.RLIM_INFINITY


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    held: dict[str, Any] = {"now": (1024, 4096), "refuses": False}

    def set_limit(which: int, pair: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        if held["refuses"]:
            raise ValueError("current limit exceeds maximum limit")
        held["now"] = pair

    monkeypatch.setattr(resource, "getrlimit", lambda which: held["now"])
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    return held


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1024, 4096), (4096, 4096)),
        ((256, FOREVER), (ENOUGH, FOREVER)),
        ((1024, 1_000_000), (ENOUGH, 1_000_000)),
        ((100_000, 1_000_000), (100_000, 1_000_000)),
        ((4096, 4096), (4096, 4096)),
        ((FOREVER, FOREVER), (FOREVER, FOREVER)),
    ],
)
def test_as_many_files_as_are_allowed_and_needed(
    limits: dict[str, Any], before: tuple[int, int], after: tuple[int, int]
) -> None:
    limits["now"] = before
    raise_limit()
    assert limits["now"] == after


def test_a_system_that_refuses_is_left_as_it_is(limits: dict[str, Any]) -> None:
    limits["refuses"] = True
    raise_limit()
    assert limits["now"] == (1024, 4096)


def test_a_system_without_such_limits_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    raise_limit()
