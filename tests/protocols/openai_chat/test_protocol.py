from __future__ import annotations

from trioproxy.protocols.base import Protocol
from trioproxy.protocols.openai_chat import PROTOCOL
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import SSEDecoder


def test_the_record() -> None:
    assert isinstance(PROTOCOL, Protocol)
    assert PROTOCOL.name == "openai_chat"
    assert PROTOCOL.title


def test_the_keep_alive_is_a_comment() -> None:
    assert PROTOCOL.keepalive is not None
    decoder = SSEDecoder()
    assert decoder.feed(PROTOCOL.keepalive) == []
    assert decoder.at_boundary
    assert decoder.feed(b"data: x\n\n") == [Frame(b"x")]
