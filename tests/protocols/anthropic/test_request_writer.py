from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.anthropic.wires import TARGET, assistant, lost, read, system, user, write
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import packed
from trioproxy.neutral.json_mode import JSON_INSTRUCTION
from trioproxy.neutral.parts import Base64Source, Media, MediaKind, Text, ToolCall, ToolResult
from trioproxy.neutral.request import Conversation, OutputFormat, OutputKind, Role, Sampling, Tool, Turn
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.base import Operation, WriteTarget


def test_a_chat_request() -> None:
    written = write(
        user("Reply ok."), system=(Text(text="You are terse."),), sampling=Sampling(max_tokens=64, stop=("END",))
    )
    assert written.body == {
        "model": "claude-upstream",
        "max_tokens": 64,
        "system": "You are terse.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Reply ok."}]}],
        "stop_sequences": ["END"],
    }
    assert written.losses == ()


def test_a_limit_is_compulsory() -> None:
    assert write().body["max_tokens"] == 32000
    assert write(target=attrs.evolve(TARGET, max_tokens_default=4096)).body["max_tokens"] == 4096
    assert write(target=attrs.evolve(TARGET, max_output_tokens=8192)).body["max_tokens"] == 8192


@pytest.mark.parametrize("stream", [True, False])
def test_the_target_says_whether_to_stream(stream: bool) -> None:
    assert write(target=attrs.evolve(TARGET, stream=stream)).body.get("stream", False) is stream


def test_images_are_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        write(modalities=("text", "image"))
    assert caught.value.failure.param == "modalities"


def test_several_system_texts() -> None:
    written = write(system=(Text(text="a"), Text(text=""), Text(text="b")))
    assert written.body["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


def test_parallel_calls_and_their_results() -> None:
    written = write(
        user("go"),
        assistant(ToolCall(call_id="a", name="f", arguments='{"x":1}')),
        assistant(ToolCall(call_id="b", name="f", arguments="")),
        user(ToolResult(call_id="a", content=(Text(text="1"),))),
        user(ToolResult(call_id="b", content=(Text(text="2"),))),
        user("and now?"),
        tools=(Tool(name="f"),),
    )
    assert written.body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "2"},
                {"type": "text", "text": "and now?"},
            ],
        },
    ]
    assert written.losses == ()


def test_an_instruction_amid_a_tool_loop_keeps_the_loop() -> None:
    picture = Media(kind=MediaKind.IMAGE, source=Base64Source(data="AA==", mime="image/png"))
    written = write(
        user("go"),
        assistant(ToolCall(call_id="a", name="f", arguments="{}")),
        system("Hurry.", picture),
        user(ToolResult(call_id="a", content=(Text(text="1"),))),
    )
    blocks = written.body["messages"][2]["content"]
    assert [block["type"] for block in blocks] == ["tool_result", "text", "image"]
    assert blocks[1]["text"] == "<system>\nHurry.\n</system>"
    assert lost(written) == ["messages[2].role"]


def test_a_system_prompt_alone_is_what_the_user_says() -> None:
    conversation = Conversation(model="m", system=(Text(text="a"), Text(text="Say hello.")))
    written = PROTOCOL.write_request(conversation, TARGET)
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "Say hello."}]
    assert written.body["messages"] == [{"role": "user", "content": texts}]
    assert "system" not in written.body
    assert lost(written) == ["messages"]
    assert write(user(""), system=(Text(text="Say hello."),)).body["messages"][0]["content"] == texts[1:]


def test_nothing_to_answer_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        PROTOCOL.write_request(Conversation(model="m"), TARGET)
    assert caught.value.failure.param == "messages"


def test_a_conversation_kept_elsewhere_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        write(previous_response_id="resp_1")
    assert (caught.value.failure.kind, caught.value.failure.param) == (
        ErrorKind.INVALID_REQUEST,
        "previous_response_id",
    )


def test_an_essential_field_of_another_protocol_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        write(extras=packed("openai_chat", {"n": 2, "logit_bias": {}}, essential=("n",)))
    assert caught.value.failure.param == "n"


def test_what_has_no_home_is_a_loss() -> None:
    written = write(
        attrs.evolve(user("hi"), name="ann", extras=packed("openai_chat", {"odd": 1})),
        sampling=Sampling(
            temperature=1.5, top_p=0.9, stop=(" ", "x"), seed=7, presence_penalty=0.5, frequency_penalty=0.0
        ),
        verbosity="low",
        cache_key="k",
        metadata={"a": "b"},
        service_tier="flex",
        user="u-1",
        extras=packed("openai_chat", {"logit_bias": {}}),
    )
    assert lost(written) == [
        "logit_bias",
        "messages[0].odd",
        "messages[0].name",
        "stop",
        "seed",
        "presence_penalty",
        "service_tier",
        "metadata",
        "verbosity",
        "cache_key",
        "temperature",
        "top_p",
    ]
    assert written.body["metadata"] == {"user_id": "u-1"}
    assert written.body["stop_sequences"] == ["x"]
    assert written.body["temperature"] == 1


