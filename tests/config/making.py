"""Snapshots from texts, for tests."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import pytest

from trioproxy.config.load import ConfigInvalid, Problem, build, load
from trioproxy.config.model import Snapshot
from trioproxy.providers.catalog import catalogue

HOME = {"HOME": "/home/nobody"}


def made(
    text: str,
    *,
    name: str = "config.yaml",
    env: Mapping[str, str] = HOME,
    files: Mapping[str, str] | None = None,
    **more: Any,
) -> Snapshot:
    """The snapshot of a configuration's text; ``files`` are the files that exist."""

    def read(path: str) -> str:
        if path not in (files or {}):
            raise FileNotFoundError(2, "No such file or directory")
        return (files or {})[path]

    return build(load(textwrap.dedent(text), name=name), catalogue(), env, read=read, **more)


def refused(text: str, **more: Any) -> tuple[Problem, ...]:
    """The problems of a configuration that is refused."""
    with pytest.raises(ConfigInvalid) as raised:
        made(text, **more)
    return raised.value.problems
