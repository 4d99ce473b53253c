from __future__ import annotations

from trioproxy.bench.figures import Sample, document, figure, summarise, table


def sample(number: int, subject: str, value: float, *against: str) -> Sample:
    return Sample(round=number, case="c", metric="us", subject=subject, value=value, against=against)


def test_a_ratio_is_taken_within_its_round_and_the_median_of_all() -> None:
    rounds = [(10.0, 20.0), (100.0, 150.0), (10.0, 40.0)]
    samples = []
    for number, (floor, proxy) in enumerate(rounds):
        samples += [sample(number, "floor", floor), sample(number, "proxy", proxy, "floor", "nginx")]

    (row,) = summarise(samples)
    assert row.medians == {"floor": 10.0, "proxy": 40.0}
    assert row.ratios == {"proxy/floor": 2.0}


def test_what_has_nothing_to_be_compared_with_has_no_ratio() -> None:
    (row,) = summarise([sample(0, "proxy", 5.0, "floor"), sample(1, "floor", 0.0), sample(1, "proxy", 1.0, "floor")])
    assert row.ratios == {}


def test_rows_are_told_to_people_and_to_programs() -> None:
    rows = summarise([sample(0, "floor", 10.0), sample(0, "proxy", 250.4, "floor")])
    header, floor, proxy = table(rows)
    assert header == "c: us"
    assert floor.split() == ["floor", "10.0"]
    assert proxy.split() == ["proxy", "250", "25.04", "x", "floor"]
    assert document(rows, {"processors": 2}, 1) == {
        "machine": {"processors": 2},
        "rounds": 1,
        "rows": [
            {
                "case": "c",
                "metric": "us",
                "medians": {"floor": 10.0, "proxy": 250.4},
                "ratios": {"proxy/floor": 25.04},
            }
        ],
    }


def test_a_figure_has_the_digits_that_mean_something() -> None:
    assert [figure(value) for value in (0.0, 0.046, 1.26, 99.94, -123.4)] == ["0.00", "0.05", "1.3", "99.9", "-123"]
