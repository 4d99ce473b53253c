from __future__ import annotations

import pytest

from trioproxy.neutral.parts import Base64Source, MediaKind, UrlSource
from trioproxy.protocols.openai_chat.media import (
    data_url,
    kind_of_mime,
    mime_of_filename,
    mime_of_sound,
    mime_of_sound_data,
    read_url,
    sound_of_mime,
)


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://a/b.png", UrlSource(url="https://a/b.png")),
        ("data:image/png;base64,AAAA", Base64Source(data="AAAA", mime="image/png")),
        ("data:image/svg+xml;base64,", Base64Source(data="", mime="image/svg+xml")),
        ("data:text/plain;charset=utf-8;base64,AA", Base64Source(data="AA", mime="text/plain")),
        ("DATA:image/PNG;BASE64,AA", Base64Source(data="AA", mime="image/png")),
        ("data:;base64,AA", Base64Source(data="AA", mime="application/octet-stream")),
        ("data:text/plain,hello%21", Base64Source(data="aGVsbG8h", mime="text/plain")),
        ("data:,hi", Base64Source(data="aGk=", mime="application/octet-stream")),
        ("data:nonsense", UrlSource(url="data:nonsense")),
    ],
)
def test_urls(url: str, source: Base64Source | UrlSource) -> None:
    assert read_url(url) == source


def test_data_urls_are_read_back() -> None:
    source = Base64Source(data="AAAA", mime="image/webp")
    assert read_url(data_url(source)) == source


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        ("UklGRgAA", "audio/wav"),
        ("T2dnUwAC", "audio/ogg"),
        ("ZkxhQwAA", "audio/flac"),
        ("SUQzBAAA", "audio/mpeg"),
        ("", "audio/mpeg"),
    ],
)
def test_a_sound_tells_what_it_is_by_its_beginning(data: str, mime: str) -> None:
    assert mime_of_sound_data(data) == mime


def test_kinds_and_types() -> None:
    assert [kind_of_mime(mime) for mime in ("image/png", "audio/wav", "video/mp4", "application/pdf")] == [
        MediaKind.IMAGE,
        MediaKind.AUDIO,
        MediaKind.VIDEO,
        MediaKind.DOCUMENT,
    ]
    assert [mime_of_filename(name) for name in ("a.PDF", "b.txt", "c", None)] == [
        "application/pdf",
        "text/plain",
        "application/pdf",
        "application/pdf",
    ]


@pytest.mark.parametrize(("name", "mime"), [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("flac", "audio/flac")])
def test_sounds(name: str, mime: str) -> None:
    assert mime_of_sound(name) == mime
    assert sound_of_mime(mime) == name
    assert [sound_of_mime(each) for each in ("audio/x-wav", "audio/mp3; rate=1", "audio/vnd.wave")] == [
        "wav",
        "mp3",
        "wav",
    ]
