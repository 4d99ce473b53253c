"""``trioproxy fixtures``: what each command says, what it leaves on the disk, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.testing.making import chat_recording, save
from trioproxy.cli import cli
from trioproxy.cli.fixtures import command
from trioproxy.upstream.bundled import bundled_fixtures
from trioproxy.upstream.fixture import read_fixture

KEY = "sk-" + "b2" * 20

EXCHANGE: dict[str, Any] = {
    "request": {
        "method": "POST",
        "uri": "https://api.openai.com/v1/chat/completions",
        "headers": {"content-type": ["application/json"], "authorization": [f"Bearer {KEY}"]},
        "body": '{"model":"gpt-5","messages":[]}',
    },
    "response": {
        "status": {"code": 200, "message": "OK"},
        "headers": {"content-type": ["application/json"]},
        "body": {"string": '{"id":"c"}'},
    },
}
CASSETTE = """
version: 1
interactions:
- request:
    method: POST
    uri: https://api.anthropic.com/v1/messages
    headers: {x-api-key: [KEY]}
    body: '{"model":"claude","messages":[]}'
  response:
    status: {code: 200, message: OK}
    headers: {content-type: [application/json]}
    body: {string: !!binary eyJpZCI6Im0ifQ==}
"""
STREAM = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, ["fixtures", *map(str, arguments)], prog_name="trioproxy", env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "recordings", one=chat_recording("one"), two=chat_recording("two"))


def spoil(folder: Path, **members: Any) -> Path:
    path = folder / "one.json"
    document = json.loads(path.read_bytes())
    document.update(members)
    path.write_text(json.dumps(document, indent=1), "utf-8")
    return path


@pytest.mark.parametrize("name", ["import", "lint", "show", "redact"])
def test_every_command_has_help_with_an_example_and_can_print_json(name: str) -> None:
    told = run(name, "--help")
    assert told.exit_code == 0
    assert f"Example:  trioproxy fixtures {name}" in told.output
    assert "--json" in told.output
    assert isinstance(command, click.Group)
    short = command.commands[name].short_help
    assert short is not None
    assert short in run("--help").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("lint",),
        ("lint", "/nowhere/at/all"),
        ("show",),
        ("redact",),
        ("import", "x"),
        ("nonsense",),
        ("lint", "--what", "."),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


# -- import


def test_every_known_format_is_imported(tmp_path: Path) -> None:
    har = {
        "log": {
            "entries": [
                {
                    "request": {
                        "method": "POST",
                        "url": "https://api.openai.com/v1/responses",
                        "headers": [],
                        "postData": {"text": '{"model":"gpt-5","input":"hi"}'},
                    },
                    "response": {"status": 200, "headers": [], "content": {"text": "{}"}},
                }
            ]
        }
    }
    plain = {
        "protocol": "gemini",
        "request": {"method": "POST", "url": "https://g/v1beta/models/g-1:generateContent", "body": {"contents": []}},
        "response": {"status": 200, "content_type": "application/json", "body": {"candidates": []}},
    }
    sources = {
        "vcr.yaml": CASSETTE.replace("KEY", KEY).encode(),
        "vcr.json": json.dumps({"version": 1, "interactions": [EXCHANGE]}).encode(),
        "chrome.har": json.dumps(har).encode(),
        "stream.sse": STREAM,
        "chunks.jsonl": b'{"object":"chat.completion.chunk","model":"m-2"}\n{"object":"chat.completion.chunk"}\n',
        "plain.json": json.dumps(plain).encode(),
    }
    files = [tmp_path / name for name in sources]
    for file, data in zip(files, sources.values(), strict=True):
        file.write_bytes(data)
    into = tmp_path / "into"
    told = run("import", *files, "--into", into, "--json")
    assert told.exit_code == 0, told.output
    written = json.loads(told.output)["written"]
    protocols = [read_fixture(Path(path).read_bytes()).protocol for path in written]
    assert protocols == ["anthropic", "openai_chat", "openai_responses", "anthropic", "openai_chat", "gemini"]
    assert KEY not in "".join(Path(path).read_text("utf-8") for path in written)
    assert run("lint", into).exit_code == 0


def test_the_same_question_twice_is_two_files_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"interactions": [EXCHANGE, EXCHANGE]}), "utf-8")
    first = run("import", file, "--into", tmp_path / "into")
    assert first.exit_code == 0
    one, two = first.output.split()
    assert two == one.replace(".json", "-2.json")
    assert run("import", file, "--into", tmp_path / "into").output == first.output


def test_a_recording_is_replaced_only_by_force(tmp_path: Path) -> None:
    file, into = tmp_path / "c.json", tmp_path / "into"
    file.write_text(json.dumps({"interactions": [EXCHANGE]}), "utf-8")
    path = Path(run("import", file, "--into", into).output.strip())
    path.write_text("mine", "utf-8")
    refused = run("import", file, "--into", into)
    assert refused.exit_code == 1
    assert "--force" in refused.output
    assert path.read_text("utf-8") == "mine"
    assert run("import", file, "--into", into, "--force").exit_code == 0
    assert path.read_text("utf-8") != "mine"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"nonsense", "line 1 is neither JSON nor a field"),
        ("a.yaml", b"a: [", "while parsing"),
        ("a.json", b'{"x": 1}', "neither a VCR cassette"),
        ("a.jsonl", b'{"x": 1}\n{"y": 2}', "say which protocol this is"),
        ("a.sse", b"", "the file is empty"),
    ],
)
def test_what_cannot_be_imported_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    told = run("import", tmp_path / name, "--into", tmp_path / "into")
    assert told.exit_code == 1
    assert name in told.output
    assert said in told.output


def test_a_key_that_is_spelled_out_is_not_imported(tmp_path: Path) -> None:
    pieces = [KEY[:12], KEY[12:]]
    lines = [json.dumps({"object": "chat.completion.chunk", "model": "m", "said": piece}) for piece in pieces]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    told = run("import", tmp_path / "a.jsonl", "--into", tmp_path / "into")
    assert told.exit_code == 1
    assert "nothing of it was written" in told.output
    assert not (tmp_path / "into").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.sse").write_bytes(STREAM)
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "anthropic").write_text("a file", "utf-8")
    told = run("import", tmp_path / "a.sse", "--into", tmp_path / "into")
    assert told.exit_code == 1
    assert "anthropic" in told.output


# -- lint


def test_good_recordings_pass(folder: Path) -> None:
    told = run("lint", folder)
    assert (told.exit_code, told.output) == (0, "2 recordings, 0 problems\n")
    assert json.loads(run("lint", folder, "--json").output) == {"files": 2, "problems": []}
    assert run("lint", bundled_fixtures()).exit_code == 0


def test_a_bad_one_is_told_with_file_and_line(folder: Path) -> None:
    path = spoil(folder, keyword=["x"])
    told = run("lint", folder)
    assert told.exit_code == 1
    line = len(path.read_text("utf-8").splitlines()) - 3
    assert f"{path}:{line}: keyword: is not known here" in told.output
    assert "did you mean 'keywords'?" in told.output
    assert "2 recordings, 1 problem\n" in told.output
    documents = run("lint", path, "--json")
    assert documents.exit_code == 1
    [problem] = json.loads(documents.output)["problems"]
    assert (problem["file"], problem["line"], problem["suggestion"]) == (str(path), line, "keywords")


def test_an_empty_folder_is_no_success(tmp_path: Path) -> None:
    told = run("lint", tmp_path)
    assert told.exit_code == 1
    assert "there are no recordings in" in told.output


# -- show


def test_a_recording_is_shown(folder: Path) -> None:
    told = run("show", folder)
    assert told.exit_code == 0
    first, second = told.output.split("\n\n")
    assert first.splitlines()[0] == f"{folder / 'one.json'}: POST chat/completions for m-1, streamed  openai_chat"
    assert "asked: two" in second
    assert "end: complete" in second
    [one] = json.loads(run("show", folder / "one.json", "--json").output)["recordings"]
    assert (one["model"], one["status"], one["chunks"][-1]["events"][0]["data"]) == ("m-1", 200, "[DONE]")


def test_what_is_no_recording_cannot_be_shown(folder: Path) -> None:
    spoil(folder, keyword=1)
    told = run("show", folder)
    assert told.exit_code == 1
    assert "keyword is not known" in told.output
    assert "trioproxy fixtures lint" in told.output


# -- redact


def test_keys_are_taken_out_in_place(folder: Path) -> None:
    assert run("redact", folder, "--check").exit_code == 0
    path = spoil(folder, note=f"made with {KEY} and plainsecret")
    assert run("lint", folder).exit_code == 1
    only = run("redact", folder, "--check", "--json")
    assert (only.exit_code, json.loads(only.output)) == (1, {"changed": [str(path)], "written": False})
    assert KEY in path.read_text("utf-8")
    done = run("redact", folder, "--secret-env", "SOME_KEY", env={"SOME_KEY": "plainsecret"})
    assert (done.exit_code, done.output) == (0, f"{path}: cleaned\n")
    assert read_fixture(path.read_bytes()).note == "made with REDACTED and REDACTED"
    assert run("lint", folder).exit_code == 0
    assert not list(folder.glob(".*"))


def test_a_variable_that_is_not_set_changes_nothing(folder: Path) -> None:
    told = run("redact", folder, "--secret-env", "SOME_KEY", env={"SOME_KEY": ""})
    assert told.exit_code == 1
    assert "SOME_KEY is not set" in told.output


def test_what_cannot_be_taken_out_is_told(folder: Path) -> None:
    path = folder / "one.json"
    document = json.loads(path.read_bytes())
    document["response"]["chunks"] = [{"at": 1, "data": {"t": KEY[:9]}}, {"at": 2, "data": {"t": KEY[9:]}}]
    path.write_text(json.dumps(document), "utf-8")
    told = run("redact", path)
    assert told.exit_code == 1
    assert "edit or delete this file" in told.output


def test_what_asks_nothing_of_a_model_is_left_out(tmp_path: Path) -> None:
    picture = {"request": {"method": "GET", "url": "https://a.test/x.png?v=1"}, "response": {"status": 200}}
    asked = {"request": {"method": "POST", "url": "https://a.test/v1/embeddings"}, "response": {"status": 200}}
    har = tmp_path / "x.har"
    har.write_text(json.dumps({"log": {"entries": [picture, asked]}}), "utf-8")
    result = run("import", har, "--into", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert f"{har}: left out GET /x.png, which is no operation of a model's API" in result.stderr
    assert len(list((tmp_path / "out").rglob("*.json"))) == 1


def test_what_fits_a_pattern_is_taken_out_too(folder: Path) -> None:
    assert run("redact", folder, "--redact", "o[nm]e").exit_code == 0
    assert '"content": "REDACTED"' in (folder / "one.json").read_text("utf-8")
    assert '"content": "two"' in (folder / "two.json").read_text("utf-8")
    refused = run("redact", folder, "--redact", "(")
    assert refused.exit_code == 1
    assert "is no regular expression" in refused.output
