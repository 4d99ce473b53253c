"""The context managers: what a test may ask of them, and what becomes a recording."""

from __future__ import annotations

import json
import socket
import urllib.request
from pathlib import Path
from typing import Any

import attrs
import pytest

import trioproxy.testing
from tests.testing.making import ask, chat_recording, question, save
from trioproxy.errors import ProxyFault
from trioproxy.testing import Call, LocalProvider, recording, replaying
from trioproxy.upstream.fixture import Ending, read_fixture

KEY = "upstream-key-of-ours"
CHAT = "/chat/completions"


def config(folder: Path, url: str, more: str = "") -> Path:
    path = folder / "providers.yaml"
    entry = f"{{name: chat, base-url: '{url}/v1', api-key-entries: [{{api-key: {KEY}}}], models: [{{name: m-1, alias: best}}]}}"
    path.write_text(f"openai-compatibility:\n  - {entry}\n{more}", "utf-8")
    return path


def kept(folder: Path) -> list[Any]:
    return [read_fixture(path.read_bytes()) for path in sorted(folder.rglob("*.json"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "recordings", one=chat_recording("one", "un deux"))


def test_the_package_has_what_it_names_and_nothing_else() -> None:
    assert {name for name in trioproxy.testing.__all__ if getattr(trioproxy.testing, name)} == {
        "Call",
        "LocalProvider",
        "recording",
        "replaying",
    }
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = trioproxy.testing.nothing


def test_the_models_that_were_recorded_are_listed(folder: Path) -> None:
    with replaying(folder) as llm, urllib.request.urlopen(llm.openai_base_url + "/models") as answer:
        assert [card["id"] for card in json.load(answer)["data"]] == ["m-1"]
        [call] = llm.calls
        assert (call.method, call.path, call.body, call.status) == ("GET", "/v1/models", None, 200)
        assert str(call) == "GET /v1/models: status 200"
        assert repr(llm) == f"<LocalProvider at {llm.base_url} on {folder}: 1 calls, 0 missed>"


@pytest.mark.parametrize("mount", ["", "/v1", "/api/v1", "/together/v1", "/openai", "/api/paas/v4"])
def test_any_mount_will_do(folder: Path, mount: str) -> None:
    with replaying(folder) as llm:
        assert ask(llm.base_url + mount + CHAT, question("one"))[0] == 200
        assert llm.calls[0].path == mount + CHAT
        assert str(llm.calls[0]) == f"POST {mount}{CHAT}: answered by one"


def test_a_path_that_ends_in_nothing_known_is_refused(folder: Path) -> None:
    with replaying(folder) as llm:
        assert ask(llm.base_url + "/v1/nonsense/at/all", question("one"))[0] == 404
        assert llm.misses == []


def test_keys_are_hidden_wherever_they_stand_and_other_headers_are_not(folder: Path) -> None:
    headers = {"x-api-key": "k-0123456789", "cookie": "a=b", "x-mine": "yes"}
    with replaying(folder) as llm:
        ask(llm.base_url + "/v1" + CHAT + "?key=k-9876543210", question("one"), headers)
        [call] = llm.calls
    assert (call.headers["x-api-key"], call.headers["cookie"], call.headers["x-mine"]) == (
        "REDACTED",
        "REDACTED",
        "yes",
    )
    assert call.query == "key=REDACTED"
    assert "0123456789" not in repr(call)
    assert "9876543210" not in repr(call)


def test_what_is_no_json_is_kept_as_text_and_repeated_headers_are_joined(folder: Path) -> None:
    with replaying(folder) as llm:
        port = int(llm.base_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            lines = [
                "POST /v1/messages HTTP/1.1",
                "host: t",
                "x-a: 1",
                "x-a: 2",
                "content-length: 4",
                "connection: close",
            ]
            client.sendall(("\r\n".join(lines) + "\r\n\r\nno{}").encode())
            assert b" 400 " in b"".join(iter(lambda: client.recv(65536), b"")).splitlines()[0]
        [call] = llm.calls
    assert (call.body, call.headers["x-a"], call.status) == ("no{}", "1, 2", 400)


def test_a_fault_of_a_single_request(folder: Path) -> None:
    with replaying(folder, once=False) as llm:
        url = llm.openai_base_url + CHAT
        assert ask(url, question("one"), {"x-trioproxy-fault": "status=529"})[0] == 529
        assert ask(url, question("one"))[0] == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"match": "perhaps"}, "match is"),
        ({"speed": -1.0}, "speed is"),
        ({"faults": ["cut@1", "boom"]}, "fault 'boom'"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(folder: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ProxyFault, match=said), replaying(folder, **options):
        pass


# -- recording


def test_an_exchange_is_recorded_once_a_question(folder: Path, tmp_path: Path) -> None:
    with replaying(folder, once=False) as real, recording(tmp_path / "new", config(tmp_path, real.base_url)) as llm:
        assert llm.recordings == llm.unused == []
        bodies = [ask(llm.openai_base_url + CHAT, question("one", model="best")) for _ in range(2)]
        assert bodies[0] == bodies[1]
    first, second = kept(tmp_path / "new")
    assert sorted((first.sequence, second.sequence)) == [1, 2]
    assert [each.body for each in (first, second)] == [body for _, body in bodies]
    assert first.ending is Ending.COMPLETE
    with replaying(tmp_path / "new", match="strict") as again:
        for _, body in bodies:
            assert ask(again.openai_base_url + CHAT, question("one", model="best")) == (200, body)
        assert again.unused == []


@pytest.mark.parametrize(("status", "count"), [(400, 1), (401, 0), (429, 0), (500, 0)])
def test_an_error_about_the_question_is_kept_and_no_other(
    folder: Path, tmp_path: Path, status: int, count: int
) -> None:
    with (
        replaying(folder, faults=f"status={status}", once=False) as real,
        recording(tmp_path / "new", config(tmp_path, real.base_url)) as llm,
    ):
        assert ask(llm.openai_base_url + CHAT, question("one", model="best"))[0] == status
    assert len(kept(tmp_path / "new")) == count
    assert len(llm.unkept) == 1 - count


def test_the_clients_key_is_the_configured_one_and_is_not_kept(folder: Path, tmp_path: Path) -> None:
    with replaying(folder) as real:
        path = config(tmp_path, real.base_url, "api-keys: [client-key-of-ours]\n")
        with recording(tmp_path / "new", path) as llm:
            assert llm.api_key == "client-key-of-ours"
            bearer = {"authorization": f"Bearer {llm.api_key}"}
            assert ask(llm.openai_base_url + CHAT, question("one", model="best"), bearer)[0] == 200
    [file] = (tmp_path / "new").rglob("*.json")
    text = file.read_text("utf-8")
    assert "client-key-of-ours" not in text
    assert KEY not in text


def test_what_is_still_coming_at_the_end_is_no_part_of_the_recording(folder: Path, tmp_path: Path) -> None:
    """Neither is the error with which the server takes its leave."""
    whole = chat_recording("one", "un deux trois")
    save(folder, one=attrs.evolve(whole, chunks=whole.chunks[:2], ending=Ending.STALL))
    body = json.dumps(question("one", model="best")).encode()
    head = f"POST /v1{CHAT} HTTP/1.1\r\nhost: t\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.socket() as client:
        with replaying(folder) as real, recording(tmp_path / "new", config(tmp_path, real.base_url)) as llm:
            client.settimeout(30)
            client.connect(("127.0.0.1", int(llm.base_url.rpartition(":")[2])))
            client.sendall(head.encode() + body)
            arrived = b""
            while b"deux" not in arrived:
                arrived += client.recv(65536)
        rest = b"".join(iter(lambda: client.recv(65536), b""))
    assert b'"error"' in rest
    [fixture] = kept(tmp_path / "new")
    assert fixture.ending is Ending.CLIENT_LEFT
    assert b'"deux"' in fixture.body
    assert b'"error"' not in fixture.body
    assert llm.unkept == []


def test_a_file_that_cannot_be_written_is_told(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "new").write_text("a file where the folder should be", "utf-8")
    with replaying(folder) as real, recording(tmp_path / "new", config(tmp_path, real.base_url)) as llm:
        assert ask(llm.openai_base_url + CHAT, question("one", model="best"))[0] == 200
    [reason] = llm.unkept
    assert "the file was not written; the log says why" in reason
    assert "a recording was not written" in caplog.text


def test_the_names_are_for_annotations_too() -> None:
    assert Call(method="POST", path="/").status is None
    assert LocalProvider(folder=Path()).misses == []
