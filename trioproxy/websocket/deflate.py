"""permessage-deflate (RFC 7692), bounded: what a peer sends compressed can't become more than a message may be.

We inflate and never deflate: an endpoint may send any message uncompressed (RFC 7692 section 6), and between a client and a proxy beside it
there is nothing to save. Neither side keeps its window from one message to the next, so that a socket which says nothing holds no tables
(300 KiB of zlib's each, else).
"""

from __future__ import annotations

import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

__all__ = ["BoundedDeflate"]


class BoundedDeflate(PerMessageDeflate):
    """The extension, with a bound of ``limit`` bytes on each inflated message."""

    def __init__(self, limit: int) -> None:
        super().__init__(client_no_context_takeover=True, server_no_context_takeover=True)
        self._limit = limit
        self._inflated = 0

    def accept(self, offer: str) -> bool | str | None:
        """What to answer to a client's ``offer``, None where it can't be met: a parameter that has no such value among them (section 7)."""
        try:
            return super().accept(offer)
        except ValueError:
            return None

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """The inflated bytes, or why the connection must close."""
        if not self._inbound_compressed or not self._inbound_is_compressible:
            return data
        assert self._decompressor is not None
        try:
            out: bytes = self._decompressor.decompress(bytes(data), max(self._limit - self._inflated, 0) + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._inflated += len(out)
        return CloseReason.MESSAGE_TOO_BIG if self._inflated > self._limit else out

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """The last bytes of a message. A control frame between two fragments is the end of nothing (section 6.1)."""
        if not self._inbound_is_compressible:
            return None
        out = super().frame_inbound_complete(proto, fin)
        if fin:
            self._inflated = 0
        return out

    def frame_outbound(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, data: bytes, fin: bool
    ) -> tuple[RsvBits, bytes]:
        """``data`` as it is."""
        return rsv, data
