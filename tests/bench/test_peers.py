from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.gateways import write_gateway
from trioproxy.bench.peers import PEERS, kind


def script(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_label_tells_two_of_one_kind_apart() -> None:
    assert [kind(name) for name in ("litellm", "litellm-1106", "portkey-a-b")] == ["litellm", "litellm", "portkey"]


def test_a_peer_is_started_by_its_program_on_a_port_of_its_own(tmp_path: Path) -> None:
    peer = script(
        tmp_path / "litellm",
        '#!/bin/sh\nwhile [ "$1" != --port ]; do shift; done\nexec python3 -m http.server --bind 127.0.0.1 $2\n',
    )
    with PEERS["litellm"].start(tmp_path, 1, None, peer) as child:
        assert child.port
        assert "http://127.0.0.1:1/v1" in (tmp_path / "litellm.yaml").read_text()
    assert PEERS["litellm"].headers(1) == {}


def test_the_gateway_reads_first_what_it_needs_and_each_request_says_where_its_provider_is(tmp_path: Path) -> None:
    told = tmp_path / "told"
    peer = script(
        tmp_path / "gateway",
        f'#!/bin/sh\necho "$NODE_OPTIONS $2" > {told}\nexec {sys.executable} -m http.server --bind 127.0.0.1 ${{1#--port=}}\n',
    )
    with PEERS["portkey"].start(tmp_path, 1, None, peer) as child:
        assert child.port
    shim = tmp_path / "portkey.mjs"
    assert told.read_text() == f"--import {shim.as_uri()} --headless\n"
    assert "text/event-stream" in shim.read_text()
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": "http://127.0.0.1:4711/v1"}
    assert PEERS["portkey"].headers(4711) == headers


def test_versions_are_asked_of_what_is_installed(tmp_path: Path) -> None:
    script(tmp_path / Path(sys.executable).name, '#!/bin/sh\n[ "$1" = -c ] && echo 1.2.3\n')
    program = script(tmp_path / "litellm", "")
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "litellm"
    link.symlink_to(program)
    assert PEERS["litellm"].version(str(link)) == "1.2.3"
    assert PEERS["litellm"].version(str(tmp_path / "bin" / "other")) == ""

    gateway = write_gateway(tmp_path)
    link = tmp_path / "bin" / "gateway"
    link.symlink_to(gateway)
    assert PEERS["portkey"].version(str(link)) == "1.2.3"


@pytest.mark.parametrize("package", [None, "", "[]", "{}"])
def test_a_version_that_is_not_told_is_empty(tmp_path: Path, package: str | None) -> None:
    gateway = write_gateway(tmp_path)
    file = gateway.parents[1] / "package.json"
    if package is None:
        file.unlink()
    else:
        file.write_text(package, "utf-8")
    assert PEERS["portkey"].version(str(gateway)) == ""
