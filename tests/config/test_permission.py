"""What a client's key may use."""

from __future__ import annotations

import pytest

from trioproxy.config.model import ClientKey, Secret
from trioproxy.config.permission import Permission


def client(models: tuple[str, ...] = (), excluded: tuple[str, ...] = ()) -> ClientKey:
    return ClientKey(id="k", key=Secret("s"), models=models, excluded_models=excluded)


@pytest.mark.parametrize("who", [None, client()])
def test_without_lists_everything_is_allowed(who: ClientKey | None) -> None:
    allowed = Permission.of(who)

    assert allowed.name("anything")
    assert allowed.model("anything")


def test_allow_list_speaks_of_names_as_the_client_spells_them() -> None:
    allowed = Permission.of(client(models=("claude-*", "batch/*")))

    assert allowed.name("claude-opus")
    assert allowed.name("batch/x")
    assert not allowed.name("core/claude-opus")
    assert allowed.model("whatever-the-provider-calls-it")


def test_deny_list_speaks_of_every_spelling() -> None:
    allowed = Permission.of(client(excluded=("*-opus-*",)))

    assert not allowed.name("claude-opus-4")
    assert not allowed.name("core/claude-opus-4")
    assert not allowed.model("claude-opus-4")
    assert allowed.name("big")


def test_deny_list_looks_behind_the_prefix() -> None:
    allowed = Permission.of(client(excluded=("gpt-5",)))

    assert not allowed.name("or/gpt-5")
    assert allowed.name("gpt-5/")
