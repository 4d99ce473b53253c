"""Asking providers which models they have."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.gateway.controls import KEY, Desk
from tests.support.houses import snapshot_of
from tests.support.upstreams import Delay, Fault, Script, ScriptedUpstream
from trioproxy.config.listing import listing
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.errors import ErrorKind
from trioproxy.gateway import discovery as module
from trioproxy.gateway.discovery import Discovery
from trioproxy.gateway.inquiry import Inquiry

JSON = ((b"content-type", b"application/json"),)
CONFIG = """
openai-compatibility:
  - {name: local, base-url: "http://a.test/v1", api-key-entries: [{api-key: ONE}], discover: true}
"""
MORE = (
    CONFIG
    + """
  - {name: other, base-url: "http://b.test/v1", discover: true}
"""
)


def told(*names: str) -> Script:
    return document({"object": "list", "data": [{"id": name} for name in names]})


def document(value: Any, status: int = 200) -> Script:
    return Script(status=status, headers=JSON, chunks=[json.dumps(value).encode()])


@attrs.define
class Post:
    """A discovery at work."""

    upstream: ScriptedUpstream
    cell: SnapshotCell
    discovery: Discovery

    @property
    def urls(self) -> list[str]:
        return [request.url for request in self.upstream.requests]

    @property
    def names(self) -> list[str]:
        return [card.id for card in listing(self.cell.current)]


@asynccontextmanager
async def asking(*scripts: Script, config: str = CONFIG) -> AsyncIterator[Post]:
    upstream, cell = ScriptedUpstream(*scripts, repeat_last=True), SnapshotCell(snapshot_of(config))
    inquiry = Inquiry(reach=lambda credential: upstream, wall=lambda: 1_700_000_000.0, token=lambda: "ab")
    post = Post(upstream, cell, Discovery(cell=cell, inquiry=inquiry))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(post.discovery.run)
        yield post
        assert len(nursery.child_tasks) == 1
        nursery.cancel_scope.cancel()
    assert upstream.all_closed


async def test_a_list_is_asked_for_at_once_and_now_and_then(autojump_clock: MockClock) -> None:
    async with asking(told("a", "b"), told("b")) as post:
        assert post.names == []
        await trio.sleep(1)
        assert (post.names, post.urls) == (["a", "b"], ["http://a.test/v1/models"])
        request = post.upstream.requests[0]
        headers = dict(request.headers)
        assert (request.method, headers[b"authorization"]) == ("GET", b"Bearer ONE")
        await trio.sleep(290)
        assert len(post.urls) == 1
        await trio.sleep(20)
        assert (post.names, len(post.urls)) == (["b"], 2)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (Script(connect_error=Fault(ErrorKind.UNREACHABLE, "nobody there")), "nobody there"),
        (Script(chunks=[b'{"data": [', Fault()]), "broke off"),
        (Script(head_delay=100), "no answer within 10 s"),
        (Script(chunks=[b'{"data": [', Delay(100)]), "no answer within 10 s"),
        (document({"error": "no"}, 404), "answered 404"),
        (Script(chunks=[b"<html>"]), "malformed"),
        (Script(chunks=[b"[" * 100_000]), "nested"),
        (document({"detail": "no list"}), "'data' is missing"),
        (document("a"), "no list of models"),
        (Script(chunks=[b"x" * 1024 * 1024] * 9), "has more than 4194304 bytes"),
    ],
)
async def test_a_failure_keeps_the_list_and_is_followed_by_another_try(
    script: Script, why: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "trioproxy.gateway"):
        async with asking(told("a"), script, script, told("a")) as post:
            await trio.sleep(312)
            assert (post.names, len(post.urls)) == (["a"], 2)
            [trouble] = post.discovery.trouble.values()
            assert why in trouble
            await trio.sleep(100)
            assert (post.names, len(post.urls)) == (["a"], 4)
            assert not post.discovery.trouble
    lines = [record.message for record in caplog.records]
    assert (len(lines), lines[0], lines[2]) == (3, "local#1 lists 1 models", "local#1 lists 1 models")
    assert lines[1].startswith("local#1 does not tell its models (discover): ")
    assert lines[1].endswith("; the 1 known stay")


async def test_a_bug_of_ours_is_told_and_ends_nothing(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with asking(Script(open_error=KeyError("odd")), told("a")) as post:
        await trio.sleep(1)
        assert list(post.discovery.trouble.values()) == ["the proxy failed to ask: KeyError"]
        await trio.sleep(30)
        assert post.names == ["a"]
    assert any(record.exc_info for record in caplog.records)


async def test_a_key_that_no_header_can_hold_is_sent_as_requests_send_it(autojump_clock: MockClock) -> None:
    async with asking(told("a"), config=CONFIG.replace("ONE", "k€y")) as post:
        await trio.sleep(1)
        assert dict(post.upstream.requests[0].headers)[b"authorization"] == b"Bearer k?y"


async def test_an_oversized_body_is_not_read_to_its_end(autojump_clock: MockClock) -> None:
    async with asking(Script(chunks=[b"x" * 1024 * 1024] * 9)) as post:
        await trio.sleep(1)
        assert post.upstream.responses[0].reads == 5


async def test_a_list_that_becomes_empty_is_empty(autojump_clock: MockClock) -> None:
    async with asking(told("a"), document({"object": "list", "data": None})) as post:
        await trio.sleep(310)
        assert (post.names, post.discovery.trouble) == ([], {})


async def test_a_long_list_is_bounded(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_MODELS", 3)
    async with asking(told("a", "b", "b", "c", "d", "e")) as post:
        await trio.sleep(1)
        assert post.names == ["a", "b", "c"]
    assert "local#1 lists 5 models; the first 3 are kept" in caplog.text


async def test_one_is_asked_at_a_time_and_a_silent_server_once(autojump_clock: MockClock) -> None:
    keys = CONFIG.replace("{api-key: ONE}", "{api-key: ONE}, {api-key: TWO}, {api-key: THREE}")
    silent = Script(head_delay=100)
    async with asking(silent, told("b"), silent, config=keys + MORE[len(CONFIG) :]) as post:
        await trio.sleep(9)
        assert post.urls == ["http://a.test/v1/models"]
        await trio.sleep(2)
        assert post.urls[1:] == ["http://b.test/v1/models"]
        assert post.names == ["b"]
        await trio.sleep(35)
        assert post.urls[2:] == ["http://a.test/v1/models"]


async def test_a_refused_key_says_nothing_of_the_next(autojump_clock: MockClock) -> None:
    keys = CONFIG.replace("{api-key: ONE}", "{api-key: ONE}, {api-key: TWO}")
    async with asking(document({}, 401), told("a"), config=keys) as post:
        await trio.sleep(1)
        assert [dict(request.headers)[b"authorization"] for request in post.upstream.requests] == [
            b"Bearer ONE",
            b"Bearer TWO",
        ]
        assert post.names == ["a"]


async def test_a_reload_is_heeded(autojump_clock: MockClock) -> None:
    async with asking(told("a"), told("b"), told("c")) as post:
        await trio.sleep(1)
        post.cell.swap(snapshot_of(MORE))
        assert post.names == ["a"]
        await trio.sleep(2)
        assert (post.names, post.urls[1:]) == (["a", "b"], ["http://b.test/v1/models"])
        post.cell.swap(snapshot_of(MORE.replace("discover: true", "discover: false")))
        assert post.names == []
        await trio.sleep(1000)
        assert len(post.urls) == 2
        post.cell.swap(snapshot_of(CONFIG))
        assert post.names == []
        await trio.sleep(2)
        assert post.names == ["c"]


async def test_an_entry_that_goes_while_it_is_asked_leaves_nothing(autojump_clock: MockClock) -> None:
    async with asking(attrs.evolve(told("a"), head_delay=5), told("a")) as post:
        await trio.sleep(1)
        post.cell.swap(snapshot_of("groq: [{api-key: k, models: [m]}]"))
        await trio.sleep(10)
        assert (post.names, len(post.urls)) == (["m"], 1)
        post.cell.swap(snapshot_of(CONFIG))
        assert post.names == []


async def test_who_is_switched_off_is_not_asked_and_keeps_its_list(autojump_clock: MockClock) -> None:
    async with asking(told("a")) as post:
        await trio.sleep(1)
        post.cell.switch("local", False)
        assert post.names == []
        await trio.sleep(1000)
        assert len(post.urls) == 1
        post.cell.switch("local", True)
        assert post.names == ["a"]


@pytest.mark.parametrize(
    "entry",
    [
        "openai-compatibility: [{name: x, base-url: 'http://h/v1', models: [{name: m}], discover: true}]",
        "claude-api-key: [{api-key: k, discover: true}]",
        "openai-compatibility: [{name: x, base-url: 'http://h/v1'}]",
        "openai-compatibility: [{name: x, base-url: 'http://h/v1', discover: true, disabled: true}]",
        "providers: {r: {type: replay, folder: /tmp, discover: true}}",
    ],
)
async def test_nobody_is_asked_whose_models_are_known_or_not_wanted(entry: str, autojump_clock: MockClock) -> None:
    async with asking(told("a"), config=entry) as post:
        await trio.sleep(100)
        assert post.urls == []


def wired(wire: str) -> str:
    return CONFIG.replace("discover: true", f"discover: true, wire: {wire}").replace("a.test/v1", "a.test")


ROWS = [{"id": "claude-a", "display_name": "A", "max_input_tokens": 9, "max_tokens": 3}]
PAGES = [
    (
        "anthropic",
        [{"data": ROWS, "has_more": True, "last_id": "a b"}, {"data": [{"id": "claude-b"}], "has_more": False}],
        ["http://a.test/v1/models", "http://a.test/v1/models?after_id=a+b&limit=1000"],
        ["claude-a", "claude-b"],
    ),
    (
        "gemini",
        [{"models": [{"name": "models/g-a"}], "nextPageToken": "t&"}, {"models": [{"name": "models/g-b"}]}],
        ["http://a.test/v1beta/models", "http://a.test/v1beta/models?pageToken=t%26&pageSize=1000"],
        ["g-a", "g-b"],
    ),
]


@pytest.mark.parametrize(("wire", "pages", "urls", "names"), PAGES)
async def test_pages_are_followed(
    wire: str, pages: Sequence[Any], urls: list[str], names: list[str], autojump_clock: MockClock
) -> None:
    async with asking(*map(document, pages), config=wired(wire)) as post:
        await trio.sleep(1)
        assert (post.urls, post.names) == (urls, names)
    assert (b"anthropic-version" in dict(post.upstream.requests[0].headers)) == (wire == "anthropic")


async def test_pages_without_end_end(autojump_clock: MockClock) -> None:
    endless = {"data": ROWS, "has_more": True, "last_id": "x"}
    async with asking(document(endless), config=wired("anthropic")) as post:
        await trio.sleep(1)
        assert (post.names, len(post.urls)) == (["claude-a"], 2)
    fresh = [document({**endless, "data": [{"id": f"m{number}"}]}) for number in range(50)]
    async with asking(*fresh, config=wired("anthropic")) as post:
        await trio.sleep(1)
        assert (len(post.names), len(post.urls)) == (20, 20)


async def test_all_pages_together_have_one_limit(autojump_clock: MockClock) -> None:
    fresh = [
        attrs.evolve(document({"data": [{"id": f"m{n}"}], "has_more": True, "last_id": "x"}), head_delay=4)
        for n in range(9)
    ]
    async with asking(*fresh, config=wired("anthropic")) as post:
        await trio.sleep(12)
        assert (post.names, len(post.urls)) == ([], 3)


SHOWN = """
api-keys: [{key: demo-client-key}, {key: narrow, models: ["qwen*"]}]
openai-compatibility:
  - {name: local, prefix: p, base-url: "http://a.test/v1", discover: true, excluded-models: ["*-secret"]}
