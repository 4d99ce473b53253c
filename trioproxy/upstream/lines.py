"""Where each member of a JSON document stands in its text (RFC 8259), for messages to people. Pure.

Knows: brackets, strings, commas. It assumes valid JSON, which ``jsoncodec`` has checked before. Refuses to know: what the members mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from trioproxy.wire.jsoncodec import loads

__all__ = ["Path", "line_of", "lines", "spelled"]

Path: TypeAlias = tuple[str | int, ...]
"""The way from the document to a member: names and numbers."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\n', re.DOTALL)


def lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every member's value, and of the document itself under ``()``."""
    found: dict[Path, int] = {}
    way: list[str | int] = []
    line, naming = 1, False
    for match in _TOKEN.finditer(text):
        token = match[0]
        match token:
            case "\n":
                line += 1
            case "{":
                found[tuple(way)] = line
                way.append("")
                naming = True
            case "[":
                found[tuple(way)] = line
                way.append(0)
                naming = False
            case "}" | "]":
                way.pop()
                naming = False
            case ",":
                last = way[-1]
                naming = isinstance(last, str)
                if isinstance(last, int):
                    way[-1] = last + 1
            case ":":
                naming = False
            case _ if naming:
                way[-1] = loads(token)
            case _:
                found[tuple(way)] = line
    return found


def line_of(found: dict[Path, int], path: Path) -> int:
    """The line of a member, or of the nearest that holds it where it is not there."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 0)


def spelled(path: Sequence[str | int]) -> str:
    """``response.chunks[3].at``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
