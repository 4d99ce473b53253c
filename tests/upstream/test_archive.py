"""What reaches a disk: keys are planted everywhere, and none may be found there."""

from __future__ import annotations

import base64
import gzip
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from trioproxy.upstream.archive import Archive
from trioproxy.upstream.fixture import Chunk, Fixture, RecordedRequest, read_fixture
from trioproxy.upstream.redact import MARK, Redactor

HEADERS = ("user-agent", "accept", "anthropic-beta", "openai-beta", "x-api-key", "x-anything", "cookie", "content-type")
ANSWERED = (
    "content-type",
    "x-request-id",
    "x-ratelimit-limit",
    "openai-model",
    "set-cookie",
    "x-anything",
    "cache-control",
)

keys = st.text(st.sampled_from("abcXYZ0189-_.~+/=:@!$&%#?*"), min_size=8, max_size=40).filter(
    lambda key: key not in MARK and len(set(key)) > 3
)
words = st.text("abc xyz", max_size=8)


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, Fixture]:
    """A key, and an exchange that proves its right with it and repeats it wherever that is possible."""
    key = draw(keys)

    def somewhere() -> str:
        return draw(words) + key + draw(words)

    def document(depth: int = 0) -> Any:
        match draw(st.integers(0, 5 if depth < 3 else 2)):
            case 0:
                return somewhere()
            case 1:
                return draw(words)
            case 2:
                return draw(st.integers())
            case 3:
                return [document(depth + 1) for _ in range(draw(st.integers(0, 3)))]
            case _:
                names = [draw(st.sampled_from(["model", "user", "api_key", "content", key])) for _ in range(3)]
                return {name: document(depth + 1) for name in names}

    escape = draw(st.booleans())
    proof = draw(st.sampled_from([("authorization", f"Bearer {key}"), ("x-goog-api-key", key), ("cookie", key)]))
    body = json.dumps({"model": somewhere(), "more": document(), "end": document()})
    if escape:  # the same document, spelled otherwise
        body = body.replace(key[0], f"\\u{ord(key[0]):04x}") if key[0] not in '"\\{}[]:, ' else body
    pieces = _answer(draw, key, somewhere)
    cuts = sorted(draw(st.lists(st.integers(0, len(pieces)), max_size=6)))
    chunks = [pieces[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(pieces)], strict=True)]
    return key, Fixture(
        protocol=draw(st.sampled_from(["openai_chat", "anthropic"])),
        note=somewhere(),
        keywords=(draw(words),),
        end_message=somewhere(),
        request=RecordedRequest(
            path=f"/v1/{quote(key, safe='')}/messages" if draw(st.booleans()) else "/v1/messages",
            query=draw(st.sampled_from(["", f"key={quote(key)}&alt=sse", f"a={quote(key, safe='')}", f"token={key}"])),
            headers=(
                (proof[0].encode(), proof[1].encode()),
                *((name.encode(), somewhere().encode()) for name in HEADERS),
            ),
            body=body.encode(),
        ),
        headers=tuple((name.encode(), somewhere().encode()) for name in ANSWERED),
        chunks=tuple(Chunk(float(at), data) for at, data in enumerate(chunks)),
        ended_at=float(len(chunks)),
    )


def _answer(draw: st.DrawFn, key: str, somewhere: Callable[[], str]) -> bytes:
    """An answer that holds the key: as text, in one event, spelled out over several, escaped, or encoded."""
    match draw(st.integers(0, 6)):
        case 0:
            return somewhere().encode() + b"\xff\xfe" + key.encode()
        case 1:
            return f"data: {json.dumps({'delta': somewhere()})}\n\ndata: [DONE]\n\n".encode()
        case 2:
            size = draw(st.integers(1, 7))
            parts = [key[at : at + size] for at in range(0, len(key), size)]
            return "".join(f"event: x\ndata: {json.dumps({'delta': {'text': part}})}\n\n" for part in parts).encode()
        case 3:
            spelled = "".join(f"\\u{ord(character):04x}" for character in key)
            return f'data: {{"delta":"{spelled}"}}\n\n'.encode()
        case 4:
            return json.dumps([{"text": half} for half in (key[:4], key[4:])], indent=2).encode()
        case 5:
            return base64.b64encode(key.encode()) + b" " + quote(key, safe="").lower().encode()
        case _:
            return (
                json.dumps({"choices": [{"text": key.replace("/", "\\/")}]}, indent=1).replace("\\\\/", "\\/").encode()
            )


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def spelled(body: bytes) -> str:
    """Every text of an answer's events, one behind the other."""
    texts: list[str] = []
    for line in body.splitlines():
        try:
            texts += strings(json.loads(line.removeprefix(b"data: ")))
        except ValueError:
            continue
    return "".join(text for text in texts if text not in ("delta", "text"))


