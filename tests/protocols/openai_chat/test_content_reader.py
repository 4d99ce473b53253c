from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    FileIdSource,
    Media,
    MediaKind,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    UrlSource,
)
from trioproxy.protocols.openai_chat.content_reader import read_content


def _part(document: Any) -> Any:
    (part,), form = read_content([document], "content")
    assert form == "list"
    return part


def _losses(part: Any) -> list[str]:
    losses, essential = foreign(part.extras, "elsewhere")
    assert not essential
    return [loss.path for loss in losses]


def test_strings_and_nothing() -> None:
    assert read_content("a", "content") == ([Text(text="a")], "string")
    assert read_content(None, "content") == ([], "null")
    assert read_content([], "content") == ([], "list")


@pytest.mark.parametrize("value", [3, {}, True])
def test_what_is_no_content(value: Any) -> None:
    with pytest.raises(ClientFault, match="`x`"):
        read_content(value, "x")


def test_text() -> None:
    assert _part({"type": "text", "text": "a"}) == Text(text="a")
    assert _part("a").text == "a"
    part = _part(
        {"type": "text", "text": "a", "image_url": None, "odd": 1, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    )
    assert (part.text, part.cache) == ("a", CacheHint(ttl="1h"))
    assert _losses(part) == ["odd"]


def test_openais_breakpoints_keep_their_lifetimes_to_themselves() -> None:
    part = _part({"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}})
    assert part.cache == CacheHint()
    assert _losses(part) == []


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a", "detail": "low"}},
            (MediaKind.IMAGE, UrlSource(url="https://a"), "low", None),
        ),
        ({"type": "image_url", "image_url": "https://a"}, (MediaKind.IMAGE, UrlSource(url="https://a"), None, None)),
        (
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AA"}},
            (MediaKind.IMAGE, Base64Source(data="AA", mime="image/jpeg"), None, None),
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://a"}},
            (MediaKind.VIDEO, UrlSource(url="https://a"), None, None),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
            (MediaKind.AUDIO, Base64Source(data="AA", mime="audio/mpeg"), None, None),
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}},
            (MediaKind.DOCUMENT, Base64Source(data="AA", mime="application/pdf"), None, "a.pdf"),
        ),
        (
            {"type": "file", "file": {"filename": "a.txt", "file_data": "AA"}},
            (MediaKind.DOCUMENT, Base64Source(data="AA", mime="text/plain"), None, "a.txt"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:image/png;base64,AA"}},
            (MediaKind.IMAGE, Base64Source(data="AA", mime="image/png"), None, None),
        ),
        (
            {"type": "file", "file": {"file_data": "https://a"}},
            (MediaKind.DOCUMENT, UrlSource(url="https://a"), None, None),
        ),
        (
            {"type": "file", "file": {"file_id": "file-1"}},
            (MediaKind.DOCUMENT, FileIdSource(file_id="file-1", protocol="openai_chat"), None, None),
        ),
        (
            {"type": "file", "file": {"file_id": "gs://bucket/a.mp4", "format": "video/mp4"}},
            (MediaKind.VIDEO, UrlSource(url="gs://bucket/a.mp4", mime="video/mp4"), None, None),
        ),
        (
            {"type": "document_url", "document_url": "https://a/b.pdf"},
            (MediaKind.DOCUMENT, UrlSource(url="https://a/b.pdf"), None, None),
        ),
        (
            {"type": "document_url", "document_url": "data:application/pdf;base64,AA", "document_name": "b.pdf"},
            (MediaKind.DOCUMENT, Base64Source(data="AA", mime="application/pdf"), None, "b.pdf"),
        ),
        (
            {"type": "file_url", "file_url": {"url": "https://a/b.pdf"}},
            (MediaKind.DOCUMENT, UrlSource(url="https://a/b.pdf"), None, None),
        ),
        (
            {"type": "file_url", "file_url": {"url": "AA"}, "file_name": "b.txt"},
            (MediaKind.DOCUMENT, Base64Source(data="AA", mime="text/plain"), None, "b.txt"),
        ),
    ],
)
def test_media(document: Any, part: Any) -> None:
    found = _part(document)
    assert isinstance(found, Media)
    assert (found.kind, found.source, found.detail, found.filename) == part
    assert _losses(found) == []


def test_unknown_members_of_the_inner_object_are_not_lost_in_silence() -> None:
    assert _losses(_part({"type": "image_url", "image_url": {"url": "https://a", "odd": 1, "detail": None}})) == [
        "image_url"
    ]


def test_refusals_and_thoughts() -> None:
    refusal = _part({"type": "refusal", "refusal": "no"})
    assert isinstance(refusal, Refusal)
    assert refusal.text == "no"
    thoughts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "x"}, 3]
    for given, text in ((thoughts, "ab"), ("a", "a"), (None, "")):
        for document in ({"type": "thinking", "thinking": given}, {"type": "reasoning", "summary": given}):
            part = _part(document)
            assert isinstance(part, Reasoning)
            assert part.text == text
            assert _losses(part) == []


def test_an_unknown_kind_is_part_of_the_question() -> None:
    document = {"type": "hologram", "x": 1}
    assert _part(document) == Opaque(protocol="openai_chat", kind="hologram", payload=document, essential=True)


@pytest.mark.parametrize(
    ("document", "param"),
    [
        (3, "content[0]"),
        ({}, "content[0].type"),
        ({"type": "text"}, "content[0].text"),
        ({"type": "text", "text": 3}, "content[0].text"),
        ({"type": "image_url"}, "content[0].image_url"),
        ({"type": "image_url", "image_url": {"url": ""}}, "content[0].image_url.url"),
        ({"type": "image_url", "image_url": {"url": "https://a", "detail": 3}}, "content[0].image_url.detail"),
        ({"type": "input_audio", "input_audio": {"data": "AA"}}, "content[0].input_audio.format"),
        ({"type": "file", "file": {"filename": "a"}}, "content[0].file"),
        ({"type": "text", "text": "a", "cache_control": 3}, "content[0].cache_control"),
    ],
)
def test_faults_name_the_member(document: Any, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        read_content([document], "content")
    assert caught.value.failure.param == param


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("data:application/pdf;base64,AA", MediaKind.DOCUMENT),
        ("data:audio/wav;base64,AA", MediaKind.AUDIO),
        ("data:application/octet-stream;base64,AA", MediaKind.IMAGE),
        ("https://a/b.pdf", MediaKind.IMAGE),
    ],
)
def test_what_stands_in_an_images_place_is_what_its_media_type_says(url: str, kind: MediaKind) -> None:
    part = _part({"type": "image_url", "image_url": {"url": url}})
    assert isinstance(part, Media)
    assert part.kind is kind
