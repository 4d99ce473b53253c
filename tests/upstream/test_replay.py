from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.support.upstreams import RecordedProgress
from trioproxy.errors import ClientFault, ErrorKind, Fault, ProxyFault, UpstreamFault
from trioproxy.upstream.base import Headers, UpstreamRequest
from trioproxy.upstream.fixture import Chunk, Ending, Fixture, RecordedRequest, write_fixture
from trioproxy.upstream.replay import ReplayResponse, ReplayUpstream, read_folder, recorded_request

ASKED = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'
FIXTURE = Fixture(
    protocol="openai_chat",
    request=RecordedRequest(path="/v1/chat/completions", body=ASKED),
    headers=((b"content-type", b"text/event-stream"),),
    head_at=0.5,
    chunks=(Chunk(1.0, b"data: 1\n\n"), Chunk(1.0, b""), Chunk(2.0, b"data: 2\n\nda"), Chunk(4.0, b"ta: 3\n\n")),
    ended_at=5.0,
)


def asking(
    body: bytes = ASKED, *, url: str = "http://replay/v1/chat/completions", fault: str | None = None
) -> UpstreamRequest:
    return UpstreamRequest(method="POST", url=url, headers=(), body=body, fault=fault)


def folder_of(path: Path, **fixtures: Fixture) -> Path:
    for name, fixture in fixtures.items():
        file = path / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(write_fixture(fixture))
    return path


async def opened(upstream: ReplayUpstream, request: UpstreamRequest | None = None) -> ReplayResponse:
    return await upstream.open(request or asking(), RecordedProgress())


async def timeline(response: ReplayResponse) -> list[tuple[float, bytes]]:
    """Each piece with the time at which it came."""
    came: list[tuple[float, bytes]] = []
    while piece := await response.receive_some():
        came.append((trio.current_time(), piece))
    came.append((trio.current_time(), b""))
    return came


@pytest.mark.parametrize(("speed", "times"), [(1, [0.5, 1, 2, 4, 5]), (2, [0.25, 0.5, 1, 2, 2.5]), (0, [0] * 5)])
async def test_chunks_come_at_their_pace_with_their_borders(
    tmp_path: Path, autojump_clock: MockClock, speed: float, times: list[float]
) -> None:
    upstream = ReplayUpstream(folder_of(tmp_path, a=FIXTURE), speed)
    start = trio.current_time()

    response = await opened(upstream)
    head_at = trio.current_time()
    came = await timeline(response)

    assert [data for _, data in came] == [b"data: 1\n\n", b"data: 2\n\nda", b"ta: 3\n\n", b""]
    assert [round(at - start, 6) for at in [head_at, *(at for at, _ in came)]] == times
    assert (response.status, response.headers, response.name) == (200, FIXTURE.headers, "a")


async def test_a_late_reader_finds_what_is_due(tmp_path: Path, autojump_clock: MockClock) -> None:
    response = await opened(ReplayUpstream(folder_of(tmp_path, a=FIXTURE)))
    await trio.sleep(10)
    before = trio.current_time()

    came = await timeline(response)

    assert len(came) == 4
    assert trio.current_time() == before


async def test_the_connect_phase_is_over_before_the_head(tmp_path: Path, autojump_clock: MockClock) -> None:
    progress = RecordedProgress()
    upstream = ReplayUpstream(folder_of(tmp_path, a=FIXTURE))

    with trio.move_on_after(0.4):
        await upstream.open(asking(), progress)

    assert progress.sent == 1


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (Ending.TRUNCATED, "the recording a broke off after 27 bytes: the connection was closed before the end"),
        (Ending.RESET, "the recording a broke off after 27 bytes: connection reset by peer"),
    ],
)
async def test_a_broken_recording_breaks_off_again(
    tmp_path: Path, autojump_clock: MockClock, ending: Ending, message: str
) -> None:
    broken = attrs.evolve(FIXTURE, ending=ending)
    response = await opened(ReplayUpstream(folder_of(tmp_path, a=broken), 0))

    with pytest.raises(UpstreamFault) as caught:
        await timeline(response)

    assert caught.value.failure.kind is ErrorKind.TRUNCATED
    assert caught.value.failure.message == message


async def test_a_stalled_recording_is_silent_for_ever(tmp_path: Path, autojump_clock: MockClock) -> None:
    stalled = attrs.evolve(FIXTURE, ending=Ending.STALL)
    response = await opened(ReplayUpstream(folder_of(tmp_path, a=stalled), 0))

    with trio.move_on_after(1_000_000) as scope:
        await timeline(response)

    assert scope.cancelled_caught
    with pytest.raises(UpstreamFault, match="it was abandoned"):
        await response.receive_some()


async def test_what_a_client_left_ends_there(tmp_path: Path, autojump_clock: MockClock) -> None:
    left = attrs.evolve(FIXTURE, ending=Ending.CLIENT_LEFT)

    assert (await timeline(await opened(ReplayUpstream(folder_of(tmp_path, a=left), 0))))[-1][1] == b""


# -- faults


async def test_faults_of_the_upstream_and_of_the_request_add_up(tmp_path: Path, autojump_clock: MockClock) -> None:
    upstream = ReplayUpstream(folder_of(tmp_path, a=FIXTURE), fault="latency=1")
    start = trio.current_time()

    response = await opened(upstream, asking(fault="cut@1"))
    assert trio.current_time() - start == 1.5

    assert await response.receive_some() == b"data: 1\n\n"
    with pytest.raises(UpstreamFault):
        await response.receive_some()


async def test_a_status_on_demand(tmp_path: Path, autojump_clock: MockClock) -> None:
    response = await opened(ReplayUpstream(folder_of(tmp_path, a=FIXTURE)), asking(fault="status=503"))

    assert response.status == 503
    assert (b"retry-after", b"1") in response.headers


