"""A server that sends every message back, on the server's own loop and links: for conformance suites.

python tests/websocket/echo.py 9001
"""

from __future__ import annotations

import sys

import trio

from tests.support.links import StreamBytes
from trioproxy.gateway.exchange import Exchange
from trioproxy.server.exchange import H11Exchange
from trioproxy.server.listen import serve
from trioproxy.websocket.handshake import accept
from trioproxy.websocket.link import LinkClosed

LIMIT = 64 * 1024 * 1024


async def echo(exchange: Exchange) -> None:
    """Take the connection over and send back what comes."""
    assert isinstance(exchange, H11Exchange)
    link = await accept(StreamBytes(exchange.take_over()), limit=LIMIT)
    try:
        while True:
            await link.send(await link.receive())
    except LinkClosed:
        await link.close()


if __name__ == "__main__":
    trio.run(lambda: serve(echo, port=int(sys.argv[1])))
