"""Server-sent events (WHATWG HTML, section 9.2): decoder, encoder, and a filter that takes comments out.

Knows: line ends (LF, CRLF, CR, mixed), the byte order mark, comments, several data lines, where one event ends and the next begins.
Refuses to know: what the data mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import JSONError, loads
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["CommentStripper", "SSEDecoder", "around", "encode", "encode_row", "frame_of"]

DEFAULT_MAX_EVENT = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class SSEDecoder:
    """A machine from bytes, cut anywhere, to frames. Memory is bounded by ``max_event`` bytes."""

    def __init__(self, *, max_event: int = DEFAULT_MAX_EVENT) -> None:
        self._max_event = max_event
        self._buffer = bytearray()
        self._searched = 0
        self._fresh = True
        self._head = b""
        self._cr_pending = False

    @property
    def at_boundary(self) -> bool:
        """Whether an event of our own may be written here without cutting one of the stream's in two."""
        # Only what begins with a line end is looked at: to strip is to copy, and one event may be many MiB.
        buffer = self._buffer
        return not buffer or (buffer[0] == 0x0A and not buffer.strip(b"\n"))

    @property
    def empty(self) -> bool:
        """Whether what comes next begins where an event may begin, and all that came before it was handed out."""
        return not (self._buffer or self._fresh or self._cr_pending)

    def feed(self, item: bytes) -> list[Frame]:
        """Frames whose closing blank line is in ``item``.

        Raises:
            ProtocolViolation: an event is longer than ``max_event`` bytes.
        """
        return [frame for block in self.blocks(item) if (frame := frame_of(block)) is not None]

    def blocks(self, item: bytes) -> list[bytes]:
        """The same, each as its lines with LF between them: :func:`frame_of` is what they say. One may say nothing.

        Raises:
            ProtocolViolation: see :meth:`feed`. Nothing of ``item`` is handed out.
        """
        buffer = self._buffer
        held = len(buffer)
        plain = not (held or self._fresh or self._cr_pending or b"\r" in item)
        data = item if plain else self._normalised(item)
        if not held:
            # As nearly always: what comes begins where an event does, and nothing has to be put together.
            *blocks, rest = data.split(b"\n\n")
            if rest:
                buffer += rest
        else:
            buffer += data
            end = buffer.rfind(b"\n\n", self._searched)
            blocks = bytes(buffer[:end]).split(b"\n\n") if end >= 0 else []
            if blocks:
                del buffer[: end + 2]
        if buffer:
            self._drop_comments()
            self._searched = max(0, len(buffer) - 1)
        if len(buffer) > self._max_event or (
            held + len(data) > self._max_event and any(len(block) > self._max_event for block in blocks)
        ):
            raise ProtocolViolation(f"an event is longer than {self._max_event} bytes")
        return blocks

    def close(self) -> list[Frame]:
        """The event that the end of the stream cut off before its blank line, if its data is whole; else nothing."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        frame = frame_of(rest.rstrip(b"\n"))
        return [frame] if frame is not None and _is_whole(frame.data) else []

    def _normalised(self, item: bytes) -> bytes:
        """``item`` with LF line ends and without a byte order mark; a CR at the very end waits for its LF."""
        if self._fresh:
            item = self._head + item
            if len(item) < len(_BOM) and _BOM.startswith(item):
                self._head = item
                return b""
            item = item.removeprefix(_BOM)
            self._fresh, self._head = False, b""
        if self._cr_pending and item:
            self._cr_pending = False
            item = item.removeprefix(b"\n")
        if b"\r" in item:
            self._cr_pending = item.endswith(b"\r")
            item = item.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return item

    def _drop_comments(self) -> None:
        """Forget whole comment lines at the head of the buffer: a server may send them for hours without a blank line."""
        buffer = self._buffer
        while buffer.startswith((b":", b"\n")):
            end = buffer.find(b"\n")
            if end < 0:
                return
            del buffer[: end + 1]


def frame_of(block: bytes) -> Frame | None:
    """The frame of one block of lines, None where it has no data (comments, ``retry``, an event name alone)."""
    # What providers write: one line of data, and perhaps the event's name before it.
    head, found, body = (b"", b"\n", block) if block.startswith(b"data: ") else block.partition(b"\n")
    if found and b"\n" not in body and body.startswith(b"data: "):
        if not head:
            return Frame(body[6:])
        if head.startswith(b"event: "):
            return Frame(body[6:], head[7:].decode("utf-8", "replace") or None)
    data: list[bytes] = []
    event: str | None = None
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace") or None
    return Frame(b"\n".join(data), event) if data else None


def _is_whole(data: bytes) -> bool:
    if data == b"[DONE]":
        return True
    try:
        loads(data)
    except JSONError:
        return False
    return True


def encode(frames: Iterable[Frame]) -> bytes:
    """Frames as they go to a client: an ``event`` line where named, a ``data`` line for each line of data, a blank line."""
    out: list[bytes] = []
    for frame in frames:
        data, name = frame.data, frame.event
        if b"\n" in data:
            data = b"\ndata: ".join(data.split(b"\n"))
        if name is None:
            out.append(b"data: %b\n\n" % data)
        else:
            out.append(b"event: %b\ndata: %b\n\n" % (name.encode(), data))
    return b"".join(out)


def encode_row(row: Row) -> bytes:
    """The same as :func:`encode` of the row's frames."""
    before = b"data: " if row.event is None else b"event: %b\ndata: " % row.event.encode()
    if len(row.data) == 1:
        return b"%b%b\n\n" % (before, row.data[0])
    return b"%b%b\n\n" % (before, (b"\n\n" + before).join(row.data))


def around(event: str | None) -> bytes:
    """What stands around one line of data in a frame of this name: a format for ``%``."""
    name = b"" if event is None else b"event: %b\n" % event.encode().replace(b"%", b"%%")
    return name + b"data: %b\n\n"


class CommentStripper:
    """A machine from bytes to bytes that removes comment lines, and the blank line of a block that held nothing else.

    All other bytes pass unchanged and at once: only a line whose first byte is not there yet, and a CR that may be half of a line end,
    are held back. For clients that die of comments (google-genai takes every line for JSON).
    """

    def __init__(self) -> None:
        self._line_started = False
        self._in_comment = False
        self._block_has_fields = False
        self._block_had_comment = False
        self._held = b""

    def feed(self, item: bytes) -> list[bytes]:
        """The bytes to pass on, as at most one item."""
        text = self._held + item
        self._held = b""
        if text.endswith(b"\r"):
            self._held, text = b"\r", text[:-1]
        out = b"".join(kept for line in _pieces(text) if (kept := self._line(line)))
        return [out] if out else []

    def close(self) -> list[bytes]:
        """A held CR."""
        held, self._held = self._held, b""
        kept = self._line(held) if held else b""
        return [kept] if kept else []

    def _line(self, piece: bytes) -> bytes:
        ended = piece.endswith((b"\n", b"\r"))
        blank = ended and not self._line_started and not piece.strip(b"\r\n")
        if not self._line_started:
            self._in_comment = piece.startswith(b":")
        self._line_started = not ended
        if blank:
            drop = self._block_had_comment and not self._block_has_fields
            self._block_had_comment = self._block_has_fields = False
            return b"" if drop else piece
        if self._in_comment:
            self._block_had_comment = True
            return b""
        self._block_has_fields = True
        return piece


def _pieces(text: bytes) -> list[bytes]:
    """``text`` cut behind each line end; the last piece may have none."""
    return [piece for piece in re.split(rb"(?<=\n)|(?<=\r)(?!\n)", text) if piece]