async def test_a_latency_is_as_long_at_any_speed(tmp_path: Path, autojump_clock: MockClock) -> None:
    for speed in (0.0, 1000.0):
        start = trio.current_time()
        await timeline(await opened(ReplayUpstream(folder_of(tmp_path, a=FIXTURE), speed), asking(fault="latency=7")))
        assert 7 <= trio.current_time() - start < 7.1


async def test_a_schedule_goes_by_the_number_of_the_answer(tmp_path: Path, autojump_clock: MockClock) -> None:
    async def statuses() -> list[int]:
        upstream = ReplayUpstream(folder_of(tmp_path, a=FIXTURE), 0, fault="random=3@0.9")
        return [(await opened(upstream, asking())).status for _ in range(40)]

    first = await statuses()
    assert len(set(first)) > 1
    assert await statuses() == first


async def test_a_whole_body_has_its_length_and_nothing_else_has(tmp_path: Path) -> None:
    body = attrs.evolve(FIXTURE, headers=(), chunks=(Chunk(0, b"{}"),))

    async def headers(fixture: Fixture, fault: str | None = None) -> Headers:
        upstream = ReplayUpstream(folder_of(tmp_path, a=fixture), 0)
        return (await opened(upstream, asking(fault=fault))).headers

    assert await headers(body) == ((b"content-length", b"2"),)
    assert await headers(attrs.evolve(body, chunks=())) == ((b"content-length", b"0"),)
    assert await headers(body, "cut@byte=1") == ()
    assert await headers(attrs.evolve(body, chunks=(*body.chunks, *body.chunks))) == ()
    assert await headers(FIXTURE) == FIXTURE.headers


async def test_what_was_said_of_an_end_is_said_again(tmp_path: Path) -> None:
    broken = attrs.evolve(FIXTURE, ending=Ending.TRUNCATED, end_message="it broke off")
    for fault, said in [(None, "it broke off"), ("cut@1", "the recording a broke off after")]:
        response = await opened(ReplayUpstream(folder_of(tmp_path, a=broken), 0), asking(fault=fault))
        with pytest.raises(UpstreamFault, match=said):
            await timeline(response)


async def test_a_fault_that_is_none_is_a_mistake_of_whoever_wrote_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, a=FIXTURE)
    upstream = ReplayUpstream(folder)

    with pytest.raises(ClientFault, match="'boom' is not known"):
        await opened(upstream, asking(fault="boom"))
    with pytest.raises(ProxyFault, match="'bang' is not known"):
        ReplayUpstream(folder, fault="bang")


# -- choosing


async def test_a_miss_is_a_404_that_names_the_nearest(tmp_path: Path) -> None:
    upstream = ReplayUpstream(folder_of(tmp_path, **{"openai_chat/hello": FIXTURE}), match="strict")

    with pytest.raises(UpstreamFault) as caught:
        await opened(upstream, asking(ASKED.replace(b"hi", b"ho")))

    failure = caught.value.failure
    assert (failure.kind, failure.http_status, failure.code) == (ErrorKind.NOT_FOUND, 404, "no_recording")
    assert failure.fault is Fault.UPSTREAM
    assert "The nearest is openai_chat/hello." in failure.message
    assert 'body.messages[0].content: recorded "hi", asked "ho"' in failure.message


async def test_recordings_answer_once_where_they_shall(tmp_path: Path) -> None:
    upstream = ReplayUpstream(folder_of(tmp_path, a=FIXTURE), 0, repeat=False)
    await opened(upstream)

    with pytest.raises(UpstreamFault, match="each answers once"):
        await opened(upstream)


async def test_what_is_volatile_can_be_said(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, a=FIXTURE)
    body = json.dumps(json.loads(ASKED) | {"temperature": 1}).encode()

    with pytest.raises(UpstreamFault):
        await opened(ReplayUpstream(folder, 0, "strict"), asking(body))
    assert (await opened(ReplayUpstream(folder, 0, "strict", volatile=["temperature"]), asking(body))).name == "a"


def test_a_request_is_taken_apart_like_a_recorded_one() -> None:
    request = UpstreamRequest(method="GET", url="https://h:1/a/b?c=d&key=k", headers=((b"x", b"y"),), body=b"z")

    assert recorded_request(request) == RecordedRequest(
        method="GET", path="/a/b", query="c=d&key=k", headers=((b"x", b"y"),), body=b"z"
    )


# -- the folder


def test_a_folder_is_read_at_any_depth(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, **{"a": FIXTURE, "x/b": FIXTURE, "x/y/c": FIXTURE})
    (folder / "README.md").write_text("not a recording")

    assert read_folder(folder) == dict.fromkeys(["a", "x/b", "x/y/c"], FIXTURE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"match": "close"}, "match is 'close', expected one of strict, shape, sequence, any"),
        ({"speed": -1}, "speed is -1, expected 0 or more"),
        ({"speed": float("inf")}, "speed is inf"),
        ({"speed": float("nan")}, "speed is nan"),
    ],
)
def test_an_option_that_can_not_be_used_is_told(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ProxyFault) as caught:
        ReplayUpstream(tmp_path, **options)

    assert caught.value.failure.kind is ErrorKind.MISCONFIGURED
    assert message in caught.value.failure.message


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProxyFault, match="there is no folder of recordings at"):
        ReplayUpstream(tmp_path / "nowhere")


def test_a_file_that_is_no_fixture_is_told_with_the_place(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, good=FIXTURE)
    (folder / "bad.json").write_bytes(write_fixture(FIXTURE).replace(b'"status": 200', b'"status": 1'))

    with pytest.raises(ProxyFault, match=r"bad.json is no recording: response.status must be an HTTP status"):
        ReplayUpstream(folder)
