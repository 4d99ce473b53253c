"""How many files a serving process may have open.

A stream takes two. The customary soft limits (1024, on macOS 256) are kept low for programs that use ``select()``, which fails beyond them;
trio uses epoll and kqueue, so the process takes what the hard limit allows it.
"""

from __future__ import annotations

from contextlib import suppress

__all__ = ["ENOUGH", "raise_limit"]

ENOUGH = 65536


def raise_limit() -> None:
    """Raise the soft limit of open files as far as it helps and is allowed."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(ValueError, OSError):  # macOS has a lower bound of its own, which it does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
