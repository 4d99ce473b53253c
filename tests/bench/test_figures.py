from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from trioproxy.bench.figures import Counted, LeftOut, Sample, document, figure, summarise, table


def sample(number: int, subject: str, value: float, *against: str, metric: str = "us", case: str = "c") -> Sample:
    return Sample(round=number, case=case, metric=metric, subject=subject, value=value, against=against)


def latencies(subject: str, *values: float, case: str = "c") -> list[Sample]:
    return [sample(number, subject, value, metric="p50 us", case=case) for number, value in enumerate(values, 1)]


def test_a_ratio_is_taken_within_its_round_and_the_median_of_all() -> None:
    rounds = [(10.0, 20.0), (100.0, 150.0), (10.0, 40.0)]
    samples = []
    for number, (floor, proxy) in enumerate(rounds):
        samples += [sample(number, "floor", floor), sample(number, "proxy", proxy, "floor", "nginx")]

    (row,) = summarise(samples)
    assert row.medians == {"floor": 10.0, "proxy": 40.0}
    assert row.least == {"floor": 10.0, "proxy": 20.0}
    assert row.ratios == {"proxy/floor": 2.0}


def test_what_has_nothing_to_be_compared_with_has_no_ratio() -> None:
    (row,) = summarise([sample(0, "proxy", 5.0, "floor"), sample(1, "floor", 0.0), sample(1, "proxy", 1.0, "floor")])
    assert row.ratios == {}


def test_a_round_in_which_the_control_moved_is_set_aside_for_all_of_its_case() -> None:
    samples = [
        *latencies("nginx", 100.0, 120.0, 121.0, 80.0, 79.0, 100.0, 100.0),
        *latencies("floor", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0),
        *(sample(number, "proxy", value) for number, value in enumerate([1.0, 2.0, 0.5, 4.0, 0.5, 6.0, 7.0], 1)),
        *(sample(number, "proxy", float(number), case="other") for number in range(1, 8)),
    ]
    latency, cost, other = summarise(samples)
    expected = Counted(kept=(1, 2, 4, 6, 7), aside=(3, 5), control="nginx")
    assert (latency.counted, cost.counted) == (expected, expected)
    assert latency.medians == {"nginx": 100.0, "floor": 4.0}
    assert (cost.medians, cost.least) == ({"proxy": 4.0}, {"proxy": 1.0})
    assert other.counted == Counted(kept=(1, 2, 3, 4, 5, 6, 7))
    assert other.medians == {"proxy": 4.0}


def test_the_floor_is_the_control_where_there_is_no_nginx() -> None:
    samples = [*latencies("floor", 10.0, 10.0, 13.0), *(sample(n, "nginx", 1.0, metric="MB/s") for n in (1, 2, 3))]
    latency, speed = summarise(samples)
    assert latency.counted == speed.counted == Counted(kept=(1, 2), aside=(3,), control="floor")


def test_nothing_is_set_aside_where_less_than_half_would_remain() -> None:
    (row,) = summarise(latencies("nginx", 10.0, 20.0))
    assert row.counted == Counted(kept=(1, 2), restless=(1, 2), control="nginx")
    (row,) = summarise(latencies("nginx", 10.0, 10.0, 20.0, 30.0))
    assert row.counted == Counted(kept=(1, 2, 3, 4), restless=(1, 2, 3, 4), control="nginx")
    assert row.medians == {"nginx": 15.0}
    (row,) = summarise(latencies("nginx", 10.0, 10.0, 10.0, 1.0, 20.0, 30.0))
    assert row.counted == Counted(kept=(1, 2, 3), aside=(4, 5, 6), control="nginx")


def test_a_round_without_the_control_counts() -> None:
    samples = [*latencies("nginx", 10.0, 10.0, 14.0), sample(4, "proxy", 1.0)]
    assert {row.counted for row in summarise(samples)} == {Counted(kept=(1, 2, 4), aside=(3,), control="nginx")}


