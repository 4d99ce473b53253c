"""The least that a proxy on trio could do, as a process: ``python -m trioproxy.bench.floor PORT`` copies bytes to and from a port.

Knows: two streams. Refuses to know: HTTP, and with it everything that a proxy is for. No proxy in Python that does more can be expected to take
less, so it is what this one is measured against.
"""

from __future__ import annotations

import sys

import trio

from trioproxy.bench.listening import serve_until_terminated

__all__ = ["relay"]


async def relay(client: trio.SocketStream, port: int) -> None:
    """Copy both ways between ``client`` and ``port`` until one side ends."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as provider, trio.open_nursery() as nursery:

        async def copy(source: trio.SocketStream, sink: trio.SocketStream) -> None:
            try:
                while data := await source.receive_some(65536):
                    await sink.send_all(data)
            except trio.BrokenResourceError:
                pass
            nursery.cancel_scope.cancel()

        nursery.start_soon(copy, client, provider)
        nursery.start_soon(copy, provider, client)


if __name__ == "__main__":
    origin = int(sys.argv[1])
    serve_until_terminated(lambda client: relay(client, origin))
