from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.parts import Base64Source, FileIdSource, Media, MediaKind, UrlSource
from trioproxy.protocols.gemini.media_writer import write_media

_PNG = Base64Source(data="aGk=", mime="image/png")


@pytest.mark.parametrize(
    ("url", "kind", "mime"),
    [
        ("https://a.example/x.PNG?size=1", MediaKind.IMAGE, "image/png"),
        ("https://a.example/x", MediaKind.IMAGE, "image/jpeg"),
        ("https://a.example/doc", MediaKind.DOCUMENT, "application/pdf"),
        ("https://a.example/s.ogg", MediaKind.AUDIO, "audio/ogg"),
        ("https://youtu.be/x", MediaKind.VIDEO, "video/mp4"),
        ("http://[broken", MediaKind.AUDIO, "audio/mpeg"),
    ],
)
def test_a_type_is_found_for_an_address_without_one(url: str, kind: MediaKind, mime: str) -> None:
    written, losses = write_media(Media(kind=kind, source=UrlSource(url=url)), "p")
    assert written == {"fileData": {"fileUri": url, "mimeType": mime}}
    assert losses == []


@pytest.mark.parametrize(
    ("media", "part", "lost"),
    [
        (
            Media(kind=MediaKind.IMAGE, source=_PNG, detail="auto"),
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            [],
        ),
        (
            Media(kind=MediaKind.IMAGE, source=_PNG, detail="high", title="t", filename="f.png"),
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            ["p.title", "p.detail", "p.filename"],
        ),
        (
            Media(
                kind=MediaKind.IMAGE,
                source=_PNG,
                filename="f.png",
                extras=packed(
                    "gemini", {"inlineData": {"odd": 1}, "videoMetadata": {"fps": 1}}, spelling={"displayName": "f.png"}
                ),
            ),
            {
                "inlineData": {"mimeType": "image/png", "data": "aGk=", "displayName": "f.png", "odd": 1},
                "videoMetadata": {"fps": 1},
            },
            [],
        ),
        (
            Media(kind=MediaKind.IMAGE, source=UrlSource(url="https://a.example/x", mime="image/webp")),
            {"fileData": {"fileUri": "https://a.example/x", "mimeType": "image/webp"}},
            [],
        ),
        (
            Media(
                kind=MediaKind.AUDIO,
                source=FileIdSource(file_id="gs://a/b", protocol="gemini"),
                extras=packed("gemini", {}, spelling={"mimeType": "audio/wav"}),
            ),
            {"fileData": {"fileUri": "gs://a/b", "mimeType": "audio/wav"}},
            [],
        ),
        (
            Media(kind=MediaKind.AUDIO, source=FileIdSource(file_id="files/b", protocol="gemini")),
            {"fileData": {"fileUri": "files/b"}},
            [],
        ),
    ],
)
def test_parts(media: Media, part: dict[str, Any], lost: list[str]) -> None:
    written, losses = write_media(media, "p")
    assert written == part
    assert [loss.path for loss in losses] == lost


def test_a_file_of_another_provider_is_refused() -> None:
    media = Media(kind=MediaKind.DOCUMENT, source=FileIdSource(file_id="file-1", protocol="openai_chat"))
    with pytest.raises(ClientFault, match="file-1") as caught:
        write_media(media, "turns[0].parts[1]")
    assert caught.value.failure.param == "turns[0].parts[1]"
