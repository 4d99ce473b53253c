"""Problems in words."""

from __future__ import annotations

import pytest

from trioproxy.config.problems import ConfigInvalid, Place, Problem, Report


def test_place_says_file_line_and_path() -> None:
    place = Place("c.yaml", 3).key("a", 4).item(2, 5).key("b", 6)

    assert str(place) == "c.yaml:6: a[2].b"
    assert place.source == "c.yaml:6"
    assert str(Place("c.yaml", 0)) == "c.yaml"


def test_problem_says_all_and_what_was_meant() -> None:
    problem = Problem(file="c.yaml", line=2, path="prot", message="unknown key", suggestion="port")

    assert str(problem) == "c.yaml:2: prot: unknown key; did you mean 'port'?"


def test_all_problems_are_one_exception_in_the_order_of_the_file() -> None:
    report = Report()
    report.problem(Place("f", 9, "b"), "second")
    report.problem(Place("f", 1, "a"), "first", word="hots", known=("host",))

    with pytest.raises(ConfigInvalid) as raised:
        report.settle()

    assert [problem.message for problem in raised.value.problems] == ["first", "second"]
    assert str(raised.value) == "f:1: a: first; did you mean 'host'?\nf:9: b: second"


def test_no_problem_is_no_exception() -> None:
    report = Report()
    report.warning(Place("f", 1, "a"), "mind")

    report.settle()

    assert report.warnings == ["f:1: a: mind"]


def test_only_the_first_are_kept() -> None:
    report = Report(most=2)
    for number in range(5):
        report.problem(Place("f", number), "p")
        report.warning(Place("f", number), "w")

    assert (len(report.problems), len(report.warnings)) == (2, 2)
