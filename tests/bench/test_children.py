from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from trioproxy.bench.children import Child, ChildFailed, pinned, printed, run_child

_SAYS = (
    "import sys; print('hm'); print('listening on http://127.0.0.1:4711', flush=True); print('x' * 300_000); input()"
)


def test_a_child_is_found_by_what_it_says_measured_and_ended() -> None:
    with Child.start("-c", _SAYS) as child:
        assert child.port == 4711
        if Path("/proc/self/schedstat").exists():
            assert (child.cpu_seconds or 0) > 0
            assert (child.resident_bytes or 0) > 2**20
    assert child.process.returncode is not None
    assert (child.cpu_seconds, child.resident_bytes) == (None, None)


def test_a_child_that_is_ready_need_not_listen() -> None:
    with Child.start("-c", "print('ready', flush=True); input()", ready=re.compile("ready")) as child:
        assert child.port == 0


def test_a_child_that_does_not_start_is_quoted() -> None:
    with pytest.raises(ChildFailed, match="did not start: no such thing"):
        Child.start("-c", "print('no such thing')")
    with pytest.raises(ChildFailed, match="it said nothing"):
        Child.start("-c", "")


def test_what_a_child_prints_is_its_outcome() -> None:
    assert run_child("-c", "print(1)", cpu=pinned()[1]) == "1\n"
    with pytest.raises(ChildFailed, match="failed: no"):
        run_child("-c", "raise SystemExit('no')")
    with pytest.raises(ChildFailed, match="it said nothing"):
        run_child("-c", "raise SystemExit(3)")


def test_what_a_program_says_of_itself_may_be_nothing() -> None:
    assert printed(sys.executable, "-c", "print(' 1.2 ')") == "1.2"
    assert printed(sys.executable, "-c", "import sys; sys.stderr.write('1.2')") == "1.2"
    assert printed(sys.executable, "-c", "print(1); raise SystemExit(1)") == ""
    assert printed("/nowhere/nginx", "-v") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells")
def test_the_time_of_those_that_a_child_started_is_its_own() -> None:
    child_of_a_child = "sum(range(10_000_000)); print('ready', flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child_of_a_child!r}])"
    with Child.start("-c", code, ready=re.compile("ready")) as child:
        (own,) = Path(f"/proc/{child.process.pid}/schedstat").read_text().split()[:1]
        assert (child.cpu_seconds or 0) > int(own) / 1e9 + 0.02
        assert child.process.stdin is not None
        child.process.stdin.write("\n")
        child.process.stdin.flush()
        child.process.wait()


def test_a_machine_without_two_processors_pins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "linux":
        monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3})
        assert pinned() == (None, None)
        monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3, 1, 2})
        assert pinned() == (1, 2)
        monkeypatch.delattr("os.sched_getaffinity")
    assert pinned() == (None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells")
def test_the_height_of_a_childs_memory_is_what_it_had_for_a_moment(tmp_path: Path) -> None:
    done = tmp_path / "done"
    code = (
        "import pathlib, sys; print('ready', flush=True); sys.stdin.readline(); "
        f"held = bytearray(b'x') * 2**26; del held; pathlib.Path({str(done)!r}).touch(); sys.stdin.read()"
    )
    with Child.start("-c", code, ready=re.compile("ready")) as child:

        def work() -> None:
            assert child.process.stdin is not None
            child.process.stdin.write("go\n")
            child.process.stdin.flush()
            while not done.exists():
                assert child.process.poll() is None

        # The kernel counts pages in small heaps of them.
        assert 15 * 2**22 <= (child.peak_bytes(work) or 0) < 2**27
        assert (child.peak_bytes(lambda: None) or 0) < 2**22
