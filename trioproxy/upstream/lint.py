"""What is wrong with a file that should be a fixture, all of it at once, each with its line.

Knows: the order of the checks (JSON, the shipped schema, the rules that no schema can say, secrets) and where a person will find each place.
Refuses to know: how it is printed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path as File

from trioproxy.config.nearest import suggestion
from trioproxy.config.problems import Problem
from trioproxy.protocols.table import NAMES
from trioproxy.upstream.fixture import Fixture, FixtureInvalid, read_fixture
from trioproxy.upstream.lines import Path, line_of, lines, spelled
from trioproxy.upstream.redact import Redactor, SecretRemains, secrets_of
from trioproxy.upstream.schema import Breach, breaches
from trioproxy.wire.jsoncodec import JSONError, Object, loads

__all__ = ["fixture_schema", "lint"]


@functools.cache
def fixture_schema() -> Object:
    """The JSON Schema of fixtures that ships with the package."""
    schema: Object = loads(File(__file__).with_name("fixture.schema.json").read_bytes())
    return schema


def lint(data: bytes, name: str) -> list[Problem]:
    """The problems of one file, in the order of its lines; ``name`` is what they call it."""
    try:
        document = loads(data)
    except JSONError as error:
        return [Problem(file=name, line=_line_of_byte(data, str(error)), path="", message=str(error))]
    found = breaches(document, fixture_schema())
    if not found:
        found = _unwritten_rules(data, document)
    places = lines(data.decode())
    problems = [
        Problem(
            file=name,
            line=line_of(places, breach.path),
            path=spelled(breach.path),
            message=breach.message,
            suggestion=breach.suggestion,
        )
        for breach in found
    ]
    return sorted(problems, key=lambda problem: problem.line)


def _unwritten_rules(data: bytes, document: Object) -> list[Breach]:
    try:
        fixture = read_fixture(data)
    except FixtureInvalid as error:
        return [_placed(str(error))]
    found: list[Breach] = []
    if fixture.protocol not in ("", *NAMES) and (near := suggestion(fixture.protocol, NAMES)):
        found.append(Breach(("protocol",), f"is {fixture.protocol!r}, which nobody speaks", near))
    return found + list(_secrets(fixture, document))


_PLACE = re.compile(r"[a-z]+(?:\.[a-z0-9_]+|\[\d+\])*")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def _placed(message: str) -> Breach:
    """A message that begins with its place."""
    found = _PLACE.match(message)
    if found is None:
        return Breach((), message)
    path = tuple(int(number) if number else word for number, word in _STEP.findall(found[0]))
    return Breach(path, message[found.end() :].strip())


# -- secrets: what redaction would still take out

_ADVICE = "; `trioproxy fixtures redact` takes it out"


def _secrets(fixture: Fixture, document: Object) -> Iterator[Breach]:
    redactor = Redactor(frozenset(secrets_of(fixture.request.headers, fixture.request.query)))
    clean = redactor.redact(fixture)
    asked, kept = fixture.request, clean.request
    for side, before, after in (("request", asked.headers, kept.headers), ("response", fixture.headers, clean.headers)):
        for number, (header, value) in enumerate(before):
            if (header, value) not in after:
                word = header.decode("latin-1")
                yield Breach((side, "headers", number), f"{word!r} is no header that a recording keeps{_ADVICE}")
    for place, differs in (
        (("request", "path"), asked.path != kept.path),
        (("request", "query"), asked.query != kept.query),
        (("note",), fixture.note != clean.note),
    ):
        if differs:
            yield Breach(place, f"holds what looks like a key{_ADVICE}")
    if asked.body != kept.body:
        path = _first_difference(document["request"].get("body"), _parsed(kept.body))
        yield Breach(("request", "body", *path), f"holds what looks like a key or names a person{_ADVICE}")
    for number, chunk in enumerate(fixture.chunks):
        if chunk not in clean.chunks:
            yield Breach(("response", "chunks", number), f"holds what looks like a key{_ADVICE}")
    try:
        redactor.check(clean)
    except SecretRemains as error:
        yield Breach(("response",), f"{error}, which only an edit by hand can take out")


def _parsed(body: bytes) -> object:
    try:
        return loads(body)
    except JSONError:
        return None


def _first_difference(ours: object, theirs: object) -> Path:
    """The way to the first member that differs."""
    match ours, theirs:
        case dict(), dict():
            pairs = [(name, item, theirs.get(name)) for name, item in ours.items()]
        case list(), list() if len(ours) == len(theirs):
            pairs = [(number, item, theirs[number]) for number, item in enumerate(ours)]
        case _:
            return ()
    for step, mine, other in pairs:
        if mine != other:
            return (step, *_first_difference(mine, other))
    return ()


_BYTE = re.compile(r"byte (\d+)")


def _line_of_byte(data: bytes, message: str) -> int:
    found = _BYTE.search(message)
    return data.count(b"\n", 0, int(found[1])) + 1 if found else 0
