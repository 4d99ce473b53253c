"""What a client may take: sizes in bytes, times in seconds. Knows nothing of the requests' meaning; a body's size is the handler's to bound."""

from __future__ import annotations

import attrs

__all__ = ["ServerLimits"]


@attrs.frozen(kw_only=True)
class ServerLimits:
    """The limits of one server.

    ``head`` bounds a request's head and ``head_fields`` its header lines; from its first byte it must arrive within ``head_seconds``. A
    connection on which nothing is asked is closed after ``idle_seconds``. A body may pause for ``body_stall_seconds``, and after as long
    must have come at ``body_rate`` bytes a second or more on average, so that a drip cannot hold a connection for ever.

    An unread body of at most ``discard`` bytes is read and dropped to keep the connection; a longer one costs it. A connection that
    is closed with an error lingers for ``linger_seconds`` and ``linger`` bytes at most, so that the client can read the answer. Of requests
    sent ahead, ``pipelined`` bytes are taken in while an answer runs.

    ``connections`` may be open at once. When a drain's time is up, the handlers that still run have ``farewell_seconds`` to say so.
    """

    head: int = 64 * 1024
    head_fields: int = 256
    head_seconds: float = 30.0
    idle_seconds: float = 75.0
    body_stall_seconds: float = 30.0
    body_rate: float = 1024.0
    discard: int = 256 * 1024
    linger: int = 256 * 1024 * 1024
    linger_seconds: float = 5.0
    pipelined: int = 64 * 1024
    connections: int = 4096
    farewell_seconds: float = 5.0
