from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from trioproxy.upstream.bundled import bundled_fixtures
from trioproxy.upstream.lint import lint

SOURCE = (bundled_fixtures() / "openai_chat" / "text-stream.json").read_bytes()
KEY = "sk-" + "a1" * 20


def linted(change: Callable[[Any], object] = lambda document: None) -> list[str]:
    document = json.loads(SOURCE)
    change(document)
    return [str(problem) for problem in lint(json.dumps(document, indent=1).encode(), "f.json")]


@pytest.mark.parametrize(
    "path", sorted(bundled_fixtures().rglob("*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_bundled_recordings_are_without_fault(path: Any) -> None:
    assert lint(path.read_bytes(), path.name) == []


def test_a_problem_has_file_line_path_and_what_was_meant() -> None:
    lines = SOURCE.decode().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if '"status"' in line)
    text = SOURCE.decode().replace('"status"', '"statsu"')
    first, second = (str(problem) for problem in lint(text.encode(), "f.json"))
    assert first.endswith("response: lacks 'status'")
    assert second == (
        f"f.json:{number}: response.statsu: is not known here; known are status, headers, at, chunks, end; "
        "did you mean 'status'?"
    )


def test_what_is_no_json_has_the_line_of_the_fault() -> None:
    [problem] = lint(b'{\n  "schema": 1,\n  nonsense\n}', "f.json")
    assert (problem.line, problem.path) == (3, "")
    assert "malformed" in problem.message
    [empty] = lint(b"", "f.json")
    assert empty.line == 0


def test_rules_beyond_the_schema() -> None:
    def early(document: Any) -> None:
        document["response"]["chunks"][3]["at"] = 0

    [problem] = linted(early)
    assert "response.chunks[3].at: lies before the chunk above it" in problem

    def no_base64(document: Any) -> None:
        document["request"] = {"path": "/", "base64": "%%"}

    [problem] = linted(no_base64)
    assert "request.base64: is not base64" in problem


def test_a_misspelled_protocol_is_told_and_an_unknown_one_is_not() -> None:
    [problem] = linted(lambda document: document.update(protocol="openai_chta"))
    assert problem.endswith("did you mean 'openai_chat'?")
    assert linted(lambda document: document.update(protocol="xyzzy")) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d["request"]["headers"].append(["authorization", "Bearer short"]), "request.headers["),
        (lambda d: d["response"]["headers"].append(["set-cookie", "a=b"]), "response.headers["),
        (lambda d: d["request"].update(query=f"key={KEY}"), "request.query: "),
        (lambda d: d["request"].update(path=f"/v1/{KEY}/chat/completions"), "request.path: "),
        (lambda d: d.update(note=f"made with {KEY}"), "note: "),
        (lambda d: d["request"]["body"].update(user="jane@example.org"), "request.body.user: "),
        (lambda d: d["request"]["body"]["messages"][0].update(content=KEY), "request.body.messages[0].content: "),
        (lambda d: d["response"]["chunks"][2].update(data={"said": KEY}), "response.chunks[2]: "),
        (lambda d: d["request"].update(body=[KEY]), "request.body"),
    ],
)
def test_what_should_not_have_reached_a_disk_is_found(change: Callable[[Any], object], place: str) -> None:
    [problem] = linted(change)
    assert f": {place}" in problem
    assert "`trioproxy fixtures redact` takes it out" in problem
    assert KEY not in problem


def test_a_body_that_is_text_is_looked_at_too() -> None:
    def text(document: Any) -> None:
        del document["request"]["body"]
        document["request"]["text"] = f"key={KEY}"

    [problem] = linted(text)
    assert "request" in problem


def test_a_key_spelled_out_over_events_is_found() -> None:
    def spell(document: Any) -> None:
        chunks = document["response"]["chunks"]
        for chunk, part in zip(chunks[2:4], (KEY[:10], KEY[10:]), strict=True):
            chunk["data"] = {"said": part}

    [problem] = linted(spell)
    assert "spelled out over several events" in problem
