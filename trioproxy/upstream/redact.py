"""What may not reach a disk, and how it is taken out of a fixture. Pure.

Knows: which headers, query parameters and body fields carry keys and accounts, what keys of well-known vendors look like, and the secrets it
is told. Refuses to know: where fixtures go.

Headers pass by an allow list, as every vendor invents new ones. In bodies known secrets are replaced wherever they stand, over chunk borders
too, and chunk times stay. What can't be taken out without rewriting the stream (a key spelled out over several events) makes
:meth:`Redactor.check` refuse the file: a fixture that holds a known secret is never written.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import attrs

from trioproxy.upstream.base import Headers
from trioproxy.upstream.fixture import Chunk, Fixture, RecordedRequest
from trioproxy.wire.encoding import ContentDecoder, UnknownCoding, parse_codings
from trioproxy.wire.jsoncodec import JSON, JSONError, dumps, loads
from trioproxy.wire.machine import ProtocolViolation

__all__ = ["MARK", "Redactor", "SecretRemains", "secrets_of"]

MARK = "REDACTED"
"""Stands where a secret stood. A recorded text that holds it matches any text there."""

_SHORTEST_SECRET = 8
"""Shorter values are no secrets but words such as ``dummy``; replacing them would tear texts apart."""

_MAX_DECODED_BYTES = 64 * 1024 * 1024

_CREDENTIAL_HEADERS = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"x-goog-api-key",
        b"api-key",
        b"x-management-key",
        b"cookie",
        b"proxy-authorization",
        b"set-cookie",
    }
)
_REQUEST_HEADERS = frozenset(
    {b"content-type", b"accept", b"anthropic-version", b"anthropic-beta", b"openai-beta", b"user-agent"}
)
_RESPONSE_HEADERS = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"cache-control",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
        b"request-id",
        b"x-request-id",
        b"openai-model",
        b"openai-processing-ms",
        b"openai-version",
    }
)
_RESPONSE_PREFIXES = (b"x-ratelimit-", b"anthropic-ratelimit-", b"x-codex-", b"ratelimit-")
_SECRET_PARAMETERS = frozenset({"key", "api_key", "api-key", "apikey", "access_token", "token", "sig", "signature"})
_SECRET_FIELDS = frozenset(
    {
        "api_key",
        "apikey",
        "api-key",
        "access_token",
        "refresh_token",
        "id_token",
        "client_secret",
        "authorization",
        "authorization_token",
        "bearer_token",
        "private_key",
        "secret_key",
        "x-api-key",
        "password",
        "account_id",
        "organization_id",
    }
)
_IDENTITY_PATHS = frozenset({("user",), ("safety_identifier",), ("metadata", "user_id")})
_IDENTITY_PARENTS = frozenset({"client_metadata"})
"""Objects that hold nothing else: Codex tells its installation and its session in one."""

_KEY_SHAPES = re.compile(
    rb"(?<![A-Za-z0-9_\-])(?:"
    rb"sk-[A-Za-z0-9_\-]{16,}"  # OpenAI, Anthropic, OpenRouter, DeepSeek and many more
    rb"|AIza[A-Za-z0-9_\-]{30,}"  # Google
    rb"|ya29\.[A-Za-z0-9_\-.]{19,}[A-Za-z0-9_\-]"
    rb"|gh[pousr]_[A-Za-z0-9]{20,}"  # GitHub
    rb"|github_pat_[A-Za-z0-9_]{20,}"
    rb"|(?:gsk|hf|r8|fw|pplx|tgp_v1)_[A-Za-z0-9]{20,}"  # Groq, Hugging Face, Replicate, Fireworks, Perplexity, Together
    rb"|xai-[A-Za-z0-9]{20,}"
    rb"|A[KS]IA[0-9A-Z]{16}"  # AWS
    rb"|eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+"  # a JSON web token
    rb"|org-[A-Za-z0-9]{16,}"  # account ids that OpenAI quotes in its messages
    rb"|proj_[A-Za-z0-9]{16,}"
    rb")"
)


class SecretRemains(ValueError):
    """A fixture still holds a known secret and must not be written. The message says where, never what."""


def secrets_of(request_headers: Headers, query: str) -> set[str]:
    """The secrets that a request carries in its credential headers and query."""
    found = {value for name, value in parse_qsl(query) if name.lower() in _SECRET_PARAMETERS}
    for name, raw in request_headers:
        if name in _CREDENTIAL_HEADERS:
            value = raw.decode("latin-1")
            found |= {value, value.rpartition(" ")[2]}  # with and without "Bearer"
    return found


@attrs.frozen(repr=False)
class Redactor:
    """Takes secrets out of fixtures. ``secrets`` are those that are known by value; ``patterns`` and ``fields`` (names of body fields in lower
    case) are rules on top of those of this module."""

    secrets: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[bytes], ...] = ()
    fields: frozenset[str] = frozenset()
    _echoes: tuple[re.Pattern[bytes], ...] = ()

    @classmethod
    def ruled(cls, patterns: Iterable[str] = (), fields: Iterable[str] = ()) -> Redactor:
        """One with more rules: regular expressions, and names of fields.

        Raises:
            re.error: a pattern is none.
        """
        return cls(
            patterns=tuple(re.compile(pattern.encode()) for pattern in patterns),
            fields=frozenset(name.lower() for name in fields),
        )

    def knowing(self, more: Iterable[str]) -> Redactor:
        """One that knows more secrets."""
        return attrs.evolve(self, secrets=self.secrets | frozenset(more))

    def redact(self, fixture: Fixture) -> Fixture:
        """The fixture without what may not reach a disk."""
        request = fixture.request
        known = self.knowing(secrets_of(request.headers, request.query))
        body = known._body(request.body)
        known = attrs.evolve(known, echoes=tuple(_echoes(request.body)))
        return attrs.evolve(
            fixture,
            request=RecordedRequest(
                method=request.method,
                path=known._text(request.path),
                query=known._query(request.query),
                headers=known._headers(request.headers, _REQUEST_HEADERS, ()),
                body=body,
            ),
            headers=known._headers(fixture.headers, _RESPONSE_HEADERS, _RESPONSE_PREFIXES),
            chunks=known._chunks(fixture.chunks),
            note=known._text(fixture.note),
            end_message=known._text(fixture.end_message),
        )

    def check(self, fixture: Fixture, *, secrets: Iterable[str] = ()) -> None:
        """Look once more, at everything a reader of the file could put together.

        Raises:
            SecretRemains: see there.
        """
        known = self.knowing(secrets)._by_value
        request = fixture.request
        heads = b"\n".join(name + b": " + value for name, value in request.headers + fixture.headers)
        places: dict[str, bytes] = {
            "the target of the request": f"{request.path}?{request.query}".encode(),
            "the headers": heads,
            "the body of the request": request.body,
            "the note": f"{fixture.note} {' '.join(fixture.keywords)} {fixture.end_message}".encode(),
            "the answer": fixture.body,
            "the answer, decoded": _decoded(fixture),
        }
        places |= {
            f"the answer, spelled out over several events at {path}": text for path, text in _spelled(fixture.body)
        }
        for place, data in places.items():
            if next(known._spans(data), None) is not None:
                raise SecretRemains(f"{place} still holds a known secret")

    def check_file(self, data: bytes) -> None:
        """Look at the very bytes that are to be written.

        Raises:
            SecretRemains: see there.
        """
        if next(self._by_value._spans(data), None) is not None:
            raise SecretRemains("the file still holds a known secret")

    @property
    def _by_value(self) -> Redactor:
        """The same without the rules that were added: what these mean is one text, not a file's own words."""
        return attrs.evolve(self, patterns=())

    def _body(self, body: bytes) -> bytes:
        try:
            document = loads(body)
        except JSONError:
            return self._bytes(body)
        cleaned = self._cleaned(document, ())
        written = dumps(cleaned)
        # The file holds the document, so it is the document that must be clean: escapes hide nothing there.
        hidden = next(self._by_value._spans(written), None) is not None
        return self._by_value._bytes(written if hidden or cleaned != document else body)

    def _cleaned(self, value: JSON, path: tuple[str, ...]) -> JSON:
        if isinstance(value, dict):
            return {
                name: MARK
                if isinstance(item, str) and item and self._is_private((*path, name))
                else self._cleaned(item, (*path, name))
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._cleaned(item, (*path, "[]")) for item in value]
        # Rules that were added mean texts, and never the names of members.
        return self._text(value) if isinstance(value, str) and self.patterns else value

    def _is_private(self, path: tuple[str, ...]) -> bool:
        name = path[-1].lower()
        return path in _IDENTITY_PATHS or path[0] in _IDENTITY_PARENTS or name in _SECRET_FIELDS or name in self.fields

    def _headers(self, headers: Headers, allowed: frozenset[bytes], prefixes: tuple[bytes, ...]) -> Headers:
        return tuple(
            (name, self._bytes(value))
            for name, value in headers
            if name in allowed or name.startswith(prefixes or (b"\n",))
        )

    def _query(self, query: str) -> str:
        pairs = parse_qsl(query, keep_blank_values=True)
        if not any(name.lower() in _SECRET_PARAMETERS for name, _ in pairs):
            return self._text(query)
        return self._text(
            urlencode([(name, MARK if name.lower() in _SECRET_PARAMETERS else value) for name, value in pairs])
        )

    def _text(self, text: str) -> str:
        return self._bytes(text.encode()).decode()

    def _bytes(self, data: bytes) -> bytes:
        return b"".join(chunk.data for chunk in self._chunks((Chunk(0, data),)))

    def _chunks(self, chunks: tuple[Chunk, ...]) -> tuple[Chunk, ...]:
        """Replace each secret by the mark where it begins; the chunks it ran into lose its rest."""
        spans = list(self._spans(b"".join(chunk.data for chunk in chunks)))
        if not spans:
            return chunks
        kept: list[Chunk] = []
        begin = 0
        for chunk in chunks:
            end = begin + len(chunk.data)
            parts: list[bytes] = []
            at = begin
            for start, stop in spans:
                if stop <= begin or start >= end:
                    continue
                parts.append(chunk.data[at - begin : max(start, begin) - begin])
                if start >= begin:
                    parts.append(MARK.encode())
                at = min(stop, end)
            parts.append(chunk.data[at - begin :])
            data = b"".join(parts)
            if data:
                kept.append(Chunk(chunk.at, data))
            begin = end
        return tuple(kept)

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where secrets stand, in order, touching ones joined."""
        found = [match.span() for pattern in (_KEY_SHAPES, *self.patterns) for match in pattern.finditer(data)]
        found = [(start, stop) for start, stop in found if stop > start and data[start:stop] != MARK.encode()]
        found += [match.span(1) for pattern in self._echoes for match in pattern.finditer(data)]
        for form in _forms(self.secrets):
            # Percent-encoding may be in lower case.
            flags = re.IGNORECASE if b"%" in form else 0
            found += [match.span() for match in re.finditer(re.escape(form), data, flags)]
        merged: list[tuple[int, int]] = []
        for start, stop in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(stop, merged[-1][1])
            else:
                merged.append((start, stop))
        yield from merged


def _forms(secrets: frozenset[str]) -> Iterator[bytes]:
    """The spellings of each secret: as it is, in a URL, in JSON, in base64."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET and secret != MARK:
            raw = secret.encode()
            in_url = {quote(secret, safe="").encode(), quote_plus(secret).encode()}
            yield from {raw, dumps(secret)[1:-1], base64.b64encode(raw).rstrip(b"=")} | in_url


