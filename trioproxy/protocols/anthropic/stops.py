"""Stop reasons, both ways. Source: platform.claude.com, "Handling stop reasons"; ``compaction`` from the context management beta."""

from __future__ import annotations

from trioproxy.neutral.events import FinishReason

__all__ = ["STOPS", "stop_read", "stop_written"]

STOPS: dict[str, FinishReason] = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP_SEQUENCE,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.REFUSAL,
    "pause_turn": FinishReason.PAUSE,
    # The provider stopped to hand over a summary; the client is to send the conversation again, as after a pause.
    "compaction": FinishReason.PAUSE,
    "model_context_window_exceeded": FinishReason.CONTEXT_LENGTH,
}

_WRITTEN: dict[FinishReason, str] = {
    FinishReason.STOP: "end_turn",
    FinishReason.STOP_SEQUENCE: "stop_sequence",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
    FinishReason.REFUSAL: "refusal",
    FinishReason.PAUSE: "pause_turn",
    FinishReason.CONTEXT_LENGTH: "model_context_window_exceeded",
}


def stop_read(raw: str | None, *, called: bool) -> FinishReason:
    """What a provider's ``stop_reason`` means. An unknown word is a plain stop; whether that, or none, is one for tools, is told by whether any
    were ``called``: imitations say ``end_turn`` behind calls, and ``tool_use`` behind none, and agents loop on the word."""
    reason = STOPS.get(raw, FinishReason.STOP) if raw is not None else FinishReason.STOP
    if reason in {FinishReason.STOP, FinishReason.TOOL_CALLS}:
        return FinishReason.TOOL_CALLS if called else FinishReason.STOP
    return reason


def stop_written(reason: FinishReason, *, raw: str | None = None, called: bool = False, refused: bool = False) -> str:
    """The ``stop_reason`` for a client.

    ``raw`` is the provider's own word, used where it is one of ours for the same reason. A plain stop behind tool calls is ``tool_use``
    (agents loop on that word alone), behind a refusal ``refusal``.
    """
    if raw is not None and STOPS.get(raw) is reason:
        return raw
    if reason is FinishReason.STOP and called:
        return "tool_use"
    if reason is FinishReason.STOP and refused:
        return "refusal"
    return _WRITTEN[reason]
