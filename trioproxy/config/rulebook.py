"""The ProxAI routes of a snapshot, compiled: which of them a model's name fits, in file order.

Knows: patterns, guards, rewriting. Refuses to know: credentials. Exact names are found by look-up, so that thousands of them cost a
request nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import attrs

from trioproxy.config.model import RouteRule, Snapshot
from trioproxy.config.patterns import RoutePattern

__all__ = ["Rulebook", "Verdict"]


@attrs.frozen
class Verdict:
    """The route that won, else the first one that fits the name but is for another protocol, else neither."""

    rule: RouteRule | None = None
    skipped: RouteRule | None = None


@attrs.define(eq=False)
class Rulebook:
    """The compiled routes of one snapshot."""

    rules: tuple[RouteRule, ...]
    _patterns: dict[int, RoutePattern] = attrs.Factory(dict)
    _exact: dict[str, list[int]] = attrs.Factory(dict)
    _wild: list[int] = attrs.Factory(list)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Rulebook:
        """The rulebook of ``snapshot``, compiled on the first call.

        Raises:
            PatternInvalid: a pattern that the loader should have refused.
        """
        book: Rulebook | None = snapshot.memo.get("rulebook")
        if book is None:
            book = cls(rules=snapshot.routes)
            book._compile()
            snapshot.memo["rulebook"] = book
        return book

    def verdict(self, model: str, protocol: str) -> Verdict:
        """What the routes say of ``model`` asked for in ``protocol``."""
        skipped: RouteRule | None = None
        for rule in self._fitting(model):
            if rule.protocol in (None, protocol):
                return Verdict(rule=rule)
            skipped = skipped or rule
        return Verdict(skipped=skipped)

    def exact(self, model: str, protocol: str) -> RouteRule | None:
        """The first route that names ``model`` letter by letter (in any case) and takes ``protocol``."""
        fitting = (self.rules[number] for number in self._exact.get(model.lower(), ()))
        return next((rule for rule in fitting if rule.protocol in (None, protocol)), None)

    def names(self) -> tuple[RouteRule, ...]:
        """The routes whose pattern is one name, in file order."""
        return tuple(self.rules[number] for number in sorted(at for found in self._exact.values() for at in found))

    def rewritten(self, rule: RouteRule, model: str) -> str:
        """The upstream's name for ``model``: the rule's own, or the client's spelling where it has none."""
        if rule.upstream_model is None:
            return model
        return RoutePattern.compile(rule.match, rule.pattern).rewrite(model, rule.upstream_model)

    def _fitting(self, model: str) -> Iterator[RouteRule]:
        exact = self._exact.get(model.lower(), ())
        wild = (number for number in self._wild if self._patterns[number].matches(model))
        return (self.rules[number] for number in heapq.merge(exact, wild))

    def _compile(self) -> None:
        for number, rule in enumerate(self.rules):
            pattern = RoutePattern.compile(rule.match, rule.pattern)
            if pattern.exact is not None:
                self._exact.setdefault(pattern.exact, []).append(number)
            else:
                self._wild.append(number)
                self._patterns[number] = pattern
