"""The least that a proxy on trio could do, as a process: ``python -m trioproxy.bench.floor PORT [AUTHORITY]`` copies bytes to and from a port.

Knows: two streams, and TLS where a file with the authority of the other side's certificate is named. Refuses to know: HTTP, and with it
everything that a proxy is for. No proxy in Python that does more can be expected to take less, so it is what this one is measured against.
"""

from __future__ import annotations

import ssl
import sys

import trio

from trioproxy.bench.listening import serve_until_terminated

__all__ = ["copy_both_ways", "relay"]


async def relay(client: trio.abc.Stream, port: int, context: ssl.SSLContext | None = None) -> None:
    """Copy both ways between ``client`` and ``port`` until one side ends."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as provider:
        if context is None:
            await copy_both_ways(client, provider)
        else:
            await copy_both_ways(client, trio.SSLStream(provider, context, server_hostname="localhost"))


async def copy_both_ways(one: trio.abc.Stream, other: trio.abc.Stream) -> None:
    """Copy what each of two streams receives to the other, until one of them ends."""
    async with trio.open_nursery() as nursery:

        async def copy(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
            try:
                while data := await source.receive_some(65536):
                    await sink.send_all(data)
            except trio.BrokenResourceError:
                pass
            nursery.cancel_scope.cancel()

        nursery.start_soon(copy, one, other)
        nursery.start_soon(copy, other, one)


if __name__ == "__main__":
    origin = int(sys.argv[1])
    trusted = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None
    serve_until_terminated(lambda client: relay(client, origin, trusted))
