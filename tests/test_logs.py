"""Log lines for people and for machines; nothing from outside can forge one."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO, cast

import attrs
import pytest

from trioproxy.logs import MOST_GATHERED, MOST_HELD, configure, gathered


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    logger = logging.getLogger("trioproxy")
    kept = (list(logger.handlers), logger.level, logger.propagate)
    yield
    logger.handlers, logger.propagate = kept[0], kept[2]
    logger.setLevel(kept[1])


def lines(*, as_json: bool, level: str = "info", **facts: Any) -> list[str]:
    stream = io.StringIO()
    configure(level=level, as_json=as_json, stream=stream)
    logging.getLogger("trioproxy.exchange").info("POST %s", "/v1/x", extra={"facts": facts} if facts else None)
    return stream.getvalue().splitlines()


def test_a_line_for_people() -> None:
    [line] = lines(as_json=False, status=200, model="a b", none="")
    assert re.fullmatch(r'\d\d:\d\d:\d\d\.\d{3} INFO    POST /v1/x status=200 model="a b" none=""', line)


def test_a_line_for_machines() -> None:
    [line] = lines(as_json=True, status=200, model='a"b')
    told = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told.pop("time"))
    assert told == {
        "level": "info",
        "logger": "trioproxy.exchange",
        "message": "POST /v1/x",
        "status": 200,
        "model": 'a"b',
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_nobody_can_forge_a_line_or_paint_a_terminal(as_json: bool) -> None:
    [line] = lines(as_json=as_json, model='m\n12:00:00 INFO "fine" \x1b[31m')
    assert "\x1b" not in line


def test_quotes_in_a_value_are_escaped_for_people() -> None:
    [line] = lines(as_json=False, model='a "b')
    assert line.endswith(r'model="a \"b"')


@pytest.mark.parametrize("as_json", [False, True])
def test_a_traceback_is_written(as_json: bool) -> None:
    stream = io.StringIO()
    configure(level="info", as_json=as_json, stream=stream)
    try:
        raise ZeroDivisionError("division")
    except ZeroDivisionError:
        logging.getLogger("trioproxy").exception("it broke")
    assert "ZeroDivisionError: division" in stream.getvalue()


def test_levels_are_kept_and_configuring_again_does_not_double_lines() -> None:
    assert lines(as_json=False, level="warning") == []
    assert len(lines(as_json=False)) == 1


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    configure(level="info", as_json=False)
    logging.getLogger("trioproxy").info("hello")
    assert "hello" in capsys.readouterr().err


@pytest.mark.parametrize("by_line", [False, True])
@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("buffered", [False, True])
def test_each_line_is_there_at_once(tmp_path: Path, by_line: bool, through: bool, buffered: bool) -> None:
    raw = io.FileIO(tmp_path / "log", "w")
    under = io.BufferedWriter(raw) if buffered else cast("io.BufferedWriter", raw)
    with io.TextIOWrapper(under, "utf-8", line_buffering=by_line, write_through=through) as stream:
        configure(level="info", as_json=False, stream=stream)
        logging.getLogger("trioproxy.test").info("here")
        assert (tmp_path / "log").read_bytes().endswith(b" here\n")


def test_what_can_not_be_written_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    configure(level="info", as_json=False, stream=Full())
    logging.getLogger("trioproxy.test").info("here")
    assert "No space left on device" in capsys.readouterr().err


class Told:
    """Whoever is to let lines out, and does not do it by itself."""

    def __init__(self) -> None:
        self.wanted: list[Callable[[], None]] = []

    def later(self, out: Callable[[], None]) -> None:
        self.wanted.append(out)


class Written(io.StringIO):
    """A stream that remembers each write; ``screen`` says that a person looks on."""

    def __init__(self, *, screen: bool = False) -> None:
        super().__init__()
        self.writes: list[str] = []
        self._screen = screen

    def isatty(self) -> bool:
        return self._screen

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


def gathering(stream: Written, told: Told) -> AbstractContextManager[None]:
    configure(level="info", as_json=False, stream=stream)
    return gathered(told.later)


def test_lines_that_wait_go_out_in_one_write_and_in_order() -> None:
    stream, told, log = Written(), Told(), logging.getLogger("trioproxy.test")
    with gathering(stream, told):
        for number in range(3):
            log.info("line %d", number)
        assert stream.writes == []
        assert len(told.wanted) == 1  # it is asked once for all of them
        told.wanted[0]()
        (once,) = stream.writes
        assert [line[-6:] for line in once.splitlines()] == ["line 0", "line 1", "line 2"]
        log.info("line 3")
        assert len(told.wanted) == 2
    assert stream.getvalue().endswith("line 3\n")  # nothing waits when nobody would let it out
    log.info("line 4")
    assert stream.getvalue().endswith("line 4\n")


def test_trouble_waits_for_nothing_and_takes_along_what_was_before_it() -> None:
    stream, told, log = Written(), Told(), logging.getLogger("trioproxy.test")
    with gathering(stream, told):
        log.info("before")
        log.warning("trouble")
        assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["before", "trouble"]
        told.wanted[0]()  # comes to nothing
        assert stream.getvalue().count("\n") == 2


def test_no_write_is_longer_than_a_pipe_takes_whole() -> None:
    stream, told, log = Written(), Told(), logging.getLogger("trioproxy.test")
    with gathering(stream, told):
        for number in range(100):
            log.info("%04d %s", number, "x" * 300)
    assert len(stream.writes) < 12
    assert all(len(text) <= MOST_GATHERED and text.endswith("\n") for text in stream.writes)
    assert [int(line.split()[2]) for line in stream.getvalue().splitlines()] == list(range(100))


def test_another_threads_line_and_a_terminals_wait_for_nothing() -> None:
    stream, told, log = Written(), Told(), logging.getLogger("trioproxy.test")
    with gathering(stream, told):
        log.info("ours")
        thread = threading.Thread(target=log.info, args=("theirs",))
        thread.start()
        thread.join()
        assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["ours", "theirs"]
    screen = Written(screen=True)
    with gathering(screen, told):
        log.info("here")
        assert screen.getvalue().endswith("here\n")


def test_lines_that_nobody_can_take_any_more_stop_nobody() -> None:
    class Gone(Written):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    told = Told()
    with gathering(Gone(), told):
        logging.getLogger("trioproxy.test").info("here")
        told.wanted[0]()


@attrs.define(eq=False)
class Pipe:
    """A pipe that somebody may read."""

    stream: TextIO
    end: int

    def read(self) -> str:
        """What is in it now."""
        found = b""
        while select.select([self.end], [], [], 0)[0]:
            found += os.read(self.end, 1 << 20)
        return found.decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    end, other = os.pipe()
    with open(other, "w", buffering=1, encoding="utf-8") as stream:
        yield Pipe(stream, end)
        os.close(end)
        configure(level="info", as_json=False, stream=io.StringIO())


@pytest.mark.timeout(30)
@pytest.mark.parametrize("gather", [False, True])
def test_a_pipe_that_nobody_reads_holds_nobody_up(pipe: Pipe, gather: bool) -> None:
    told, log, count = Told(), logging.getLogger("trioproxy.test"), 20_000
    configure(level="info", as_json=False, stream=pipe.stream)
    with gathered(told.later) if gather else nullcontext():
        for number in range(count):
            log.info("%05d %s", number, "x" * 80)
        found = pipe.read()
        while told.wanted:
            told.wanted.pop()()
            found += pipe.read()
        while "are lost here" not in found:
            log.warning("again")
            found += pipe.read()
    lines = found.splitlines()
    held = [line for line in lines if " INFO " in line]
    lost = [line for line in lines if "are lost here" in line]
    assert [int(line.split()[2]) for line in held] == list(range(len(held)))
    assert MOST_HELD < len("".join(held)) < 2 * MOST_HELD
    assert int(lost[0].split()[2]) >= count - len(held) > 0


@pytest.mark.timeout(30)
def test_a_long_line_waits_for_a_reader_as_short_ones_do(pipe: Pipe) -> None:
    configure(level="info", as_json=False, stream=pipe.stream)
    log, long = logging.getLogger("trioproxy.test"), "ä€" * 30_000
    log.info(long)
    found = pipe.read()
    assert 0 < len(found) < len(long)
    while len(found) < len(long):
        log.info("more")
        found += pipe.read()
    assert long in found


def test_lines_that_wait_for_a_reader_are_let_out_without_another_line(pipe: Pipe) -> None:
    told, log = Told(), logging.getLogger("trioproxy.test")
    configure(level="info", as_json=False, stream=pipe.stream)
    with gathered(told.later):
        for number in range(2_000):
            log.info("%05d %s", number, "x" * 80)
        found = pipe.read()
        while told.wanted:
            told.wanted.pop()()
            found += pipe.read()
    assert [int(line.split()[2]) for line in found.splitlines()] == list(range(2_000))


def test_who_lets_out_at_once_is_asked_once(pipe: Pipe) -> None:
    configure(level="info", as_json=False, stream=pipe.stream)
    with gathered(lambda out: out()):
        for number in range(2_000):
            logging.getLogger("trioproxy.test").info("%05d %s", number, "x" * 80)
    assert pipe.read()


def test_a_filter_is_heeded() -> None:
    stream = io.StringIO()
    configure(level="info", as_json=False, stream=stream)
    logging.getLogger("trioproxy").handlers[0].addFilter(lambda record: "secret" not in record.getMessage())
    logging.getLogger("trioproxy.test").info("a secret")
    logging.getLogger("trioproxy.test").info("no more")
    assert stream.getvalue().endswith(" no more\n")
    assert "secret" not in stream.getvalue()
