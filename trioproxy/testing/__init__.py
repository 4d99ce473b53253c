"""Recorded traffic for test suites: a local server that answers from a folder of recordings, and a pytest plugin around it.

    with trioproxy.testing.replaying("recordings") as llm:
        client = OpenAI(base_url=llm.openai_base_url, api_key=llm.api_key)

Importing this package imports nothing else: pytest does so at its start, in suites that may never ask for a recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trioproxy.testing.calls import Call
    from trioproxy.testing.provider import LocalProvider, recording, replaying

__all__ = ["Call", "LocalProvider", "recording", "replaying"]

_PLACES = {"Call": "calls", "LocalProvider": "provider", "recording": "provider", "replaying": "provider"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
