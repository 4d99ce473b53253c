"""Reading the configuration again."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trioproxy.config.load import ConfigInvalid
from trioproxy.config.model import Snapshot
from trioproxy.config.reload import Outcome, Reloader
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.providers.catalog import catalogue

GOOD = "groq: [{api-key: k}]\n"


class WatchedCell(SnapshotCell):
    """A cell that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.swapped: dict[int, trio.Event] = {}

    def swap(self, new: Snapshot) -> Snapshot:
        current = super().swap(new)
        self.at(current.generation).set()
        return current

    def at(self, generation: int) -> trio.Event:
        return self.swapped.setdefault(generation, trio.Event())


class Looking(Reloader):
    """A reloader whose looks can be waited for."""

    async def looked(self, times: int) -> None:
        """Until the files were looked at so many times, and found as they were."""
        until, token = trio.Event(), trio.lowlevel.current_trio_token()
        seen = iter(range(times))
        look = Reloader._fingerprint

        def looking(reloader: Reloader) -> tuple[object, ...]:
            found = look(reloader)
            if next(seen, None) is None:
                token.run_sync_soon(until.set)
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Reloader, "_fingerprint", looking)
            await until.wait()


def write(path: Path, text: str) -> None:
    path.write_text(text)


def rewrite(path: Path, text: str | None) -> None:
    path.unlink() if text is None else path.write_text(text)


def reloader(path: Path, env: Mapping[str, str] | None = None, **more: object) -> Looking:
    return Looking(WatchedCell(), path, catalogue(), lambda: env if env is not None else {}, poll=0.001, **more)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    write(file, GOOD)
    return file


async def test_start_puts_the_file_in_force(path: Path) -> None:
    subject = reloader(path)

    snapshot = subject.start()

    assert subject.cell.current is snapshot
    assert (snapshot.generation, len(snapshot.credentials)) == (1, 1)


async def test_start_with_a_bad_file_is_refused(path: Path) -> None:
    write(path, "hots: 1\n")

    with pytest.raises(ConfigInvalid):
        reloader(path).start()


async def test_changed_file_is_swapped_in(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    subject = reloader(path)
    before = subject.start()
    write(path, "groq: [{api-key: k}, {api-key: your-key}]\n")

    done = await subject.reload()

    assert (done.outcome, done.generation, done.restart) == (Outcome.SWAPPED, 2, ())
    assert len(done.warnings) == 1
    assert subject.last is done
    assert len(subject.cell.current.credentials) == 2
    assert len(before.credentials) == 1
    assert "generation 2" in caplog.text
    assert "example" in caplog.text


async def test_unchanged_file_is_left_alone_but_when_forced(path: Path) -> None:
    env = {"K": "one"}
    write(path, "groq: [{api-key: '${K}'}]\n")
    subject = reloader(path, env)
    snapshot = subject.start()
    env["K"] = "two"

    assert (await subject.reload()).outcome is Outcome.UNCHANGED
    assert subject.cell.current is snapshot
    assert (await subject.reload(force=True)).outcome is Outcome.SWAPPED
    key = subject.cell.current.credentials[0].key
    assert key is not None
    assert key.reveal() == "two"


@pytest.mark.parametrize("text", ["hots: 1\n", "a: [\n", None])
async def test_bad_file_leaves_the_old_one_and_says_so(
    path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    subject = reloader(path)
    snapshot = subject.start()
    rewrite(path, text)

    done = await subject.reload()

    assert (done.outcome, done.generation) == (Outcome.REFUSED, 1)
    assert done.problems
    assert subject.cell.current is snapshot
    assert "old one stays in force" in caplog.text
    write(path, GOOD)
    assert (await subject.reload()).outcome is Outcome.UNCHANGED


async def test_what_only_a_restart_changes_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    subject = reloader(path)
    subject.start()
    write(path, GOOD + "port: 1\nhost: localhost\nstate-dir: /x\n")

    done = await subject.reload()

    assert (done.outcome, done.restart) == (Outcome.SWAPPED, ("host", "port", "state-dir"))
    assert "restart needed" in caplog.text


async def test_command_lines_address_goes_on_winning(path: Path) -> None:
    subject = reloader(path, host="localhost", port=5)
    subject.start()
    write(path, GOOD + "port: 1\nhost: 0.0.0.0\n")

    done = await subject.reload()

    assert (done.outcome, done.restart) == (Outcome.SWAPPED, ())


async def changed(subject: Reloader, generation: int) -> None:
    assert isinstance(subject.cell, WatchedCell)
    await subject.cell.at(generation).wait()


async def test_saved_file_is_in_force_soon(path: Path, autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    subject = reloader(path)
    subject.start()
    nursery.start_soon(subject.watch)
    await subject.looked(3)
    assert subject.last is None
    write(path, GOOD + "# more\n")

    await changed(subject, 2)

    nursery.cancel_scope.cancel()


async def test_file_saved_before_the_watch_began_is_seen(
    path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    subject = reloader(path)
    subject.start()
    write(path, GOOD + "# more\n")
    nursery.start_soon(subject.watch)

    await changed(subject, 2)

    nursery.cancel_scope.cancel()


async def test_token_file_is_watched_too(path: Path, autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    token = path.parent / "token.json"
    write(path, f"qwen: [{{token-file: {token}}}]\n")
    subject = reloader(path)
    assert subject.start().credentials == ()
    nursery.start_soon(subject.watch)
    await subject.looked(1)
    write(token, '{"access_token": "t"}')

    await changed(subject, 2)

    assert len(subject.cell.current.credentials) == 1
    nursery.cancel_scope.cancel()


async def test_file_that_is_still_being_written_is_waited_for(
    path: Path, autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = reloader(path)
    subject.start()
    looks = iter([1, 2, 3, 4, 4])
    monkeypatch.setattr(Reloader, "_fingerprint", lambda self: (next(looks, 4),))
    write(path, GOOD + "# more\n")
    nursery.start_soon(subject.watch)

    await changed(subject, 2)

    # The first look; a change that goes on; another one that holds still.
    assert next(looks, None) is None
    nursery.cancel_scope.cancel()


async def test_nobody_looks_any_more_once_the_watch_is_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = reloader(path)
    subject.start()
    ended, look_out = threading.Event(), Reloader._look_out

    def looking_out(reloader: Reloader, over: threading.Event) -> tuple[object, ...]:
        found = look_out(reloader, over)
        ended.set()
        return found

    monkeypatch.setattr(Reloader, "_look_out", looking_out)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(subject.watch)
        await subject.looked(1)
        nursery.cancel_scope.cancel()

    assert ended.wait(60)  # and not: for ever


async def test_hangup_reloads_even_what_has_not_changed(path: Path, nursery: trio.Nursery) -> None:
    subject = reloader(path)
    subject.start()
    nursery.start_soon(subject.watch_signals)
    await wait_all_tasks_blocked()

    os.kill(os.getpid(), signal.SIGHUP)
    await changed(subject, 2)

    nursery.cancel_scope.cancel()


async def test_two_reloads_come_one_after_the_other(path: Path, nursery: trio.Nursery) -> None:
    subject = reloader(path)
    subject.start()
    write(path, GOOD + "# more\n")
    async with trio.open_nursery() as both:
        both.start_soon(subject.reload)
        both.start_soon(subject.reload)

    assert subject.cell.current.generation == 2
