"""Bodies on their way in: bounds, encodings and time."""

from __future__ import annotations

import gzip
import zlib

import pytest
import trio
from backports import zstd
from trio.testing import MockClock, memory_stream_pair

from tests.support.chunking import cut
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway.exchange import RequestHead
from trioproxy.server.body import ChunkedBody, LengthBody
from trioproxy.server.intake import BodyGatherer, pour
from trioproxy.server.limits import ServerLimits
from trioproxy.server.streams import Inbox, client_stream
from trioproxy.wire.machine import ProtocolViolation

LIMITS = ServerLimits()


def head(*encodings: bytes) -> RequestHead:
    return RequestHead(method="POST", target="/", headers=tuple((b"content-encoding", each) for each in encodings))


class TestGathering:
    def test_pieces_become_a_body(self) -> None:
        gatherer = BodyGatherer(head(), LengthBody(6), 6)
        gatherer.add(b"abc")
        gatherer.add(b"def")
        assert gatherer.whole() == b"abcdef"

    @pytest.mark.parametrize("step", [1, 0])
    def test_a_coded_body_is_decoded(self, step: int) -> None:
        wire = zstd.compress(gzip.compress(b"the body"))
        gatherer = BodyGatherer(head(b"gzip", b"zstd"), LengthBody(len(wire)), 1000)
        for piece in cut(wire, step):
            gatherer.add(piece)
        assert gatherer.whole() == b"the body"

    def test_a_declared_length_above_the_limit_is_refused_at_once(self) -> None:
        with pytest.raises(ClientFault, match="larger than 5 bytes") as caught:
            BodyGatherer(head(), LengthBody(6), 5)
        assert caught.value.failure.kind is ErrorKind.TOO_LARGE

    def test_an_undeclared_length_above_the_limit_is_refused_when_it_shows(self) -> None:
        gatherer = BodyGatherer(head(), ChunkedBody(), 5)
        gatherer.add(b"abcde")
        with pytest.raises(ClientFault) as caught:
            gatherer.add(b"f")
        assert caught.value.failure.kind is ErrorKind.TOO_LARGE

    def test_a_bomb_is_refused(self) -> None:
        wire = gzip.compress(bytes(10_000_000))
        gatherer = BodyGatherer(head(b"gzip"), LengthBody(len(wire)), 100_000)
        with pytest.raises(ClientFault, match="larger than 100000 bytes") as caught:
            gatherer.add(wire)
        assert caught.value.failure.kind is ErrorKind.TOO_LARGE

    def test_an_unknown_encoding_is_refused_by_name(self) -> None:
        with pytest.raises(ClientFault, match="'rot13' is not supported; send gzip, deflate, zstd, br") as caught:
            BodyGatherer(head(b"gzip, rot13"), LengthBody(5), 100)
        assert caught.value.failure.kind is ErrorKind.UNSUPPORTED_ENCODING

    def test_a_body_that_is_not_what_it_says_is_refused(self) -> None:
        gatherer = BodyGatherer(head(b"deflate"), ChunkedBody(), 1000)
        gatherer.add(zlib.compress(b"the body")[:-1])
        with pytest.raises(ProtocolViolation, match="deflate data ends too early"):
            gatherer.whole()


class TestPouring:
    async def test_all_of_a_body_is_poured_and_nothing_else(self) -> None:
        here, there = memory_stream_pair()
        inbox = Inbox(client_stream(here))
        poured: list[bytes] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pour, LengthBody(6), inbox, LIMITS, poured.append)
            for piece in (b"ab", b"cde", b"fNEXT"):
                await there.send_all(piece)
                await trio.testing.wait_all_tasks_blocked()
        assert b"".join(poured) == b"abcdef"
        assert inbox.pending == b"NEXT"

    async def test_a_client_that_leaves_is_gone(self) -> None:
        here, there = memory_stream_pair()
        await there.send_all(b"ab")
        await there.aclose()
        with pytest.raises(ClientFault) as caught:
            await pour(LengthBody(6), Inbox(client_stream(here)), LIMITS, lambda data: None)
        assert caught.value.failure.kind is ErrorKind.CLIENT_GONE

    async def test_bad_framing_is_a_violation(self) -> None:
        here, there = memory_stream_pair()
        await there.send_all(b"nonsense\r\n")
        with pytest.raises(ProtocolViolation):
            await pour(ChunkedBody(), Inbox(client_stream(here)), LIMITS, lambda data: None)

    @pytest.mark.parametrize(("rate", "slow"), [(2000, False), (1000, True)])
    async def test_time_is_given_for_what_came(self, autojump_clock: MockClock, rate: int, slow: bool) -> None:
        here, there = memory_stream_pair()
        began = trio.current_time()

        async def drip() -> None:
            for _ in range(1500):
                await there.send_all(bytes(rate))
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            if slow:
                with pytest.raises(ClientFault) as caught:
                    await pour(LengthBody(1500 * rate), Inbox(client_stream(here)), LIMITS, lambda data: None)
                assert caught.value.failure.kind is ErrorKind.CLIENT_TIMEOUT
                # 24 bytes a second short of the rate, 30 seconds of grace: they last for about 1280 seconds.
                assert 1200 < trio.current_time() - began < 1400
            else:
                await pour(LengthBody(1500 * rate), Inbox(client_stream(here)), LIMITS, lambda data: None)
            nursery.cancel_scope.cancel()
