"""Every recording of a real provider, imported, written, read again and replayed through the proxy: byte by byte the same, chunk by chunk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import trio

from tests.support.clients import Answer, RawClient, connect
from tests.support.recordings import FOLDER, recordings
from trioproxy.testing import replaying
from trioproxy.upstream.bundled import bundled_fixtures
from trioproxy.upstream.fixture import Fixture, RecordedRequest, write_fixture
from trioproxy.upstream.imports import import_document
from trioproxy.upstream.redact import MARK
from trioproxy.upstream.replay import read_folder

# Two answers spliced into one: where the second begins, the answer ends with an error.
SPLICED = "anthropic-spliced-message-start"


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def repeat(client: RawClient, request: RecordedRequest) -> Answer:
    target = f"{request.path}?{request.query}" if request.query else request.path
    lines = [f"{request.method} {target} HTTP/1.1", "Host: test", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(request.body)}", "", ""])
    with trio.fail_after(30):
        return await client.ask(head.encode() + request.body, request.method)


def assert_same(answer: Answer, fixture: Fixture, name: str) -> None:
    assert (answer.status, answer.whole) == (fixture.status, True), name
    assert hashlib.sha256(answer.body).hexdigest() == hashlib.sha256(fixture.body).hexdigest(), name
    if answer.chunks:
        assert answer.chunks == tuple(chunk.data for chunk in fixture.chunks), name


async def assert_replayed(folder: Path, *, match: str) -> None:
    """Ask every recorded question; each recording answers once."""
    fixtures = read_folder(folder)
    with replaying(folder, match=match) as llm:
        client = await connect(port_of(llm.base_url))
        async with client.stream:
            for name, fixture in fixtures.items():
                answer = await repeat(client, fixture.request)
                # The same question may have been asked more than once.
                answered = fixtures[llm.calls[-1].recording]
                if SPLICED in name:
                    good, _, told = answer.body.rpartition(b"event: error\n")
                    assert fixture.body.startswith(good)
                    assert b"a second message began inside the first" in told
                else:
                    assert_same(answer, answered, name)
        assert (llm.unused, llm.misses) == ([], [])


async def test_every_bundled_recording_comes_back_as_it_is() -> None:
    await assert_replayed(bundled_fixtures(), match="strict")


async def test_every_recording_of_a_provider_comes_back_as_it_is(tmp_path: Path) -> None:
    paths = sorted(FOLDER.glob("*/*.json"))
    if not paths:
        pytest.skip(f"no recordings of real providers at {FOLDER.name}/ beside the project")
    for path in paths:
        for number, fixture in enumerate(import_document(json.loads(path.read_text("utf-8")))):
            (tmp_path / f"{path.stem}-{number}.json").write_bytes(write_fixture(fixture))
    await assert_replayed(tmp_path, match="strict")


def test_an_import_changes_nothing_but_secrets() -> None:
    found = 0
    for each in recordings():
        if each.document is None:
            document = {
                "protocol": each.protocol,
                "stream": each.stream,
                "request": each.request,
                "response": {"status": each.status, "content_type": each.content_type, "body": each.body.decode()},
            }
            [fixture] = import_document(document)
            assert fixture.body == each.body or MARK.encode() in fixture.body, each.id
            found += 1
    if not found:
        pytest.skip(f"no recordings of real providers at {FOLDER.name}/ beside the project")
