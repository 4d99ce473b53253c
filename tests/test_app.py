"""The house put together: signals, reloads, folders of recordings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.clients import connect, get
from tests.support.exchanges import MemoryExchange
from tests.support.houses import SIMPLE, ask, snapshot_of
from tests.support.live import Answering, live, request_of
from tests.support.raw_server import RawConnection, raw_server
from tests.support.upstreams import Script, ScriptedUpstream
from trioproxy import app as app_module
from trioproxy.app import App, announce, base_urls, run
from trioproxy.config.model import Snapshot
from trioproxy.config.reload import Reloader
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.errors import ErrorKind, Failure, ProxyError
from trioproxy.ledger.entry import Outcome
from trioproxy.providers.catalog import catalogue
from trioproxy.server.listen import Serving, bind
from trioproxy.upstream.replay import ReplayUpstream

FIXTURES = Path(__file__).parents[1] / "fixtures"
HERE = 'openai-compatibility: [{name: c, base-url: "{url}/v1", api-key-entries: [{api-key: K}], models: [{name: chat-m}]}]\n'


async def started(app: App, nursery: trio.Nursery, *, ready: Callable[[], None] = lambda: None) -> Serving:
    listeners = await bind("127.0.0.1", 0)
    serving: Serving = await nursery.start(partial(run, app, listeners=listeners, ready=ready))
    return serving


def question() -> bytes:
    exchange = ask("openai_chat")
    return request_of(exchange.head.target, exchange.request_body)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_server_when_it_is_idle(number: signal.Signals) -> None:
    said: list[str] = []
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            serving = await started(App.of(snapshot_of(SIMPLE)), nursery, ready=lambda: said.append("ready"))
            client = await connect(serving.port)
            assert (await client.ask(get("/healthz"))).status == 200
            os.kill(os.getpid(), number)
        await client.leave()
    assert said == ["ready"]


async def test_a_running_stream_is_let_end_and_nothing_new_is_taken() -> None:
    with trio.fail_after(20):
        async with live(Answering(pieces=[ANSWERS["openai_chat"].start], end="silent"), HERE, drain=0.3) as house:
            client = await house.connect()
            await client.send(question())
            await client.head()
            os.kill(os.getpid(), signal.SIGTERM)
            rest = await client.rest()
            assert ANSWERS["openai_chat"].failed in rest
            assert b"shutting down" in rest
            assert (await house.wait_settled()).outcome is Outcome.SHUT_DOWN
            await client.leave()


async def test_a_second_signal_ends_at_once() -> None:
    with trio.fail_after(20):
        async with live(Answering(pieces=[ANSWERS["openai_chat"].start], end="silent"), HERE, drain=3600.0) as house:
            client = await house.connect()
            await client.send(question())
            await client.head()
            os.kill(os.getpid(), signal.SIGTERM)
            await trio.testing.wait_all_tasks_blocked()
            os.kill(os.getpid(), signal.SIGTERM)
            await client.rest()
            await client.leave()


async def test_a_saved_file_is_served_and_running_exchanges_keep_what_they_began_with(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SIMPLE, "utf-8")
    cell = SnapshotCell()
    reloader = Reloader(cell, path, catalogue(), dict)
    reloader.start()
    app = App(cell)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            listeners = await bind("127.0.0.1", 0)
            serving = await nursery.start(partial(run, app, listeners=listeners, reloader=reloader))
            client = await connect(serving.port)
            path.write_text(SIMPLE.replace("alias: chat-m", "alias: other-m"), "utf-8")
            os.kill(os.getpid(), signal.SIGHUP)
            while b"other-m" not in (await client.ask(get("/v1/models"))).body:
                pass
            await client.leave()
            nursery.cancel_scope.cancel()


async def test_credentials_that_a_reload_took_away_are_forgotten(autojump_clock: MockClock) -> None:
    app = App.of(snapshot_of(SIMPLE))
    failure = Failure(kind=ErrorKind.UNAUTHENTICATED, message="m")
    kept = app.cell.current.credentials[0].id
    app.health.failed("gone", "m", failure, trio.current_time())
    app.health.failed(kept, "m", failure, trio.current_time())
    async with trio.open_nursery() as nursery:
        await started(app, nursery)
        await trio.sleep(app_module.SWEEP_SECONDS + 1)
        assert [rest.credential_id for rest in app.health.cooling(trio.current_time())] == [kept]
        nursery.cancel_scope.cancel()


async def test_a_state_folder_that_cannot_be_written_keeps_nobody_from_being_served(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    app = App(SnapshotCell(snapshot_of(SIMPLE)), folder=tmp_path / "file" / "under")
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            serving = await started(app, nursery)
            client = await connect(serving.port)
            assert (await client.ask(get("/healthz"))).status == 200
            await client.leave()
            nursery.cancel_scope.cancel()


def replaying() -> Snapshot:
    return snapshot_of(f"providers: {{r: {{type: replay, folder: '{FIXTURES / 'anthropic'}', speed: 0}}}}")


async def test_a_folder_of_recordings_is_read_once_and_answers() -> None:
    app = App.of(replaying())
    app.open_folders()
    [credential] = app.cell.current.credentials
    assert isinstance(app.reach(credential), ReplayUpstream)
    assert app.reach(credential) is app.reach(credential)
    exchange = ask(
        "anthropic",
        model="claude-sonnet-4-5",
        messages=[{"role": "user", "content": "How does a nursery work in trio?"}],
    )
    await app.gateway.handle(exchange)
    assert exchange.status == 200
    assert b"message_stop" in exchange.body


def test_a_folder_that_is_none_is_found_before_a_client_asks(tmp_path: Path) -> None:
    with pytest.raises(ProxyError) as found:
        App.of(snapshot_of(f"providers: {{r: {{type: replay, folder: '{tmp_path / 'none'}'}}}}")).open_folders()
    assert found.value.failure.kind is ErrorKind.MISCONFIGURED


async def test_a_provider_that_is_asked_for_its_models_holds_up_neither_clients_nor_the_end() -> None:
    asked = trio.Event()

    async def silent(connection: RawConnection) -> None:
        request = await connection.read_request()
        assert request is not None
        assert request.target == b"/v1/models"
        asked.set()
        await connection.wait_gone()

    with trio.fail_after(20):
        async with raw_server(silent) as provider, trio.open_nursery() as nursery:
            config = f"openai-compatibility: [{{name: c, base-url: '{provider.url}/v1', discover: true}}]"
            serving = await started(App.of(snapshot_of(config)), nursery)
            await asked.wait()
            client = await connect(serving.port)
            assert (await client.ask(get("/v1/models"))).status == 200
            os.kill(os.getpid(), signal.SIGTERM)
            await provider.wait_open(0)
            await client.leave()


async def test_what_must_see_all_traffic_is_put_over_every_upstream() -> None:
    scripted = ScriptedUpstream(Script(chunks=ANSWERS["openai_chat"].frames))
    app = App.of(snapshot_of(SIMPLE))
    app.over = lambda upstream: scripted
    exchange: MemoryExchange = ask("openai_chat")
    await app.gateway.handle(exchange)
    assert exchange.body == ANSWERS["openai_chat"].stream


def test_addresses_are_said_as_urls(capsys: pytest.CaptureFixture[str]) -> None:
    addresses = [("127.0.0.1", 8317), ("::1", 8317)]
    assert base_urls(addresses) == ["http://127.0.0.1:8317", "http://[::1]:8317"]
    announce(addresses)
    assert capsys.readouterr().err == "listening on http://127.0.0.1:8317\nlistening on http://[::1]:8317\n"
