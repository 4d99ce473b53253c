"""How a stream that began well ends badly: ``response.failed``, with the response as far as it is known. No other event follows it."""

from __future__ import annotations

from collections.abc import Sequence

from trioproxy.errors import Failure
from trioproxy.protocols.base import StreamSeen
from trioproxy.protocols.openai_responses.echo import minimal_response
from trioproxy.protocols.openai_responses.errors import response_error
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["error_frames", "failed_response", "frame"]


def frame(kind: str, number: int, members: Object) -> Frame:
    """One event of a stream."""
    return Frame(dumps({"type": kind, "sequence_number": number, **members}), event=kind)


def failed_response(response: Object, failure: Failure) -> Object:
    """The response as a failed one."""
    return {**response, "status": "failed", "error": response_error(failure), "incomplete_details": None}


def error_frames(failure: Failure, seen: StreamSeen) -> Sequence[Frame]:
    """The end of a stream that a provider left open. The response is the one that was seen; clients refuse another id. Where nothing was
    seen a response is created first: the SDK's stream helper refuses any other beginning."""
    begun = bool(seen.response_id) or seen.sequence_number is not None
    response = minimal_response(
        response_id=seen.response_id or "resp_failed",
        model=seen.model or failure.model or "",
        created=seen.created or 0,
    )
    number = seen.sequence_number + 1 if seen.sequence_number is not None else 0
    frames: list[Frame] = []
    if not begun:
        frames.append(frame("response.created", number, {"response": response}))
        number += 1
    return [*frames, frame("response.failed", number, {"response": failed_response(response, failure)})]
