from __future__ import annotations

from tests.protocols.openai_responses.streams import context
from tests.protocols.openai_responses.test_read_request import FULL, conversation_of
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.request import Conversation, ReasoningAsk, ToolChoice, ToolChoiceMode
from trioproxy.neutral.response import Answer
from trioproxy.protocols.openai_responses import PROTOCOL


def test_a_request_is_said_back() -> None:
    answer = Answer(id="resp_1", model="upstream", parts=(), finish=FinishReason.STOP)
    body = PROTOCOL.write_body(answer, context(conversation_of(FULL))).body

    for name in (
        "tools",
        "tool_choice",
        "instructions",
        "max_output_tokens",
        "temperature",
        "top_p",
        "metadata",
        "text",
    ):
        assert body[name] == FULL[name]
    for name in (
        "parallel_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "truncation",
        "max_tool_calls",
        "store",
    ):
        assert body[name] == FULL[name]
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert body["model"] == "asked-model"
    assert body["created_at"] == 1_700_000_000


def test_what_was_not_asked_has_openais_defaults() -> None:
    answer = Answer(id="", model="", parts=(), finish=FinishReason.STOP)
    plain = PROTOCOL.write_body(answer, context()).body
    asked = Conversation(model="m", reasoning=ReasoningAsk(), tool_choice=ToolChoice(mode=ToolChoiceMode.NONE))
    echoed = PROTOCOL.write_body(answer, context(asked)).body

    assert (plain["tools"], plain["tool_choice"], plain["temperature"], plain["store"]) == ([], "auto", 1.0, False)
    assert plain["id"] == "resp_abc"
    assert {**plain, "tool_choice": "none"} == echoed
