"""Every event and every body that a recorded answer becomes, parsed in the types of the vendors' own Python packages (the ``sdk`` extra).

As strict as each package allows: OpenAI's and Anthropic's types forbid conversions here, Google's forbid unknown fields by themselves.
"""

from __future__ import annotations

import importlib
import itertools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.recordings import FOLDER
from tests.translation.crossings import WAYS, answered, read_frames
from tests.translation.habits import HABITS
from trioproxy.protocols.table import NAMES
from trioproxy.wire.jsoncodec import dumps
from trioproxy.wire.sse import SSEDecoder

CHAT, RESPONSES, MESSAGES, GEMINI = NAMES
PACKAGES = {CHAT: "openai", RESPONSES: "openai", MESSAGES: "anthropic", GEMINI: "google.genai"}

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of real providers beside the project")

Check = Callable[[Any], object]


def _strict(kind: Any) -> Check:
    adapter = importlib.import_module("pydantic").TypeAdapter(kind)
    return lambda document: adapter.validate_json(dumps(document), strict=True)


def _chat() -> dict[str, Check]:
    types = importlib.import_module("openai.types.chat")
    return {"stream": _strict(types.ChatCompletionChunk), "whole": _strict(types.ChatCompletion)}


def _responses() -> dict[str, Check]:
    types = importlib.import_module("openai.types.responses")
    event, response = _strict(types.ResponseStreamEvent), _strict(types.Response)
    return {
        "stream": lambda document: event(
            {**document, "response": _known_code(document["response"])} if "response" in document else document
        ),
        "whole": lambda document: response(_known_code(document)),
    }


def _known_code(response: Any) -> Any:
    """The package's types list OpenAI's codes; an upstream's own code is kept all the same, because clients act on it."""
    error = response.get("error")
    return {**response, "error": {**error, "code": "server_error"}} if error else response


def _messages() -> dict[str, Check]:
    types = importlib.import_module("anthropic.types.beta")
    return {"stream": _strict(types.BetaRawMessageStreamEvent), "whole": _strict(types.BetaMessage)}


def _gemini() -> dict[str, Check]:
    response = importlib.import_module("google.genai.types").GenerateContentResponse
    return {"stream": response.model_validate, "whole": response.model_validate}


CHECKS = {CHAT: _chat, RESPONSES: _responses, MESSAGES: _messages, GEMINI: _gemini}


@pytest.fixture(scope="module")
def checks() -> Callable[[str], dict[str, Check]]:
    """Each protocol's validators, made once: making them takes a second."""
    made: dict[str, dict[str, Check]] = {}

    def of(target: str) -> dict[str, Check]:
        if target not in made:
            package = PACKAGES[target]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pytest.importorskip(package, reason=f"{package} is not installed: its types can't be asked")
            made[target] = CHECKS[target]()
        return made[target]

    return of


def _refused(check: Check, documents: Iterable[Any]) -> str | None:
    for document in documents:
        # An error has a type of its own, which the folders' tests hold it to.
        if "error" in document and document.get("object") != "response":
            continue
        try:
            check(document)
        except ValueError as refusal:
            return f"{refusal!s:.600} in {dumps(document)!r:.300}"
    return None


@needs_recordings
@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(NAMES, 2)))
@pytest.mark.parametrize("way", WAYS)
def test_recorded_answers_in_the_vendors_types(
    checks: Callable[[str], dict[str, Check]], source: str, target: str, way: str
) -> None:
    check = checks(target)[way]
    wrong: list[str] = []
    for recording, events in answered(source):
        refused = _refused(check, WAYS[way](events, target).documents)
        if refused is not None:
            wrong.append(f"{recording}: {refused}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(NAMES, 2)))
@pytest.mark.parametrize("way", WAYS)
def test_habits_of_providers_in_the_vendors_types(
    checks: Callable[[str], dict[str, Check]], source: str, target: str, way: str
) -> None:
    check = checks(target)[way]
    for habit in HABITS:
        if habit.provider == source:
            decoder = SSEDecoder()
            events = read_frames([*decoder.feed(habit.stream), *decoder.close()], source)
            assert _refused(check, WAYS[way](events, target).documents) is None, habit.name
