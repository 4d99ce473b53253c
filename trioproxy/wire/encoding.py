"""Content codings (RFC 9110 section 8.4): gzip (RFC 1952), deflate (RFC 1950), zstd (RFC 8878), br (RFC 7932).

Knows: how coded bytes become the bytes they stand for, within a bound. Refuses to know: what a body means, and which bound is right.

A hundred bytes can stand for sixty megabytes, so no decoder here is ever asked for more than it may give: output comes in pieces of a
bounded size and the count stops at the limit, at every stage where codings are stacked. What ends early or goes wrong is an error,
never a short body. Stacked gzip members and zstd frames are one body, as their formats say.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from trioproxy.wire.machine import ProtocolViolation

__all__ = ["CODINGS", "ContentDecoder", "DecodedTooLarge", "UnknownCoding", "parse_codings"]

_PIECE_BYTES = 64 * 1024

# RFC 9659: a decoder of the zstd content coding need not support windows above 8 MB (2 to the power of this), and an encoder must not use them.
_ZSTD_WINDOW_LOG = 23

# No client stacks more than one; each further stage multiplies the work a byte can cause.
_MAX_STACKED = 3


class UnknownCoding(ValueError):
    """A content coding that is not decoded here, or too many of them. The message names it and what is known."""


class DecodedTooLarge(ProtocolViolation):
    """The body stands for more bytes than the limit allows."""


class _Stage(Protocol):
    """One coding's decoder."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of bounded size; raises the library's own error on corrupt input."""
        ...

    def whole(self) -> bool:
        """Whether the input so far may end here."""
        ...


class _ZlibStage:
    """Gzip members one after another, or a single zlib stream."""

    def __init__(self, wbits: int, *, members: bool) -> None:
        self._wbits = wbits
        self._members = members
        self._engine: Any = None
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._engine is None:
                if self._ended and not self._members:
                    raise zlib.error("bytes after the end")
                self._engine = zlib.decompressobj(self._wbits)
            piece: bytes = self._engine.decompress(data, _PIECE_BYTES)
            # A full piece may have left output behind even where no input is left.
            while piece:
                yield piece
                if len(piece) < _PIECE_BYTES or self._engine.eof:
                    break
                piece = self._engine.decompress(self._engine.unconsumed_tail, _PIECE_BYTES)
            if self._engine.eof:
                data = self._engine.unused_data
                self._engine = None
                self._ended = True
            else:
                data = self._engine.unconsumed_tail

    def whole(self) -> bool:
        return self._engine is None and self._ended


class _DeflateStage:
    """Zlib as the RFC says, or the bare deflate that some clients send under the same name: the first two bytes tell."""

    def __init__(self) -> None:
        self._opening = b""
        self._stage: _ZlibStage | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stage is None:
            data = self._opening + data
            if len(data) < 2:
                self._opening = data
                return
            headed = data[0] & 0x0F == zlib.DEFLATED and (data[0] << 8 | data[1]) % 31 == 0
            self._stage = _ZlibStage(zlib.MAX_WBITS if headed else -zlib.MAX_WBITS, members=False)
        yield from self._stage.feed(data)

    def whole(self) -> bool:
        return self._stage is not None and self._stage.whole()


def _zstd() -> Any:
    """Python's own module, which the older versions have as a package."""
    return importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


class _ZstdStage:
    """Zstandard frames one after another."""

    def __init__(self) -> None:
        self._library = _zstd()
        self._options = {self._library.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._frame: Any = None
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._frame is None:
                self._frame = self._library.ZstdDecompressor(options=self._options)
            piece: bytes = self._frame.decompress(data, _PIECE_BYTES)
            # What a full piece left of the input lies in the frame.
            while piece:
                yield piece
                if self._frame.eof or self._frame.needs_input:
                    break
                piece = self._frame.decompress(b"", _PIECE_BYTES)
            data = b""
            if self._frame.eof:
                data = self._frame.unused_data
                self._frame = None
                self._ended = True

    def whole(self) -> bool:
        return self._frame is None and self._ended


class _BrotliStage:
    """One brotli stream."""

    def __init__(self) -> None:
        import brotli

        self._engine: Any = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        piece: bytes = self._engine.process(data, output_buffer_limit=_PIECE_BYTES)
        while piece or not self._engine.can_accept_more_data():
            yield piece
            piece = self._engine.process(b"", output_buffer_limit=_PIECE_BYTES)

    def whole(self) -> bool:
        return bool(self._engine.is_finished())


def _gzip() -> _Stage:
    # 16 asks zlib for the gzip format with its checksum.
    return _ZlibStage(zlib.MAX_WBITS | 16, members=True)


CODINGS: dict[str, Callable[[], _Stage]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,  # RFC 9110 section 8.4.1.3: the same
    "deflate": _DeflateStage,
    "zstd": _ZstdStage,
    "br": _BrotliStage,
}


def _errors_of(coding: str) -> tuple[type[Exception], ...]:
    match coding:
        case "zstd":
            return (_zstd().ZstdError,)
        case "br":
            import brotli

            return (brotli.error,)
        case _:
            return (zlib.error,)


def parse_codings(values: Iterable[bytes]) -> tuple[str, ...]:
    """The codings that Content-Encoding headers name, in the order they were applied; ``identity`` and empty members are left out.

    Raises:
        UnknownCoding: one of them is not in :data:`CODINGS`, or there are more than three.
    """
    named = [name.strip().lower() for value in values for name in value.decode("latin-1").split(",")]
    codings = tuple(name for name in named if name not in ("", "identity"))
    for name in codings:
        if name not in CODINGS:
            raise UnknownCoding(
                f"content-encoding {name[:40]!r} is not supported; send gzip, deflate, zstd, br or no encoding"
            )
    if len(codings) > _MAX_STACKED:
        raise UnknownCoding(f"{len(codings)} stacked content-encodings are not supported; send at most {_MAX_STACKED}")
    return codings


class ContentDecoder:
    """A machine from coded bytes to the bytes they stand for.

    ``codings`` as :func:`parse_codings` gives them; ``limit`` in bytes of output. No input at all is an empty body, whatever the coding.
    """

    def __init__(self, codings: tuple[str, ...], limit: int) -> None:
        # The coding named last was applied last and comes off first.
        self._stages = [(name, CODINGS[name](), _errors_of(name)) for name in reversed(codings)]
        self._counts = [0] * len(self._stages)
        self._limit = limit
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """What ``data`` stands for, in pieces.

        Raises:
            DecodedTooLarge: more than the limit.
            ProtocolViolation: the input is corrupt.
        """
        if not data:
            return []
        self._begun = True
        return list(self._decode(0, data))

    def close(self) -> list[bytes]:
        """The input is at its end; nothing is owed.

        Raises:
            ProtocolViolation: the coded data is not.
        """
        if self._begun:
            for name, stage, _ in self._stages:
                if not stage.whole():
                    raise ProtocolViolation(f"the {name} data ends too early")
        return []

    def _decode(self, depth: int, data: bytes) -> Iterator[bytes]:
        if depth == len(self._stages):
            yield data
            return
        name, stage, errors = self._stages[depth]
        pieces = stage.feed(data)
        while True:
            try:
                piece = next(pieces, None)
            except errors:
                raise ProtocolViolation(f"the {name} data is corrupt") from None
            if piece is None:
                return
            self._counts[depth] += len(piece)
            if self._counts[depth] > self._limit:
                raise DecodedTooLarge(f"the {name} data stands for more than {self._limit} bytes")
            yield from self._decode(depth + 1, piece)
