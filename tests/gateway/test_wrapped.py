"""An exchange around another one passes everything on."""

from __future__ import annotations

import inspect

import pytest

from tests.support.exchanges import MemoryExchange, request_head
from trioproxy.errors import ClientFault
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.wrapped import WrappedExchange


def wrapped(body: bytes = b"asked") -> tuple[WrappedExchange, MemoryExchange]:
    inner = MemoryExchange(head=request_head("POST", "/v1/messages"), body=body)
    return WrappedExchange(inner), inner


def test_nothing_of_the_seam_is_missing() -> None:
    wanted = {name for name, _ in inspect.getmembers(Exchange) if not name.startswith("_")}
    assert wanted <= {name for name in vars(WrappedExchange) if not name.startswith("_")}


async def test_an_answer_passes_as_it_is() -> None:
    exchange, inner = wrapped()
    assert (exchange.head, exchange.started) == (inner.head, False)
    assert await exchange.receive_body(100) == b"asked"
    await exchange.start(200, ((b"x-a", b"b"),))
    assert exchange.started
    await exchange.send(b"one ")
    rest = exchange.offer(b"two ")
    if rest is not None:
        await rest
    last = exchange.offer_last(b"three")
    if last is not None:
        await last
    assert (inner.status, inner.body, inner.finished) == (200, b"one two three", True)


async def test_an_end_passes_as_it_is() -> None:
    exchange, inner = wrapped()
    await exchange.start(200, ())
    await exchange.finish(b"all")
    assert (inner.body, inner.finished) == (b"all", True)
    exchange, inner = wrapped()
    await exchange.abort()
    assert inner.aborted


async def test_who_left_has_left() -> None:
    exchange, inner = wrapped()
    await exchange.start(200, ())
    inner.disconnect()
    await exchange.wait_disconnected()
    assert exchange.on_disconnect(lambda: None) is None  # who asks in memory needs a task
    with pytest.raises(ClientFault):
        await exchange.send(b"too late")
