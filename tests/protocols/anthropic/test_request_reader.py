from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.anthropic.wires import TARGET, asked, read
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import foreign, own, settled
from trioproxy.neutral.parts import CacheHint, Opaque, Text
from trioproxy.neutral.request import Effort, OutputFormat, OutputKind, Role, Sampling
from trioproxy.protocols.anthropic import PROTOCOL
from trioproxy.protocols.base import Operation


def test_what_claude_code_sends() -> None:
    conversation = read(
        system=[{"type": "text", "text": "You are.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "system", "content": [{"type": "text", "text": "Be terse."}]},
        ],
        thinking={"type": "adaptive"},
        output_config={"effort": "high"},
        context_management={"edits": [{"type": "clear_thinking_20251015"}]},
        metadata={"user_id": '{"device":"x"}'},
        stream=True,
    )
    assert conversation.model == "claude-asked"
    assert conversation.system == (Text(text="You are.", cache=CacheHint()),)
    assert [turn.role for turn in conversation.turns] == [Role.USER, Role.SYSTEM]
    assert (conversation.user, conversation.stream) == ('{"device":"x"}', True)
    losses = settled(conversation.extras, "openai_chat")
    assert [loss.path for loss in losses] == ["context_management"]


def test_sampling() -> None:
    conversation = read(temperature=0.5, top_p=0.9, top_k=5, stop_sequences=["x"], service_tier="auto")
    assert conversation.sampling == Sampling(max_tokens=64, temperature=0.5, top_p=0.9, top_k=5, stop=("x",))
    assert conversation.service_tier == "auto"


def test_strings_for_lists() -> None:
    conversation = read(system="You are.")
    assert conversation.system == (Text(text="You are."),)
    assert conversation.turns[0].parts == (Text(text="hi"),)
    assert foreign(conversation.turns[0].extras, "gemini") == ([], ())


def test_a_message_without_content() -> None:
    conversation = read(messages=[{"role": "system", "output_config": {"effort": "low"}}])
    assert conversation.turns == ()
    assert conversation.reasoning is not None
    assert conversation.reasoning.effort is Effort.LOW


def test_system_may_hold_what_only_this_api_knows() -> None:
    block = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}
    assert read(system=[block]).system == (Opaque(protocol="anthropic", kind="tool_addition", payload=block),)


@pytest.mark.parametrize(
    "fields",
    [
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        {"output_format": {"type": "json_schema", "schema": {"type": "object"}}},
    ],
)
def test_structured_output(fields: dict[str, Any]) -> None:
    assert read(**fields).output == OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object"}, strict=True)


def test_unknown_fields_are_carried_where_they_stood() -> None:
    conversation = read(
        odd=1,
        betas=["x"],
        output_config={"task_budget": {"total": 5}, "format": {"type": "json_schema", "schema": {}, "odd": 2}},
        metadata={"user_id": "u", "odd": 3},
        cache_control={"type": "ephemeral"},
        messages=[{"role": "user", "content": "hi", "odd": 4}],
    )
    assert own(conversation.extras, "anthropic") == {
        "odd": 1,
        "betas": ["x"],
        "output_config.task_budget": {"total": 5},
        "output_config.format.odd": 2,
        "metadata.odd": 3,
        "cache_control": {"type": "ephemeral"},
    }
    assert own(conversation.turns[0].extras, "anthropic") == {"odd": 4}


@pytest.mark.parametrize("name", ["container", "mcp_servers", "thread", "inference_geo", "compaction"])
def test_fields_that_no_other_protocol_may_drop(name: str) -> None:
    extras = read(**{name: "x"}).extras
    with pytest.raises(ClientFault) as caught:
        settled(extras, "openai_chat")
    assert caught.value.failure.param == name


def test_an_empty_field_is_none_that_matters() -> None:
    extras = read(container=None, mcp_servers=[], context_management={}, inference_geo="global").extras
    assert settled(extras, "openai_chat") == []


