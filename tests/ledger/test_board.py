"""Pages that outlive their writers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.running import open_files
from trioproxy.ledger import board as module
from trioproxy.ledger.board import Board


@pytest.fixture
def board() -> Iterator[Board]:
    before = open_files()
    made = Board.of(2)
    yield made
    made.close()
    assert open_files() == before


def test_a_page_is_what_was_written_last(board: Board) -> None:
    assert board.read(0) == b""
    for text in (b"one", b"", b"three, which is longer", b"4"):
        board.write(0, text)
        assert board.read(0) == text
    assert board.read(1) == b""


def test_a_writing_that_broke_off_leaves_the_one_before(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.write(0, b"whole")
    written: list[int] = []
    pwrite = os.pwrite

    def torn(file: int, data: bytes, at: int) -> int:
        written.append(at)
        if at == 0:
            raise KeyboardInterrupt
        return pwrite(file, data[:3], at)

    monkeypatch.setattr(os, "pwrite", torn)
    with pytest.raises(KeyboardInterrupt):
        board.write(0, b"another")
    monkeypatch.undo()
    assert len(written) == 2
    assert board.read(0) == b"whole"
    board.write(0, b"next")
    assert board.read(0) == b"next"


def test_a_reader_whom_a_writer_overtakes_reads_again(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.write(0, b"old!")
    pread, reads = os.pread, 0

    def overtaken(file: int, length: int, at: int) -> bytes:
        nonlocal reads
        reads += 1
        data = pread(file, length, at)
        if reads == 2:
            board._files = list(board._files)
            monkeypatch.undo()
            board.write(0, b"new!")
            board.write(0, b"newest")
        return data

    monkeypatch.setattr(os, "pread", overtaken)
    assert board.read(0) == b"newest"


def test_a_reader_who_is_always_overtaken_gives_up(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.write(0, b"text")
    heads = iter(range(100))
    monkeypatch.setattr(Board, "_head", staticmethod(lambda file: (next(heads), 4)))
    assert board.read(0) == b""


def test_what_is_too_large_is_not_kept(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 8)
    board.write(0, b"small")
    board.write(0, b"much too large")
    assert board.read(0) == b"small"


def test_without_files_in_memory_a_nameless_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    board = Board.of(1)
    board.write(0, b"kept")
    assert board.read(0) == b"kept"
    board.close()
