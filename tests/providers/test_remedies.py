"""What is left out of a request after its provider refused it, by the words of the refusal."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ErrorKind, Failure
from trioproxy.providers.quirk import ANTHROPIC, CHAT, GEMINI, RESPONSES, QuirkContext
from trioproxy.providers.remedies import REMEDIES, remedies_for

EXCUSED = frozenset({"excused-calls"})
SKIP = "skip_thought_signature_validator"


def helped(
    protocol: str, said: str, body: Any, *, code: str | None = None, quirks: frozenset[str] = frozenset()
) -> Any:
    """The body after the first remedy for these words, None where nothing is known or nothing changes."""
    failure = Failure(kind=ErrorKind.INVALID_REQUEST, message=said, code=code)
    context = QuirkContext(protocol=protocol, quirks=quirks)
    for remedy in remedies_for(protocol, failure):
        changed = remedy.edit(body, context)
        assert (changed is None) == (not context.losses)
        return changed
    return None


CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "0badcafe"}
ASKED = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    "said",
    [
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
        "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified",
    ],
)
def test_thoughts_that_a_provider_of_messages_cannot_read_are_left_out(said: str) -> None:
    alone = {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]}
    history = [ASKED, {"role": "assistant", "content": [THOUGHT, CALL]}, RESULT, alone, "odd"]
    body = {"messages": history, "thinking": {"type": "adaptive"}}
    assert helped(ANTHROPIC, said, body) == {
        "messages": [ASKED, {"role": "assistant", "content": [CALL]}, RESULT, "odd"],
        "thinking": {"type": "adaptive"},
    }
    assert helped(ANTHROPIC, said, {"messages": [ASKED]}) is None


def test_a_loop_without_its_thoughts_is_not_thought_about_within_a_budget() -> None:
    said = "messages.1.content.0: Invalid `signature` in `thinking` block"
    clear = {"type": "clear_thinking_20251015", "keep": "all"}
    other = {"type": "clear_tool_uses_20250919"}
    budget = {"type": "enabled", "budget_tokens": 1024}
    history = [ASKED, {"role": "assistant", "content": [THOUGHT, CALL]}, RESULT]
    body = {"messages": history, "thinking": budget, "context_management": {"edits": [clear]}}
    loop = [ASKED, {"role": "assistant", "content": [CALL]}, RESULT]
    assert helped(ANTHROPIC, said, body) == {"messages": loop}
    body["context_management"] = {"edits": [clear, other]}
    assert helped(ANTHROPIC, said, body) == {"messages": loop, "context_management": {"edits": [other]}}
    body["messages"] = [*history, {"role": "assistant", "content": "ok"}, ASKED]
    assert helped(ANTHROPIC, said, body)["thinking"] == budget


def test_a_loop_that_another_model_began_is_answered_without_thinking() -> None:
    said = "messages.5.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
    body = {"messages": [ASKED], "thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert helped(ANTHROPIC, said, body) == {"messages": [ASKED]}
    assert helped(ANTHROPIC, said, {"messages": [ASKED]}) is None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("The encrypted content gAAA...DQ== could not be verified.", "invalid_encrypted_content"),
        ("Could not decrypt the provided encrypted_content.", None),
        ("Could not decode the compaction blob. Ensure it is unmodified from the compact response.", None),
        ("Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.", None),
        ("Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.", None),
    ],
)
def test_reasoning_that_a_provider_of_responses_cannot_read_is_left_out(said: str, code: str | None) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    reasoning = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": []}
    body = {"input": [ASKED, reasoning, {**call, "id": "fc_1"}, message]}
    assert helped(RESPONSES, said, body, code=code) == {"input": [ASKED, call, message]}
    assert helped(RESPONSES, said, {"input": "hi"}, code=code) is None
    assert helped(RESPONSES, said, {"input": [ASKED]}, code=code) is None
    assert helped(RESPONSES, said, {"input": [reasoning]}, code=code) is None


@pytest.mark.parametrize("said", ["Corrupted thought signature.", "Function call is missing a thought_signature"])
def test_signatures_that_google_cannot_read_are_left_out(said: str) -> None:
    call = {"functionCall": {"name": "f"}}
    signed = {"role": "model", "parts": [{"text": "a", "thoughtSignature": "x"}, {**call, "thought_signature": "y"}, 1]}
    contents = [{"parts": [{"text": "hi"}]}, signed, "odd"]
    bare = helped(GEMINI, said, {"contents": contents})
    assert bare["contents"][1]["parts"] == [{"text": "a"}, call, 1]
    excused = helped(GEMINI, said, {"contents": contents}, quirks=EXCUSED)
    assert excused["contents"][1]["parts"] == [{"text": "a"}, {**call, "thoughtSignature": SKIP}, 1]
    assert helped(GEMINI, said, bare) is None


def test_ids_that_google_does_not_know_are_left_out() -> None:
    said = (
        "Invalid JSON payload received. Unknown name \"id\" at 'contents[1].parts[0].function_call': Cannot find field."
    )
    call, answer = {"name": "f", "args": {}}, {"name": "f", "response": {}}
    model = {"role": "model", "parts": [{"functionCall": {**call, "id": "a"}, "thoughtSignature": "x"}, 1]}
    user = {"role": "user", "parts": [{"function_response": {**answer, "id": "a"}}, {"text": "hi"}]}
    told = helped(GEMINI, said, {"contents": [model, user, "odd"]})
    assert told["contents"] == [
        {"role": "model", "parts": [{"functionCall": call, "thoughtSignature": "x"}, 1]},
        {"role": "user", "parts": [{"function_response": answer}, {"text": "hi"}]},
        "odd",
    ]
    assert helped(GEMINI, said, told) is None


def test_signatures_in_chat_are_left_out() -> None:
    own = {"google": {"thought_signature": "x"}}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [{**call, "extra_content": own}, "odd"]}
    said: dict[str, Any] = {
        **message,
        "reasoning_details": [{}],
        "thinking_blocks": [{}],
        "extra_content": own,
        "reasoning_content": "r",
    }
    bare = helped(CHAT, "Corrupted thought signature.", {"messages": [ASKED, said]})
    left = {"role": "assistant", "content": None, "tool_calls": [call, "odd"], "reasoning_content": "r"}
    assert bare == {"messages": [ASKED, left]}
    excused = helped(CHAT, "Invalid `signature` in `thinking` block", {"messages": [ASKED, said]}, quirks=EXCUSED)
    assert excused["messages"][1]["tool_calls"][0] == {
        **call,
        "extra_content": {"google": {"thought_signature": SKIP}},
    }
    assert (
        helped(CHAT, "Corrupted thought signature.", {"messages": [ASKED, {"role": "assistant", "content": "a"}]})
        is None
    )


@pytest.mark.parametrize(
    "said", ["System message must be at the beginning.", "Unexpected role 'system' after role 'tool'"]
)
def test_instructions_amid_a_chat_are_the_users(said: str) -> None:
    head = [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}]
    late = {"role": "system", "content": "c"}
    assert helped(CHAT, said, {"messages": [*head, ASKED, late]}) == {
        "messages": [*head, ASKED, {"role": "user", "content": "c"}]
    }
    assert helped(CHAT, said, {"messages": [*head, ASKED]}) is None
    assert helped(CHAT, said, {"messages": "odd"}) is None


def test_a_server_of_messages_that_knows_no_instructions_among_them_is_told_them_as_the_users() -> None:
    said = 'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter'
    late = {"role": "system", "content": "c"}
    told = {"messages": [ASKED, {"role": "user", "content": "c"}]}
    assert helped(ANTHROPIC, said, {"messages": [ASKED, late]}) == told


LONG, KIMI = "chatcmpl-tool-0123456789abcdef0123456789abcdef", "functions.read:0"


def test_ids_of_calls_are_as_openai_takes_them_in_chat() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    asking = {"role": "assistant", "content": None, "tool_calls": [{**call, "id": LONG}, {**call, "id": "a"}, "odd"]}
    results = [{"role": "tool", "tool_call_id": each, "content": "x"} for each in ("a", LONG)]
    history = [ASKED, asking, *results, {**asking, "tool_calls": [{**call, "id": "a"}]}, results[0], "odd"]
    said = "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40"
    told = helped(CHAT, said, {"messages": history})["messages"]
    first, second = told[1]["tool_calls"][:2]
    assert (len(first["id"]), second["id"]) == (29, "a")
    assert [each["tool_call_id"] for each in (*told[2:4], told[5])] == ["a", first["id"], "a_2"]
    assert told[4]["tool_calls"][0]["id"] == "a_2"
    assert helped(CHAT, said, {"messages": told}) is None
    assert helped(CHAT, said, {"messages": "odd"}) is None


def test_ids_of_calls_are_as_openai_takes_them_in_responses() -> None:
    call = {"type": "function_call", "call_id": LONG, "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": LONG, "output": "x"}
    said = "Invalid 'input[1].call_id': string too long. Expected a string with maximum length 64"
    told = helped(RESPONSES, said, {"input": [ASKED, call, output]})["input"]
    assert told[1]["call_id"] == told[2]["call_id"] != LONG


@pytest.mark.parametrize(
    "said",
    [
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        "`tool_use` ids must be unique",
    ],
)
def test_ids_of_calls_are_as_anthropic_takes_them(said: str) -> None:
    asking = {"role": "assistant", "content": [{"type": "text", "text": "a"}, {**CALL, "id": KIMI}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": KIMI, "content": "x"}]}
    told = helped(ANTHROPIC, said, {"messages": [ASKED, asking, result, asking, result]})["messages"]
    ids = [told[at]["content"][-1][name] for at, name in enumerate(("id", "tool_use_id", "id", "tool_use_id"), start=1)]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert all(each.replace("_", "").isalnum() for each in ids)


@pytest.mark.parametrize(
    "said",
    [
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
    ],
)
def test_thoughts_that_a_server_of_chat_wants_beside_calls(said: str) -> None:
    asking = {"role": "assistant", "tool_calls": [{"id": "c"}]}
    thought = {**asking, "reasoning_content": "hm"}
    told = helped(CHAT, said, {"messages": [ASKED, asking, thought, {"role": "assistant", "content": "a"}]})
    assert told["messages"] == [
        ASKED,
        {**asking, "reasoning_content": " "},
        thought,
        {"role": "assistant", "content": "a"},
    ]
    assert helped(CHAT, said, told) is None


def test_thoughts_that_a_server_of_messages_wants_beside_calls() -> None:
    said = "The content[].thinking in the thinking mode must be passed back to the API."
    asking, thought = ({"role": "assistant", "content": content} for content in ([CALL], [THOUGHT, CALL]))
    plain = {"role": "assistant", "content": "a"}
    told = helped(ANTHROPIC, said, {"messages": [ASKED, asking, RESULT, thought, RESULT, plain]})
    blank = {"type": "thinking", "thinking": " ", "signature": ""}
    assert told["messages"] == [ASKED, {**asking, "content": [blank, CALL]}, RESULT, thought, RESULT, plain]


@pytest.mark.parametrize(
    "said",
    [
        "property 'reasoning_content' is unsupported",
        "Extra inputs are not permitted, field: 'messages[1].reasoning_details'",
        "Unknown name \"extra_content\" at 'messages[1]': Cannot find field.",
    ],
)
def test_members_that_a_server_of_chat_does_not_know_are_left_out(said: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    told: dict[str, Any] = {"role": "assistant", "content": "a", "refusal": None, "reasoning_content": "hm"}
    asking = {**told, "tool_calls": [{**call, "extra_content": {}}, "odd"]}
    plain = {"role": "assistant", "content": "a"}
    assert helped(CHAT, said, {"messages": [ASKED, told, asking, "odd"]}) == {
        "messages": [ASKED, plain, {**plain, "tool_calls": [call, "odd"]}, "odd"]
    }
    assert helped(CHAT, said, {"messages": [ASKED, plain]}) is None


@pytest.mark.parametrize("protocol", [CHAT, ANTHROPIC])
@pytest.mark.parametrize(
    "said",
    [
        "The last message of deepseek-reasoner must be a user message, or an assistant message with prefix mode on",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    ],
)
def test_a_model_that_does_not_go_on_by_itself_is_asked_to(protocol: str, said: str) -> None:
    history = [ASKED, {"role": "assistant", "content": "{"}]
    told = helped(protocol, said, {"messages": history})["messages"]
    assert (told[:-1], told[-1]["role"]) == (history, "user")
    assert helped(protocol, said, {"messages": told}) is None
    assert helped(protocol, said, {"messages": []}) is None


def test_other_refusals_have_no_remedy() -> None:
    for protocol in (CHAT, RESPONSES, ANTHROPIC, GEMINI):
        assert helped(protocol, "max_tokens: must be at least 1", {"messages": [ASKED]}) is None
    assert len({remedy.name for remedy in REMEDIES}) == len(REMEDIES)
