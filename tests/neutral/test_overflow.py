from __future__ import annotations

import pytest

from trioproxy.neutral.overflow import OVERFLOW, overflow_code, overflow_words
from trioproxy.protocols.table import protocol
from trioproxy.wire.jsoncodec import dumps

_GOOGLE = "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."
_ANTHROPIC = "prompt is too long: 210000 tokens > 200000 maximum"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (_GOOGLE, OVERFLOW),
        (_ANTHROPIC, OVERFLOW),
        ("input length and `max_tokens` exceed context limit: 1 + 2 > 2", OVERFLOW),
        ("This model's maximum context length is 32768 tokens. However, you requested 40000 tokens", OVERFLOW),
        ("This model's maximum prompt length is 131072 but the request contains 150000 tokens.", OVERFLOW),
        ("Prompt contains 33000 tokens, too large for model with 32768 maximum context length", OVERFLOW),
        ("request (9000 tokens) exceeds the available context size (8192 tokens)", OVERFLOW),
        ("Your input exceeds the context window of this model.", OVERFLOW),
        ("invalid params, context window exceeds limit", OVERFLOW),
        ("Invalid request: Your request exceeded model token limit: 131072", OVERFLOW),
        ("Input is too long for requested model.", OVERFLOW),
        ("Prompt exceeds max length", OVERFLOW),
        ("prompt token count of 139512 exceeds the limit of 128000", OVERFLOW),
        ("Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).", OVERFLOW),
        ("Prompt exceeds the maximum allowed input length of 131072 tokens", OVERFLOW),
        ("The request exceeds the model's maximum context length of 8192 tokens", OVERFLOW),
        ("The input (9000 tokens) is longer than the model's context length (8192 tokens).", OVERFLOW),
        ("The decoder prompt (length 163840) is longer than the maximum model length of 131072.", OVERFLOW),
        ("Input length 6491 exceeds context length 1500", OVERFLOW),
        ("The number of tokens to keep from the initial prompt is greater than the context length.", OVERFLOW),
        ("the model is loaded with context length of only 32768 tokens, which is not enough", OVERFLOW),
        ("Your prompt has 9000 tokens, but the configured context size is 8192 tokens", OVERFLOW),
        ("Please reduce the length of the messages or completion.", OVERFLOW),
        ("prompt too long; exceeded max context length by 1119046 tokens", OVERFLOW),
        ("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]", OVERFLOW),
        ("The total length of all messages is too long.", OVERFLOW),
        ("Request too large for m on tokens per min (TPM): Limit 6000, Requested 9000.", None),
        ("Your requests exceed the limit of 5 a minute", None),
        ("The prompt is bad", None),
        ("max_tokens is larger than the context length allows", None),
        (None, None),
    ],
)
def test_what_messages_say(message: str | None, code: str | None) -> None:
    assert overflow_code(message) == code


def test_words_for_a_code() -> None:
    assert overflow_words(OVERFLOW, "Too much.") == "prompt is too long: Too much."
    assert overflow_words(OVERFLOW, "Prompt is too long") == "Prompt is too long"
    assert overflow_words(None, "Too much.") == "Too much."
    assert overflow_words("400", "The request exceeds the context window.").startswith("prompt is too long: The")


@pytest.mark.parametrize(
    ("provider", "error"),
    [
        ("gemini", {"code": 400, "message": _GOOGLE, "status": "INVALID_ARGUMENT"}),
        ("anthropic", {"type": "invalid_request_error", "message": _ANTHROPIC}),
        (
            "openai_chat",
            {"type": "invalid_request_error", "code": OVERFLOW, "message": "Too much.", "param": "messages"},
        ),
    ],
)
def test_every_client_is_told_in_its_own_word(provider: str, error: dict[str, object]) -> None:
    failure = protocol(provider).read_error(400, {}, dumps({"error": error, "type": "error"}))
    for client in ("openai_chat", "openai_responses"):
        assert protocol(client).render_error(failure)["error"]["code"] == OVERFLOW
    assert "prompt is too long" in protocol("anthropic").render_error(failure)["error"]["message"]
