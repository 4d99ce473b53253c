"""What an exchange cost: the price list, the configuration over it, and nothing where nobody knows."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import attrs
import pytest
from genai_prices import Usage as Counts
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider

from tests.config.making import made
from trioproxy.config.model import PriceRule
from trioproxy.ledger import prices as module
from trioproxy.ledger.entry import Outcome, Settled
from trioproxy.ledger.prices import VENDORS, Prices
from trioproxy.neutral.usage import Usage
from trioproxy.providers.catalog import catalogue

NOON = 1_780_000_000.0


def settled(model: str | None, vendor: str | None = "openai", usage: Usage | None = None) -> Settled:
    return Settled(
        id="x",
        began=NOON,
        method="POST",
        path="/",
        peer="",
        outcome=Outcome.COMPLETE,
        status=200,
        total=1.0,
        provider="mine",
        vendor=vendor,
        upstream_model=model,
        usage=usage if usage is not None else Usage(input=1_000_000, output=1_000_000),
    )


def test_a_known_model_costs_what_its_vendor_takes() -> None:
    cost = Prices().cost(settled("claude-sonnet-4-5-20250929", "claude", Usage(input=2000, output=1000)))
    assert cost == pytest.approx(2000 * 3e-6 + 1000 * 15e-6)


def test_cached_tokens_are_cheaper_and_inside_the_input() -> None:
    usage = Usage(input=3000, output=0, cache_read=1000, cache_write=1000)
    cost = Prices().cost(settled("claude-sonnet-4-5", "claude", usage))
    assert cost == pytest.approx(1000 * 3e-6 + 1000 * 0.3e-6 + 1000 * 3.75e-6)


@pytest.mark.parametrize(
    ("model", "vendor", "usage"),
    [
        ("no-such-model", "openai", None),
        ("gpt-5", "openai", Usage()),
        (None, "openai", None),
        ("llama-3.3-70b", "openai-compatibility", None),
        ("mlx-thing", None, None),
        ("whisper-large-v3", "groq", None),
    ],
)
def test_what_nobody_knows_has_no_cost(model: str | None, vendor: str | None, usage: Usage | None) -> None:
    assert Prices().cost(settled(model, vendor, usage)) is None


def test_without_token_counts_there_is_no_cost() -> None:
    assert Prices().cost(attrs.evolve(settled("gpt-5"), usage=None)) is None


@pytest.mark.parametrize("model", ["gpt-5", "openai/gpt-5"])
def test_behind_a_server_that_nobody_knows_the_makers_list_holds(model: str) -> None:
    prices = Prices()
    assert prices.cost(settled(model, "openai-compatibility")) == prices.cost(settled("gpt-5", "openai"))


def test_the_configuration_outranks_the_list_and_the_first_that_fits_counts() -> None:
    rules = (
        PriceRule(pattern="mine/GPT-*", input=1.0, output=2.0, cached=0.5, cache_write=4.0),
        PriceRule(pattern="gpt-*", input=100.0),
        PriceRule(pattern="free"),
    )
    prices = Prices(lambda: rules)
    usage = Usage(input=4_000_000, output=1_000_000, cache_read=1_000_000, cache_write=1_000_000)
    assert prices.cost(settled("gpt-5", usage=usage)) == 2 * 1.0 + 0.5 + 4.0 + 2.0
    assert prices.cost(settled("free")) == 0.0
    other = attrs.evolve(settled("gpt-5", usage=usage), provider="other")
    assert prices.cost(other) == 400.0


def test_new_prices_hold_from_the_next_exchange_on() -> None:
    rules: tuple[PriceRule, ...] = ()
    prices = Prices(lambda: rules)
    assert prices.cost(settled("made-up")) is None
    rules = (PriceRule(pattern="made-up", output=3.0),)
    assert prices.cost(settled("made-up")) == 3.0


def test_the_file_gives_prices() -> None:
    snapshot = made("""
        prices:
          my-model: {input: 0.5, output: 2}
          "acme/*": {input: 1, cached-input: 0.1, cache_write: 2}
    """)
    assert snapshot.prices == (
        PriceRule(pattern="my-model", input=0.5, output=2.0),
        PriceRule(pattern="acme/*", input=1.0, cached=0.1, cache_write=2.0),
    )


def test_made_up_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 8)
    prices = Prices()
    for number in range(40):
        prices.cost(settled(f"no-{number}"))
    assert len(prices._known) <= 8


def test_a_long_prompt_may_have_a_price_of_its_own() -> None:
    prices = Prices()
    short = prices.cost(settled("gemini-2.5-pro", "gemini", Usage(input=200_000, output=0)))
    long = prices.cost(settled("gemini-2.5-pro", "gemini", Usage(input=400_000, output=0, cache_read=10)))
    assert short is not None
    assert long is not None
    assert long > 3 * short


def test_every_vendor_has_a_catalogue_entry_and_a_price_list() -> None:
    known = {provider.id for provider in get_snapshot().providers}
    assert set(VENDORS) <= set(catalogue().providers)
    assert set(VENDORS.values()) <= known


LISTED = [
    (provider, model)
    for provider in get_snapshot().providers
    if provider.id in VENDORS.values()
    for model in provider.models
    if module._by_tokens(model)
]


def by_library(provider: Provider, model: ModelInfo, usage: Usage, began: float) -> float:
    counts = Counts(
        input_tokens=usage.input,
        cache_read_tokens=usage.cache_read or None,
        cache_write_tokens=usage.cache_write or None,
        output_tokens=usage.output,
    )
    at = datetime.fromtimestamp(began, UTC)
    return float(model.calc_price(counts, provider, genai_request_timestamp=at).total_price)


def ours(model: ModelInfo, usage: Usage, began: float, monkeypatch: pytest.MonkeyPatch) -> float:
    with monkeypatch.context() as patch:
        patch.setattr(module, "_look_up", lambda vendor, name: model)
        cost = module._listed("any", "any")
    assert cost is not None
    cost(Usage(input=1), began - 86400 * 365)  # what was asked before changes nothing
    return cost(usage, began)


@pytest.mark.parametrize("read", [0, 1, 1000, 128_000, 200_000, 200_001, 272_001, 1_000_001])
def test_our_arithmetic_is_the_librarys_for_every_model_of_our_vendors(
    read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = []
    for number, (provider, model) in enumerate(LISTED):
        hits = read * (number % 5) // 8
        stores = (read - hits) * (number % 3) // 4
        usage = Usage(input=read, output=number * 7, cache_read=hits, cache_write=stores)
        for began in (NOON, NOON + 43200):
            expected = by_library(provider, model, usage, began)
            if not math.isclose(ours(model, usage, began, monkeypatch), expected, rel_tol=1e-9, abs_tol=1e-15):
                wrong.append((provider.id, model.id))
    assert wrong == []
    assert len(LISTED) > 500
