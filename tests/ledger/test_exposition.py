"""Figures as Prometheus reads them: written by its library, read back by its parsers."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.ledger.accounts import REFUSED, settled
from trioproxy.errors import ErrorKind
from trioproxy.ledger.entry import Try
from trioproxy.ledger.exposition import expose, families
from trioproxy.ledger.metrics import Metrics
from trioproxy.ledger.writer import BooksState

BOOKS = BooksState(written=5, waiting=1, dropped=2, failures=3, pruned=4, trouble=None)


def written(accept: str = "", books: BooksState | None = BOOKS) -> tuple[str, str]:
    metrics = Metrics()
    metrics.note(settled(provider='odd"name\n'))
    metrics.note(
        settled(
            provider="b",
            tries=(
                Try(credential="a#1", provider="a", model="m", kind=ErrorKind.TIMEOUT),
                Try(credential="b#1", provider="b", model="m"),
            ),
        )
    )
    metrics.note(REFUSED)
    found = families(
        metrics,
        active={"b": 2},
        cooling={("a", "timeout"): 1},
        pools={"https://api.example:443": (3, 2, 1)},
        books=books,
    )
    body, content_type = expose(found, accept)
    return body.decode(), content_type


def values(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value for family in read_text(text) for sample in family.samples
    }


def test_every_figure_is_there() -> None:
    text, content_type = written()
    found = values(text)
    assert content_type.startswith("text/plain")
    expected = {
        ("trioproxy_requests_total", "b", "successes"): 1,
        ("trioproxy_requests_total", "a", "failures"): 1,
        ("trioproxy_errors_total", "a", "timeout"): 1,
        ("trioproxy_tokens_total", "b", "cached"): 10,
        ("trioproxy_first_byte_seconds_bucket", "b", "0.1"): 0,
        ("trioproxy_first_byte_seconds_bucket", "b", "0.25"): 1,
        ("trioproxy_first_byte_seconds_count", "b"): 1,
        ("trioproxy_exchange_seconds_bucket", "b", "+Inf"): 1,
        ("trioproxy_exchange_seconds_sum", "b"): 2.5,
        ("trioproxy_exchanges_total", "complete"): 2,
        ("trioproxy_refusals_total", "model_not_found"): 1,
        ("trioproxy_active_exchanges", "b"): 2,
        ("trioproxy_cooldowns", "a", "timeout"): 1,
        ("trioproxy_upstream_connections", "https://api.example:443", "idle"): 3,
        ("trioproxy_upstream_connections", "https://api.example:443", "waiting"): 1,
        ("trioproxy_ledger_rows_total", "dropped"): 2,
        ("trioproxy_ledger_write_failures_total",): 3,
        ("trioproxy_ledger_waiting_rows",): 1,
    }
    sorted_found = {(key[0], *sorted(key[1:])): value for key, value in found.items()}
    assert {key: sorted_found.get((key[0], *sorted(key[1:]))) for key in expected} == expected


def test_names_are_escaped() -> None:
    text, _ = written()
    assert any(sample.labels.get("provider") == 'odd"name\n' for family in read_text(text) for sample in family.samples)


def test_openmetrics_is_spoken_to_whoever_asks_for_it() -> None:
    text, content_type = written("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert {family.name for family in read_openmetrics(text)} >= {"trioproxy_requests", "trioproxy_exchange_seconds"}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("label", ["model", "key", "credential"])
def test_no_label_is_a_clients_word(label: str) -> None:
    text, _ = written()
    assert not any(label in sample.labels for family in read_text(text) for sample in family.samples)


def test_without_a_ledger_there_is_nothing_to_tell_of_it() -> None:
    assert "trioproxy_ledger" not in written(books=None)[0]


def test_a_process_that_did_nothing_yet_says_so() -> None:
    body, _ = expose(families(Metrics(), active={}, cooling={}, pools={}, books=None), "")
    assert {name for name, *_ in values(body.decode())} == {"trioproxy_workers", "trioproxy_workers_answered"}