@settings(max_examples=60)
@given(planted())
def test_no_key_is_found_on_the_disk(case: tuple[str, Fixture]) -> None:
    key, fixture = case
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = trio.run(Archive(folder).keep, fixture)
        files = [file for file in folder.rglob("*") if file.is_file()]
        assert len(files) == (path is not None)
        assert not any(key in str(file) for file in folder.rglob("*"))
        for data in (file.read_bytes() for file in files):
            assert key.encode() not in data
            assert not any(key in text for text in strings(json.loads(data)))
            written = read_fixture(data)
            assert key.encode() not in written.body
            assert key not in spelled(written.body)
            assert base64.b64encode(key.encode()).rstrip(b"=") not in written.body
            assert quote(key, safe="").lower().encode() not in written.body.lower()


def test_an_encoded_answer_is_looked_into(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def kept(body: bytes) -> bool:
        fixture = Fixture(
            request=RecordedRequest(path="/v1/messages", headers=((b"x-api-key", b"secret-of-mine"),)),
            headers=((b"content-encoding", b"gzip"),),
            chunks=(Chunk(0, body),),
        )
        return trio.run(Archive(tmp_path).keep, fixture) is not None

    assert not kept(gzip.compress(b"this is secret-of-mine"))
    assert "the answer, decoded still holds a known secret" in caplog.text
    assert kept(gzip.compress(b"this is nobody's"))
    assert kept(b"this is no gzip")


def test_rules_can_be_added(tmp_path: Path) -> None:
    redactor = Redactor.ruled([r"acct_[0-9]+"], ["Session_ID"])
    body = {"model": "m", "session_id": "s-1", "text": "of acct_17", "deep": [{"session_id": "s-2"}]}
    fixture = Fixture(
        request=RecordedRequest(path="/v1/messages", body=json.dumps(body).encode()),
        chunks=(Chunk(0, b"data: acct_"), Chunk(1, b"99 is yours\n\n")),
    )
    path = trio.run(Archive(tmp_path, redactor=redactor).keep, fixture)
    assert path is not None
    written = read_fixture(path.read_bytes())
    assert json.loads(written.request.body) == {
        "model": "m",
        "session_id": MARK,
        "text": f"of {MARK}",
        "deep": [{"session_id": MARK}],
    }
    assert written.body == f"data: {MARK} is yours\n\n".encode()
    with pytest.raises(re.error):
        Redactor.ruled(["("])


def test_who_asked_is_not_told_by_the_answer_either(tmp_path: Path) -> None:
    body = {
        "model": "m",
        "user": "jane",
        "metadata": {"user_id": "u-1"},
        "client_metadata": {"turn": "t"},
        "input": "jane",
    }
    answer = b'data: {"user":"jane","text":"jane is a name","user_id": "u-1","metadata":{"user_id":"u-2"}}\n\n'
    fixture = Fixture(
        request=RecordedRequest(path="/v1/responses", body=json.dumps(body).encode()), chunks=(Chunk(0, answer),)
    )
    path = trio.run(Archive(tmp_path).keep, fixture)
    assert path is not None
    written = read_fixture(path.read_bytes())
    assert json.loads(written.request.body) == body | {
        "user": MARK,
        "metadata": {"user_id": MARK},
        "client_metadata": {"turn": MARK},
    }
    assert written.body == (
        b'data: {"user":"REDACTED","text":"jane is a name","user_id": "REDACTED","metadata":{"user_id":"u-2"}}\n\n'
    )
