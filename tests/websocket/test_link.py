"""One WebSocket, from either end: messages, pings, bounds, ends."""

from __future__ import annotations

import zlib
from contextlib import suppress

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from tests.support.clients import get
from tests.support.links import Frames, StreamBytes, frame, link_pair, upgrade_lines
from trioproxy.websocket.handshake import accept
from trioproxy.websocket.link import BROKEN, NORMAL, TOO_BIG, Link, LinkClosed

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


async def raw_pair(*headers: str, limit: int = 1000) -> tuple[Frames, Link]:
    """A client of bytes and a server's link."""
    near, far = memory_stream_pair()
    client = Frames(near)
    await near.send_all(get("/", *upgrade_lines(*headers)))
    link = await accept(StreamBytes(far), limit=limit)
    status, _ = await client.head()
    assert status == 101
    return client, link


async def closed(link: Link) -> LinkClosed:
    with pytest.raises(LinkClosed) as caught:
        await link.receive()
    return caught.value


@pytest.mark.parametrize("message", ["", "hällo ✓", b"", bytes(range(256)), "x" * 300_000, bytes(70_000)], ids=len)
async def test_messages_cross_in_both_directions(message: str | bytes) -> None:
    client, server = await link_pair()
    for near, far in ((client, server), (server, client)):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.send, message)
            assert await far.receive() == message


async def test_fragments_become_one_message_with_pings_between() -> None:
    client, link = await raw_pair()
    data = "grüße".encode()
    await client.stream.send_all(
        frame(TEXT, data[:3], fin=False) + frame(PING, b"a") + frame(0, data[3:4], fin=False) + frame(0, data[4:])
    )
    assert await link.receive() == "grüße"
    assert await client.next() == (PONG, 0x80, b"a")


async def test_bytes_may_come_one_at_a_time() -> None:
    client, link = await raw_pair()

    async def drip() -> None:
        for byte in frame(TEXT, "✓✓".encode()) + frame(BINARY, bytes(300)):
            await client.stream.send_all(bytes([byte]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drip)
        assert await link.receive() == "✓✓"
        assert await link.receive() == bytes(300)


async def test_a_ping_of_ours_is_answered_and_heard() -> None:
    client, server = await link_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.receive)
        await server.ping()
        with trio.move_on_after(0.05):
            await server.receive()  # nothing but the pong
        assert server.last_heard >= server.last_sent
        nursery.cancel_scope.cancel()


async def test_a_close_is_answered_with_its_code() -> None:
    client, server = await link_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.close, 4321, "so long")
        end = await closed(server)
    assert (end.code, end.reason, end.by_peer) == (4321, "so long", True)
    assert str(end) == "4321 so long"
    assert str(server.closed) == str(end)
    with pytest.raises(LinkClosed):
        await server.send("x")
    with pytest.raises(LinkClosed):
        await server.receive()
    await server.close()
    assert client.closed is not None
    assert client.closed.code == 4321


async def test_a_close_without_a_code() -> None:
    client, link = await raw_pair()
    await client.stream.send_all(frame(CLOSE))
    assert (await closed(link)).code == 1005
    assert await client.close_code() == (1005, "")


async def test_closing_hears_the_peer_out_but_not_for_ever(autojump_clock: trio.abc.Clock) -> None:
    client, link = await raw_pair()
    await client.stream.send_all(frame(TEXT, b"still talking"))
    began = trio.current_time()
    await link.close(1012, "bye", patience=3)
    assert trio.current_time() - began == 3
    assert await client.close_code() == (1012, "bye")
    assert await client.next() is None


