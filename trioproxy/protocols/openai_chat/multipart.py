"""Form fields of a ``multipart/form-data`` body (RFC 7578), found where they lie.

Audio and image endpoints carry their model as a form field beside files of many megabytes; only the spans are taken, no part is copied. The
boundary is read from the body itself, because the content type reaches this room in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["NotMultipart", "form_fields"]

_NAME = re.compile(rb';[ \t]*name="((?:[^"\\\r\n]|\\.)*)"|;[ \t]*name=([^";\s]+)', re.IGNORECASE)
_FILENAME = re.compile(rb";[ \t]*filename\*?=", re.IGNORECASE)
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^";\s]+))')
_MAX_PART_HEAD = 16 * 1024


class NotMultipart(ValueError):
    """The body is not what its content type says. The message says where."""


def form_fields(body: bytes, content_type: str) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of the value of each field that is not a file, in order. Offsets are bytes.

    ``content_type`` is the header in lower case.

    Raises:
        NotMultipart: no boundary, or a part without an end.
    """
    delimiter = b"\r\n" + _opening(body, content_type)
    at = len(delimiter) - 2
    while not body.startswith(b"--", at):
        if not body.startswith(b"\r\n", at):
            raise NotMultipart(f"expected a line end behind the boundary at byte {at}")
        head_end = body.find(b"\r\n\r\n", at, at + _MAX_PART_HEAD)
        if head_end < 0:
            raise NotMultipart(f"the part at byte {at} has no end of its headers")
        start = head_end + 4
        # A part without content has its delimiter right behind the blank line.
        end = body.find(delimiter, start - 2)
        if end < 0:
            raise NotMultipart(f"the part at byte {at} has no end")
        head = body[at : head_end + 2]
        name = _NAME.search(head)
        if name is not None and _FILENAME.search(head) is None:
            yield (name.group(1) or name.group(2) or b"").decode("utf-8", "replace"), start, max(start, end)
        at = end + len(delimiter)


def _opening(body: bytes, content_type: str) -> bytes:
    """The first line of the body: two dashes and the boundary, as it is spelled."""
    declared = _BOUNDARY.search(content_type)
    if declared is None:
        raise NotMultipart("the content type names no boundary")
    length = 2 + len(declared.group(1) or declared.group(2))
    line = body[:length]
    if line.decode("latin-1").lower() != "--" + (declared.group(1) or declared.group(2)):
        raise NotMultipart("the body does not begin with its boundary")
    return line