@pytest.mark.parametrize(
    ("tier", "written"), [("auto", "auto"), ("default", "standard_only"), ("standard_only", "standard_only")]
)
def test_service_tiers(tier: str, written: str) -> None:
    assert write(service_tier=tier).body["service_tier"] == written


CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}


def output(**fields: Any) -> OutputFormat:
    return OutputFormat(kind=OutputKind.JSON_SCHEMA, **fields)


def test_structured_output() -> None:
    written = write(output=output(schema=CLOSED, strict=True))
    assert written.body["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert written.losses == ()


def test_a_schema_beyond_what_can_be_enforced() -> None:
    written = write(output=output(schema={"type": "object", "minProperties": 1}, name="n", description="d"))
    schema = written.body["output_config"]["format"]["schema"]
    assert schema == {**CLOSED, "description": "(minProperties: 1)"}
    assert lost(written) == ["response_format.schema", "response_format.name", "response_format.description"]


@pytest.mark.parametrize("wanted", [OutputFormat(kind=OutputKind.JSON), output()])
def test_json_without_a_schema_is_asked_for_in_words(wanted: OutputFormat) -> None:
    written = write(output=wanted, system=(Text(text="a"),))
    assert written.body["system"][1] == {"type": "text", "text": JSON_INSTRUCTION}
    assert "output_config" not in written.body
    assert lost(written) == ["response_format"]


def test_text_is_the_default() -> None:
    assert "output_config" not in write(output=OutputFormat(kind=OutputKind.TEXT)).body


def test_a_body_that_only_counts() -> None:
    written = write(
        system=(Text(text="s"),),
        sampling=Sampling(temperature=0.5),
        target=attrs.evolve(TARGET, operation=Operation.COUNT_TOKENS),
    )
    assert sorted(written.body) == ["messages", "model", "system"]


SCHEMA = {"type": "json_schema", "schema": {"type": "object", "minProperties": 1}}


@pytest.mark.parametrize(
    "fields",
    [
        {"stream": False},
        {"system": "s"},
        {"system": [{"type": "text", "text": "s"}]},
        {
            "system": [
                {"type": "text", "text": "s"},
                {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
            ]
        },
        {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]}]},
        {"messages": [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b", "clear_at": "never"}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "system", "output_config": {"effort": "low"}}]},
        {"messages": [{"role": "user", "content": "a", "odd": 1}]},
        {"output_config": {"format": SCHEMA}},
        {"output_config": {"format": {**SCHEMA, "odd": 1}, "effort": "low", "task_budget": {"type": "tokens"}}},
        {"output_format": SCHEMA},
        {"output_format": SCHEMA, "output_config": {"task_budget": {}}},
        {"metadata": {"user_id": "u", "odd": 1}},
        {"metadata": {"odd": 1}},
        {"container": {"skills": []}, "mcp_servers": [], "betas": ["x"], "context_management": {}, "odd": None},
        {"cache_control": {"type": "ephemeral"}, "service_tier": "standard_only", "inference_geo": "eu"},
        {"temperature": 0.5, "stop_sequences": ["x"]},
        {"top_p": 0.9, "top_k": 4},
    ],
)
def test_this_apis_requests_come_back_as_they_were(fields: dict[str, Any]) -> None:
    document = {"model": "claude-upstream", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], **fields}
    written = PROTOCOL.write_request(read(**document), TARGET)
    assert written.body == document
    assert written.losses == ()
    assert not written.naming


def test_a_model_that_can_not_be_held_to_a_schema_is_told_of_it() -> None:
    said = Conversation(
        model="m",
        turns=(Turn(role=Role.USER, parts=(Text(text="hi"),)),),
        tools=(
            Tool(name="f", schema={"type": "object", "properties": {}, "additionalProperties": False}, strict=True),
        ),
        output=OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object"}),
    )
    written = PROTOCOL.write_request(said, WriteTarget(model="m", quirks=frozenset({"no-output-format"})))
    assert "output_config" not in written.body
    assert '{"type":"object"}' in written.body["system"]
    assert "strict" not in written.body["tools"][0]
    assert {loss.path for loss in written.losses} == {"response_format", "tools[0].strict"}


def test_a_user_whose_name_is_too_long_is_told_by_a_digest() -> None:
    assert write(user("hi"), user="u" * 256).body["metadata"] == {"user_id": "u" * 256}
    assert len(write(user("hi"), user="u" * 257).body["metadata"]["user_id"]) == 64