async def test_a_long_reason_is_cut_where_a_character_ends() -> None:
    client, link = await raw_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.close, 1011, "é" * 100)
        assert await client.close_code() == (1011, "é" * 61)
        await trio.aclose_forcefully(client.stream)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(TEXT, b"\xff\xfe"), 1007, id="bad UTF-8"),
        pytest.param(frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce", fin=True), 1007, id="cut UTF-8"),
        pytest.param(frame(TEXT, b"\xed\xa0\x80", fin=False), 1007, id="surrogate, at once"),
        pytest.param(frame(BINARY, bytes(1001)), 1009, id="too big"),
        pytest.param(frame(BINARY, bytes(600), fin=False) + frame(0, bytes(401)), 1009, id="too big in pieces"),
        pytest.param(frame(TEXT, b"x", masked=False), 1002, id="not masked"),
        pytest.param(frame(0, b"x"), 1002, id="continues nothing"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002, id="not continued"),
        pytest.param(frame(3, b"x"), 1002, id="unknown opcode"),
        pytest.param(frame(11, b""), 1002, id="unknown control"),
        pytest.param(frame(TEXT, b"x", rsv=4), 1002, id="RSV1 without the extension"),
        pytest.param(frame(TEXT, b"x", rsv=2), 1002, id="RSV2"),
        pytest.param(frame(PING, bytes(126)), 1002, id="long ping"),
        pytest.param(frame(PING, b"x", fin=False), 1002, id="fragmented ping"),
        pytest.param(frame(CLOSE, b"\x03"), 1002, id="close of one byte"),
        pytest.param(frame(CLOSE, b"\x03\xed"), 1002, id="close 1005"),
        pytest.param(frame(CLOSE, b"\x03\xe8\xff"), 1007, id="close with bad UTF-8"),
    ],
)
async def test_what_breaks_the_rules_is_told_and_ends_the_link(sent: bytes, code: int) -> None:
    client, link = await raw_pair()
    await client.stream.send_all(sent)
    end = await closed(link)
    assert (end.code, end.by_peer) == (code, False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.close)
        told = await client.close_code()
        assert told is not None
        assert told[0] == code
        await trio.aclose_forcefully(client.stream)


async def test_a_message_of_exactly_the_limit_passes() -> None:
    client, link = await raw_pair()
    await client.stream.send_all(frame(BINARY, bytes(1000)))
    assert await link.receive() == bytes(1000)


async def test_a_claimed_length_costs_nothing() -> None:
    client, link = await raw_pair()
    await client.stream.send_all(frame(BINARY, b"x", length=1 << 40))
    with trio.move_on_after(0.01):
        await link.receive()
    await trio.aclose_forcefully(client.stream)
    assert (await closed(link)).code == BROKEN


@pytest.mark.parametrize("cut", [1, 3, 7])
async def test_a_connection_that_breaks_off(cut: int) -> None:
    client, link = await raw_pair()
    await client.stream.send_all(frame(TEXT, b"whole") + frame(TEXT, b"torn")[:cut])
    assert await link.receive() == "whole"
    await trio.aclose_forcefully(client.stream)
    end = await closed(link)
    assert (end.code, end.by_peer, str(end)) == (BROKEN, False, "1006")
    await link.close()


async def test_sending_to_nobody() -> None:
    client, server = await link_pair()
    await client.break_off()
    with pytest.raises(LinkClosed) as caught:
        await server.send("x")
    assert caught.value.code == BROKEN
    with pytest.raises(LinkClosed):
        await server.ping()


async def test_a_send_that_was_cancelled_tears_the_link() -> None:
    client, server = await link_pair()
    sent = trio.Event()

    class Stuck(StreamBytes):
        async def send_all(self, data: bytes) -> None:
            sent.set()
            await trio.sleep_forever()

    server.stream = Stuck(server.stream.stream)  # type: ignore[attr-defined]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.send, "x")
        await sent.wait()
        nursery.cancel_scope.cancel()
    with pytest.raises(LinkClosed):
        await server.send("y")
    await client.break_off()
    await server.break_off()


