from __future__ import annotations

from trioproxy.protocols import table
from trioproxy.protocols.gemini import PROTOCOL


def test_the_record() -> None:
    assert table.protocol("gemini") is PROTOCOL
    assert PROTOCOL.name == "gemini"
    assert PROTOCOL.keepalive is None
    assert PROTOCOL.stream_reader() is not PROTOCOL.stream_reader()
