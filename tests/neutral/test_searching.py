from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.searching import domains_of, place_of, says_something

CITY = {"city": "Bern", "country": "CH"}


@pytest.mark.parametrize(
    "said",
    [
        {"type": "approximate", **CITY},
        {"type": "approximate", **CITY, "region": None, "timezone": ""},
        {"type": "approximate", "approximate": CITY},
        {"type": "approximate", "approximate": None, **CITY},
    ],
)
def test_a_place_is_the_same_flat_and_nested(said: dict[str, Any]) -> None:
    losses: list[Loss] = []
    assert place_of(said, "at", losses) == CITY
    assert losses == []


def test_what_a_place_has_no_word_for_is_a_loss() -> None:
    losses: list[Loss] = []
    assert (
        place_of({"type": "approximate", "odd": 1, "none": None, "approximate": {**CITY, "street": "x"}}, "at", losses)
        == CITY
    )
    assert sorted(loss.path for loss in losses) == ["at.approximate.street", "at.odd"]
    losses.clear()
    assert place_of({**CITY, "odd": 1}, "at", losses) == CITY
    assert [loss.path for loss in losses] == ["at.odd"]


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ("Bern", "at"),
        ([], "at"),
        ({"approximate": 7}, "at.approximate"),
        ({"approximate": {"city": 7}}, "at.approximate.city"),
        ({"country": ["CH"]}, "at.country"),
    ],
)
def test_a_place_of_another_type_is_refused_by_name(said: Any, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        place_of(said, "at", [])
    assert (caught.value.failure.kind, caught.value.failure.param) == (ErrorKind.INVALID_REQUEST, param)


def test_domains_are_strings() -> None:
    assert domains_of(["a.example"], "at") == ["a.example"]
    for wrong in ("a.example", [7], None):
        with pytest.raises(ClientFault) as caught:
            domains_of(wrong, "at")
        assert caught.value.failure.param == "at"


@pytest.mark.parametrize("nothing", [None, "", [], {}, {"a": None}])
def test_what_says_nothing(nothing: Any) -> None:
    assert not says_something(nothing)


@pytest.mark.parametrize("something", [False, 0, "x", [None], {"a": False}, {"a": {}}])
def test_what_says_something(something: Any) -> None:
    assert says_something(something)
