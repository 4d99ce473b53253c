"""The load, the floor and the origin against each other, in this process."""

from __future__ import annotations

import re
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio

from trioproxy.bench.floor import relay
from trioproxy.bench.load import Job, _Client, _Load, carry_out
from trioproxy.bench.origin import Origin, listener
from trioproxy.bench.requests import DOORS, body, request
from trioproxy.wire.jsoncodec import loads_object


@contextmanager
def an_origin() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    origin = Origin(listening)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            origin.turn(0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        thread.join()
        origin.close()


@contextmanager
def a_server(*said: bytes) -> Iterator[int]:
    """One that says the same to whoever asks, in as many pieces, and closes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.recv(65536)
            for piece in said:
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        thread.join()
        listening.close()


def job(port: int, model: str, **more: Any) -> Job:
    return Job(**{"port": port, "model": model, "stream": False, "connections": 2, "requests": 6, **more})


def asked(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        return client.recv(65536).partition(b"\r\n\r\n")[2]


def test_every_answer_and_every_event_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    with an_origin() as port:
        seen = carry_out(job(port, "bench-json"))
        assert seen.count == 6
        assert 0 < seen.p50 <= seen.seconds
        assert seen.first_p50 == 0
        assert carry_out(job(port, "bench-late-1", requests=3)).count == 3

        seen = carry_out(job(port, "bench-paced-7-10", stream=True, tell=True))
        assert seen.count == 6 * 7
        assert 0 < seen.p50 <= seen.seconds
        assert 0 < seen.first_p50 <= seen.seconds
        assert capsys.readouterr().out == "every stream runs\n"


def test_a_burst_is_as_much_as_the_kernel_takes_at_a_time() -> None:
    with an_origin() as port:
        seen = carry_out(job(port, "bench-paced-30000-0", stream=True, burst=True, requests=2))
        assert seen.count >= 2 * 30_000 - 200
        assert seen.size > 30_000 * 300
        assert carry_out(job(port, "bench-json")).count == 6


def test_clients_that_leave_are_counted_and_leave_nothing_behind() -> None:
    with an_origin() as port:
        seen = carry_out(job(port, "bench-paced-1000-100", stream=True, leave=True, connections=4, requests=20))
        assert seen.count == 20
        while asked(port, "/streams") != b"0":
            pass


async def test_the_floor_is_transparent() -> None:
    with an_origin() as port:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def through(client: trio.SocketStream) -> None:
            async with client:
                await relay(client, port)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, through, listeners)
            floor = listeners[0].socket.getsockname()[1]
            seen = await trio.to_thread.run_sync(carry_out, job(floor, "bench-paced-7-10", stream=True))
            assert seen.count == 6 * 7
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno0\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b""]
)
def test_a_wrong_answer_is_no_measurement(stream: bool, said: bytes) -> None:
    with a_server(said) as port, pytest.raises(RuntimeError, match=re.compile("not expected|ended in the midst")):
        carry_out(job(port, "bench-json", stream=stream, connections=1, requests=1))


_OK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("said", [b'{"error": "too many"}', b"data: [DONE]\n\n"])
def test_an_error_whose_status_is_200_is_no_measurement_either(stream: bool, said: bytes) -> None:
    with (
        a_server(_OK + chunk(said) + _END) as port,
        pytest.raises(RuntimeError, match="without what the provider said"),
    ):
        carry_out(job(port, "bench-paced-1-0" if stream else "bench-json", stream=stream, connections=1, requests=1))


@pytest.mark.parametrize("burst", [False, True])
def test_a_stream_that_breaks_off_is_no_measurement(burst: bool) -> None:
    event = chunk(b"T=%019d" % 1)
    with a_server(_OK + event * 8 + _END) as port, pytest.raises(RuntimeError, match="8 of 10 events came"):
        carry_out(job(port, "bench-paced-10-1", stream=True, burst=burst, connections=1, requests=1))
    with a_server(_OK + event * 9 + _END) as port:
        seen = carry_out(job(port, "bench-paced-10-1", stream=True, burst=burst, connections=1, requests=1))
    assert seen.count == 9


def test_what_a_wrong_answer_says_is_told() -> None:
    said = b"HTTP/1.1 500 Internal\r\ncontent-length: 4\r\n\r\nnope"
    with a_server(said) as port, pytest.raises(RuntimeError, match=r"expected: b'HTTP/1\.1 500 Internal': b'nope'"):
        carry_out(job(port, "bench-json", connections=1, requests=1))
    said = b"HTTP/1.1 302 Found\r\nlocation: /ui\r\n\r\n"
    with a_server(said) as port, pytest.raises(RuntimeError, match=r"302 Found': b'location: /ui'"):
        carry_out(job(port, "bench-json", connections=1, requests=1))


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 2, 3, 20, 21, 22, 40])
def test_a_timestamp_is_counted_once_wherever_it_is_cut(size: int) -> None:
    load = _Load(job(1, "bench-paced-5-1", stream=True, connections=1, requests=1))
    here, there = socket.socketpair()
    with here, there:
        client = _Client(here)
        load.selector.register(here, selectors.EVENT_READ, client)
        load.running = 1
        load.left = 0
        body = b"".join(chunk(b"data: T=%019d%b\n\n" % (number, b"x" * number)) for number in range(1, 6))
        for piece in pieces(_OK + body + _END, size):
            there.sendall(piece)
            load.receive(client)
        assert not load.running
        assert (load.count, len(load.taken), len(load.firsts)) == (5, 5, 1)
    load.selector.close()


def test_a_request_says_what_its_server_wants() -> None:
    raw = request("chat", "m", "small", port=1, stream=False, headers={"x-a": "1", "x-b": "two"})
    head, _, content = raw.partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nx-a: 1\r\nx-b: two")
    assert content == body("chat", "m", "small", stream=False)


def test_who_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioproxy.bench.load._PATIENCE", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(RuntimeError, match="nothing came for"):
        carry_out(job(silent.getsockname()[1], "bench-json"))


def test_the_origin_answers_requests_that_come_in_pieces_and_ahead() -> None:
    with an_origin() as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = b'POST / HTTP/1.1\r\ncontent-length: 22\r\n\r\n{"model":"bench-json"}'
        for piece in (whole[:30], whole[30:41], whole[41:], whole + whole):
            client.sendall(piece)
        received = b""
        while received.count(b"HTTP/1.1 200 OK\r\n") < 3 or not received.endswith(b"}"):
            received += client.recv(65536)


def test_the_origin_says_where_it_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with listener() as listening:
        assert capsys.readouterr().out.endswith(f":{listening.getsockname()[1]}\n")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("size", ["small", "agent", "bytes-3000", "messages-20", "tools-3"])
def test_requests_are_what_their_size_says(door: str, size: str) -> None:
    document = loads_object(body(door, "m", size, stream=True))
    raw = request(door, "m", size, port=1, stream=True)
    assert raw.startswith(f"POST {DOORS[door]} HTTP/1.1\r\n".encode())
    assert (document["model"], document["stream"]) == ("m", True)
    assert len(document.get("tools", ())) == {"agent": 60, "tools-3": 3}.get(size, 0)
    if size == "bytes-3000":
        assert 3000 < len(raw) < 4000
    if size == "messages-20":
        assert 18 <= len(document["messages"]) <= 20
    if size == "agent":
        assert len(document["tools"]) == 60
        assert 198 <= len(document["messages"]) <= 201
        assert 300_000 < len(raw) < 360_000
