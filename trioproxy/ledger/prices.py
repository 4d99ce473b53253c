"""What an exchange cost, in US dollars.

Knows: the price list of ``genai-prices`` (which lies in the package: nothing is fetched), which of its vendors one of ours is, and the prices of
the configuration, which outrank it. Refuses to know: budgets. A model that nobody knows has no cost, not a cost of nothing.

The list takes 0.15 s to import, and 30 MB; the ledger's writer does so in its thread when a process starts, else whoever prices first. What a
model costs is looked up once; after that an exchange costs a few multiplications of our own, as the library's take longer than all else that
happens to an account. Prices with steps by the length of a prompt, and those that change with the time, are followed.

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
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

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

    def load(self) -> None:
        """Read the list now, so that no exchange is the first to need it."""
        from genai_prices.data_snapshot import get_snapshot

        get_snapshot()

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
    from genai_prices.types import ModelPrice

    info = _look_up(vendor, model)
    if info is None or not _by_tokens(info):
        return None
    if isinstance(info.prices, ModelPrice):
        return _stepped(info.prices)
    by_price: dict[int, _Cost] = {}

    def cost(usage: Usage, began: float) -> float:
        price = info.get_prices(datetime.fromtimestamp(began, UTC))
        found = by_price.get(id(price))
        if found is None:
            found = by_price[id(price)] = _stepped(price)
        return found(usage, began)

    return cost


def _look_up(vendor: str, model: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    for name in (VENDORS[vendor],) if vendor in VENDORS else _MAKERS:
        try:
            return snapshot.find_provider_model(_bare(model, vendor), None, name, None)[1]
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


def _stepped(price: ModelPrice) -> _Cost:
    """The arithmetic of one price of the list. Where it has steps, a prompt that is longer than a step's start is paid for at that step as a
    whole."""
    from genai_prices.types import TieredPrices

    kinds = (price.input_mtok, price.output_mtok, price.cache_read_mtok, price.cache_write_mtok)
    starts = sorted({tier.start for kind in kinds if isinstance(kind, TieredPrices) for tier in kind.tiers})
    if not starts:
        return _at(kinds, 0)
    steps = [(start, _at(kinds, start)) for start in reversed(starts)]
    base = _at(kinds, 0)

    def cost(usage: Usage, began: float) -> float:
        read = usage.input or 0
        step = next((step for start, step in steps if read > start), base)
        return step(usage, began)

    return cost


def _at(kinds: tuple[Decimal | TieredPrices | None, ...], start: int) -> _Cost:
    """What holds for prompts of just more than ``start`` tokens."""
    fresh, output, cached, written = (_rate(kind, start) for kind in kinds)
    return _linear(fresh or 0.0, output or 0.0, cached, written)


def _rate(kind: Decimal | TieredPrices | None, start: int) -> float | None:
    if kind is None or isinstance(kind, Decimal):
        return None if kind is None else float(kind)
    reached = [tier for tier in kind.tiers if tier.start <= start and start > 0]
    return float(max(reached, key=lambda tier: tier.start).price if reached else kind.base)