def test_counting_needs_no_limit() -> None:
    document = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    conversation = PROTOCOL.read_request(document, asked(document, operation=Operation.COUNT_TOKENS))
    assert conversation.sampling.max_tokens is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"system": 7}, "system"),
        ({"system": [{"type": "image", "source": {"type": "url", "url": "x"}}]}, "system[0]"),
        ({"system": [{"type": "thinking", "thinking": "x"}]}, "system[0]"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [1]}, "stop_sequences[0]"),
        ({"metadata": {"user_id": 1}}, "metadata.user_id"),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format"),
        ({"output_format": {"type": "json_schema"}}, "output_format"),
        ({"output_config": {"effort": 3}}, "output_config.effort"),
    ],
)
def test_what_a_request_must_be(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        read(**fields)
    assert (caught.value.failure.kind, caught.value.failure.param) == (ErrorKind.INVALID_REQUEST, param)


def test_a_tier_is_called_what_others_call_it() -> None:
    assert [read(service_tier=tier).service_tier for tier in ("standard_only", "auto", None)] == [
        "default",
        "auto",
        None,
    ]


def test_what_is_counted_may_do_without_what_others_lack() -> None:
    document = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "mcp_servers": [{"type": "url"}]}
    said = PROTOCOL.read_request(document, asked(document, operation=Operation.COUNT_TOKENS))
    assert [loss.path for loss in settled(said.extras, "openai_chat")] == ["mcp_servers"]


def test_places_are_those_of_the_blocks() -> None:
    seal = {"type": "redacted_thinking", "data": "trioproxy:call:t:gemini_thought:c2ln"}
    document = {"type": "document", "source": {"type": "url", "url": "https://a.example/a.pdf"}, "context": "C"}
    said = read(messages=[{"role": "user", "content": [seal, document, {"type": "text", "text": "x"}]}])
    places = [f"messages[0].content[{at}]" for at in (1, 1, 2)]
    assert said.turns[0].places == tuple(places)


BILLING = "x-anthropic-billing-header: cc_version=2.1.197.71e; cc_entrypoint=cli; cch=74943;"


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ([{"type": "text", "text": BILLING}, {"type": "text", "text": "You are."}], ["You are."]),
        ([{"type": "text", "text": f"{BILLING}\n\nYou are."}], ["You are."]),
        (f"{BILLING}\nYou are.", ["You are."]),
        (BILLING, []),
        ("You are. x-anthropic-billing-header: a word", ["You are. x-anthropic-billing-header: a word"]),
        ("", [""]),
    ],
)
def test_what_is_for_anthropics_billing_is_told_to_anthropic_alone(system: Any, told: list[str]) -> None:
    said = read(system=system)
    assert [part.text for part in said.system if isinstance(part, Text)] == told
    assert settled(said.extras, "openai_chat") == []
    if system:
        assert PROTOCOL.write_request(said, TARGET).body["system"] == system


@pytest.mark.parametrize("system", [None, "s", [{"type": "text", "text": "s"}]])
def test_instructions_before_anybody_speaks_are_the_systems(system: Any) -> None:
    first: Any = {"role": "system", "content": "a"}
    second = {"role": "system", "content": [{"type": "text", "text": "b"}], "clear_at": "never"}
    user, late = {"role": "user", "content": "hi"}, {"role": "system", "content": "c"}
    fields = {} if system is None else {"system": system}
    said = read(messages=[first, second, user, late], **fields)
    assert [part.text for part in said.system if isinstance(part, Text)] == [*("s" if system else ()), "a", "b"]
    assert [turn.role for turn in said.turns] == [Role.USER, Role.SYSTEM]
    body = PROTOCOL.write_request(said, TARGET).body
    assert body["messages"] == [first, second, user, late]
    assert body.get("system") == system


def test_a_picture_is_no_instruction() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a.example/a.png"}}
    said = read(messages=[{"role": "system", "content": [image]}, {"role": "user", "content": "hi"}])
    assert said.system == ()
    assert len(said.turns) == 2
