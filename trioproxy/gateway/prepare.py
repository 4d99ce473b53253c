"""A request as it goes to one candidate: the lane, the bytes, the headers, the URL. Pure; ``now`` and ``token`` are for providers whose requests
are signed one by one.

In the passing lane the body is what the client sent, with the model's name spliced in where it differs and with what named rules change
(``providers/quirks.py``); nothing else is touched. A client's own credentials never get here: ``wire/headers.py`` holds them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

import attrs

from trioproxy import __version__
from trioproxy.config.routed import Candidate, Routed
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.crossings import crossing
from trioproxy.gateway.metering import ASK_FOR_USAGE, asking_for_usage
from trioproxy.gateway.pairs import choose_lane
from trioproxy.gateway.spellings import spelled_fault, spelled_losses
from trioproxy.gateway.stages import Admitted, Lane, Prepared
from trioproxy.neutral.boxing import boxed
from trioproxy.neutral.choices import check_choice
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import Asked, ModelSpot, Operation, Protocol, WriteTarget
from trioproxy.protocols.table import protocol
from trioproxy.providers.auth import auth_headers, entry_headers
from trioproxy.providers.effort import ask_of
from trioproxy.providers.model import AuthStyle
from trioproxy.providers.quirks import Edited, QuirkContext, edited, may_edit
from trioproxy.providers.urls import forwarded_query, url_for
from trioproxy.upstream.base import Headers, UpstreamRequest
from trioproxy.wire import headers as table
from trioproxy.wire.jsoncodec import Object, dumps
from trioproxy.wire.splice import replace

__all__ = ["prepare"]

FAULT_HEADER = b"x-trioproxy-fault"

# What says something of the client to a provider that speaks another protocol, and is no word of the client's own protocol.
_CROSSING = frozenset(
    {
        b"user-agent",
        b"accept-language",
        b"x-request-id",
        b"x-client-request-id",
        b"traceparent",
        b"tracestate",
        b"baggage",
    }
)


def prepare(
    admitted: Admitted, routed: Routed, candidate: Candidate, *, now: float, token: str, lane: Lane | None = None
) -> Prepared:
    """The request for ``candidate``, in the ``lane`` that fits where none is given.

    Raises:
        ClientFault: UNSUPPORTED, this candidate can't serve the request; INVALID_REQUEST, its protocol can't say what is asked.
    """
    lane = lane or choose_lane(admitted.asked, candidate)
    match lane:
        case Lane.PASS:
            return _passed(admitted, routed, candidate, now=now, token=token)
        case Lane.TRANSLATE:
            return _translated(admitted, routed, candidate, now=now, token=token)
        case _:
            assert_never(lane)


def _passed(admitted: Admitted, routed: Routed, candidate: Candidate, *, now: float, token: str) -> Prepared:
    asked = admitted.asked
    # A recording is asked what the client asked, to the letter: it was made of that.
    replayed = candidate.credential.replay is not None
    change = _changed(admitted, routed, candidate) if not replayed else None
    demanded = change.headers if change is not None else {}
    body = _with_model(asked, candidate.model) if change is None else _rewritten(asked, change.body, candidate.model)
    metered = asking_for_usage(asked, body) if ASK_FOR_USAGE in candidate.quirks and not replayed else None
    request = _request(
        admitted,
        candidate,
        headers=_passed_headers(admitted, candidate, demanded, now=now, token=token),
        body=body if metered is None else metered,
        verb=_verb(asked),
        query=forwarded_query(asked.query),
    )
    return Prepared(
        candidate=candidate,
        lane=Lane.PASS,
        outbound=admitted.protocol,
        operation=asked.operation,
        request=request,
        losses=change.losses if change is not None else (),
        metered=metered is not None,
    )


def _translated(admitted: Admitted, routed: Routed, candidate: Candidate, *, now: float, token: str) -> Prepared:
    asked, outbound = admitted.asked, protocol(candidate.wire.protocol)
    assert asked.document is not None, "an operation that is translated has a JSON body"
    way = crossing(asked, candidate.wire)
    assert way is not None, "the lane was chosen for a crossing there is"
    conversation = (way.emulation or admitted.protocol).read_request(asked.document, asked)
    if routed.suffix is not None:
        conversation = attrs.evolve(conversation, reasoning=ask_of(routed.suffix))
    conversation, losses = _within(conversation, candidate)
    credential, quirks = candidate.credential, candidate.quirks
    target = WriteTarget(
        model=candidate.model,
        provider=credential.provider.name,
        stream=asked.stream,
        include_usage=credential.include_usage,
        max_output_tokens=candidate.facts.max_output_tokens if candidate.facts else None,
        thinking=candidate.facts.thinking if candidate.facts else None,
        quirks=frozenset(quirks),
        operation=way.operation,
    )
    try:
        check_choice(conversation)
        told = boxed(conversation) if outbound.object_answers else conversation
        written = outbound.write_request(told, target)
    except ClientFault as fault:
        raise _as_spelled(spelled_fault(fault, conversation, admitted.protocol.words), asked.document) from None
    rules = QuirkContext(
        protocol=outbound.name,
        model=candidate.model,
        operation=way.operation,
        quirks=frozenset(quirks),
        facts=candidate.facts,
    )
    change = edited(quirks, None, written.body, rules)
    kept = tuple([line for line in _forwarded(admitted) if line[0] in _CROSSING])
    accept = b"text/event-stream" if asked.stream else b"application/json"
    headers = _headers((*kept, (b"accept", accept)), admitted, candidate, {}, now=now, token=token)
    verb, query = outbound.stream_at if asked.stream else ("", "")
    request = _request(
        admitted,
        candidate,
        headers=headers,
        body=dumps(written.body if change is None else change.body),
        verb=verb,
        query=query,
        operation=way.operation,
    )
    return Prepared(
        candidate=candidate,
        lane=Lane.TRANSLATE,
        outbound=outbound,
        operation=way.operation,
        request=request,
        conversation=conversation,
        naming=written.naming,
        stops=written.stops,
        boxed=told is not conversation,
        bare=conversation.output is not None and conversation.output.bare and outbound is not admitted.protocol,
        emulation=way.emulation,
        losses=spelled_losses(
            (*losses, *written.losses, *(change.losses if change is not None else ())),
            conversation,
            admitted.protocol.words,
        ),
    )


def _changed(admitted: Admitted, routed: Routed, candidate: Candidate) -> Edited | None:
    """The body of a request that passes as named rules want it, without what only another vendor could read; None where it stays as it is."""
    asked = admitted.asked
    opened = _opened(admitted.protocol, asked)
    if may_edit(candidate.quirks, asked.body, asked.protocol, suffixed=routed.suffix is not None):
        rules = QuirkContext(
            protocol=asked.protocol,
            model=candidate.model,
            operation=asked.operation,
            suffix=routed.suffix,
            quirks=frozenset(candidate.quirks),
            facts=candidate.facts,
            client=_Readable(admitted.headers),
        )
        change = edited(candidate.quirks, asked.body, asked.document if opened is None else opened, rules)
        if change is not None:
            return change
    return Edited(body=opened, headers={}, losses=()) if opened is not None else None


def _opened(own: Protocol, asked: Asked) -> Object | None:
    """The document without what only another vendor could read, None where it holds no such thing."""
    if own.seals is None or asked.document is None or not any(mark in asked.body for mark in own.seals.marks):
        return None
    return own.seals.opened(asked.document)


_ALIASES = {"previous_response_id": "conversation_id"}


def _as_spelled(fault: ClientFault, document: Object) -> ClientFault:
    """The fault with the name that the client used for what is at fault."""
    failure = fault.failure
    alias = _ALIASES.get(failure.param or "")
    if alias is None or failure.param is None or document.get(failure.param) or alias not in document:
        return fault
    return ClientFault(failure.kind, failure.message.replace(failure.param, alias), code=failure.code, param=alias)


def _within(conversation: Conversation, candidate: Candidate) -> tuple[Conversation, tuple[Loss, ...]]:
    """What is asked, without what this model is known not to do."""
    facts = candidate.facts
    if conversation.reasoning is None or facts is None or facts.thinks is not False:
        return conversation, ()
    return attrs.evolve(conversation, reasoning=None), (Loss("reasoning", f"{candidate.model} does not think"),)


def _with_model(asked: Asked, model: str) -> bytes:
    """The client's body with the upstream's name for the model, the identical bytes where they agree."""
    if asked.model_span is None or asked.model == model:
        return asked.body
    match asked.spot:
        case ModelSpot.JSON:
            return replace(asked.body, asked.model_span, dumps(model))
        case ModelSpot.FORM:
            return replace(asked.body, asked.model_span, model.encode())
        case ModelSpot.PATH:
            return asked.body
        case _:
            assert_never(asked.spot)


def _rewritten(asked: Asked, body: Object, model: str) -> bytes:
    """A body that named rules changed, with the upstream's name for the model where the body has it."""
    return dumps({**body, "model": model} if asked.spot is ModelSpot.JSON else body)


