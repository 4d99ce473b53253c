from __future__ import annotations

from tests.protocols.anthropic.wires import decoded
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.table import protocol
from trioproxy.wire.jsoncodec import loads


def test_the_record_is_found_by_its_name() -> None:
    assert protocol("anthropic") is PROTOCOL
    assert PROTOCOL.title == "Anthropic Messages"


def test_the_heartbeat_is_the_apis_own() -> None:
    assert PROTOCOL.keepalive is not None
    (frame,) = decoded(PROTOCOL.keepalive)
    assert frame.event == "ping"
    assert loads(frame.data) == {"type": "ping"}
    assert PROTOCOL.stream_reader().feed(frame) == []
