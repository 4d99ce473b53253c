from __future__ import annotations

import pytest

from trioproxy.errors import ErrorKind, Failure
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.protocols.openai_responses.failed import failed_response
from trioproxy.wire.jsoncodec import loads_object


def test_a_stream_that_was_seen_fails_as_the_response_it_is() -> None:
    seen = StreamSeen(response_id="resp_1", model="m", created=5, sequence_number=41)
    (frame,) = PROTOCOL.error_frames(Failure(kind=ErrorKind.TIMEOUT, message="silence", code="slow_down"), seen)

    document = loads_object(frame.data)
    assert frame.event == document["type"] == "response.failed"
    assert document["sequence_number"] == 42
    response = document["response"]
    assert (response["id"], response["model"], response["created_at"], response["status"]) == (
        "resp_1",
        "m",
        5,
        "failed",
    )
    assert response["error"] == {"code": "slow_down", "message": "silence"}


def test_a_stream_of_which_nothing_was_seen_is_created_first() -> None:
    failure = Failure(kind=ErrorKind.UNREACHABLE, message="gone", model="asked")
    frames = [loads_object(frame.data) for frame in PROTOCOL.error_frames(failure, StreamSeen())]

    assert [(document["type"], document["sequence_number"]) for document in frames] == [
        ("response.created", 0),
        ("response.failed", 1),
    ]
    assert len({document["response"]["id"] for document in frames}) == 1
    assert frames[1]["response"]["model"] == "asked"


def test_a_stream_of_which_only_numbers_were_seen_goes_on_from_there() -> None:
    frames = PROTOCOL.error_frames(Failure(kind=ErrorKind.TIMEOUT, message="x"), StreamSeen(sequence_number=3))

    assert [loads_object(frame.data)["sequence_number"] for frame in frames] == [4]


@pytest.mark.parametrize(
    ("kind", "said", "written"),
    [
        (ErrorKind.INVALID_REQUEST, "context_length_exceeded", "context_length_exceeded"),
        (ErrorKind.RATE_LIMITED, "1002", "rate_limit_exceeded"),
        (ErrorKind.OVERLOADED, "UNAVAILABLE", "server_error"),
        (ErrorKind.INTERNAL, None, "server_error"),
    ],
)
def test_a_code_that_no_client_knows_is_told_by_its_kind(kind: ErrorKind, said: str | None, written: str) -> None:
    failure = Failure(kind=kind, message="m", code=said)
    assert failed_response({}, failure)["error"] == {"code": written, "message": "m"}
