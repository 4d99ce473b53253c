"""From a file to a :class:`Config`: read, parsed, not yet understood. The way on to a snapshot is :func:`build`.

Knows: files, encodings, which syntax a name stands for. Refuses to know: any key.
"""

from __future__ import annotations

from pathlib import Path

from trioproxy.config.build import build
from trioproxy.config.document import Config, Node, parse_toml, parse_yaml
from trioproxy.config.problems import ConfigInvalid, Problem

__all__ = ["Config", "ConfigInvalid", "Problem", "build", "load"]

_TEXT_NAME = "config.yaml"


def load(source: Path | str, *, name: str | None = None) -> Config:
    """Parse a file (a ``Path``) or a text (a ``str``); ``.toml`` at the end of the name means TOML, anything else YAML.

    ``name`` is what messages call the file; a text without one is ``config.yaml``.

    Raises:
        ConfigInvalid: the file can't be read, is not UTF-8, or is not in its syntax. What the keys say is judged by :func:`build`.
    """
    if isinstance(source, str):
        called = name or _TEXT_NAME
        return Config(name=called, document=_parsed(source, called))
    called = name or str(source)
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise _unreadable(called, f"can't be read: {exc.strerror or exc}") from None
    except UnicodeDecodeError as exc:
        raise _unreadable(called, f"is not UTF-8 (byte {exc.start})") from None
    return Config(name=called, document=_parsed(text, called), folder=source.parent)


def _parsed(text: str, name: str) -> Node:
    return parse_toml(text, name) if name.lower().endswith(".toml") else parse_yaml(text, name)


def _unreadable(name: str, message: str) -> ConfigInvalid:
    return ConfigInvalid((Problem(file=name, line=0, path="", message=message),))
