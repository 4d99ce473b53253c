"""The request's body taken in and looked at: what is asked, no more than routing needs."""

from __future__ import annotations

from trioproxy.config.model import ClientKey
from trioproxy.config.routes import LONGEST_NAME
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.references import References
from trioproxy.gateway.stages import Admitted
from trioproxy.ledger.entry import Entry
from trioproxy.protocols.base import PeekRequest
from trioproxy.protocols.table import Match

__all__ = ["receive"]


async def receive(
    exchange: Exchange, door: Match, client: ClientKey | None, limit: int, entry: Entry, references: References
) -> Admitted:
    """The request behind ``door``, whole, with what it refers to (``references.py``).

    Raises:
        ClientFault: the body can't be had (``Exchange.receive_body`` lists why), or is not a request of this protocol.
    """
    head = exchange.head
    entry.protocol, entry.operation = door.protocol.name, door.endpoint.operation.value
    if client is not None:
        entry.client, entry.client_id = client.name or client.id, client.id
    body = await exchange.receive_body(limit)
    if door.protocol.name == "openai_responses":
        body = references.resolved(client, body)
    entry.bytes_in = len(body)
    content_type = (head.header(b"content-type") or b"").decode("latin-1").lower()
    asked = door.protocol.peek(
        PeekRequest(endpoint=door.endpoint, params=door.params, query=head.query, content_type=content_type, body=body)
    )
    entry.model, entry.stream = asked.model[:LONGEST_NAME], asked.stream
    return Admitted(
        protocol=door.protocol,
        asked=asked,
        client=client,
        headers=head.headers,
        memo=head.memo,
        tail=door.params.get("tail", ""),
        turn=head.turn,
        follows=exchange.head.follows,
    )
