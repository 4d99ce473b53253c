"""What an exchange cost, in US dollars.

Knows: the price list of ``genai-prices`` (which lies in the package: nothing is fetched), which of its vendors one of ours is, and the prices of
the configuration, which outrank it. Refuses to know: budgets. A model that nobody knows has no cost, not a cost of nothing.

The list is imported with the first model that is priced (0.15 s, 30 MB), in whatever thread asks; the ledger's writer does so in its own. What a
model costs is looked up once; after that an exchange costs a few multiplications. Prices that depend on the time of day or on the length of a
prompt are left to the library each time.

Audio, images and searches are not priced: no count of them is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from trioproxy.config.model import PriceRule
from trioproxy.ledger.entry import Settled
from trioproxy.neutral.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

__all__ = ["VENDORS", "Prices"]

VENDORS: Mapping[str, str] = MappingProxyType(
    {
        "claude": "anthropic",
        "openai": "openai",
        "codex": "openai",
        "gemini": "google",
        "vertex": "google",
        "deepseek": "deepseek",
        "groq": "groq",
        "mistral": "mistral",
        "openrouter": "openrouter",
        "together": "together",
        "fireworks": "fireworks",
        "novita": "novita",
        "minimax": "minimax",
        "kimi": "moonshotai",
        "xai": "x-ai",
        "github-copilot": "github-copilot",
    }
)
"""Providers of the catalogue, by the names that the price list has for them."""

_MAKERS = ("anthropic", "openai", "google", "x-ai")
"""Whose models nobody else can run: behind whatever server, they are paid for by their maker's list."""

_MILLION = 1_000_000.0
_MOST_REMEMBERED = 4096

_Cost = Callable[[Usage, float], float]


@attrs.define(eq=False)
class Prices:
    """Prices exchanges. ``rules`` gives the prices of the configuration in force. May be used by several threads."""

    rules: Callable[[], tuple[PriceRule, ...]] = tuple
    _known: dict[tuple[str, str], _Cost | None] = attrs.field(factory=dict, init=False)
    _of_rules: tuple[PriceRule, ...] = attrs.field(default=(), init=False)

    def cost(self, settled: Settled) -> float | None:
        """What ``settled`` cost; None where its tokens or its model's price are unknown."""
        usage, model = settled.usage, settled.upstream_model
        if usage is None or model is None or (usage.input is None and usage.output is None):
            return None
        rules = self.rules()
        if rules is not self._of_rules:
            self._known, self._of_rules = {}, rules
        key = (settled.provider or settled.vendor or "", model)
        known = self._known
        if key not in known:
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            known[key] = _ruled(rules, *key) or _listed(settled.vendor or "", model)
        cost = known.get(key)
        return None if cost is None else cost(usage, settled.began)


def _ruled(rules: tuple[PriceRule, ...], provider: str, model: str) -> _Cost | None:
    names = (model.lower(), f"{provider}/{model}".lower())
    for rule in rules:
        if any(fnmatchcase(name, rule.pattern.lower()) for name in names):
            return _linear(rule.input, rule.output, rule.cached, rule.cache_write)
    return None


def _linear(fresh: float, output: float, cached: float | None, cache_write: float | None) -> _Cost:
    read, written = (fresh if cached is None else cached), (fresh if cache_write is None else cache_write)

    def cost(usage: Usage, began: float) -> float:
        hits, stores = usage.cache_read or 0, usage.cache_write or 0
        rest = max((usage.input or 0) - hits - stores, 0)
        return (rest * fresh + hits * read + stores * written + (usage.output or 0) * output) / _MILLION

    return cost


def _listed(vendor: str, model: str) -> _Cost | None:
    found = _look_up(vendor, model)
    if found is None:
        return None
    provider, info = found
    if not _by_tokens(info):
        return None
    rates = _rates(info)
    if rates is not None:
        return _linear(*rates)

    def cost(usage: Usage, began: float) -> float:
        return _by_library(provider, info, usage, began)

    return cost


def _look_up(vendor: str, model: str) -> tuple[Provider, ModelInfo] | None:
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    for name in (VENDORS[vendor],) if vendor in VENDORS else _MAKERS:
        try:
            return snapshot.find_provider_model(_bare(model, vendor), None, name, None)
        except LookupError:
            continue
    return None


def _bare(model: str, vendor: str) -> str:
    """The model's name as its maker has it: gateways that nobody knows often put the maker before it (``openai/gpt-5``)."""
    return model if vendor in VENDORS else model.rpartition("/")[2]


def _by_tokens(info: ModelInfo) -> bool:
    """Whether the model is paid for by the token: others are by the hour or the page, of which no count is kept."""
    from genai_prices.types import ModelPrice

    prices = [info.prices] if isinstance(info.prices, ModelPrice) else [each.prices for each in info.prices]
    return any(price.input_mtok is not None or price.output_mtok is not None for price in prices)


def _rates(info: ModelInfo) -> tuple[float, float, float | None, float | None] | None:
    """Dollars a million tokens where those are all there is to say; None where they depend on more."""
    from genai_prices.types import ModelPrice

    prices = info.prices
    if not isinstance(prices, ModelPrice):
        return None
    found = [prices.input_mtok, prices.output_mtok, prices.cache_read_mtok, prices.cache_write_mtok]
    if not all(price is None or isinstance(price, Decimal) for price in found):
        return None
    fresh, output, cached, written = (float(price) if isinstance(price, Decimal) else None for price in found)
    return fresh or 0.0, output or 0.0, cached, written


def _by_library(provider: Provider, info: ModelInfo, usage: Usage, began: float) -> float:
    from genai_prices import Usage as Counts

    read = usage.input or 0
    hits = min(usage.cache_read or 0, read)
    counts = Counts(
        input_tokens=read,
        cache_read_tokens=hits or None,
        cache_write_tokens=min(usage.cache_write or 0, read - hits) or None,
        output_tokens=usage.output or 0,
    )
    priced = info.calc_price(counts, provider, genai_request_timestamp=datetime.fromtimestamp(began, UTC))
    return float(priced.total_price)
