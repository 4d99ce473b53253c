"""Token files."""

from __future__ import annotations

from pathlib import Path

import pytest

from trioproxy.config.tokenfile import TokenUnusable, expand_home, read_text, token_of

FIELDS = ("access_token", "api_key")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"access_token": "a", "api_key": "b"}', "a"),
        ('{"access_token": "", "api_key": "b"}', "b"),
        ('{"access_token": null, "api_key": " b "}', "b"),
        ("  raw-key \n", "raw-key"),
        ('"quoted"', "quoted"),
        ("12345", "12345"),
    ],
)
def test_key_is_found(text: str, key: str) -> None:
    assert token_of("f", FIELDS, lambda path: text).key.reveal() == key


def test_order_of_members_is_the_providers() -> None:
    text = '{"access_token": "a", "api_key": "b"}'

    assert token_of("f", ("api_key", "access_token"), lambda path: text).key.reveal() == "b"


def test_own_host_is_kept() -> None:
    def read(path: str) -> str:
        return '{"access_token": "a", "resource_url": "portal.example"}'

    assert token_of("f", FIELDS, read).host == "portal.example"
    assert token_of("f", FIELDS, lambda path: '{"access_token": "a", "resource_url": 3}').host is None


@pytest.mark.parametrize(
    "text", ["", "  ", '""', "two words", "{not json", "{}", '{"token": "x"}', '{"access_token": 5}', "[1, 2]", '" "']
)
def test_no_key_is_told_without_quoting_the_file(text: str) -> None:
    with pytest.raises(TokenUnusable) as raised:
        token_of("/p/f", FIELDS, lambda path: text)

    assert "/p/f" in str(raised.value)
    assert "token" not in str(raised.value).replace("access_token", "")


def test_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(TokenUnusable, match="No such file"):
        token_of(str(tmp_path / "none"), FIELDS, read_text)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TokenUnusable, match="not text"):
        token_of(str(binary), FIELDS, read_text)

    def weird(path: str) -> str:
        raise OSError("no reason")

    with pytest.raises(TokenUnusable, match="no reason"):
        token_of("f", FIELDS, weird)


def test_real_file(tmp_path: Path) -> None:
    file = tmp_path / "token.json"
    file.write_text('{"api_key": "k"}')

    assert token_of(str(file), FIELDS, read_text).key.reveal() == "k"


def test_home_is_the_environments() -> None:
    assert expand_home("~/a", {"HOME": "/h"}) == "/h/a"
    assert expand_home("~", {"HOME": "/h"}) == "/h"
    assert expand_home("/x/~", {"HOME": "/h"}) == "/x/~"
    assert expand_home("~other/a", {"HOME": "/h"}) == "~other/a"
    assert expand_home("~/a", {}) == f"{Path.home()}/a"