def _echoes(body: bytes) -> Iterator[re.Pattern[bytes]]:
    """Where an answer repeats the names of people that its question held."""
    try:
        document = loads(body)
    except JSONError:
        return
    for path in _IDENTITY_PATHS:
        value = document
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str) and value and value != MARK:
            spelled = re.escape(dumps(value)[1:-1])
            yield re.compile(rb'"%b"\s*:\s*"(%b)"' % (path[-1].encode(), spelled))


def _decoded(fixture: Fixture) -> bytes:
    """The answer without its content coding, b"" where it has none or is broken."""
    codings = [value for name, value in fixture.headers if name == b"content-encoding"]
    if not codings:
        return b""
    try:
        decoder = ContentDecoder(parse_codings(codings), limit=_MAX_DECODED_BYTES)
        return b"".join([*decoder.feed(fixture.body), *decoder.close()])
    except (UnknownCoding, ProtocolViolation):
        return b""


def _spelled(body: bytes) -> Iterator[tuple[str, bytes]]:
    """What an answer says once its JSON is read: for each place in its documents, the strings there, joined."""
    joined: dict[str, list[str]] = {}
    for document in _documents(body):
        for path, text in _strings(document, "$"):
            joined.setdefault(path, []).append(text)
    for path, texts in joined.items():
        yield path, "".join(texts).encode("utf-8", "surrogatepass")


def _documents(body: bytes) -> Iterator[JSON]:
    """The JSON documents of an answer: one that is all of it, else one a line."""
    try:
        yield loads(body)
        return
    except JSONError:
        pass
    for line in body.splitlines():
        try:
            yield loads(line.removeprefix(b"data:").strip(b" ,[]"))
        except JSONError:
            continue


def _strings(value: JSON, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield path, value
        case Mapping():
            for name, item in value.items():
                yield from _strings(item, f"{path}.{name}")
        case list():
            for item in value:
                yield from _strings(item, f"{path}[]")
