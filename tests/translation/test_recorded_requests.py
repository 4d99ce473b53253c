"""Every recorded request, written for a provider of every protocol, read as that provider reads it, and taken back again."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable

import attrs
import pytest

from tests.support.recordings import FOLDER
from tests.translation.requests import MODELS, RequestGist, joined, read_request, request_gist, requested
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import WriteTarget, Written
from trioproxy.protocols.table import NAMES, protocol

CHAT, RESPONSES, MESSAGES, GEMINI = NAMES

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of real providers beside the project")
of_each_pair = pytest.mark.parametrize(("source", "target"), list(itertools.product(NAMES, repeat=2)))


@attrs.frozen(kw_only=True)
class Rule:
    """What a request of another protocol becomes for ``targets``, and is no loss."""

    targets: frozenset[str]
    reason: str
    shown: Callable[[RequestGist], RequestGist]


def _told_errors(gist: RequestGist) -> RequestGist:
    loop = tuple(
        (*each[:4], f"Error: {each[4]}", *each[5:-1], "") if each[-1] == "error" and len(each) > 5 else each
        for each in gist.loop
    )
    return attrs.evolve(gist, loop=loop)


def _spelled_out(gist: RequestGist) -> RequestGist:
    def text(each: tuple[str, ...]) -> tuple[str, ...]:
        match each:
            case (role, "document", name, "text/plain", data):
                heading = f"{name}:\n" if name else ""
                return (role, "text", heading + base64.b64decode(data).decode())
            case _:
                return each

    return attrs.evolve(gist, words=joined(text(each) for each in gist.words))


def _likes(word: str) -> Callable[[RequestGist], RequestGist]:
    return lambda gist: attrs.evolve(gist, thinks=word) if gist.thinks == "as it likes" else gist


RULES = (
    Rule(
        targets=frozenset({MESSAGES}),
        reason="max_tokens is compulsory",
        shown=lambda gist: attrs.evolve(gist, max_tokens=gist.max_tokens or WriteTarget(model="").max_tokens_default),
    ),
    Rule(
        targets=frozenset({GEMINI}),
        reason="the path says whether an answer is streamed, not the body",
        shown=lambda gist: attrs.evolve(gist, stream=False),
    ),
    Rule(
        targets=frozenset({CHAT}),
        reason="a plain text is no document but text, behind its name",
        shown=_spelled_out,
    ),
    Rule(
        targets=frozenset({MESSAGES}),
        reason="models that are given a budget think if they are to think as they like",
        shown=_likes("yes"),
    ),
    Rule(
        targets=frozenset({CHAT, RESPONSES, GEMINI}),
        reason="a model that is told nothing thinks as it likes",
        shown=_likes("unsaid"),
    ),
    Rule(
        targets=frozenset({CHAT, RESPONSES}),
        reason="a result has no mark of failure: its text says it",
        shown=_told_errors,
    ),
)

# Which losses may explain that a field of a request arrives otherwise. Nothing explains a tool loop that does.
EXPLAINED = {
    "system": ("response_format", "messages", "system", "turns"),
    "words": ("messages", "turns", "system"),
    "loop": (),
    "tools": ("tools",),
    "choice": ("tool_choice", "tools"),
    "parallel": ("parallel_tools",),
    "thinks": ("reasoning", "thinking"),
    "output": ("response_format", "output"),
}


def _written(said: Conversation, target: str) -> Written | None:
    """None where the target refuses the request, naming a field."""
    try:
        return protocol(target).write_request(said, WriteTarget(model=MODELS[target], stream=said.stream))
    except ClientFault as fault:
        if fault.failure.kind is ErrorKind.INVALID_REQUEST and fault.failure.param:
            return None
        raise


def _expected(gist: RequestGist, *way: str) -> RequestGist:
    """The gist as the last protocol of ``way`` is to read it, each being told it by the one before."""
    for source, target in itertools.pairwise(way):
        for rule in RULES if source != target else ():
            gist = rule.shown(gist) if target in rule.targets else gist
    return gist


def _unexplained(before: RequestGist, after: RequestGist, losses: Iterable[Loss]) -> list[str]:
    paths = [loss.path for loss in losses]
    return [
        f"{name}: {getattr(before, name)!r:.300} became {getattr(after, name)!r:.300}; losses {paths[:9]}"
        for name in (field.name for field in attrs.fields(RequestGist))
        if getattr(before, name) != getattr(after, name)
        and not any(path.startswith(EXPLAINED.get(name, (name,))) for path in paths)
    ]


@needs_recordings
@of_each_pair
def test_a_request_means_the_same_to_the_provider(source: str, target: str) -> None:
    wrong: list[str] = []
    for recording, said in requested(source):
        written = _written(said, target)
        if written is not None:
            before = _expected(request_gist(said), source, target)
            after = request_gist(read_request(target, written.body), written.naming)
            wrong += [f"{recording}: {each}" for each in _unexplained(before, after, written.losses)]
    assert not wrong, "\n".join(wrong)


@needs_recordings
@of_each_pair
def test_a_request_comes_back_as_it_was(source: str, target: str) -> None:
    wrong: list[str] = []
    for recording, said in requested(source):
        there = _written(said, target)
        back = _written(read_request(target, there.body), source) if there is not None else None
        if there is not None and back is not None:
            before = _expected(request_gist(said), source, target, source)
            after = request_gist(read_request(source, back.body), there.naming)
            losses = [*there.losses, *back.losses]
            wrong += [f"{recording}: {each}" for each in _unexplained(before, after, losses)]
    assert not wrong, "\n".join(wrong)


@needs_recordings
@pytest.mark.parametrize("name", NAMES)
def test_most_requests_can_be_asked_of_every_provider(name: str) -> None:
    """What is refused is what nobody else can do; it must stay the exception."""
    said = [conversation for _, conversation in requested(name)]
    refused = [target for target in NAMES for each in said if _written(each, target) is None]
    assert len(refused) < len(said) * len(NAMES) * 0.1
    assert name not in refused
