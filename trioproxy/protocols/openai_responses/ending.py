"""How an answer ended: the final response's ``status`` and what it says beside it."""

from __future__ import annotations

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Event, Failed, Finished, FinishReason
from trioproxy.protocols.openai_responses.errors import failure_of
from trioproxy.wire.jsoncodec import Object

__all__ = ["INCOMPLETE", "PENDING", "ending", "incomplete_reason"]

INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
"""``incomplete_details.reason`` and what it is to the hub. Any other reason, or none, counts as LENGTH: there is more that was not said."""

PENDING = frozenset({"queued", "in_progress"})
"""The statuses of a response that is worked on in the background: it has to be asked for again."""

_REASONS = {reason: word for word, reason in INCOMPLETE.items()} | {FinishReason.CONTEXT_LENGTH: "max_output_tokens"}


def incomplete_reason(reason: FinishReason, *, refused: bool = True) -> str | None:
    """What ``incomplete_details`` says of an end, None where the response is complete.

    ``refused`` tells whether the answer holds a refusal: one that the model put in words is complete, one that only broke it off is not.
    """
    if reason is FinishReason.REFUSAL and not refused:
        return "content_filter"
    return _REASONS.get(reason)


def ending(response: Object, status: str, *, called: bool, refused: bool, nameless: bool = False) -> Event:
    """The last event. ``status`` is what the response or the event that brought it says; ``called`` and ``refused`` tell what the answer
    held, ``nameless`` that it held a call of no tool, which no client could act on."""
    if status == "failed" or (status not in PENDING and response.get("error")):
        fallback = "The provider ended the answer as failed and did not say why."
        return Failed(failure=failure_of(response.get("error") or {}, fallback=fallback))
    if status == "cancelled":
        message = "The response was cancelled at the provider."
        return Failed(failure=Failure(kind=ErrorKind.TRUNCATED, message=message, fault=Fault.UPSTREAM))
    if nameless:
        message = "The provider's answer can't be used: a tool call was never given a name."
        return Failed(failure=Failure(kind=ErrorKind.MALFORMED, message=message, fault=Fault.UPSTREAM))
    if status in PENDING:
        return Finished(reason=FinishReason.PAUSE, raw=status)
    details = response.get("incomplete_details")
    if status == "incomplete" or (status != "completed" and isinstance(details, dict)):
        reason = details.get("reason") if isinstance(details, dict) else None
        spelled = reason if isinstance(reason, str) else None
        return Finished(reason=INCOMPLETE.get(spelled or "", FinishReason.LENGTH), raw=spelled or "incomplete")
    return Finished(reason=_completed(called=called, refused=refused), raw=status)


def _completed(*, called: bool, refused: bool) -> FinishReason:
    if called:
        return FinishReason.TOOL_CALLS
    return FinishReason.REFUSAL if refused else FinishReason.STOP
