"""Exchanges that become recordings: which side of them is kept, and which exchanges are not."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.answers import ANSWERS
from tests.support.exchanges import MemoryExchange
from tests.support.houses import Bench, ask, posted
from tests.support.upstreams import SSE_HEADERS, Delay, Fault, Script, ScriptedUpstream
from trioproxy.errors import ErrorKind
from trioproxy.gateway import recording
from trioproxy.gateway.exchange import Exchange
from trioproxy.gateway.recording import Recorder
from trioproxy.upstream import archive
from trioproxy.upstream.archive import Archive
from trioproxy.upstream.fixture import Ending, Fixture, read_fixture
from trioproxy.upstream.replay import ReplayUpstream

CHAT = [piece for piece in ANSWERS["openai_chat"].frames if piece]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps would jump over the write, which takes place in a thread and in real time."""
    monkeypatch.setattr(archive, "_WRITE_DEADLINE_S", inf)


class House:
    """A gateway whose exchanges are recorded into ``folder``."""

    def __init__(self, folder: Path, *scripts: Script, providers: tuple[str, ...] = (), **bench: Any) -> None:
        self.folder = folder
        self.recorder = Recorder(Archive(folder), frozenset(providers))
        self.scripted = ScriptedUpstream(*scripts)
        self.bench = Bench(upstream=self.recorder.over(self.scripted, "chat"), **bench)

    async def serve(self, exchange: MemoryExchange) -> MemoryExchange:
        await self.recorder.handle(exchange, self.bench.gateway.handle)
        assert self.scripted.all_closed
        return exchange

    @property
    def kept(self) -> list[Fixture]:
        return [read_fixture(path.read_bytes()) for path in self.recorder.archive.written]

    @property
    def only(self) -> Fixture:
        [fixture] = self.kept
        return fixture


def chat(*steps: bytes | Delay | Fault) -> Script:
    return Script(200, SSE_HEADERS, list(steps), head_delay=1)


async def test_a_passing_answer_is_the_providers_and_the_question_the_clients(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    house = House(tmp_path, chat(CHAT[0], Delay(2), *CHAT[1:]))
    exchange = await house.serve(ask("openai_chat", headers={"authorization": "Bearer key-of-the-client"}))
    fixture = house.only
    assert json.loads(fixture.request.body)["model"] == "chat-m"
    assert json.loads(house.scripted.requests[0].body)["model"] == "chat-up"
    assert (fixture.request.path, fixture.protocol, fixture.sequence) == ("/v1/chat/completions", "openai_chat", 1)
    assert [chunk.data for chunk in fixture.chunks] == CHAT
    assert [fixture.head_at, *(chunk.at for chunk in fixture.chunks[:2])] == [1, 1, 3]
    assert fixture.ending is Ending.COMPLETE
    assert fixture.body == exchange.body
    assert (b"content-type", b"application/json") in fixture.request.headers
    assert "key-of-the-client" not in house.recorder.archive.written[0].read_text("utf-8")


async def test_a_translated_answer_is_what_the_client_got(tmp_path: Path, autojump_clock: MockClock) -> None:
    house = House(tmp_path, chat(CHAT[0], Delay(2), *CHAT[1:]))
    exchange = await house.serve(ask("anthropic", of="openai_chat"))
    fixture = house.only
    assert (fixture.protocol, fixture.request.path) == ("anthropic", "/v1/messages")
    assert fixture.body == exchange.body
    assert b"message_stop" in fixture.body
    assert json.loads(fixture.request.body) == json.loads(exchange.request_body)
    assert fixture.ended_at == 3


@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
async def test_a_sign_of_life_is_no_part_of_it(client: str, tmp_path: Path, autojump_clock: MockClock) -> None:
    house = House(tmp_path, chat(CHAT[0], Delay(50), *CHAT[1:]))
    exchange = await house.serve(ask(client, of="openai_chat"))
    beat = {"openai_chat": b": keep-alive", "anthropic": b"event: ping"}[client]
    assert exchange.body.count(beat) == 3
    assert beat not in house.only.body
    assert house.only.ended_at == pytest.approx(51)


@pytest.mark.parametrize(
    ("last", "ending"),
    [(Fault(message="it broke"), Ending.TRUNCATED), (Delay(), Ending.STALL), (b"", Ending.COMPLETE)],
    ids=["breaks", "stalls", "ends without its end"],
)
async def test_a_bad_end_is_recorded_as_it_was_and_replayed_as_it_was(
    last: bytes | Delay | Fault, ending: Ending, tmp_path: Path, autojump_clock: MockClock
) -> None:
    house = House(tmp_path, chat(*CHAT[:2], last), settings={"keepalive": 0.0})
    first = await house.serve(ask("openai_chat"))
    fixture = house.only
    assert b'"error"' in first.body
    assert (fixture.ending, fixture.body) == (ending, b"".join(CHAT[:2]))
    assert fixture.end_message == ("it broke" if ending is Ending.TRUNCATED else "")
    replay = Bench(upstream=ReplayUpstream(tmp_path), config=_REPLAY.format(tmp_path), settings={"keepalive": 0.0})
    exchange = ask("openai_chat")
    await replay.gateway.handle(exchange)
    assert exchange.body.replace(b"replay", b"chat") == first.body


_REPLAY = "providers: {{replay: {{type: replay, folder: '{}'}}}}"


async def test_a_client_that_leaves(tmp_path: Path, autojump_clock: MockClock) -> None:
    house = House(tmp_path, chat(*CHAT[:2], Delay(5), *CHAT[2:]))
    exchange = ask("openai_chat")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.serve, exchange)
        await trio.sleep(3)
        exchange.disconnect()
    assert house.only.ending is Ending.CLIENT_LEFT
    assert house.only.body == b"".join(CHAT[:2])


