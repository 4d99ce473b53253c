"""Looking at credentials before anybody asks."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.support.houses import snapshot_of
from tests.support.upstreams import Delay, Fault, Script, ScriptedUpstream
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.credentials.health import Health
from trioproxy.errors import ErrorKind, Failure
from trioproxy.errors import Fault as Whose
from trioproxy.gateway.inquiry import Inquiry
from trioproxy.gateway.lookout import Lookout

CONFIG = """
openai-compatibility:
  - name: chat
    base-url: http://chat.test/v1
    api-key-entries: [{api-key: ONE}]
    models: [{name: chat-m}]
    headers: {x-team: red, x-copied: $X-Client}
    health-check: {interval: 30, timeout: 5}
  - {name: unwatched, base-url: "http://b.test/v1", api-key-entries: [{api-key: TWO}], models: [{name: chat-m}]}
"""
ALIVE = Script(headers=((b"content-type", b"application/json"),), chunks=[b'{"data": []}'])


@attrs.define
class Post:
    """A lookout at work."""

    upstream: ScriptedUpstream
    health: Health
    cell: SnapshotCell

    @property
    def urls(self) -> list[str]:
        return [request.url for request in self.upstream.requests]

    @property
    def resting(self) -> list[tuple[str, float, bool]]:
        now = trio.current_time()
        return [(rest.kind.value, rest.until - now, rest.firm) for rest in self.health.cooling(now)]


@asynccontextmanager
async def watching(*scripts: Script, config: str = CONFIG) -> AsyncIterator[Post]:
    post = Post(ScriptedUpstream(*scripts, repeat_last=True), Health(), SnapshotCell(snapshot_of(config)))
    lookout = Lookout(
        cell=post.cell,
        inquiry=Inquiry(reach=lambda credential: post.upstream, wall=lambda: 1_700_000_000.0, token=lambda: "ab"),
        health=post.health,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lookout.run)
        yield post
        nursery.cancel_scope.cancel()
    assert post.upstream.all_closed


async def test_it_looks_now_and_then_at_who_wants_it(autojump_clock: MockClock) -> None:
    async with watching(ALIVE) as post:
        await trio.sleep(65)
        assert post.urls == ["http://chat.test/v1/models"] * 3
        headers = dict(post.upstream.requests[0].headers)
        assert (headers[b"authorization"], headers[b"x-team"]) == (b"Bearer ONE", b"red")
        assert b"x-copied" not in headers
        assert post.upstream.requests[0].method == "GET"
        assert post.health.spotless


async def test_a_bug_in_looking_is_told_and_ends_nothing(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Inquiry.ask
    broken = iter([True])

    async def ask(*given: Any, **more: Any) -> Any:
        if next(broken, False):
            raise RuntimeError("odd")
        return await asked(*given, **more)

    monkeypatch.setattr(Inquiry, "ask", ask)
    async with watching(ALIVE) as post:
        await trio.sleep(5)
        assert "could not be looked at" in caplog.text
        assert post.health.spotless
        await trio.sleep(30)
        assert len(post.urls) == 1


@pytest.mark.parametrize(
    ("script", "kind", "firm"),
    [
        (Script(status=503, chunks=[b"{}"]), "overloaded", False),
        (Script(connect_error=Fault(ErrorKind.UNREACHABLE)), "unreachable", False),
        (Script(head_delay=100), "timeout", False),
        (Script(chunks=[b"x" * 10, Delay(100)]), "timeout", False),
        (Script(status=401, chunks=[b"{}"]), "unauthenticated", True),
    ],
)
async def test_who_does_not_answer_rests_until_it_does(
    script: Script, kind: str, firm: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "trioproxy.gateway"):
        async with watching(script, script, ALIVE) as post:
            await trio.sleep(20)
            [(found, left, is_firm)] = post.resting
            assert (found, is_firm) == (kind, firm)
            assert left > 10  # the next look comes before the rest is over
            await trio.sleep(30)
            assert len(post.resting) == 1
            await trio.sleep(20)
            assert post.health.spotless
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "chat#1 does not answer its health check",
        "chat#1 answers its health check again",
    ]


@pytest.mark.parametrize("status", [200, 403, 404, 405, 429])
async def test_any_answer_is_a_sign_of_life(status: int, autojump_clock: MockClock) -> None:
    async with watching(Script(status=status, chunks=[b"{}"])) as post:
        await trio.sleep(10)
        assert post.health.spotless


async def test_quotas_and_single_models_are_none_of_its_business(autojump_clock: MockClock) -> None:
    async with watching(ALIVE) as post:
        credential = post.cell.current.credentials[0]

        def fail(kind: ErrorKind, *, wide: bool) -> None:
            failure = Failure(kind=kind, message="m", fault=Whose.UPSTREAM, retry_after=500, account_wide=wide)
            post.health.failed(credential.id, "chat-m", failure, trio.current_time())

        fail(ErrorKind.RATE_LIMITED, wide=True)
        fail(ErrorKind.OVERLOADED, wide=False)
        await trio.sleep(70)
        assert {kind for kind, _, _ in post.resting} == {"rate_limited", "overloaded"}


async def test_a_reload_is_heeded(autojump_clock: MockClock) -> None:
    async with watching(Script(status=500, chunks=[b"{}"])) as post:
        await trio.sleep(10)
        assert len(post.urls) == 1
        post.cell.swap(snapshot_of(CONFIG.replace("interval: 30", "interval: off")))
        await trio.sleep(100)
        assert len(post.urls) == 1
        post.cell.swap(snapshot_of(CONFIG.replace("timeout: 5", "timeout: 5, path: /healthz")))
        await trio.sleep(10)
        assert post.urls[1:] == ["http://chat.test/v1/healthz"]


async def test_nobody_rests_who_never_rests(autojump_clock: MockClock) -> None:
    config = CONFIG.replace("    health-check", "    disable-cooling: true\n    health-check")
    async with watching(Script(status=500, chunks=[b"{}"]), config=config) as post:
        await trio.sleep(10)
        assert len(post.urls) == 1
        assert post.health.spotless


async def test_a_long_body_is_not_read_to_its_end(autojump_clock: MockClock) -> None:
    async with watching(Script(chunks=[b"x" * 50_000] * 20)) as post:
        await trio.sleep(10)
        assert post.upstream.responses[0].reads == 2


ANTHROPIC = """
claude-api-key: [{api-key: ONE, health-check: {}}]
gemini-api-key: [{api-key: TWO, health-check: {}, disabled: true}]
"""


async def test_each_vendor_is_asked_in_its_own_way(autojump_clock: MockClock) -> None:
    async with watching(ALIVE, config=ANTHROPIC) as post:
        await trio.sleep(1)
        assert post.urls == ["https://api.anthropic.com/v1/models"]
        headers = dict(post.upstream.requests[0].headers)
        assert headers[b"x-api-key"] == b"ONE"
        assert headers[b"anthropic-version"] == b"2023-06-01"