@given(
    st.lists(st.floats(0.5, 1000.0), min_size=1, max_size=12),
    st.sampled_from(["nginx", "floor"]),
    st.floats(0.001, 1000.0),
)
def test_rounds_are_judged_by_how_far_the_control_is_from_its_median(
    values: list[float], control: str, scale: float
) -> None:
    numbers = range(1, len(values) + 1)
    samples = [*latencies(control, *values), *(sample(n, "proxy", float(n)) for n in numbers)]
    latency, cost = summarise(samples)
    counted = cost.counted
    assert latency.counted == counted
    assert counted.control == control
    # Every round is told of exactly once, none is lost.
    assert sorted((*counted.kept, *counted.aside)) == list(numbers)
    assert len(counted.kept) * 2 >= len(values)
    assert not (counted.aside and counted.restless)
    middle = statistics.median(values)
    moved = {n for n, value in zip(numbers, values, strict=True) if abs(value - middle) > 0.2 * middle}
    assert moved == {*counted.aside, *counted.restless}
    assert bool(counted.restless) is (len(moved) * 2 > len(values))
    # What does not count has no part in any figure.
    assert cost.least == {"proxy": min(counted.kept)}
    assert cost.medians == {"proxy": statistics.median(counted.kept)}
    # Nothing hangs on the order in which samples come.
    assert {row.metric: row.medians for row in summarise(reversed(samples))} == {
        row.metric: row.medians for row in (latency, cost)
    }


def test_rows_are_told_to_people_and_to_programs() -> None:
    rows = summarise([sample(1, "floor", 10.0), sample(1, "proxy", 250.4, "floor")])
    left_out = [LeftOut(peer="squid", case="c", round=2, why="squid: it said 500")]
    header, floor, proxy, without = table(rows, left_out)
    assert header == "c: us, 1 round"
    assert floor.split() == ["floor", "10.0", "least", "10.0"]
    assert proxy.split() == ["proxy", "250", "least", "250", "25.04", "x", "floor"]
    assert without == "c: without squid, which failed in round 2: squid: it said 500"
    assert document(rows, {"processors": 2}, 1, left_out) == {
        "machine": {"processors": 2},
        "rounds": 1,
        "cases": {"c": {"rounds": 1, "of": 1, "set_aside": [], "too_restless": [], "control": None}},
        "left_out": [{"peer": "squid", "case": "c", "round": 2, "why": "squid: it said 500"}],
        "rows": [
            {
                "case": "c",
                "metric": "us",
                "medians": {"floor": 10.0, "proxy": 250.4},
                "least": {"floor": 10.0, "proxy": 250.4},
                "ratios": {"proxy/floor": 25.04},
            }
        ],
    }


def test_how_many_rounds_counted_is_never_hidden() -> None:
    for values, said, told in (
        ((10.0,) * 7, "7 rounds", (7, 7, [], [])),
        ((10.0, 10.0, 14.0), "2 of 3 rounds (nginx moved in round 3)", (2, 3, [3], [])),
        ((5.0, 10.0, 10.0, 10.0, 14.0), "3 of 5 rounds (nginx moved in rounds 1, 5)", (3, 5, [1, 5], [])),
        (
            (10.0, 20.0),
            "2 rounds; the machine was too restless to tell (nginx moved in rounds 1, 2)",
            (2, 2, [], [1, 2]),
        ),
    ):
        rows = summarise(latencies("nginx", *values))
        assert table(rows)[0] == f"c: p50 us, {said}"
        kept, of, aside, restless = told
        assert document(rows, {}, len(values))["cases"]["c"] == {
            "rounds": kept,
            "of": of,
            "set_aside": aside,
            "too_restless": restless,
            "control": "nginx",
        }


def test_a_figure_has_the_digits_that_mean_something() -> None:
    assert [figure(value) for value in (0.0, 0.046, 1.26, 99.94, -123.4)] == ["0.00", "0.05", "1.3", "99.9", "-123"]
