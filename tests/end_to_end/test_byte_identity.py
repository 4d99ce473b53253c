"""Every recorded answer of a real provider through a running proxy, in its own protocol: the same bytes come out, at any chunking.

Over real sockets one house serves all of them, at once and in pieces; in memory every size of piece is tried. What a provider gets wrong itself
is the one thing that is not left alone: a stream that ends badly gets its error, one that breaks its own protocol is ended there, and an error
body in foreign words is put into the protocol's own.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import attrs
import pytest
import trio

from tests.support.answers import ANSWERS
from tests.support.clients import RawClient
from tests.support.houses import Bench, posted
from tests.support.live import Live, Provider, chunk, live, request_of, stream_head
from tests.support.raw_server import RawConnection
from tests.support.recordings import Recording, recordings
from tests.support.upstreams import Script
from trioproxy.gateway.refusal import is_native
from trioproxy.gateway.stages import ErrorAnswer

CONFIG = """
disable-cooling: true
openai-compatibility:
  - {name: chat, base-url: "{url}/v1", api-key-entries: [{api-key: UPKEY}], models: [{name: m, alias: chat-m}]}
codex-api-key:
  - {api-key: UPKEY, base-url: "{url}/v1", models: [{name: m, alias: responses-m}]}
claude-api-key:
  - {api-key: UPKEY, base-url: "{url}", models: [{name: m, alias: anthropic-m}]}
gemini-api-key:
  - {api-key: UPKEY, base-url: "{url}", models: [{name: m, alias: gemini-m}]}
"""
TARGETS = {
    "openai_chat": ("/v1/chat/completions", "chat-m"),
    "openai_responses": ("/v1/responses", "responses-m"),
    "anthropic": ("/v1/messages", "anthropic-m"),
}
# Recorded on purpose as it must not be: the observer ends it where it breaks its protocol.
BROKEN = {"anthropic-spliced-message-start"}


def cut_into(size: int, body: bytes) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def cut_at_random(body: bytes) -> list[bytes]:
    dice = random.Random(len(body))
    borders = sorted({0, len(body), *(dice.randrange(len(body) + 1) for _ in range(8))})
    return [body[start:end] for start, end in pairwise(borders)]


@attrs.define(eq=False)
class Library(Provider):
    """A provider that answers with a recording, each piece in a write of its own."""

    recording: Recording | None = None
    pieces: list[bytes] = attrs.field(factory=list)

    async def serve(self, connection: RawConnection) -> None:
        while (await connection.read_request()) is not None:
            assert self.recording is not None
            await connection.send(stream_head(self.recording.status, self.recording.content_type))
            for piece in filter(None, self.pieces):
                await connection.send(chunk(piece))
                await trio.lowlevel.checkpoint()
            await connection.send(b"0\r\n\r\n")


def target_of(recording: Recording) -> tuple[str, dict[str, Any]]:
    if recording.protocol == "gemini":
        array = recording.stream and "event-stream" not in recording.content_type
        verb = "generateContent" if not recording.stream else "streamGenerateContent" + ("" if array else "?alt=sse")
        return f"/v1beta/models/gemini-m:{verb}", {"contents": []}
    target, model = TARGETS[recording.protocol]
    return target, {"model": model, "messages": [], "input": "x", "max_tokens": 1, "stream": recording.stream}


def usable() -> Iterator[Recording]:
    for recording in recordings():
        answer = ErrorAnswer(status=recording.status, headers=(), body=recording.body, protocol=recording.protocol)
        if recording.id not in BROKEN and (recording.status < 400 or is_native(answer)):
            yield recording


@pytest.fixture(scope="module")
def found() -> list[Recording]:
    each = list(usable())
    if not each:
        pytest.skip("no recordings of real providers beside the project")
    return each


async def ask(client: RawClient, house: Live, recording: Recording, pieces: list[bytes]) -> bytes:
    library = house.provider
    assert isinstance(library, Library)
    library.recording, library.pieces = recording, pieces
    got = await client.ask(request_of(*target_of(recording)))
    assert got.whole
    assert got.status == recording.status
    return got.body


def differs(recording: Recording, body: bytes) -> bool:
    if body == recording.body:
        return False
    # A stream that ended badly has its error behind the very same bytes.
    rest = body.removeprefix(recording.body)
    return not (recording.stream and rest != body and ANSWERS[recording.protocol].failed in rest)


@pytest.mark.parametrize("cut", [lambda body: [body], cut_at_random], ids=["whole", "random"])
async def test_every_recording_passes_unchanged_over_sockets(
    found: list[Recording], cut: Callable[[bytes], list[bytes]]
) -> None:
    async with live(Library, CONFIG) as house:
        client = await house.connect()
        wrong = [each.id for each in found if differs(each, await ask(client, house, each, cut(each.body)))]
        await client.leave()
    assert wrong == []


# Ten million pieces take a quarter of an hour: by default long answers are not cut into the very smallest.
EVERY_BORDER = bool(os.environ.get("TRIOPROXY_EVERY_BORDER"))


@pytest.mark.timeout(1200 if EVERY_BORDER else 120)
@pytest.mark.parametrize(("size", "longest"), [(1, 800), (7, 6_000), (64, 1_000_000)])
async def test_every_recording_passes_unchanged_at_any_chunking(
    found: list[Recording], size: int, longest: int
) -> None:
    """In memory, where a piece is a piece. ``TRIOPROXY_EVERY_BORDER=1`` cuts all of them, however long."""
    wrong = []
    for each in (each for each in found if EVERY_BORDER or len(each.body) <= longest):
        pieces = cut_into(size, each.body)
        bench = Bench(
            Script(status=each.status, headers=((b"content-type", each.content_type.encode()),), chunks=pieces)
        )
        target, document = target_of(each)
        exchange = await bench.serve(posted(target, json.dumps(document).encode()))
        if differs(each, exchange.body):
            wrong.append(each.id)
    assert wrong == []


async def test_our_own_answers_pass_unchanged_byte_by_byte() -> None:
    """The same without recordings: each protocol's small answer, one byte a piece."""
    async with live(Library, CONFIG) as house:
        client = await house.connect()
        for protocol, answer in ANSWERS.items():
            recording = Recording(
                id=protocol,
                protocol=protocol,
                vendor="test",
                stream=True,
                status=200,
                content_type="text/event-stream",
                body=answer.stream,
                document=None,
                request=None,
            )
            assert await ask(client, house, recording, cut_into(1, answer.stream)) == answer.stream
        await client.leave()
