"""Every answer of another protocol that a Responses client is told, in the types made of the Open Responses schema (openresponses.org; the
``openresponses-types`` package of the ``sdk`` extra): each event of a stream, and the whole response."""

from __future__ import annotations

import enum
import typing
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.recordings import FOLDER
from tests.translation.crossings import WAYS, answered
from trioproxy.protocols.table import NAMES
from trioproxy.wire.jsoncodec import dumps

RESPONSES = "openai_responses"

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of real providers beside the project")


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """The model of each event by its type, that of a whole response under ``response``."""
    types = pytest.importorskip("openresponses_types.types", reason="the Open Responses types are not installed")
    found = {"response": types.ResponseResource}
    for name in dir(types):
        if name.endswith("StreamingEvent"):
            model = getattr(types, name)
            spelled = model.model_fields["type"].annotation
            words = [each.value for each in spelled] if _is_enum(spelled) else typing.get_args(spelled)
            found |= dict.fromkeys(words, model)
    return found


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)


def _is_openais(document: Any) -> bool:
    """Whether a document tells of a tool that OpenAI runs: the open schema leaves those to the vendors."""
    items = [document.get("item"), *document.get("response", document).get("output", ())]
    kinds = [item["type"] for item in items if item is not None] + [document.get("type", "")]
    return any("_search_call" in kind or "image_generation_call" in kind for kind in kinds)


@needs_recordings
@pytest.mark.parametrize("source", [name for name in NAMES if name != RESPONSES])
@pytest.mark.parametrize("way", WAYS)
def test_recorded_answers_are_in_the_open_schema(models: dict[str, Any], source: str, way: str) -> None:
    wrong: list[str] = []
    for recording, events in answered(source):
        for document in WAYS[way](events, RESPONSES).documents:
            refused = _refused(models.get(document.get("type", "response")), document)
            if refused is not None:
                wrong.append(f"{recording}: {refused}")
    assert not wrong, "\n".join(wrong[:5])


def _refused(model: Any, document: Any) -> str | None:
    if _is_openais(document):
        return None
    if model is None:
        return f"an event of no known type: {document.get('type')}"
    validate: Callable[[bytes], object] = model.model_validate_json
    try:
        validate(dumps(document))
    except ValueError as refusal:
        return f"{refusal!s:.400} in {dumps(document)!r:.300}"
    return None
