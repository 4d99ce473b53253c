from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.protocols.openai_chat.chat import rewritten
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    Citation,
    FileIdSource,
    Media,
    MediaKind,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    UrlSource,
)
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat.content_writer import joined_text, write_content, write_part
from trioproxy.protocols.openai_chat.draft import Draft

PNG = Base64Source(data="AA", mime="image/png")
LINK = UrlSource(url="https://a")


def _draft(*quirks: str) -> Draft:
    return Draft(target=WriteTarget(model="up", quirks=frozenset(quirks)), native=False)


def _write(part: Part, *quirks: str) -> Any:
    return write_part(part, _draft(*quirks), "at")


@pytest.mark.parametrize(
    ("part", "quirks", "document"),
    [
        (Text(text="a"), (), {"type": "text", "text": "a"}),
        (
            Text(text="a", cache=CacheHint()),
            ("cache-control",),
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        ),
        (Refusal(text="no"), (), {"type": "text", "text": "no"}),
        (Reasoning(text="hm"), (), None),
        (
            Media(kind=MediaKind.IMAGE, source=PNG),
            (),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        ),
        (
            Media(kind=MediaKind.IMAGE, source=LINK, detail="low"),
            (),
            {"type": "image_url", "image_url": {"url": "https://a", "detail": "low"}},
        ),
        (
            Media(kind=MediaKind.AUDIO, source=Base64Source(data="AA", mime="audio/mpeg")),
            (),
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
        ),
        (
            Media(kind=MediaKind.VIDEO, source=LINK),
            ("media-urls",),
            {"type": "video_url", "video_url": {"url": "https://a"}},
        ),
        (
            Media(kind=MediaKind.DOCUMENT, source=Base64Source(data="AA", mime="application/pdf"), title="t"),
            (),
            {"type": "file", "file": {"filename": "t.pdf", "file_data": "data:application/pdf;base64,AA"}},
        ),
        (
            Media(kind=MediaKind.DOCUMENT, source=Base64Source(data="AA", mime="application/pdf")),
            (),
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AA"}},
        ),
        (
            Media(kind=MediaKind.DOCUMENT, source=LINK),
            ("media-urls",),
            {"type": "file", "file": {"file_data": "https://a"}},
        ),
        (
            Media(kind=MediaKind.DOCUMENT, source=FileIdSource(file_id="file-1", protocol="openai_responses")),
            (),
            {"type": "file", "file": {"file_id": "file-1"}},
        ),
        (
            Media(kind=MediaKind.IMAGE, source=FileIdSource(file_id="file-1", protocol="openai_chat")),
            (),
            {"type": "file", "file": {"file_id": "file-1"}},
        ),
    ],
)
def test_parts(part: Part, quirks: tuple[str, ...], document: Any) -> None:
    assert _write(part, *quirks) == document


@pytest.mark.parametrize(
    ("data", "mime", "filename", "text"),
    [
        (base64.b64encode("é".encode()).decode(), "text/plain", "a.txt", "a.txt:\né"),
        (base64.b64encode(b"a,b").decode(), "text/csv", None, "a,b"),
    ],
)
def test_a_document_of_text_is_text(data: str, mime: str, filename: str | None, text: str) -> None:
    part = Media(kind=MediaKind.DOCUMENT, source=Base64Source(data=data, mime=mime), filename=filename)
    assert _write(part) == {"type": "text", "text": text}


@pytest.mark.parametrize("data", ["/w==", "!!", "A"])
def test_text_that_is_none_stays_a_file(data: str) -> None:
    part = Media(kind=MediaKind.DOCUMENT, source=Base64Source(data=data, mime="text/plain"))
    assert _write(part)["type"] == "file"


@pytest.mark.parametrize(
    "part",
    [
        Media(kind=MediaKind.VIDEO, source=LINK),
        Media(kind=MediaKind.AUDIO, source=LINK),
        Media(kind=MediaKind.DOCUMENT, source=LINK),
        Media(kind=MediaKind.DOCUMENT, source=FileIdSource(file_id="f", protocol="anthropic")),
        Media(kind=MediaKind.IMAGE, source=FileIdSource(file_id="f", protocol="gemini")),
        Media(kind=MediaKind.VIDEO, source=FileIdSource(file_id="f", protocol="gemini")),
        Opaque(protocol="anthropic", kind="container_upload", payload={}, essential=True),
        ToolCall(call_id="x", name="f", arguments=""),
    ],
)
def test_what_can_not_be_carried_is_refused_by_name(part: Part) -> None:
    with pytest.raises(ClientFault) as caught:
        _write(part)
    assert (caught.value.failure.kind, caught.value.failure.param) == (ErrorKind.INVALID_REQUEST, "at")


def test_what_is_lost_is_said() -> None:
    draft = _draft()
    cited = Text(text="a", citations=(Citation(url="https://a"),), cache=CacheHint(), extras=packed("gemini", {"x": 1}))
    assert write_content([cited, Opaque(protocol="gemini", kind="odd", payload={})], draft, "at") == "a"
    assert [loss.path for loss in draft.losses] == [
        "at.content[0].citations",
        "at.content[0].x",
        "at.content[0].cache_control",
        "at.content[1]",
    ]


def test_one_plain_text_is_a_string() -> None:
    draft = _draft()
    assert write_content([Text(text="a")], draft, "at") == "a"
    assert write_content([Text(text="a")], draft, "at", form="list") == [{"type": "text", "text": "a"}]
    assert write_content([], draft, "at") == []
    assert joined_text([Text(text="a"), Reasoning(text="x"), Text(text="b")], "-") == "a-b"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "a", "odd": 1, "cache_control": {"type": "ephemeral", "ttl": "5m"}, "nothing": None},
        {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        "bare",
        {
            "type": "image_url",
            "image_url": {"url": "https://a", "detail": "original", "odd": 1, "none": None},
            "odd": 2,
        },
        {"type": "image_url", "image_url": "https://a"},
        {"type": "image_url", "image_url": {"url": "data:image/PNG;charset=x;base64,AA"}},
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg/%3E"}},
        {"type": "video_url", "video_url": {"url": "https://a"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA"}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "x-wav", "odd": 1}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "AA"}},
        {"type": "file", "file": {"file_data": "data:image/png;base64,AA", "odd": None}},
        {"type": "file", "file": {"file_data": "data:TEXT/plain;base64,AA"}},
        {"type": "file", "file": {"file_data": "https://a", "file_id": "both"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_id": "gs://bucket/a.mp4", "format": "video/mp4"}},
        {"type": "file", "file": {"file_id": "https://a.example/b", "filename": "b"}},
        {"type": "hologram", "x": [1]},
    ],
)
def test_what_this_protocol_said_is_said_again(part: Any) -> None:
    messages = [
        {"role": "user", "content": [part, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "n", "odd": 1}]},
    ]
    assert rewritten(*messages)["messages"] == messages
