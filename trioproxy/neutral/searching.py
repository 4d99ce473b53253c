"""What a search of the web may be told, whatever protocol says it: where the asker is, and which domains it may use.

Anthropic and Responses say a place flat (``{"type": "approximate", "city": …}``), Chat Completions in an object of its own
(``{"type": "approximate", "approximate": {"city": …}}``); the members are the same. Source: the references of the three, "web search".

Refuses to know: which of it a target has a word for, and what the tool is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.loss import Loss

__all__ = ["domains_of", "place_of", "says_something"]

_MEMBERS = ("city", "country", "region", "timezone")
_AROUND = ("type", "approximate")


def place_of(value: Any, path: str, losses: list[Loss]) -> dict[str, str]:
    """The members of a place that everybody knows, as far as they say anything. What else it holds is a loss. ``path`` is where it stands.

    Raises:
        ClientFault: INVALID_REQUEST, something of it has another type than it must have.
    """
    outer = _object(value, path)
    nested = outer.get("approximate")
    inner, where = (outer, path) if nested is None else (_object(nested, f"{path}.approximate"), f"{path}.approximate")
    place: dict[str, str] = {}
    for name in _MEMBERS:
        said = inner.get(name)
        if said is not None and not isinstance(said, str):
            raise _wrong(f"{where}.{name}", "a string")
        if said:
            place[name] = said
    for each, at in {where: inner, path: outer}.items():
        losses += [
            Loss(f"{each}.{name}", "a place has no such member")
            for name, said in at.items()
            if said is not None and name not in _MEMBERS + _AROUND
        ]
    return place


def says_something(value: Any) -> bool:
    """Whether a setting of a tool asks for anything: what is null or empty does not, and an object of nulls neither. An empty object in
    one does (Google's ``searchTypes: {"imageSearch": {}}``)."""
    if isinstance(value, Mapping):
        return any(each is not None for each in value.values())
    return value is not None and value not in ("", [])


def domains_of(value: Any, path: str) -> list[str]:
    """A list of domains.

    Raises:
        ClientFault: INVALID_REQUEST, it is none.
    """
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong(path, "a list of strings")
    return value


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(path, "an object")
    return value


def _wrong(path: str, what: str) -> ClientFault:
    return ClientFault(ErrorKind.INVALID_REQUEST, f"`{path}` must be {what}.", param=path)
