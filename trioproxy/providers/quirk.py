"""What a named quirk is, and what it may look at. Refuses to know: any quirk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import ModelFacts, ThinkingSuffix
from trioproxy.wire.jsoncodec import Object

__all__ = ["ANTHROPIC", "CHAT", "GEMINI", "RESPONSES", "Edit", "Quirk", "QuirkContext", "dropped"]

CHAT, RESPONSES, ANTHROPIC, GEMINI = "openai_chat", "openai_responses", "anthropic", "gemini"


@attrs.frozen(kw_only=True)
class QuirkContext:
    """What an edit may look at beside the body. ``client`` are the client's headers, names lower-case; ``facts`` what is known of the
    model, None where nothing is; ``quirks`` all that holds of the provider. ``headers`` and
    ``losses`` are for the edit to fill: header lines to send, fields that were dropped."""

    protocol: str
    model: str = ""
    operation: Operation = Operation.GENERATE
    suffix: ThinkingSuffix | None = None
    quirks: frozenset[str] = frozenset()
    facts: ModelFacts | None = None
    client: Mapping[str, str] = MappingProxyType({})
    headers: dict[str, str] = attrs.field(factory=dict)
    losses: list[Loss] = attrs.field(factory=list)


Edit = Callable[[Object, QuirkContext], Object | None]


@attrs.frozen(kw_only=True)
class Quirk:
    """One named edit.

    ``edit`` changes a request, ``answer`` an answer (a whole body, or the data of one event of a stream); a quirk with neither is one that
    the writer of its protocol looks at. ``marks`` are bytes of which one must stand in the raw body for the edit to have anything to do;
    none means that the bytes can't tell. ``always`` says that it needs no naming.
    """

    name: str
    doc: str
    protocols: frozenset[str]
    marks: tuple[bytes, ...] = ()
    edit: Edit | None = None
    answer: Callable[[Object], Object | None] | None = None
    always: bool = False

    def applies(self, raw: bytes) -> bool:
        """Whether the edit may have something to do in a body of these bytes."""
        return not self.marks or any(mark in raw for mark in self.marks)


def dropped(body: Object, names: tuple[str, ...], context: QuirkContext, reason: str) -> Object | None:
    """``body`` without these members, each one a loss; None where it has none of them."""
    gone = [name for name in names if name in body]
    if not gone:
        return None
    context.losses.extend(Loss(path=name, reason=reason) for name in gone)
    return {name: value for name, value in body.items() if name not in gone}
