"""Processes that talk to each other: here two mailboxes in one process, over the real sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing

from tests.support.running import open_files
from trioproxy.server.mailboxes import MOST_BYTES, Mailbox, Mailboxes
from trioproxy.wire.jsoncodec import Object


class House:
    """``count`` mailboxes; each process's ends are duplicated, as a fork does."""

    def __init__(self, count: int) -> None:
        self.all = Mailboxes.of(count)
        self.boxes = [self._forked(number) for number in range(count)]

    def _forked(self, number: int) -> Mailbox:
        slots, boxes = ([each.dup() for each in side] for side in (self.all._slots, self.all._boxes))
        for each in (*slots, *boxes):
            each.setblocking(False)
        return Mailboxes(slots, boxes, os.dup(self.all._lifeline), os.dup(self.all._held)).settle(number)

    def close(self) -> None:
        self.all.close()
        for each in self.boxes:
            each.close()


@pytest.fixture
def trio_house() -> Iterator[House]:
    before = open_files()
    house = House(3)
    yield house
    house.close()
    assert open_files() == before


def echo(name: str) -> Any:
    return lambda question: {"name": name, **question}


async def test_a_question_reaches_every_sibling_and_not_oneself(trio_house: House) -> None:
    asking, *others = trio_house.boxes
    async with trio.open_nursery() as nursery:
        for number, each in enumerate(others):
            nursery.start_soon(each.serve, echo(str(number)))
        assert asking.siblings == 2
        assert await asking.ask({"x": 1}) == [{"name": "0", "x": 1}, {"name": "1", "x": 1}]
        nursery.cancel_scope.cancel()


async def test_who_does_not_answer_has_not_answered_and_holds_nobody_up(
    trio_house: House, autojump_clock: trio.testing.MockClock
) -> None:
    asking, answering, silent = trio_house.boxes
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answering.serve, echo("a"))
        began = trio.current_time()
        assert await asking.ask({}) == [{"name": "a"}, None]
        assert trio.current_time() - began == pytest.approx(1.0)
        # What it was asked lies in its box, and is done when it reads on. Nobody waits for that answer any more.
        heard: list[Object] = []

        def answer(question: Object) -> Object:
            heard.append(question)
            return {"late": True}

        nursery.start_soon(silent.serve, answer)
        while not heard:
            await trio.testing.wait_all_tasks_blocked()
        assert await asking.ask({"again": 1}) == [{"name": "a", "again": 1}, {"late": True}]
        nursery.cancel_scope.cancel()


async def test_a_full_box_refuses(trio_house: House) -> None:
    asking, *_ = trio_house.boxes
    told = 0
    while asking.tell({"news": "x" * 1000}):
        told += 1
        assert told < 100_000
    assert told > 0
    with trio.fail_after(5):
        assert await asking.ask({}) == [None, None]


@pytest.mark.parametrize("answered", [b"", b"no JSON", b"[1]"])
async def test_an_answer_that_is_none(trio_house: House, answered: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asking, answering, _ = trio_house.boxes
    monkeypatch.setattr("trioproxy.server.mailboxes.PATIENCE", 0.05)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_serve_raw, answering, answered)
        assert await asking.ask({}) == [None, None]
        nursery.cancel_scope.cancel()


async def _serve_raw(box: Mailbox, answered: bytes) -> None:
    await trio.lowlevel.wait_readable(box._box)
    _, lines, _, _ = socket.recv_fds(box._box, MOST_BYTES, 1)
    with socket.socket(fileno=lines[0]) as line:
        line.send(answered)


async def test_a_bug_in_an_answer_is_logged_and_leaves_nobody_deaf(
    trio_house: House, caplog: pytest.LogCaptureFixture
) -> None:
    asking, answering, other = trio_house.boxes

    def answer(question: Object) -> Object:
        return {"is": question["is"]}

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answering.serve, answer)
        nursery.start_soon(other.serve, echo("b"))
        assert await asking.ask({}) == [None, {"name": "b"}]
        assert await asking.ask({"is": 1}) == [{"is": 1}, {"name": "b", "is": 1}]
        nursery.cancel_scope.cancel()
    assert "could not be answered" in caplog.text


async def test_news_needs_no_answer(trio_house: House) -> None:
    telling, hearing, _ = trio_house.boxes
    heard: list[Object] = []

    def answer(news: Object) -> Object:
        heard.append(news)
        return {}

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hearing.serve, answer)
        assert telling.tell({"x": 1})
        while not heard:
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert heard == [{"x": 1}]


async def test_the_end_of_the_one_that_started_all_is_seen(trio_house: House) -> None:
    async with trio.open_nursery() as nursery:
        for each in trio_house.boxes:
            nursery.start_soon(each.wait_orphaned)
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 3
        os.close(trio_house.all._held)
    trio_house.all._held = os.open(os.devnull, os.O_RDONLY)
