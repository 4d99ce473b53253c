"""Every recorded request through a running proxy, in its own protocol: the same bytes reach the provider, but for the model's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from tests.end_to_end.test_byte_identity import CONFIG, TARGETS
from tests.support.answers import ANSWERS
from tests.support.live import Provider, chunk, live, request_of, stream_head
from tests.support.raw_server import RawConnection
from tests.support.recordings import Recording, recordings

# What a client writes that the named rules of a provider change: these requests differ there, and only there.
RULED = (
    b'"include_thoughts"',
    b'"thinking_budget"',
    b'"thinking_level"',
    b'"betas"',
    b'"conversation_id"',
    b'"defer_loading"',
)


@attrs.define(eq=False)
class Scribe(Provider):
    """A provider that keeps the bodies it was sent and answers each with its protocol's small stream."""

    answer: bytes = b""
    bodies: list[bytes] = attrs.field(factory=list)

    async def serve(self, connection: RawConnection) -> None:
        while (request := await connection.read_request()) is not None:
            self.bodies.append(request.body)
            await connection.send(stream_head(200, "text/event-stream") + chunk(self.answer) + b"0\r\n\r\n")


def asked() -> Iterator[tuple[Recording, str, Any]]:
    """Each recorded request with the path and the document a client of ours would send for it."""
    for recording in recordings():
        body = (recording.request or {}).get("body")
        if not isinstance(body, dict) or any(rule in json.dumps(body).encode() for rule in RULED):
            continue
        if recording.protocol == "gemini":
            yield recording, "/v1beta/models/gemini-m:streamGenerateContent?alt=sse", body
        elif isinstance(body.get("model"), str):
            path, alias = TARGETS[recording.protocol]
            yield recording, path, {**body, "model": alias, "stream": True}


async def test_every_recorded_request_reaches_the_provider_byte_for_byte() -> None:
    found = list(asked())
    if not found:
        pytest.skip("no recordings of real providers beside the project")
    wrong = []
    async with live(Scribe, CONFIG) as house:
        scribe = house.provider
        assert isinstance(scribe, Scribe)
        client = await house.connect()
        for recording, path, document in found:
            scribe.answer = ANSWERS[recording.protocol].stream
            # Unusual spacing, escapes instead of letters: what a parser and a printer would not give back.
            sent = json.dumps(document, indent=1, separators=(" ,", " :")).encode()
            answer = await client.ask(request_of(path, sent))
            alias = b'"model" :"%b"' % document.get("model", "").encode()
            expected = sent.replace(alias, b'"model" :"m"', 1) if "model" in document else sent
            if answer.status != 200 or scribe.bodies[-1] != expected:
                wrong.append((recording.id, answer.status))
        await client.leave()

    assert wrong == []
    assert len(scribe.bodies) == len(found)
