"""Providers as values."""

from __future__ import annotations

import pytest

from trioproxy.providers.model import Provider, Wire


def test_wire_is_found_by_protocol() -> None:
    one = Wire(protocol="anthropic", base_url="https://h", paths={})
    provider = Provider(name="p", title="P", wires=(one,))

    assert provider.wire("anthropic") is one
    assert provider.wire("gemini") is None


def test_values_do_not_change() -> None:
    provider = Provider(name="p", title="P", wires=())

    with pytest.raises(AttributeError):
        provider.name = "q"  # type: ignore[misc]
