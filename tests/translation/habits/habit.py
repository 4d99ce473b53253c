"""What one habit is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs

from tests.translation.gists import Gist, Said, counted
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.usage import Usage

__all__ = ["DONE", "Habit", "lines"]

DONE = "data: [DONE]\n\n"


@attrs.frozen(kw_only=True)
class Habit:
    """One stream of a provider. ``failed`` is a word of the failure it ends in, None where it ends well."""

    provider: str
    name: str
    stream: bytes
    said: tuple[Said, ...]
    finish: FinishReason | None
    usage: Usage
    failed: str | None = None
    cited: tuple[str, ...] = ()

    @property
    def gist(self) -> Gist:
        """What the answer comes to."""
        return Gist(
            said=self.said,
            cited=self.cited,
            finish=None if self.failed else self.finish,
            stop_sequence=None,
            usage=counted(self.usage),
            failed=self.failed,
        )


def lines(documents: Iterable[Any], *, named: bool = False) -> bytes:
    out: list[str] = []
    for document in documents:
        if isinstance(document, str):
            out.append(document)
            continue
        name = f"event: {document['type']}\n" if named and "type" in document else ""
        out.append(f"{name}data: {json.dumps(document)}\n\n")
    return "".join(out).encode()
