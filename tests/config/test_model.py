"""Configuration values."""

from __future__ import annotations

import attrs

from tests.config.making import made
from trioproxy.config.model import Secret, Snapshot


def test_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("value")

    assert secret.reveal() == "value"
    assert "value" not in repr(secret) + str(secret) + f"{secret}"
    assert secret == Secret("value")


def test_wire_of_a_credential_by_protocol() -> None:
    (credential,) = made("deepseek: [{api-key: k}]").credentials

    wire = credential.wire("anthropic")

    assert wire is not None
    assert wire.base_url == "https://api.deepseek.com/anthropic"
    assert credential.wire("gemini") is None


def test_memo_is_no_part_of_a_snapshot() -> None:
    one, two = Snapshot(), Snapshot()
    one.memo["x"] = 1

    assert one == two
    assert attrs.evolve(one).memo == {}
    assert "memo" not in repr(one)
