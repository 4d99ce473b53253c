from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import (
    Base64Source,
    CacheHint,
    FileIdSource,
    Media,
    MediaKind,
    MediaSource,
    Opaque,
    Refusal,
    Text,
    UrlSource,
)
from trioproxy.protocols.openai_responses.content import read_part, write_media, write_refusal, write_text
from trioproxy.protocols.openai_responses.vocabulary import NAME

CITED = {
    "type": "url_citation",
    "url": "https://a.example",
    "title": "A",
    "start_index": 0,
    "end_index": 1,
    "new": None,
}
FILE_CITED = {"type": "file_citation", "file_id": "f", "filename": "a.pdf", "index": 3}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_text", "text": "x"},
        {"type": "output_text", "text": "x", "annotations": [], "logprobs": []},
        {"type": "output_text", "text": "x", "annotations": [CITED, FILE_CITED], "logprobs": [{"token": "x"}]},
        {"type": "text", "text": ""},
        {"type": "refusal", "refusal": "no", "new": 1},
        {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "https://a.example/b.png", "detail": None},
        {"type": "input_audio", "audio_url": "data:audio/wav;base64,AA=="},
        {"type": "input_audio", "audio_url": "https://a.example/b.wav"},
        {"type": "input_video", "video_url": "https://a.example/b.mp4", "fps": 2},
        {"type": "input_video", "video_url": {"url": "data:video/mp4;base64,AA=="}},
        {"type": "input_image", "image_url": "data:image/png;charset=x;base64,AA==", "detail": "original"},
        {"type": "input_image", "file_id": "file-1", "image_url": None},
        {
            "type": "input_file",
            "file_data": "JVBE",
            "filename": "a.pdf",
            "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"},
        },
        {"type": "input_file", "file_data": "data:;base64,JVBE"},
        {"type": "input_file", "file_data": "data:image/png;base64,AA=="},
        {"type": "input_file", "file_url": "https://a.example/b.pdf", "detail": "high"},
        {"type": "input_file", "file_id": "file-1", "filename": "b.pdf"},
    ],
)
def test_a_part_comes_out_as_it_went_in(part: dict[str, Any]) -> None:
    losses: list[Loss] = []
    read = read_part(part, "p")
    match read:
        case Text():
            written = write_text(read, "output_text", losses, "p")
        case Refusal():
            written = write_refusal(read, losses, "p")
        case Media():
            written = write_media(read, losses, "p")
        case Opaque():
            pytest.fail("this kind is known")

    assert written == part
    assert not losses


@pytest.mark.parametrize(
    ("part", "kind", "source"),
    [
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
            MediaKind.IMAGE,
            Base64Source(data="AA==", mime="image/png"),
        ),
        ({"type": "input_image", "file_id": "f"}, MediaKind.IMAGE, FileIdSource(file_id="f", protocol=NAME)),
        (
            {"type": "input_file", "file_data": "JVBE"},
            MediaKind.DOCUMENT,
            Base64Source(data="JVBE", mime="application/pdf"),
        ),
        (
            {"type": "input_file", "file_data": "data:;base64,AA"},
            MediaKind.DOCUMENT,
            Base64Source(data="AA", mime="application/octet-stream"),
        ),
        (
            {"type": "input_file", "file_data": "data:image/png;base64,AA"},
            MediaKind.IMAGE,
            Base64Source(data="AA", mime="image/png"),
        ),
        (
            {"type": "input_file", "file_url": "https://a.example"},
            MediaKind.DOCUMENT,
            UrlSource(url="https://a.example"),
        ),
        (
            {"type": "input_video", "video_url": "data:video/mp4;base64,AA", "fps": 2},
            MediaKind.VIDEO,
            Base64Source(data="AA", mime="video/mp4"),
        ),
        (
            {"type": "input_video", "video_url": {"url": "https://a.example/v.mp4"}},
            MediaKind.VIDEO,
            UrlSource(url="https://a.example/v.mp4"),
        ),
    ],
)
def test_media_are_what_they_hold(part: dict[str, Any], kind: MediaKind, source: MediaSource) -> None:
    media = read_part(part, "p")

    assert isinstance(media, Media)
    assert (media.kind, media.source) == (kind, source)


@pytest.mark.parametrize(
    ("point", "hint"),
    [
        ({"mode": "explicit"}, CacheHint()),
        ({"mode": "explicit", "ttl": "30m"}, CacheHint(ttl="30m")),
        ({"ttl": 5}, CacheHint()),
        (None, None),
    ],
)
def test_a_breakpoint_is_a_cache_hint(point: object, hint: CacheHint | None) -> None:
    part = read_part({"type": "input_text", "text": "x", "prompt_cache_breakpoint": point}, "p")

    assert isinstance(part, Text)
    assert part.cache == hint


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "input_text"}, "p.text"),
        ({"type": "input_text", "text": 5}, "p.text"),
        ({"type": "output_text", "text": "x", "annotations": [5]}, "p.annotations[0]"),
        ({"type": "output_text", "text": "x", "annotations": 5}, "p.annotations"),
        ({"type": "refusal"}, "p.refusal"),
        ({"type": "input_image"}, "p.image_url"),
        ({"type": "input_image", "image_url": "data:image/png,AA"}, "p.image_url"),
        ({"type": "input_image", "image_url": "data:image/png;base64"}, "p.image_url"),
        ({"type": "input_file"}, "p.file_data"),
        ({"type": "input_video", "video_url": {"href": "x"}}, "p.video_url"),
        ({"type": "input_file", "file_data": "data:x"}, "p.file_data"),
        ({"type": "input_text", "text": "x", "prompt_cache_breakpoint": 5}, "p.prompt_cache_breakpoint"),
        ("x", "p"),
    ],
)
def test_a_malformed_part_is_refused_by_name(part: object, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        read_part(part, "p")
    assert caught.value.failure.param == param
