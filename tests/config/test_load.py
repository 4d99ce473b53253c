"""Files to parsed configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from trioproxy.config.load import ConfigInvalid, Problem, build, load
from trioproxy.providers.catalog import catalogue


def problem(source: Path | str) -> Problem:
    with pytest.raises(ConfigInvalid) as raised:
        load(source)
    (only,) = raised.value.problems
    return only


def test_text_has_a_name_for_messages() -> None:
    assert load("port: 1").name == "config.yaml"
    assert load("port: 1", name="other.yml").name == "other.yml"
    assert load("port: 1").folder is None


def test_name_tells_the_syntax(tmp_path: Path) -> None:
    file = tmp_path / "c.TOML"
    file.write_text("[server]\nport = 9\n")

    config = load(file)

    assert build(config, catalogue(), {}).settings.port == 9
    assert (config.name, config.folder) == (str(file), tmp_path)


def test_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xef\xbb\xbfport: 9\r\nhost: localhost\r\n")

    assert build(load(file, name="short"), catalogue(), {}).settings.port == 9


def test_what_can_not_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "c.yaml"
    binary.write_bytes(b"port: \xff\n")

    assert "No such file" in problem(tmp_path / "none.yaml").message
    assert "can't be read" in problem(tmp_path).message
    assert problem(binary).message == "is not UTF-8 (byte 6)"


def test_configurations_show_no_secret() -> None:
    assert "hidden" not in repr(load("api-keys: [hidden]"))
