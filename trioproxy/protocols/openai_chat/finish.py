"""Why an answer ended, in the words of Chat Completions and of the servers that speak it.

Knows: every ``finish_reason`` seen on this wire and what it means, and the one word OpenAI's clients know for each reason of ours.
"""

from __future__ import annotations

import re

from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.loss import Loss
from trioproxy.wire.jsoncodec import Object

__all__ = ["FAILING", "lost_stop", "read_finish", "sequence_hit", "write_finish"]

_TOKEN = re.compile(r"<\|.*\|>|</?s>|<eos>|<end_of_turn>|\[/INST\]")

_READ: dict[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP_SEQUENCE,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    # Gateways in front of Responses and of watsonx.
    "max_output_tokens": FinishReason.LENGTH,
    "token_limit": FinishReason.LENGTH,
    # Mistral: the model's own limit, not the request's.
    "model_length": FinishReason.CONTEXT_LENGTH,
    "model_context_window_exceeded": FinishReason.CONTEXT_LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    # Z.ai
    "sensitive": FinishReason.CONTENT_FILTER,
    "safety": FinishReason.CONTENT_FILTER,
    "recitation": FinishReason.CONTENT_FILTER,
    # Bedrock, and gateways in front of it
    "guardrail_intervened": FinishReason.CONTENT_FILTER,
    "content_filtered": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
}

FAILING: dict[str, ErrorKind] = {
    # OpenRouter
    "error": ErrorKind.INTERNAL,
    # vLLM, SGLang: the server gave the request up.
    "abort": ErrorKind.INTERNAL,
    # Z.ai
    "network_error": ErrorKind.UNREACHABLE,
    # DeepSeek
    "insufficient_system_resource": ErrorKind.OVERLOADED,
}
"""Finish reasons that are failures: the answer is not whole, whatever came before."""

_WRITE: dict[FinishReason, str] = {
    FinishReason.STOP: "stop",
    FinishReason.STOP_SEQUENCE: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.CONTEXT_LENGTH: "length",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.REFUSAL: "content_filter",
    FinishReason.PAUSE: "stop",
}


def read_finish(raw: str | None, *, called: bool, refused: bool, stop_sequence: str | None = None) -> FinishReason:
    """The reason behind a server's word, an unknown word or none being STOP.

    ``called`` and ``refused`` tell whether the answer holds tool calls or a refusal: many servers say ``stop`` after both, and a few say
    ``tool_calls`` after none. ``stop_sequence`` is the sequence that was hit, where the server tells (:func:`sequence_hit`).
    """
    reason = _READ.get((raw or "").lower(), FinishReason.STOP)
    if reason is FinishReason.TOOL_CALLS and not called:
        reason = FinishReason.STOP
    if reason is not FinishReason.STOP:
        return reason
    if called:
        return FinishReason.TOOL_CALLS
    if refused:
        return FinishReason.REFUSAL
    return FinishReason.STOP_SEQUENCE if stop_sequence is not None else FinishReason.STOP


def sequence_hit(choice: Object) -> str | None:
    """The stop sequence that ended a choice: vLLM's ``stop_reason``, SGLang's ``matched_stop``.

    Both may name a token in its place, by its number or, where a prompt's template brings it, by its spelling; nobody asked for that.
    """
    for name in ("stop_reason", "matched_stop"):
        hit = choice.get(name)
        if isinstance(hit, str) and hit and _TOKEN.fullmatch(hit) is None:
            return hit
    return None


def write_finish(reason: FinishReason, *, refused: bool = False) -> str:
    """OpenAI's word. ``refused`` tells whether a refusal text was sent: then OpenAI says ``stop``."""
    if reason is FinishReason.REFUSAL and refused:
        return "stop"
    return _WRITE[reason]


def lost_stop(sequence: str | None) -> list[Loss]:
    """The loss of the stop sequence that was hit: OpenAI says ``stop`` and no more."""
    return [] if sequence is None else [Loss("stop_sequence", "an answer does not say which stop sequence ended it")]
