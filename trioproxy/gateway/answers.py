"""The head of an answer, and the answer that is a refusal: what the client is told before any byte of a body.

This is the one place where a failure is rendered, by the protocol the client speaks.
"""

from __future__ import annotations

from typing import assert_never

import attrs

from trioproxy.config.model import Settings
from trioproxy.errors import ClientFault, ErrorKind, Failure
from trioproxy.gateway.attempt import Opened
from trioproxy.gateway.doors import spoken_at
from trioproxy.gateway.outlet import Outlet
from trioproxy.gateway.passages import StreamPassage, WholePassage
from trioproxy.gateway.refusal import is_native, refusal
from trioproxy.gateway.sources import encode_error
from trioproxy.gateway.stages import Admitted, ErrorAnswer, Rejected
from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import Framing, Protocol, StreamSeen
from trioproxy.upstream.base import Headers
from trioproxy.wire import headers as table

__all__ = ["answer_head", "head_for_failure", "refuse", "stream_head"]

LOSS_HEADER = b"x-trioproxy-loss"
"""What could not be said, as far as it is known when the head goes out: all of it for a whole answer, the request's part for a stream."""
LONGEST_LOSSES = 1024

_BODY_HEADERS = frozenset({b"content-type", b"content-encoding", b"cache-control", b"etag", b"last-modified"})


def answer_head(opened: Opened, admitted: Admitted, settings: Settings, request_id: str) -> tuple[int, Headers]:
    """Status and headers of a good answer."""
    response, prepared, carrier = opened.response, opened.prepared, opened.carrier
    if isinstance(carrier, StreamPassage | WholePassage):
        headers = table.response(response.headers)
        if isinstance(carrier, StreamPassage):
            headers = _typed(headers, carrier.framing)
        # Chunks overrule a length that stands beside them (RFC 9112, 6.3): it is then not the body's.
        chunked = table.header(response.headers, b"transfer-encoding") is not None
        length = None if chunked else table.header(response.headers, b"content-length")
        if length is not None and isinstance(carrier, WholePassage) and not carrier.edited:
            headers += ((b"content-length", length),)
    else:
        kept = table.error_response(response.headers)
        headers = tuple(each for each in kept if each[0] not in _BODY_HEADERS)
        headers += _framed(admitted.asked.framing) if carrier.streams else _JSON
    losses = (*prepared.losses, *carrier.losses)
    if settings.loss_header and losses:
        headers += ((LOSS_HEADER, _listed(losses)),)
    return response.status, _identified(headers, request_id, admitted.protocol)


def stream_head(admitted: Admitted, request_id: str) -> Headers:
    """The headers of a stream that is begun before anything is known of the answer."""
    return _identified(_framed(admitted.asked.framing), request_id, admitted.protocol)


def head_for_failure(admitted: Admitted, rejected: Rejected, request_id: str) -> Headers | None:
    """The head of the stream in which the client is to be told why there is no answer; None where a status tells it."""
    asked, answer, protocol = admitted.asked, rejected.answer, admitted.protocol
    if not asked.stream or not protocol.told_within(rejected.failure):
        return None
    if answer is not None and answer.protocol == protocol.name and is_native(answer):
        return None
    return stream_head(admitted, request_id)


async def refuse(
    outlet: Outlet,
    settings: Settings,
    failure: Failure,
    *,
    answer: ErrorAnswer | None = None,
    headers: Headers = (),
    begin: Headers | None = None,
) -> None:
    """Tell the client of ``failure``: by status, or in the stream where an early head went out, or ``begin`` is the head of one that is to be
    begun for it. ``answer`` is a provider's own error."""
    outlet.entry.failed(failure)
    protocol = spoken_at(outlet.exchange.head)
    try:
        if failure.kind is ErrorKind.CLIENT_GONE or outlet.in_midst:
            await outlet.abort()
            return
        if begin is not None and not outlet.started:
            await outlet.start(200, begin)
        if outlet.started:
            await outlet.finish(encode_error(protocol, Framing.SSE, failure, StreamSeen()))
        else:
            id_ = outlet.entry.id
            reply = refusal(failure, protocol, form=settings.error_format, answer=answer, extra=headers, request_id=id_)
            await outlet.reply(attrs.evolve(reply, headers=_identified(reply.headers, id_, protocol)))
    except ClientFault:
        await outlet.abort()


_JSON: Headers = ((b"content-type", b"application/json"),)
_TYPES = {Framing.SSE: b"text/event-stream", Framing.JSON_ARRAY: b"application/json"}


def _typed(headers: Headers, framing: Framing) -> Headers:
    """``headers`` with the type that a stream has, where the provider named none, or another one: clients read a stream by its type."""
    right, said = _TYPES[framing], table.header(headers, b"content-type")
    if said is not None and said.split(b";")[0].strip().lower() == right:
        return headers
    return ((b"content-type", right), *(each for each in headers if each[0] != b"content-type"))


def _framed(framing: Framing) -> Headers:
    match framing:
        case Framing.SSE:
            return ((b"content-type", _TYPES[framing]), (b"cache-control", b"no-cache"))
        case Framing.JSON_ARRAY:
            return _JSON
        case _:
            assert_never(framing)


def _identified(headers: Headers, request_id: str, protocol: Protocol) -> Headers:
    """``headers`` with an id by which a person can find the exchange in the log, under the names that clients of ``protocol`` look for it."""
    given, wanted = dict(headers), dict.fromkeys((b"x-request-id", protocol.request_id))
    return (*headers, *[(name, request_id.encode()) for name in wanted if name not in given])


def _listed(losses: tuple[Loss, ...]) -> bytes:
    paths = "; ".join(dict.fromkeys(loss.path for loss in losses)).encode("ascii", "replace")
    return bytes(byte if 0x20 <= byte < 0x7F else 0x3F for byte in paths)[:LONGEST_LOSSES]
