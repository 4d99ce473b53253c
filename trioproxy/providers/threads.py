"""Threads of the Messages API, where a server that imitates it keeps none.

A thread is kept by the vendor: after its beginning a client sends its new messages alone (the SDK's tool runner does, in every conversation).
A server that passes over a member it does not know would take them for all there is. So the beginning is left out, and who goes on is told
that nobody kept it, on which clients send the whole conversation. Refuses to know: how that is said
(``protocols/anthropic/errors.py``), and which servers keep none. Source: anthropic SDK 2.14, ``lib/threads``.
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.providers.quirk import ANTHROPIC, Quirk, QuirkContext, dropped
from trioproxy.wire.jsoncodec import Object

__all__ = ["NO_THREADS"]


def _without_thread(body: Object, context: QuirkContext) -> Object | None:
    """The body without a thread that begins.

    Raises:
        ClientFault: INVALID_REQUEST, the thread goes on.
    """
    match body.get("thread"):
        case {"type": "continue"}:
            raise ClientFault(
                ErrorKind.INVALID_REQUEST,
                "`thread` goes on with what this provider did not keep: send the whole conversation.",
                param="thread",
            )
        case _:
            return dropped(body, ("thread",), context, "the provider keeps no threads")


NO_THREADS = Quirk(
    name="no-threads",
    doc="A `thread` that begins is left out; one that goes on is refused, on which clients send the whole conversation.",
    protocols=frozenset({ANTHROPIC}),
    marks=(b'"thread"',),
    edit=_without_thread,
)
