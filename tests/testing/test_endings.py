"""Every fault of a replay, in every pair of protocols: the client is never left to take a torn answer for a whole one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from tests.support.answers import ANSWERS
from tests.support.clients import Answer, connect
from tests.support.houses import ask, snapshot_of
from tests.support.live import request_of
from trioproxy.app import App, run
from trioproxy.config.model import Deadlines
from trioproxy.gateway.pairs import READY
from trioproxy.server.listen import Serving, bind
from trioproxy.upstream.faults import FaultKind
from trioproxy.upstream.fixture import Chunk, Fixture, RecordedRequest, write_fixture
from trioproxy.upstream.question import Question

PROTOCOLS = sorted(ANSWERS)
PAIRS = [(name, name) for name in PROTOCOLS] + sorted(READY)

COMPLETE, TOLD, REFUSED = "complete", "told", "refused"

EXPECTED = {
    FaultKind.STALL: ("stall@5", {TOLD}),
    FaultKind.EOF: ("eof@5", {TOLD}),
    FaultKind.CUT: ("cut@5", {TOLD}),
    FaultKind.RESET: ("reset@5", {TOLD}),
    # Usage may follow a finishReason of Gemini's, so that the transfer's end counts too.
    FaultKind.NO_LAST_CHUNK: ("no-last-chunk", {COMPLETE, TOLD}),
    FaultKind.DRIP: ("drip=7", {COMPLETE}),
    FaultKind.LATENCY: ("latency=0.05", {COMPLETE}),
    # An event twice, or too late, may be harmless or not; it may not be both, and not neither.
    FaultKind.DUPLICATE: ("duplicate@5", {COMPLETE, TOLD}),
    FaultKind.REORDER: ("reorder@5", {COMPLETE, TOLD}),
    FaultKind.GARBAGE: ("garbage@5", {TOLD}),
    FaultKind.BAD_UTF8: ("bad-utf8@2", {COMPLETE, TOLD}),
    FaultKind.STATUS: ("status=503", {REFUSED}),
    FaultKind.RANDOM: ("random=11@1", {COMPLETE, TOLD, REFUSED}),
}


def recording(protocol: str) -> Fixture:
    exchange = ask(protocol)
    path, _, query = exchange.head.target.partition("?")
    pieces = [piece for piece in ANSWERS[protocol].frames if piece]
    return Fixture(
        protocol=protocol,
        request=RecordedRequest(path=path, query=query, body=exchange.request_body),
        headers=((b"content-type", b"text/event-stream"),),
        chunks=tuple(Chunk(0.0, piece) for piece in pieces),
    )


@asynccontextmanager
async def house(folder: Path, wire: str, fault: str) -> AsyncIterator[int]:
    """The proxy on the recordings of one protocol, which it must speak to them; gives its port."""
    snapshot = snapshot_of(
        f"providers: {{replay: {{type: replay, folder: {folder}, speed: 100, match: sequence, faults: ['{fault}']}}}}"
    )
    [credential] = snapshot.credentials
    spoken = credential.wire(wire)
    assert spoken is not None
    short = attrs.evolve(Deadlines(), first_byte=2.0, idle=0.3, tool_call=0.3)
    only = attrs.evolve(credential, wires=(spoken,), deadlines=short)
    app = App.of(attrs.evolve(snapshot, credentials=(only,)))
    listeners = await bind("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        serving: Serving = await nursery.start(partial(run, app, listeners=listeners))
        yield serving.port
        nursery.cancel_scope.cancel()


def outcome(protocol: str, answer: Answer) -> str:
    """How the answer ended, as a client of the protocol sees it."""
    words = ANSWERS[protocol]
    if answer.status >= 400:
        assert answer.whole
        assert b'"error"' in answer.body
        return REFUSED
    terminal, failed = words.terminal in answer.body, words.failed in answer.body
    if not answer.whole:
        assert not terminal, "a whole answer in a broken transfer"
        return TOLD
    assert terminal is not failed, f"neither an end nor an error, or both: {answer.body[-400:]!r}"
    return COMPLETE if terminal else TOLD


def test_every_kind_of_fault_is_expected_to_end_somehow() -> None:
    assert set(EXPECTED) == set(FaultKind)
    assert len(PAIRS) == 16


@pytest.mark.parametrize("kind", list(FaultKind), ids=lambda kind: kind.value)
@pytest.mark.parametrize(("client", "wire"), PAIRS, ids=lambda name: name)
async def test_a_fault_ends_honestly(client: str, wire: str, kind: FaultKind, tmp_path: Path) -> None:
    fault, expected = EXPECTED[kind]
    fixture = recording(wire)
    assert Question.of(fixture.request).stream
    (tmp_path / "one.json").write_bytes(write_fixture(fixture))
    asked = ask(client)
    async with house(tmp_path, wire, fault) as port:
        raw = await connect(port)
        with trio.fail_after(30):
            answer = await raw.ask(request_of(asked.head.target, asked.request_body))
        await raw.leave()
    found = outcome(client, answer)
    assert found in expected
    if kind is FaultKind.NO_LAST_CHUNK and (wire != "gemini" or client == wire):
        assert found == COMPLETE


@pytest.mark.parametrize("wire", PROTOCOLS)
async def test_a_schedule_of_faults_ends_every_answer_honestly(wire: str, tmp_path: Path) -> None:
    """Ten answers for each client, whatever goes wrong with them: an end, an error, or a broken transfer."""
    (tmp_path / "one.json").write_bytes(write_fixture(recording(wire)))
    found: set[str] = set()
    async with house(tmp_path, wire, "random=20261127@0.8") as port:
        for client in PROTOCOLS:
            asked = ask(client)
            raw = await connect(port)
            for _ in range(10):
                with trio.fail_after(30):
                    answer = await raw.ask(request_of(asked.head.target, asked.request_body))
                found.add(outcome(client, answer))
                if not answer.whole:
                    await raw.leave()
                    raw = await connect(port)
            await raw.leave()
    assert found == {COMPLETE, TOLD, REFUSED}
