"""Every recorded answer, told as a stream and put together by the vendors' own Python clients (the ``sdk`` extra): what they have at its end is
what the provider said."""

from __future__ import annotations

import itertools

import pytest

from tests.support.recordings import FOLDER
from tests.translation.crossings import CONTEXT, answered
from tests.translation.gists import Gist, expected, gist_of
from tests.translation.sdk_clients import Heard, SDKClients
from trioproxy.neutral.events import Event
from trioproxy.neutral.fold import fold
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.sse import encode

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of real providers beside the project")


@pytest.fixture(scope="module")
def clients() -> SDKClients:
    return SDKClients()


def told(events: list[Event], target: str) -> bytes:
    writer = protocol(target).stream_writer(CONTEXT)
    return encode([frame for event in events for frame in writer.feed(event)] + writer.close())


def to_be_heard(gist: Gist) -> Heard:
    def words(kind: str) -> str:
        return "".join(each[1] for each in gist.said if each[0] == kind)

    return Heard(
        text=words("text"),
        reasoning=_unbroken(words("reasoning")),
        refusal=words("refusal"),
        calls=tuple((each[1], each[2], each[3]) for each in gist.said if each[0] == "call"),
        usage=(gist.usage.input or 0, gist.usage.output or 0),
    )


def _unbroken(thoughts: str) -> str:
    """Thoughts without the borders between their sections, which each client has its own way to show."""
    return thoughts.replace("\n", "")


@needs_recordings
@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(NAMES, 2)))
def test_recorded_answers_in_the_vendors_clients(clients: SDKClients, source: str, target: str) -> None:
    wrong: list[str] = []
    for recording, events in answered(source):
        answer = fold(events)
        try:
            heard = clients.heard(target, told(events, target))
        except Exception as raised:
            if answer.failure is None and not clients.native(target, raised):
                wrong.append(f"{recording}: {type(raised).__name__} {raised!s:.300}")
            continue
        if answer.failure is not None:
            wrong.append(f"{recording}: a failure was not told")
            continue
        should = to_be_heard(expected(gist_of(answer), target, "stream"))
        found = Heard(
            text=heard.text,
            reasoning=_unbroken(heard.reasoning),
            refusal=heard.refusal,
            calls=heard.calls,
            usage=heard.usage,
        )
        if found != should:
            wrong.append(f"{recording}: {found!r:.400} instead of {should!r:.400}")
    assert not wrong, "\n".join(wrong)
