"""What a provider made by itself for an answer, images and searches of the web, told to clients of other protocols."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.translation.crossings import WAYS
from trioproxy.neutral.events import Event, Finished, FinishReason, Foreign, ResponseStarted
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import Base64Source, Citation, Media, MediaKind, Opaque, Search, UrlSource
from trioproxy.protocols.openai_chat.images import read_image
from trioproxy.protocols.openai_responses.shown import read_shown
from trioproxy.protocols.table import NAMES

CHAT, RESPONSES, MESSAGES, GEMINI = NAMES
IMAGE = Media(kind=MediaKind.IMAGE, source=Base64Source(data="iVBORw0KGgo=", mime="image/png"))
SOUND = Media(kind=MediaKind.AUDIO, source=Base64Source(data="AAAA", mime="audio/wav"))
ELSEWHERE = Media(kind=MediaKind.IMAGE, source=UrlSource(url="https://a.example/"))
SEARCH = Search(query="weather")


def told(shown: Media | Search, target: str, way: str) -> Any:
    events: list[Event] = [
        ResponseStarted(id="1", model="m"),
        Foreign(index=0, protocol="elsewhere", kind="thing", payload={"x": 1}, shown=shown),
        Finished(reason=FinishReason.STOP),
    ]
    assert fold(events).parts[0] == Opaque(protocol="elsewhere", kind="thing", payload={"x": 1}, shown=shown)
    return WAYS[way](events, target)


def shown_again(crossed: Any) -> list[Media | Search]:
    return [part.shown for part in crossed.answer.parts if isinstance(part, Opaque) and part.shown is not None]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", [CHAT, RESPONSES, GEMINI])
def test_an_image_is_an_image(target: str, way: str) -> None:
    crossed = told(IMAGE, target, way)
    assert shown_again(crossed) == [IMAGE]
    assert not crossed.losses


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", [RESPONSES, MESSAGES])
def test_a_search_is_a_search(target: str, way: str) -> None:
    crossed = told(SEARCH, target, way)
    assert shown_again(crossed) == [SEARCH]
    assert not crossed.losses


FOUND = (Citation(url="https://a.example/", title="A"), Citation(url="https://b.example/"))


@pytest.mark.parametrize("way", WAYS)
def test_what_a_search_found_is_shown(way: str) -> None:
    crossed = told(Search(query="weather", found=FOUND), RESPONSES, way)
    assert shown_again(crossed) == [Search(query="weather", found=tuple(Citation(url=each.url) for each in FOUND))]
    crossed = told(Search(query="weather", found=FOUND), MESSAGES, "whole")
    (message,) = crossed.documents
    use, result = message["content"]
    assert use["id"] == result["tool_use_id"]
    assert [(each["url"], each["title"]) for each in result["content"]] == [
        ("https://a.example/", "A"),
        ("https://b.example/", "https://b.example/"),
    ]
    assert message["usage"]["server_tool_use"] == {"web_search_requests": 1, "web_fetch_requests": 0}


@pytest.mark.parametrize("way", WAYS)
def test_gemini_says_what_was_searched_for_beside_the_text(way: str) -> None:
    crossed = told(SEARCH, GEMINI, way)
    (candidate,) = crossed.documents[-1]["candidates"]
    assert candidate["groundingMetadata"] == {"webSearchQueries": ["weather"]}
    assert not crossed.losses


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("shown", "target"),
    [
        (IMAGE, MESSAGES),
        (SEARCH, CHAT),
        *((each, target) for each in (SOUND, ELSEWHERE) for target in NAMES),
    ],
)
def test_what_has_no_place_is_a_loss(shown: Media | Search, target: str, way: str) -> None:
    crossed = told(shown, target, way)
    assert shown_again(crossed) == []
    assert len(crossed.losses) == 1


def test_the_progress_of_a_search() -> None:
    kinds = [document["type"].removeprefix("response.") for document in told(SEARCH, RESPONSES, "stream").documents]
    assert kinds[2:-1] == [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "web_search_call.completed",
        "output_item.done",
    ]


def test_a_search_of_another_vendor_has_no_results_of_anthropics() -> None:
    content = told(SEARCH, MESSAGES, "whole").documents[0]["content"]
    call, result = content
    assert (call["type"], call["name"], call["input"]) == ("server_tool_use", "web_search", {"query": "weather"})
    assert result == {"type": "web_search_tool_result", "tool_use_id": call["id"], "content": []}


def test_an_image_may_be_small() -> None:
    item = {"type": "image_generation_call", "result": "aGVsbG8="}
    assert read_shown(item) == Media(kind=MediaKind.IMAGE, source=Base64Source(data="aGVsbG8=", mime="image/png"))


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "action": None},
        {"type": "web_search_call", "action": {"type": "open_page", "url": "https://a.example/"}},
        {"type": "image_generation_call", "result": None},
        {"type": "image_generation_call", "result": "not base64 ..."},
        {"type": "computer_call", "action": {"query": "x"}},
    ],
)
def test_items_of_openais_that_show_nothing(item: Any) -> None:
    assert read_shown(item) is None


def test_the_first_of_several_queries_is_shown() -> None:
    action = {"type": "search", "query": None, "queries": ["a", "b"]}
    assert read_shown({"type": "web_search_call", "action": action}) == Search(query="a")


def test_images_that_a_chat_server_names_by_address_are_its_own() -> None:
    assert read_image({"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}) is None
    assert read_image(json.loads('{"type": "image_url", "image_url": null}')) is None
