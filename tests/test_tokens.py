"""Ids: each another one, in every process."""

from __future__ import annotations

import os

import pytest

from trioproxy.tokens import random_hex


@pytest.mark.parametrize("size", [8, 16, 32])
def test_each_is_another(size: int) -> None:
    draw = random_hex(size)
    drawn = {draw() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(len(bytes.fromhex(each)) == size for each in drawn)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_draws_others() -> None:
    draw = random_hex(8)
    draw()
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(into, "".join(draw() for _ in range(64)).encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert len(theirs) == 64 * 16
    assert not {draw() for _ in range(200)} & {theirs[at : at + 16] for at in range(0, len(theirs), 16)}
