"""The word in place of Google's signature: where Google would ask for one, and nowhere else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from trioproxy.providers.quirk import QuirkContext
from trioproxy.providers.quirks import edited

WORD = {"thoughtSignature": "skip_thought_signature_validator"}
ASKED = {"role": "user", "parts": [{"text": "go"}]}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}}, **more}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def results(*names: str) -> dict[str, Any]:
    return {"role": "user", "parts": [{"functionResponse": {"name": name, "response": {}}} for name in names]}


def excused(*contents: Any) -> Any:
    body = {"contents": list(contents)}
    before = copy.deepcopy(body)
    context = QuirkContext(protocol="gemini", model="gemini-3-pro-preview")
    done = edited(["excused-calls"], json.dumps(body).encode(), body, context)
    assert body == before
    return done.body["contents"] if done is not None else None


def test_the_first_call_of_each_step_is_excused() -> None:
    first, second = model({"text": "so"}, call("f"), call("g")), model(call("h"))
    assert excused(ASKED, first, results("f", "g"), second, results("h")) == [
        ASKED,
        model({"text": "so"}, call("f", **WORD), call("g")),
        results("f", "g"),
        model(call("h", **WORD)),
        results("h"),
    ]


def test_words_beside_a_functions_response_begin_no_turn() -> None:
    both = {"role": "user", "parts": [*results("f")["parts"], {"text": "and be quick"}]}
    assert excused(ASKED, model(call("f")), both) == [ASKED, model(call("f", **WORD)), both]


def test_contents_of_the_models_in_a_row_are_one_step() -> None:
    chunks = [model({"text": "so"}), model(call("f")), model(call("g"))]
    assert excused(ASKED, *chunks, results("f", "g")) == [
        ASKED,
        chunks[0],
        model(call("f", **WORD)),
        chunks[2],
        results("f", "g"),
    ]


@pytest.mark.parametrize(
    "contents",
    [
        # signed by Google, in either spelling
        [ASKED, model(call("f", thoughtSignature="CiQB")), results("f")],
        [ASKED, model({"function_call": {"name": "f"}, "thought_signature": "CiQB"}), results("f")],
        # before the user's last words
        [ASKED, model(call("f")), results("f"), model({"text": "done"}), ASKED],
        ["odd", {"role": "model", "parts": "odd"}, {"role": "model"}, model("functionCall", {"text": "functionCall"})],
    ],
)
def test_what_google_takes_is_left_as_it_is(contents: Any) -> None:
    assert excused(*contents) is None


@pytest.mark.parametrize("contents", ["functionCall", [], None])
def test_without_a_history_there_is_nothing_to_excuse(contents: Any) -> None:
    body = {"contents": contents, "model": "functionCall"}
    context = QuirkContext(protocol="gemini", model="gemini-3-pro-preview")
    assert edited(["excused-calls"], json.dumps(body).encode(), body, context) is None
