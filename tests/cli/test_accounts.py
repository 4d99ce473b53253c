"""``trioproxy accounts``, with a process that runs and without one."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result

from tests.support.raw_server import RawConnection, raw_server
from trioproxy.app import App, run
from trioproxy.cli import cli
from trioproxy.cli.configuration import read
from trioproxy.config.model import Secret
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.contact import Contact, contacts, leave
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.server.listen import bind

TEXT = """
state-dir: {state}
port: 0
claude-api-key: [{{api-key: k-one}}, {{api-key: k-two}}]
groq: [{{api-key: k-three}}]
"""
FAILED = Failure(kind=ErrorKind.RATE_LIMITED, message="m", fault=Fault.UPSTREAM, retry_after=90)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT.format(state=tmp_path / "state"))
    return path


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[App]:
    app = App(SnapshotCell(read(config)), folder=config.parent / "state")
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(run, app, listeners=await bind("127.0.0.1", 0)))
        yield app
        nursery.cancel_scope.cancel()


def accounts(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["accounts", "--config", str(config), *arguments])


async def asked(config: Path, *arguments: str) -> Result:
    return await trio.to_thread.run_sync(partial(accounts, config, *arguments))


def lines(result: Result) -> list[str]:
    return [" ".join(line.split()[:4]) for line in result.output.splitlines()]


async def test_the_running_process_tells_how_each_is(config: Path) -> None:
    async with running(config) as app:
        app.health.failed(app.cell.current.credentials[1].id, "claude-x", FAILED, trio.current_time())
        assert lines(await asked(config)) == [
            "credential provider type state",
            "claude#1 claude claude ok",
            "claude#2 claude claude cooling",
            "claude-x: rate_limited, 90 s",
            "groq#1 groq groq ok",
        ]
        told = json.loads((await asked(config, "--json")).output)
        assert [each["state"] for each in told] == ["ok", "cooling", "ok"]
        assert (await asked(config, "clear", "claude#2")).output == "1 cooldown cleared\n"
        assert (await asked(config, "clear")).output == "0 cooldowns cleared\n"
        assert app.health.cooling(trio.current_time()) == []
    assert contacts(config.parent / "state") == []


async def test_credentials_and_providers_are_switched(config: Path) -> None:
    async with running(config) as app:
        assert (await asked(config, "disable", "CLAUDE#2")).output == "claude#2 is disabled\n"
        assert (await asked(config, "disable", "groq")).output == "groq is disabled (1 credential)\n"
        assert [each.enabled for each in app.cell.current.credentials] == [True, False, False]
        named = await trio.to_thread.run_sync(
            CliRunner().invoke, cli, ["accounts", "enable", "claude", "--config", str(config)]
        )
        assert named.output == "claude is enabled (2 credentials)\n"
        assert (await asked(config, "enable", "claude")).output == "claude is enabled (2 credentials)\n"
        assert [each.enabled for each in app.cell.current.credentials] == [True, True, False]
        wrong = await asked(config, "enable", "nobody")
        assert (wrong.exit_code, "claude#1, claude#2, groq#1" in wrong.output) == (1, True)
        wrong = await asked(config, "clear", "nobody")
        assert (wrong.exit_code, "no credential goes by the name 'nobody'" in wrong.output) == (1, True)


async def test_the_management_secret_opens_what_left_no_word(config: Path) -> None:
    async with running(config) as app:
        (contact,) = contacts(config.parent / "state")
        other = config.parent / "other.yaml"
        other.write_text(f"state-dir: off\nport: {contact.port}\nremote-management: {{secret-key: s}}\n")
        refused = await asked(other)
        assert (refused.exit_code, "management API is off" in refused.output) == (1, True)
        app.cell.swap(read(other))
        assert (await asked(other)).output == "there are no credentials\n"


def test_without_a_process_the_list_is_the_configurations(config: Path) -> None:
    result = accounts(config)
    assert result.exit_code == 0
    assert "no running process was found" in result.stderr
    assert "claude#1" in result.stdout
    assert "not running" in result.stdout
    assert "k-one" not in result.output
    for arguments in (["disable", "claude"], ["enable", "claude"], ["clear"]):
        refused = accounts(config, *arguments)
        assert (refused.exit_code, "no running process was found" in refused.output) == (1, True)


def test_a_process_that_does_not_answer_is_said(config: Path) -> None:
    leave(config.parent / "state", Contact(url="http://127.0.0.1:9", port=9, pid=os.getpid(), secret=Secret("s")))
    result = accounts(config)
    assert (result.exit_code, "did not answer" in result.output) == (1, True)


async def test_a_stranger_at_the_port_is_no_process_of_ours(config: Path) -> None:
    async def babble(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"220 mail.example ready\r\n")

    async with raw_server(babble) as server:
        text = f"state-dir: off\nport: {server.port}\nremote-management: {{secret-key: s}}\n"
        await trio.Path(config).write_text(text)
        result = await asked(config)
    assert (result.exit_code, result.stdout) == (0, "there are no credentials\n")


@pytest.mark.parametrize("body", [b'{"error":"no"}', b"[]"])
async def test_an_error_of_another_form_is_told_by_its_status(config: Path, body: bytes) -> None:
    async def refuse(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async with raw_server(refuse) as server:
        contact = Contact(url=server.url, port=server.port, pid=os.getpid(), secret=Secret("s"))
        leave(config.parent / "state", contact)
        result = await asked(config)
    assert (result.exit_code, result.output) == (1, f"Error: {server.url} answered with status 404\n")


def test_of_several_processes_the_configured_one_is_meant(config: Path) -> None:
    for port in (9, 10):
        contact = Contact(url=f"http://127.0.0.1:{port}", port=port, pid=os.getpid(), secret=Secret("s"))
        leave(config.parent / "state", contact)
    several = accounts(config)
    assert (several.exit_code, "ports 9, 10" in several.output) == (1, True)
    config.write_text(config.read_text().replace("port: 0", "port: 10"))
    assert "127.0.0.1:10 did not answer" in accounts(config).output


def test_with_a_secret_and_nobody_there(config: Path) -> None:
    config.write_text("state-dir: off\nport: 9\nremote-management: {secret-key: s}\n")
    result = accounts(config)
    assert (result.exit_code, result.stdout) == (0, "there are no credentials\n")


def test_without_a_configuration_there_is_nothing_to_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("TRIOPROXY_CONFIG", raising=False)
    result = CliRunner().invoke(cli, ["accounts"])
    assert (result.exit_code, "there is no configuration" in result.output) == (1, True)


def explain(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain", "--config", str(config), *arguments])


async def test_explain_asks_the_running_process_who_rests(config: Path) -> None:
    async with running(config) as app:
        one = app.cell.current.credentials[0]
        app.health.failed(one.id, "claude-x", FAILED, trio.current_time())
        result = await trio.to_thread.run_sync(partial(explain, config, "claude-x", "-p", "messages", "--live"))
        assert result.exit_code == 0
        told = result.output.splitlines()
        assert told[0] == "asked in anthropic:"
        assert told[-3] == "  asked in this order:"
        assert any(line.startswith("  1. claude#2") and "ready" in line for line in told)
        assert any(line.startswith("  not claude#1") and "rests for 90 s yet (rate_limited)" in line for line in told)
        result = await trio.to_thread.run_sync(partial(explain, config, "p/nope-x", "--live"))
        assert result.output.count("asked in openai_chat, openai_responses, anthropic, gemini:") == 1
        result = await trio.to_thread.run_sync(partial(explain, config, "claude-x", "--live", "--json"))
        documents = json.loads(result.output)
        assert len(documents) == 4
        assert [each["credential"] for each in documents[0]["candidates"]] == ["claude#2", "claude#1"]
        result = await trio.to_thread.run_sync(partial(explain, config, "p/nope-x", "--live"))
        assert result.exit_code == 1


async def test_explain_needs_a_process_to_ask(config: Path) -> None:
    result = await trio.to_thread.run_sync(partial(explain, config, "claude-x", "--live"))
    assert result.exit_code != 0
    assert "no running process was found" in result.output
