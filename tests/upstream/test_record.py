from __future__ import annotations

import json
import logging
import os
import stat
from math import inf
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

import trioproxy.upstream.archive as archive
import trioproxy.upstream.record as module
from tests.support.recording import DiskRecording
from tests.support.upstreams import Delay, Fault, RecordedProgress, Script, ScriptedUpstream
from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.upstream.archive import fixture_name
from trioproxy.upstream.base import UpstreamRequest, UpstreamResponse
from trioproxy.upstream.fixture import Chunk, Ending, Fixture, RecordedRequest, read_fixture
from trioproxy.upstream.redact import MARK
from trioproxy.upstream.replay import ReplayUpstream

KEY = "my-own-secret-key"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps would jump over the write, which takes place in a thread and in real time."""
    monkeypatch.setattr(archive, "_WRITE_DEADLINE_S", inf)


def asking(body: bytes = b'{"model":"m","stream":true}') -> UpstreamRequest:
    return UpstreamRequest(
        method="POST",
        url="https://api.example.com/v1/chat/completions?key=querykey123",
        headers=((b"authorization", b"Bearer " + KEY.encode()), (b"content-type", b"application/json")),
        body=body,
        protocol="openai_chat",
        model="m",
        stream=True,
    )


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def exchange(upstream: DiskRecording, request: UpstreamRequest | None = None, *, pieces: int = 1000) -> bytes:
    response: UpstreamResponse = await upstream.open(request or asking(), RecordedProgress())
    received = b""
    try:
        for _ in range(pieces):
            piece = await response.receive_some()
            if not piece:
                break
            received += piece
    finally:
        await response.aclose()
    return received


def only(upstream: DiskRecording) -> Fixture:
    (path,) = upstream.written
    return read_fixture(path.read_bytes())


async def test_an_exchange_becomes_a_fixture(tmp_path: Path, autojump_clock: MockClock) -> None:
    script = Script(
        200,
        ((b"content-type", b"text/event-stream"), (b"set-cookie", b"a=b")),
        [Delay(1), b"data: 1\n\n", Delay(0.25), b"data: 2\n\n", Delay(0.5)],
        connect_delay=3,
        head_delay=0.5,
    )
    upstream = DiskRecording(ScriptedUpstream(script), tmp_path / "made" / "when needed")

    response = await upstream.open(asking(), RecordedProgress())
    assert (response.status, response.headers) == (script.status, script.headers)
    assert await response.receive_some() + await response.receive_some() == b"data: 1\n\ndata: 2\n\n"
    assert await response.receive_some() == b""
    await response.aclose()

    fixture = only(upstream)
    assert fixture == Fixture(
        protocol="openai_chat",
        sequence=1,
        request=RecordedRequest(
            path="/v1/chat/completions",
            query=f"key={MARK}",
            headers=((b"content-type", b"application/json"),),
            body=b'{"model":"m","stream":true}',
        ),
        headers=((b"content-type", b"text/event-stream"),),
        head_at=0.5,
        chunks=(Chunk(1.5, b"data: 1\n\n"), Chunk(1.75, b"data: 2\n\n")),
        ending=Ending.COMPLETE,
        ended_at=2.25,
    )
    (path,) = upstream.written
    assert path.parent.name == "openai_chat"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_was_recorded_can_be_replayed(tmp_path: Path) -> None:
    script = Script(chunks=[b"data: 1\n\n", b"data: [DONE]\n\n"])
    upstream = DiskRecording(ScriptedUpstream(script), tmp_path)
    body = (
        b'{"model":"m","stream":true,"user":"jane","messages":[{"role":"user","content":"my key is %b"}]}'
        % KEY.encode()
    )
    recorded = await exchange(upstream, asking(body))

    response = await ReplayUpstream(tmp_path, 0, "strict").open(asking(body), RecordedProgress())

    assert await response.receive_some() + await response.receive_some() == recorded
    await response.aclose()


@pytest.mark.parametrize(
    ("last", "pieces", "ending"),
    [
        (Fault(), 9, Ending.TRUNCATED),
        (b"", 9, Ending.COMPLETE),
        (Delay(1), 1, Ending.CLIENT_LEFT),
    ],
)
async def test_how_it_ended_is_recorded(
    tmp_path: Path, autojump_clock: MockClock, last: bytes | Delay | Fault, pieces: int, ending: Ending
) -> None:
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=[b"data: 1\n\n", last])), tmp_path)

    try:
        await exchange(upstream, pieces=pieces)
    except UpstreamFault as fault:
        assert fault.failure.kind is ErrorKind.TRUNCATED  # noqa: PT017

    fixture = only(upstream)
    assert fixture.ending is ending
    assert fixture.body == b"data: 1\n\n"


async def test_a_reset_is_recorded_as_one_and_replayed_as_one(tmp_path: Path, autojump_clock: MockClock) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    await exchange(DiskRecording(ScriptedUpstream(Script(chunks=[b"data: 1\n\n"])), first))
    upstream = DiskRecording(ReplayUpstream(first, 0, fault="reset@1"), second)

    with pytest.raises(UpstreamFault):
        await exchange(upstream)

    assert only(upstream).ending is Ending.RESET


async def test_a_cancelled_exchange_is_recorded_too(tmp_path: Path, autojump_clock: MockClock) -> None:
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=[b"data: 1\n\n", Delay()])), tmp_path)

    with trio.move_on_after(5):
        await exchange(upstream)

    fixture = only(upstream)
    assert fixture.ending is Ending.CLIENT_LEFT
    assert fixture.ended_at == 5


async def test_closing_twice_records_once(tmp_path: Path) -> None:
    upstream = DiskRecording(ScriptedUpstream(Script()), tmp_path)
    response = await upstream.open(asking(), RecordedProgress())

    await response.aclose()
    await response.aclose()

    assert len(upstream.written) == 1


async def test_an_exchange_without_a_head_leaves_nothing(tmp_path: Path) -> None:
    refused = Script(connect_error=Fault(ErrorKind.UNREACHABLE, "nobody"))
    upstream = DiskRecording(ScriptedUpstream(refused), tmp_path)

    with pytest.raises(UpstreamFault):
        await exchange(upstream)

    assert upstream.written == []
    assert files(tmp_path) == []


async def test_the_order_of_a_session_is_kept(tmp_path: Path) -> None:
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=[b"x"]), repeat_last=True), tmp_path)
    for number in range(3):
        await exchange(upstream, asking(b'{"model":"m","n":%d}' % number))

    assert [read_fixture(path.read_bytes()).sequence for path in upstream.written] == [1, 2, 3]


async def test_the_same_request_is_recorded_under_one_name_and_again_under_a_number(tmp_path: Path) -> None:
    def session() -> DiskRecording:
        return DiskRecording(ScriptedUpstream(Script(chunks=[b"x"]), repeat_last=True), tmp_path)

    first, later = session(), session()
    for _ in range(2):
        await exchange(first)
    await exchange(later)

    names = [path.stem for path in first.written]
    assert names[1] == f"{names[0]}-2"
    assert later.written == first.written[:1]
    assert len(files(tmp_path)) == 2


# -- secrets


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_no_secret_reaches_the_disk(tmp_path: Path, size: int) -> None:
    other = "another-known-secret"
    answer = f'data: {{"echo":"{KEY} {other} querykey123"}}\n\n'.encode()
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=pieces)), tmp_path, secrets=lambda: [other])

    assert await exchange(upstream, asking(b'{"model":"m","k":"%b"}' % other.encode())) == answer

    (path,) = upstream.written
    written = path.read_text("utf-8")
    for secret in (KEY, other, "querykey123"):
        assert secret not in written
    assert json.loads(read_fixture(path.read_bytes()).body[6:]) == {"echo": f"{MARK} {MARK} {MARK}"}


async def test_what_still_holds_a_secret_is_not_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spelled = [b'data: {"delta":"%b"}\n\n' % KEY[at : at + 3].encode() for at in range(0, len(KEY), 3)]
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=spelled)), tmp_path)

    assert await exchange(upstream) == b"".join(spelled)

    assert upstream.written == []
    assert files(tmp_path) == []
    assert (
        "was not written: the answer, spelled out over several events at $.delta still holds a known secret"
        in caplog.text
    )
    assert KEY not in caplog.text


# -- what goes wrong


async def test_a_disk_that_can_not_be_written_does_not_break_the_exchange(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=[b"x"])), blocked)

    assert await exchange(upstream) == b"x"

    assert upstream.written == []
    assert f"a recording was not written to {blocked}: " in caplog.text


async def test_a_half_written_file_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=[b"x"])), tmp_path)
    await exchange(upstream)

    assert files(tmp_path) == []


async def test_a_disk_that_hangs_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio.to_thread, "run_sync", hang)
    monkeypatch.setattr(archive, "_WRITE_DEADLINE_S", 0.0)
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=[b"x"])), tmp_path)

    assert await exchange(upstream) == b"x"

    assert upstream.written == []
    assert "was not written to" in caplog.text


async def test_an_answer_without_end_is_passed_on_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_RECORDED_BYTES", 10)
    upstream = DiskRecording(ScriptedUpstream(Script(chunks=[b"12345678"] * 3)), tmp_path)

    with caplog.at_level(logging.WARNING):
        assert await exchange(upstream) == b"12345678" * 3

    assert upstream.written == []
    assert "an answer was too long to be recorded" in caplog.text


# -- names


@pytest.mark.parametrize(
    ("path", "body", "start"),
    [
        ("/v1/chat/completions", b'{"model":"openai/GPT-5.2"}', "p/openai-gpt-5.2-chat-completions-"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", b"", "p/gemini-2.5-flash-generatecontent-"),
        ("/v1/../odd path", b"", "p/no-model-v1-..-odd-path-"),
    ],
)
def test_a_name_tells_the_model_and_the_operation(path: str, body: bytes, start: str) -> None:
    name = fixture_name(Fixture(protocol="p", request=RecordedRequest(path=path, body=body)))

    assert name.startswith(start)
    assert len(name) == len(start) + 8


def test_a_name_fits_into_a_folder() -> None:
    endless = Fixture(request=RecordedRequest(path="/v1/messages", body=b'{"model":"%b"}' % (b"m" * 1000)))

    assert len(fixture_name(endless)) < 120


def test_an_exchange_of_no_protocol_has_a_place_too() -> None:
    assert fixture_name(Fixture()).startswith("other/no-model-")


def test_a_name_is_stable_and_follows_what_is_compared() -> None:
    def named(body: bytes) -> str:
        return fixture_name(Fixture(request=RecordedRequest(path="/v1/messages", body=body)))

    assert named(b'{"model":"m","user":"a"}') == named(b'{"model":"m","user":"b"}')
    assert named(b'{"model":"m","stream":true}') != named(b'{"model":"m","stream":false}')
    assert named(b'{"model":"m","a":1}') != named(b'{"model":"m","a":2}')