def _verb(asked: Asked) -> str:
    """What follows the model in the client's own path (``streamGenerateContent``), "" where its paths have no such thing."""
    return asked.endpoint.path.partition("{model}:")[2]


def _request(
    admitted: Admitted,
    candidate: Candidate,
    *,
    headers: Headers,
    body: bytes,
    verb: str,
    query: str,
    operation: Operation | None = None,
) -> UpstreamRequest:
    asked, credential = admitted.asked, candidate.credential
    operation = operation or asked.operation
    url = _url(candidate, operation, verb, query, admitted.tail)
    if url is None:
        raise ClientFault(
            ErrorKind.UNSUPPORTED,
            f"{credential.group} has no {operation.value} in {candidate.wire.protocol}",
            model=asked.model,
        )
    return UpstreamRequest(
        method=asked.endpoint.method,
        url=url,
        headers=headers,
        body=body,
        proxy_url=credential.proxy_url,
        max_connections=credential.max_connections,
        keep_alive_connections=credential.keep_alive_connections,
        credential_id=credential.id,
        protocol=candidate.wire.protocol,
        model=candidate.model,
        stream=asked.stream,
        fault=_fault(admitted.headers) if credential.replay is not None else None,
        turn=admitted.turn,
    )


def _url(candidate: Candidate, operation: Operation, verb: str, query: str, tail: str) -> str | None:
    plain = not query and not tail  # what a client can't choose freely
    urls: dict[tuple[Operation, str], str | None] = candidate.memo.setdefault("urls", {})
    if plain and (operation, verb) in urls:
        return urls[operation, verb]
    url = url_for(
        candidate.wire,
        operation,
        join=candidate.credential.join,
        model=candidate.model,
        verb=verb,
        query=query,
        tail=tail,
    )
    if plain:
        urls[operation, verb] = url
    return url