"""
ANTHROPIC = (*KEY, (b"anthropic-version", b"2023-06-01"))
GOOGLE = ((b"x-goog-api-key", b"demo-client-key"),)


async def test_every_kind_of_client_is_shown_what_was_told(autojump_clock: MockClock) -> None:
    desk = Desk.of(SHOWN)
    [credential] = desk.snapshot.credentials
    upstream = ScriptedUpstream(told("qwen3:8b", "a-secret", "org/llama"))
    desk.app.over = lambda _: upstream
    assert (await desk.got("/v1/models"))["data"] == []
    await desk.app.discovery.catch_up()
    names = ["p/qwen3:8b", "qwen3:8b", "p/org/llama", "org/llama"]
    assert [row["id"] for row in (await desk.got("/v1/models"))["data"]] == names
    assert [row["id"] for row in (await desk.got("/v1/models", ANTHROPIC))["data"]] == names
    assert [row["name"] for row in (await desk.got("/v1beta/models", GOOGLE))["models"]] == [
        f"models/{name}" for name in names
    ]
    codex = await desk.got("/v1/models?client_version=1.0.0")
    assert {row["slug"] for row in codex["models"]} == set(names)
    assert [row["id"] for row in (await desk.got("/v1/models?provider=local"))["data"]] == names
    assert (await desk.got("/v1/models?provider=nobody"))["data"] == []
    assert (await desk.got("/v1/models/qwen3:8b"))["id"] == "qwen3:8b"
    assert (await desk.got("/v1beta/models/org/llama", GOOGLE))["name"] == "models/org/llama"
    assert await desk.got("/v1alpha/models") == await desk.got("/v1beta/models", GOOGLE)
    assert (await desk.got("/v1alpha/models/org/llama"))["name"] == "models/org/llama"
    assert (await desk.ask("GET", "/v1/models/a-secret")).status == 404
    assert (await desk.got("/v1/providers/local"))["models"] == names
    narrow = await desk.got("/v1/models", ((b"authorization", b"Bearer narrow"),))
    assert [row["id"] for row in narrow["data"]] == ["qwen3:8b"]
    explained = await desk.got("/v1/routing/explain?model=qwen3:8b&protocol=chat")
    assert "by the provider's own list of models" in explained["lines"][0]
    near = await desk.got("/v1/routing/explain?model=qwen3:9b&protocol=chat")
    assert "did you mean 'qwen3:8b'" in near["error"]
    assert desk.app.cell.discover("nobody", ()) is desk.snapshot
    assert desk.app.cell.discover(credential.id, desk.snapshot.credentials[0].discovered) is desk.snapshot


async def test_no_client_waits_for_a_slow_provider(autojump_clock: MockClock) -> None:
    desk = Desk.of(SHOWN)
    desk.app.over = lambda _: ScriptedUpstream(Script(head_delay=100), repeat_last=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.app.discovery.run)
        await trio.sleep(5)
        before = trio.current_time()
        assert (await desk.got("/v1/models"))["data"] == []
        assert trio.current_time() == before
        nursery.cancel_scope.cancel()