async def test_two_tasks_send_whole_frames() -> None:
    client, server = await link_pair()
    got: list[str | bytes] = []

    async def read() -> None:
        while len(got) < 40:
            got.append(await client.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        for letter in "ab":
            for number in range(20):
                nursery.start_soon(server.send, letter * (1000 * number))
    assert sorted(got, key=str) == sorted((letter * (1000 * n) for letter in "ab" for n in range(20)), key=str)


async def test_breaking_off_wakes_the_reader() -> None:
    client, server = await link_pair()

    async def read() -> None:
        assert (await closed(server)).code == BROKEN

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        await server.break_off()
    await client.break_off()


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


class TestCompression:
    OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

    async def test_compressed_messages_are_read_and_ours_go_plain(self) -> None:
        client, link = await raw_pair(self.OFFER)
        for text in ("hello " * 20, "hello " * 20, ""):
            await client.stream.send_all(frame(TEXT, deflated(text.encode()), rsv=4))
            assert await link.receive() == text
        packed = deflated(b"abc" * 200)
        await client.stream.send_all(
            frame(BINARY, packed[:4], rsv=4, fin=False)
            + frame(PING, b"p")
            + frame(0, packed[4:])
            + frame(TEXT, b"plain")
        )
        assert await link.receive() == b"abc" * 200
        assert await link.receive() == "plain"
        await link.send("out")
        assert await client.next() == (PONG, 0x80, b"p")
        assert await client.next() == (TEXT, 0x80, b"out")

    @pytest.mark.parametrize("fill", [b"\0" * 50_000_000, b"ab" * 600], ids=["bomb", "just over"])
    async def test_a_bomb_does_not_go_off(self, fill: bytes) -> None:
        client, link = await raw_pair(self.OFFER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.stream.send_all, frame(BINARY, deflated(fill), rsv=4))
            assert (await closed(link)).code == TOO_BIG

    async def test_the_limit_itself_may_be_reached_again_and_again(self) -> None:
        client, link = await raw_pair(self.OFFER)
        for _ in range(3):
            await client.stream.send_all(frame(BINARY, deflated(bytes(1000)), rsv=4))
            assert await link.receive() == bytes(1000)

    async def test_what_can_not_be_inflated(self) -> None:
        client, link = await raw_pair(self.OFFER)
        await client.stream.send_all(frame(BINARY, b"\xff\xff\xff\xff", rsv=4))
        assert (await closed(link)).code == 1007

    async def test_rsv_on_a_continuation(self) -> None:
        client, link = await raw_pair(self.OFFER)
        await client.stream.send_all(frame(TEXT, b"x", fin=False) + frame(0, b"y", rsv=4))
        assert (await closed(link)).code == 1002


async def test_an_end_of_our_own(autojump_clock: trio.abc.Clock) -> None:
    client, server = await link_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.close)
        end = await closed(client)
    assert end.code == NORMAL
    await client.close()


_frames = st.one_of(
    st.binary(max_size=40),
    st.builds(
        frame,
        st.integers(0, 15),
        st.binary(max_size=200),
        fin=st.booleans(),
        rsv=st.sampled_from([0, 0, 0, 1, 2, 4, 4]),
        masked=st.sampled_from([True, True, True, False]),
        length=st.sampled_from([None, None, None, 0, 5, 126, 70_000]),
    ),
)


@given(st.lists(_frames, max_size=8), st.integers(1, 64), st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_comes_ends_in_a_close_and_nothing_else(sent: list[bytes], step: int, compressing: bool) -> None:
    async def play() -> None:
        client, link = await raw_pair(*([TestCompression.OFFER] if compressing else []))
        data = b"".join(sent)

        async def pour() -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                for at in range(0, len(data), step):
                    await client.stream.send_all(data[at : at + step])
                await trio.aclose_forcefully(client.stream)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(pour)
            messages = 0
            with suppress(LinkClosed):
                while True:
                    assert len(await link.receive()) <= 1000
                    messages += 1
            assert link.closed is not None
            assert link.closed.code in (*range(1000, 1016), *range(3000, 5000))
            assert messages <= len(sent) + 3
            await link.close(patience=0.1)

    trio.run(play)
