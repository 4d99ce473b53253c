"""Which conversation a request belongs to, and which credential has that conversation's prompt cache. Pure; ``now`` is any one clock in seconds.

Knows: where clients of all protocols say which session they are in, and for how long a binding lives. Refuses to know: who may be asked and
in which order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from trioproxy.wire import jsoncodec
from trioproxy.wire.headers import Headers, header

__all__ = ["Bindings", "Bond", "Pool", "Session", "session_names"]

MOST_BINDINGS = 16_384

_CLAUDE_CODE = b"x-claude-code-session-id"
_HEADERS = (b"session-id", b"session_id", b"x-session-id", b"x-session-affinity", b"x-client-request-id")
_TURNS = ("messages", "contents", "input")
_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")
_SYSTEM_ROLES = frozenset({"system", "developer"})
_ANSWER_ROLES = frozenset({"assistant", "model"})


@attrs.frozen
class Pool:
    """Credentials that can stand in for each other: the groups they are of, and the model they are asked for."""

    groups: frozenset[str]
    model: str


@attrs.frozen
class Bond:
    """A session, in one pool, that is bound to a credential until the time ``until``."""

    pool: Pool
    name: str
    credential_id: str
    until: float


@attrs.frozen
class _Binding:
    credential_id: str
    until: float


@attrs.define(eq=False)
class Bindings:
    """Which credential each session is bound to, in each pool. The bindings that were not used for longest are forgotten first.

    ``heed``, where somebody sets it, is called when there is something to tell others who serve the same sessions (:meth:`take_news`).
    """

    heed: Callable[[], None] | None = attrs.field(default=None, init=False)
    _news: dict[tuple[Pool, str], Bond] = attrs.field(factory=dict, init=False)
    _bindings: dict[tuple[Pool, str], _Binding] = attrs.field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._bindings)

    def of(self, pool: Pool, name: str, now: float) -> str | None:
        """The id of the credential that the session ``name`` is bound to, None where it is to none (any more)."""
        binding = self._bindings.get((pool, name))
        if binding is None:
            return None
        if binding.until <= now:
            del self._bindings[pool, name]
            return None
        return binding.credential_id

    def bind(self, pool: Pool, name: str, credential_id: str, until: float) -> None:
        """Bind a session, whatever it was bound to before, until the time ``until``."""
        bond = Bond(pool, name, credential_id, until)
        self.learn(bond)
        if self.heed is not None:
            self._news[pool, name] = bond
            self.heed()

    def learn(self, bond: Bond) -> None:
        """Somebody else bound a session."""
        place = (bond.pool, bond.name)
        self._bindings.pop(place, None)
        if len(self._bindings) >= MOST_BINDINGS:
            del self._bindings[next(iter(self._bindings))]
        self._bindings[place] = _Binding(bond.credential_id, bond.until)

    def take_news(self) -> list[Bond]:
        """What was bound here since the last call. What others told is none of it."""
        news = list(self._news.values())
        self._news.clear()
        return news


@attrs.frozen(kw_only=True)
class Session:
    """The conversation one request belongs to. ``names`` are its names, the one to bind it by first; there are none where nobody cares.
    ``ttl`` is in seconds, from the last good answer."""

    bindings: Bindings
    names: tuple[str, ...] = ()
    ttl: float = 3600.0

    def credential(self, pool: Pool, now: float) -> str | None:
        """The id of the credential that has this conversation warm, None where none has."""
        found = (self.bindings.of(pool, name, now) for name in self.names)
        return next((credential_id for credential_id in found if credential_id is not None), None)

    def worked(self, pool: Pool, credential_id: str, now: float) -> None:
        """Bind the conversation to the credential that answered."""
        for name in self.names[:1]:
            self.bindings.bind(pool, name, credential_id, now + self.ttl)


def session_names(headers: Headers, document: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of the session a request belongs to, best first, each of the same short length; none where nothing tells.

    What a client says of its session counts before what can be guessed from how the conversation began. A guess has a second name once there
    is an answer in it: the one that it had before.
    """
    said = next((word for word in _said(headers, document or {}) if word), None)
    if said is not None:
        return (_digest("said", said),)
    return tuple(_guessed(document or {}))


def _said(headers: Headers, document: Mapping[str, Any]) -> Iterator[str]:
    metadata = _mapping(document.get("metadata"))
    user = _word(metadata.get("user_id"))
    conversation = document.get("conversation")
    yield _header(headers, _CLAUDE_CODE)
    yield _session_of_user(user)
    for name in _HEADERS:
        yield _header(headers, name)
    yield _word(document.get("session_id"))
    yield _word(document.get("sessionId"))
    yield _word(document.get("prompt_cache_key"))
    yield _word(conversation) or _word(_mapping(conversation).get("id"))
    yield user
    yield _word(document.get("conversation_id"))


def _session_of_user(user: str) -> str:
    """The session in Anthropic's ``metadata.user_id`` as Claude Code fills it: ``…_session_<uuid>``, or a JSON object with ``session_id``."""
    if user.startswith("{"):
        try:
            return _word(jsoncodec.loads_object(user).get("session_id"))
        except jsoncodec.JSONError:
            return ""
    return user.rpartition("_session_")[2] if "_session_" in user else ""


def _guessed(document: Mapping[str, Any]) -> Iterator[str]:
    """Names made of the system's, the user's and the model's first words."""
    turns = next((document[key] for key in _TURNS if document.get(key)), None)
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    turns = [turn for turn in turns if isinstance(turn, Mapping)] if isinstance(turns, list) else []
    system = next((text for key in _SYSTEM if (text := _text(document.get(key)))), "") or _first(turns, _SYSTEM_ROLES)
    user = _first(turns, frozenset({"user"}))
    if not user:
        return
    answer = _first(turns, _ANSWER_ROLES)
    if answer:
        yield _digest("guessed", system, user, answer)
    yield _digest("guessed", system, user)


def _first(turns: list[Mapping[str, Any]], roles: frozenset[str]) -> str:
    return next((text for turn in turns if turn.get("role") in roles and (text := _text(turn))), "")


def _text(value: Any, depth: int = 4) -> str:
    """The words in a text, a part, a list of parts or a turn."""
    match value:
        case str():
            return value
        case list() if depth:
            return "".join(_text(part, depth - 1) for part in value)
        case Mapping() if depth:
            held = (_text(value.get(key), depth - 1) for key in ("text", "content", "parts"))
            return next(filter(None, held), "")
        case _:
            return ""


def _header(headers: Headers, name: bytes) -> str:
    return (header(headers, name) or b"").decode("latin-1").strip()


def _word(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _digest(*words: str) -> str:
    """A short name for words of any length."""
    digest = hashlib.blake2b(digest_size=16)
    for word in words:
        data = word.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
