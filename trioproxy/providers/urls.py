"""Where a request goes: a wire's base URL and path, joined by one rule.

Knows: the two ways to join (:class:`~trioproxy.providers.model.BaseJoin`), the placeholders of a path, which query members are a client's
secret. Refuses to know: what is at the other end.
"""

from __future__ import annotations

from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import BaseJoin, Wire

__all__ = [
    "base_problem",
    "forwarded_query",
    "is_ancestor",
    "join_base",
    "models_url",
    "realtime_url",
    "same_origin",
    "trim_base",
    "url_for",
]

_SECRET_MEMBERS = frozenset({"key", "auth_token", "api_key", "access_token"})
_VERBS = {Operation.COUNT_TOKENS: "countTokens", Operation.EMBEDDINGS: "embedContent"}
_MODEL_LISTS = {"anthropic": "/v1/models", "gemini": "/v1beta/models"}
_PORTS = {"http": 80, "https": 443}
# RFC 3986 pchar without "%": what may stand in a path segment as it is. A model's own slashes are part of its name.
_SEGMENT_SAFE = "/:@!$&'()*+,;=-._~"


def url_for(
    wire: Wire,
    operation: Operation,
    *,
    join: BaseJoin = BaseJoin.VERBATIM,
    model: str = "",
    verb: str = "",
    query: str = "",
    tail: str = "",
) -> str | None:
    """The absolute URL of ``operation`` on ``wire``; None where this wire has no such operation.

    ``model`` is the upstream's name and ``verb`` what follows it in Gemini's paths ("" is the operation's usual one); ``tail`` is what the
    client's path had behind the operation's root (``generations`` of ``/v1/images/generations``). ``query`` is raw and is put behind what
    the base URL already has.

    Raises:
        ClientFault: INVALID_REQUEST, the model or the tail would leave its place in the path (``..``).
    """
    template = wire.paths.get(operation)
    if template is None:
        return None
    path = template
    if "{model}" in path:
        path = path.replace("{model}", _path_text(model.removeprefix("models/"), "model"))
    path = path.replace("{verb}", verb or _VERBS.get(operation, "generateContent"))
    if "{tail}" in path:
        path = path.replace("{tail}", _path_text(tail.strip("/"), "path")).rstrip("/")
    if join is BaseJoin.OVERLAP:
        path = _versioned(path)
    return join_base(wire.base_url, path, query)


def models_url(wire: Wire, *, join: BaseJoin = BaseJoin.VERBATIM, query: str = "") -> str:
    """Where the provider lists its own models; ``query`` asks for a page of them."""
    path = _MODEL_LISTS.get(wire.protocol, "/models")
    return join_base(wire.base_url, _versioned(path) if join is BaseJoin.OVERLAP else path, query)


def realtime_url(wire: Wire, *, join: BaseJoin = BaseJoin.VERBATIM, query: str = "") -> str:
    """Where the provider has OpenAI's Realtime API."""
    return join_base(wire.base_url, "/v1/realtime" if join is BaseJoin.OVERLAP else "/realtime", query)


def join_base(base: str, path: str, query: str = "") -> str:
    """``path`` behind ``base``: as many of its leading segments as the base ends in already are not doubled."""
    parts = urlsplit(base)
    have = [segment for segment in parts.path.split("/") if segment]
    add = path.lstrip("/").split("/")
    shared = next((n for n in range(min(len(have), len(add)), 0, -1) if have[-n:] == add[:n]), 0)
    members = "&".join(member for member in (parts.query, query) if member)
    return urlunsplit((parts.scheme, parts.netloc, "/" + "/".join(have + add[shared:]), members, ""))


def trim_base(base: str, wire: Wire) -> str:
    """``base`` as a base, where a person gave the whole endpoint (``https://h/v1/chat/completions``)."""
    parts = urlsplit(base.strip())
    path = parts.path.rstrip("/")
    for template in wire.paths.values():
        if "{" not in template and path.endswith(template):
            path = path[: -len(template)]
            break
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def base_problem(base: str) -> str | None:
    """What is wrong with a base URL, None where nothing is."""
    try:
        parts = urlsplit(base.strip())
        port_ok = parts.port is None or parts.port > 0
    except ValueError as exc:
        return f"not a URL: {exc}"
    if parts.scheme not in _PORTS:
        return "a base URL begins with http:// or https://"
    if not parts.hostname or not port_ok:
        return "a base URL needs a host"
    if parts.username is not None or parts.password is not None:
        return "a user or password in the URL would show in logs: put the key in api-key"
    if any(ord(char) <= 32 or ord(char) == 127 for char in base.strip()):
        return "a URL holds no blanks or control characters"
    return None


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs have the same scheme, host and port."""
    return _origin(one) == _origin(other)


def is_ancestor(base: str, of: str) -> bool:
    """Whether ``base`` is ``of`` with trailing path segments left out (``https://api.openai.com`` of ``https://api.openai.com/v1``)."""
    if not same_origin(base, of):
        return False
    short = urlsplit(base).path.strip("/")
    long = urlsplit(of).path.strip("/")
    return not short or long == short or long.startswith(short + "/")


def forwarded_query(query: str) -> str:
    """A client's raw query without the members that carry its key."""
    return "&".join(
        member
        for member in query.split("&")
        if member and unquote_plus(member.partition("=")[0]).lower() not in _SECRET_MEMBERS
    )


def _versioned(path: str) -> str:
    return path if path.startswith(("/v1/", "/v1beta/")) else "/v1" + path


def _path_text(text: str, what: str) -> str:
    if any(segment in {".", ".."} for segment in text.split("/")):
        raise ClientFault(
            ErrorKind.INVALID_REQUEST, f"the {what} holds a path segment '.' or '..': {text!r}", param=what
        )
    return quote(text, safe=_SEGMENT_SAFE)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url.strip())
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
