"""What the small servers of a benchmark have in common: a free port, said on standard output, and an end that nobody hears of."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

import trio

__all__ = ["serve_until_terminated"]


def serve_until_terminated(serve: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
    """Serve connections on the loopback until the process is ended."""
    trio.run(_serve, serve)


async def _serve(serve: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
    async def guarded(stream: trio.SocketStream) -> None:
        try:
            async with stream:
                await serve(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the other side left

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=1024)
    port = listeners[0].socket.getsockname()[1]
    sys.stdout.write(f"listening on http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await trio.serve_listeners(guarded, listeners)
