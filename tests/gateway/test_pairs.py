"""Which lane an answer takes, and what is said of a crossing that is not offered."""

from __future__ import annotations

import pytest

from tests.support.houses import SIMPLE, snapshot_of
from trioproxy.config.model import Deadlines
from trioproxy.config.routed import Candidate
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.gateway import pairs
from trioproxy.gateway.pairs import choose_lane
from trioproxy.gateway.stages import Lane
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation


def asked(protocol: str, operation: Operation) -> Asked:
    endpoint = Endpoint(method="POST", path="/", operation=operation)
    return Asked(protocol=protocol, endpoint=endpoint, model="m", stream=False, body=b"{}", spot=ModelSpot.JSON)


def candidate(protocol: str) -> Candidate:
    found = (credential for credential in snapshot_of(SIMPLE).credentials if credential.wire(protocol) is not None)
    credential = next(found)
    wire = credential.wire(protocol)
    assert wire is not None
    return Candidate(credential=credential, wire=wire, model="up", deadlines=Deadlines())


@pytest.mark.parametrize(
    ("client", "operation", "provider", "lane"),
    [
        ("anthropic", Operation.GENERATE, "anthropic", Lane.PASS),
        ("anthropic", Operation.GENERATE, "gemini", Lane.TRANSLATE),
        ("anthropic", Operation.COUNT_TOKENS, "anthropic", Lane.PASS),
        ("anthropic", Operation.COUNT_TOKENS, "gemini", Lane.TRANSLATE),
        ("gemini", Operation.COUNT_TOKENS, "openai_responses", Lane.TRANSLATE),
        ("openai_responses", Operation.COMPACT, "openai_responses", Lane.PASS),
        ("openai_responses", Operation.COMPACT, "openai_chat", Lane.TRANSLATE),
        ("openai_chat", Operation.COMPLETIONS, "openai_chat", Lane.PASS),
        ("openai_chat", Operation.COMPLETIONS, "anthropic", Lane.TRANSLATE),
    ],
)
def test_the_own_protocol_passes_and_what_can_cross_is_translated(
    client: str, operation: Operation, provider: str, lane: Lane
) -> None:
    assert choose_lane(asked(client, operation), candidate(provider)) is lane


@pytest.mark.parametrize(
    ("client", "operation", "provider", "words"),
    [
        ("anthropic", Operation.COUNT_TOKENS, "openai_chat", "for count_tokens is not offered"),
        ("openai_chat", Operation.IMAGES, "gemini", "for images is not offered"),
        ("anthropic", Operation.COMPACT, "anthropic", "has no compact in anthropic"),
    ],
)
def test_what_cannot_cross_is_refused_by_its_name(client: str, operation: Operation, provider: str, words: str) -> None:
    with pytest.raises(ClientFault, match=words) as caught:
        choose_lane(asked(client, operation), candidate(provider))
    assert caught.value.failure.kind is ErrorKind.UNSUPPORTED


def test_a_pair_that_is_not_ready_names_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "READY", frozenset({("gemini", "anthropic")}))
    with pytest.raises(ClientFault, match="in anthropic or gemini"):
        choose_lane(asked("openai_chat", Operation.GENERATE), candidate("anthropic"))
