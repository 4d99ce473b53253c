"""Log lines for people and for machines; nothing from outside can forge one."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from trioproxy.logs import configure


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


def test_a_filter_is_heeded() -> None:
    stream = io.StringIO()
    configure(level="info", as_json=False, stream=stream)
    logging.getLogger("trioproxy").handlers[0].addFilter(lambda record: "secret" not in record.getMessage())
    logging.getLogger("trioproxy.test").info("a secret")
    logging.getLogger("trioproxy.test").info("no more")
    assert stream.getvalue().endswith(" no more\n")
    assert "secret" not in stream.getvalue()
