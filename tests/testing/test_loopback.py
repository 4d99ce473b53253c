from __future__ import annotations

import socket
import threading

import pytest

import trioproxy.testing.loopback as module
from trioproxy.gateway.exchange import Exchange
from trioproxy.testing.loopback import Loopback


async def say_ok(exchange: Exchange) -> None:
    await exchange.start(200, ((b"content-length", b"2"),))
    await exchange.send(b"ok")
    await exchange.finish()


def get(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_it_serves_between_start_and_stop_and_leaves_no_thread() -> None:
    before, closed = set(threading.enumerate()), threading.Event()
    server = Loopback(say_ok, closing=closed.set)
    server.start()
    assert get(server.port).endswith(b"ok")
    server.stop()
    server.stop()
    assert set(threading.enumerate()) == before
    assert closed.is_set()
    with pytest.raises(ConnectionError):
        get(server.port)


def test_why_it_did_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError("no port is left")

    monkeypatch.setattr(module, "serve", refuse)
    with pytest.raises(RuntimeError, match="did not start") as caught:
        Loopback(say_ok).start()
    assert caught.value.__cause__ is not None


def test_an_error_of_its_thread_comes_out_at_the_stop() -> None:
    def fail() -> None:
        raise ValueError("closing failed")

    server = Loopback(say_ok, closing=fail)
    server.start()
    with pytest.raises(RuntimeError, match="failed") as caught:
        server.stop()
    assert caught.value.__cause__ is not None


def test_one_that_does_not_end_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def linger() -> None:
        release.wait(30)

    server = Loopback(say_ok, closing=linger)
    server.start()
    monkeypatch.setattr(module, "STOP_SECONDS", 0.05)
    try:
        with pytest.raises(RuntimeError, match="did not end"):
            server.stop()
    finally:
        release.set()