def _fault(headers: Headers) -> str | None:
    """What is to go wrong with a replayed answer, where its client asks for that."""
    asked = table.header(headers, FAULT_HEADER)
    return asked.decode("latin-1") if asked is not None else None


def _forwarded(admitted: Admitted) -> Headers:
    forwarded: Headers | None = admitted.memo.get("forwarded")
    if forwarded is None:
        forwarded = admitted.memo["forwarded"] = table.request(admitted.headers)
    return forwarded


def _passed_headers(
    admitted: Admitted, candidate: Candidate, demanded: Mapping[str, str], *, now: float, token: str
) -> Headers:
    """What goes with a request that passes. A client that sends the same head again has it answered by the same candidate, most often."""
    known: tuple[Candidate, Headers] | None = admitted.memo.get("passed")
    if known is not None and known[0] is candidate and not demanded:
        return known[1]
    headers = _headers(_forwarded(admitted), admitted, candidate, demanded, now=now, token=token)
    if not demanded and "over" in candidate.memo:
        admitted.memo["passed"] = (candidate, headers)
    return headers


def _headers(
    base: Headers, admitted: Admitted, candidate: Candidate, demanded: Mapping[str, str], *, now: float, token: str
) -> Headers:
    """``base``, then defaults where the client has none, then what named rules, the entry and the key put over it."""
    credential = candidate.credential
    style = candidate.wire.auth or credential.provider.auth
    defaults: dict[bytes, bytes] | None = candidate.memo.get("defaults")
    if defaults is None:
        defaults = candidate.memo["defaults"] = _default_lines(candidate)
    over: dict[bytes, bytes] | None = candidate.memo.get("over")
    if over is None or demanded:
        key = credential.key.reveal() if credential.key is not None else None
        said = {
            "accept-encoding": "identity",
            **demanded,
            **(entry_headers(credential.headers, _Readable(admitted.headers)) if credential.headers else {}),
            **auth_headers(style, key, custom_base=credential.custom_base, now=now, token=token),
        }
        over = dict(_line(name, value) for name, value in said.items())
        if not demanded and not credential.headers and style is not AuthStyle.IFLOW:
            candidate.memo["over"] = over
    present = {name for name, _ in base}
    kept = [line for line in base if line[0] not in over]
    kept += (line for line in defaults.items() if line[0] not in present and line[0] not in over)
    return (*kept, *over.items())


def _default_lines(candidate: Candidate) -> dict[bytes, bytes]:
    said = {
        "content-type": "application/json",
        "user-agent": f"trioproxy/{__version__}",
        **protocol(candidate.wire.protocol).headers,
        **{name.lower(): value for name, value in candidate.credential.provider.headers.items()},
    }
    return dict(_line(name, value) for name, value in said.items())


class _Readable(Mapping[str, str]):
    """Headers as text. Most requests are never asked for one."""

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        for key, value in self._headers:
            if key == name.encode("latin-1", "replace"):
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _ in self._headers))

    def __len__(self) -> int:
        return len({name for name, _ in self._headers})


def _line(name: str, value: str) -> tuple[bytes, bytes]:
    return name.encode("latin-1", "replace"), value.encode("latin-1", "replace")
