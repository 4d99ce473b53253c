from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trioproxy.bench.children import ChildFailed
from trioproxy.bench.course import run_course
from trioproxy.bench.field import Field, SubjectFailed
from trioproxy.bench.figures import LeftOut, Sample, summarise


def a_field(*peers: str) -> Field:
    return Field(folder=Path(), subjects={}, cpus=(None, None), peers=peers)


def broken(subject: str) -> SubjectFailed:
    return SubjectFailed(subject, ChildFailed("it said 500"))


class Case:
    """Everybody's value is the number of the round. ``fails`` is who gives none, from which round on."""

    def __init__(self, **fails: int) -> None:
        self.fails = fails

    def __call__(self, field: Field, number: int) -> Iterator[Sample]:
        for subject in ("proxy", *field.peers):
            if number >= self.fails.get(subject, 99):
                raise broken(subject)
            yield Sample(
                round=number, case="c", metric="us", subject=subject, value=float(number), against=tuple(field.peers)
            )


def test_rounds_are_counted_from_one_and_every_case_runs_in_each() -> None:
    said: list[str] = []
    samples, left = run_course(a_field("a"), {"x": Case(), "y": Case()}, 2, said.append)
    assert said == ["round 1 of 2: x", "round 1 of 2: y", "round 2 of 2: x", "round 2 of 2: y"]
    assert [sample.round for sample in samples if sample.subject == "a"] == [1, 2, 1, 2]
    assert left == []


def test_a_peer_that_fails_has_no_figure_in_that_case_and_everybody_else_has() -> None:
    said: list[str] = []
    field = a_field("a", "b")
    samples, left = run_course(field, {"x": Case(a=2)}, 3, said.append)
    assert left == [LeftOut(peer="a", case="x", round=2, why="a: it said 500")]
    assert said == [
        "round 1 of 3: x",
        "round 2 of 3: x",
        "x: without a, which failed in round 2: a: it said 500",
        "round 2 of 3: x",
        "round 3 of 3: x",
    ]
    # Nobody's round counts twice.
    assert sorted((sample.subject, sample.round) for sample in samples) == [
        (subject, number) for subject in ("b", "proxy") for number in (1, 2, 3)
    ]
    (row,) = summarise(samples)
    assert row.medians == {"proxy": 2.0, "b": 2.0}
    assert not [pair for pair in row.ratios if pair.endswith("/a")]
    assert list(field.peers) == ["a", "b"]


def test_it_takes_part_in_other_cases() -> None:
    def other(field: Field, number: int) -> Iterator[Sample]:
        for subject in field.peers:
            yield Sample(round=number, case="d", metric="us", subject=subject, value=1.0)

    samples, left = run_course(a_field("a"), {"x": Case(a=1), "y": other}, 2, lambda line: None)
    assert [(each.case, each.round) for each in left] == [("x", 1)]
    assert [(sample.case, sample.subject) for sample in samples] == [("c", "proxy")] * 2 + [("d", "a")] * 2


def test_without_ourselves_there_is_nothing_to_tell() -> None:
    with pytest.raises(SubjectFailed, match="proxy: it said 500"):
        run_course(a_field("a"), {"x": Case(proxy=2)}, 3, lambda line: None)