async def test_of_several_providers_the_last_one_answered(tmp_path: Path, autojump_clock: MockClock) -> None:
    config = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: ONE-OF-THE-KEYS}, {api-key: OTHER-OF-THE-KEYS}]
    models: [{name: chat-up, alias: chat-m}]
"""
    busy = Script(429, ((b"content-type", b"application/json"),), [b'{"error":{"message":"busy","type":"x"}}'])
    house = House(tmp_path, busy, chat(*CHAT), config=config)
    await house.serve(ask("openai_chat"))
    assert house.only.status == 200
    assert house.only.body == b"".join(CHAT)


async def test_an_error_of_a_provider_is_an_answer_too(tmp_path: Path, autojump_clock: MockClock) -> None:
    headers = ((b"content-type", b"application/json"), (b"retry-after", b"7"), (b"x-ratelimit-limit", b"3"))
    body = b'{"error": {"message": "busy", "type": "x"}}'
    house = House(tmp_path, Script(429, headers, [body]))
    await house.serve(ask("openai_chat"))
    assert (house.only.status, house.only.headers, house.only.body) == (429, headers, body)


async def test_a_provider_that_says_nothing_is_recorded_as_what_the_client_was_told(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    silent = Script(open_error=Fault(ErrorKind.UNREACHABLE, "it closed without an answer"))
    nobody = Script(connect_error=Fault(ErrorKind.UNREACHABLE, "nobody listens"))
    house = House(tmp_path, silent, nobody)
    exchange = await house.serve(ask("openai_chat"))
    assert (house.only.status, house.only.body) == (502, exchange.body)
    await house.serve(ask("openai_chat"))
    assert len(house.kept) == 1, "that nobody was there says nothing of a provider"


async def test_only_some_providers(tmp_path: Path, autojump_clock: MockClock) -> None:
    house = House(tmp_path, chat(*CHAT), providers=("other",))
    await house.serve(ask("openai_chat"))
    assert house.kept == []


async def test_what_no_provider_had_a_part_in_is_kept_where_it_is_an_answer(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    house = House(tmp_path)
    await house.serve(posted("/v1/chat/completions", b'{"model":"nobody","messages":[]}'))
    await house.serve(posted("/v1/nothing", b"{}"))
    assert house.kept == []
    count = json.dumps({"model": "chat-m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    exchange = await house.serve(posted("/v1/messages/count_tokens", count))
    assert house.only.body == exchange.body
    assert b"input_tokens" in house.only.body


async def test_an_answer_without_end_is_passed_on_and_not_kept(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recording, "MAX_RECORDED_BYTES", 50)
    house = House(tmp_path, chat(*CHAT))
    exchange = await house.serve(ask("openai_chat"))
    assert exchange.body == b"".join(CHAT)
    assert house.kept == []
    assert "too long to be recorded" in caplog.text


async def test_a_request_that_never_came_leaves_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    house = House(tmp_path)

    async def wait(_: Exchange) -> None:
        await trio.sleep_forever()

    with trio.move_on_after(1):
        await house.recorder.handle(ask("openai_chat"), wait)
    assert house.kept == []


async def test_what_passes_outside_of_an_exchange_is_nobodys(tmp_path: Path) -> None:
    """Asking a provider for its models, or whether it lives again."""
    house = House(tmp_path, chat(*CHAT))
    await house.bench.gateway.handle(ask("openai_chat"))
    assert house.kept == []
