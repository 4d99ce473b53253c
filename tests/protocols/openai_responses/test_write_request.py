from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from tests.protocols.openai_responses.test_read_request import FULL, conversation_of
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.json_mode import JSON_INSTRUCTION
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Citation, Opaque, Reasoning, Text, ToolCall
from trioproxy.neutral.request import (
    Conversation,
    Effort,
    OutputFormat,
    OutputKind,
    ReasoningAsk,
    Role,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    Turn,
)
from trioproxy.protocols.base import Operation, WriteTarget, Written
from trioproxy.protocols.openai_responses import PROTOCOL
from trioproxy.providers.model import Thinking

CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}

HI = (Turn(role=Role.USER, parts=(Text(text="hi"),)),)


def written(target: WriteTarget | None = None, **members: Any) -> Written:
    """A conversation of another protocol, written."""
    members.setdefault("turns", HI)
    return PROTOCOL.write_request(Conversation(model="asked", **members), target or WriteTarget(model="m"))


def paths(losses: Sequence[Loss]) -> list[str]:
    return [loss.path for loss in losses]


def test_the_least_request() -> None:
    assert written().body == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "stream": False,
        "store": False,
    }


def test_instructions_alone_are_what_the_user_says() -> None:
    result = written(turns=(), system=(Text(text="Be."),))
    assert "instructions" not in result.body
    assert result.body["input"] == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Be."}]}
    ]
    assert paths(result.losses) == ["system"]


@pytest.mark.parametrize("turns", [(), (Turn(role=Role.ASSISTANT, parts=(Reasoning(text="hm"),)),)])
def test_nothing_is_nothing_to_answer(turns: tuple[Turn, ...]) -> None:
    with pytest.raises(ClientFault) as caught:
        written(turns=turns)
    assert caught.value.failure.param == "messages"


def test_a_stream_is_asked_for_where_the_target_streams() -> None:
    assert written(WriteTarget(model="m", stream=True)).body["stream"] is True


def test_a_request_of_this_protocol_streams_where_the_target_does() -> None:
    asked = conversation_of({"model": "m", "input": "x"})

    assert PROTOCOL.write_request(asked, WriteTarget(model="n", stream=True)).body == {
        "model": "n",
        "input": "x",
        "stream": True,
    }


def test_the_system_is_the_instructions() -> None:
    body = written(system=(Text(text="a"), Text(text=""), Text(text="b"))).body

    assert body["instructions"] == "a\n\nb"


def test_what_another_protocol_put_into_the_system_is_lost_or_refused() -> None:
    odd = Opaque(protocol="gemini", kind="odd", payload={})
    assert paths(written(system=(odd,)).losses) == ["system[0]"]
    with pytest.raises(ClientFault) as caught:
        written(system=(attrs.evolve(odd, essential=True),))
    assert caught.value.failure.param == "system[0]"


def test_stop_sequences_are_left_to_us() -> None:
    sent = written(sampling=Sampling(stop=("END",)))

    assert "stop" not in sent.body
    assert sent.stops == ("END",)
    assert paths(sent.losses) == ["stop"]


def test_what_only_shapes_the_sampling_is_a_loss() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=4, seed=1, presence_penalty=0.1, frequency_penalty=0.2)
    result = written(sampling=sampling)

    assert (result.body["temperature"], result.body["top_p"]) == (0.5, 0.9)
    assert paths(result.losses) == ["top_k", "seed", "presence_penalty", "frequency_penalty"]


@pytest.mark.parametrize(
    ("asked", "limit", "sent"), [(None, None, None), (1, None, 16), (100, None, 100), (100, 64, 64), (100, 200, 100)]
)
def test_the_token_limit_stays_inside_what_the_model_takes(
    asked: int | None, limit: int | None, sent: int | None
) -> None:
    result = written(WriteTarget(model="m", max_output_tokens=limit), sampling=Sampling(max_tokens=asked))

    assert result.body.get("max_output_tokens") == sent
    assert paths(result.losses) == (["max_tokens"] if sent != asked else [])


@pytest.mark.parametrize(
    ("ask", "reasoning", "included"),
    [
        (ReasoningAsk(effort=Effort.HIGH), {"effort": "high"}, True),
        (ReasoningAsk(effort=Effort.NONE, visible=True), {"effort": "none"}, False),
        (ReasoningAsk(effort=Effort.AUTO), None, True),
        (ReasoningAsk(budget=8192, visible=True), {"effort": "medium", "summary": "auto"}, True),
        (ReasoningAsk(budget=0), {"effort": "none"}, False),
        (ReasoningAsk(visible=True), {"summary": "auto"}, True),
        (
            ReasoningAsk(effort=Effort.LOW, summary="detailed", visible=False),
            {"effort": "low", "summary": "detailed"},
            True,
        ),
    ],
)
def test_reasoning_is_asked_for(ask: ReasoningAsk, reasoning: object, included: bool) -> None:
    body = written(reasoning=ask).body

    assert body.get("reasoning") == reasoning
    assert body.get("include") == (["reasoning.encrypted_content"] if included else None)


@pytest.mark.parametrize(("effort", "sent"), [(Effort.MAX, "high"), (Effort.NONE, "low"), (Effort.AUTO, None)])
def test_the_level_is_one_that_the_model_has(effort: Effort, sent: str | None) -> None:
    target = WriteTarget(model="m", thinking=Thinking(levels=("low", "high")))

    body = written(target, reasoning=ReasoningAsk(effort=effort)).body

    assert body.get("reasoning", {}).get("effort") == sent


@pytest.mark.parametrize(
    ("output", "format_"),
    [
        (OutputFormat(kind=OutputKind.TEXT), {"type": "text"}),
        (OutputFormat(kind=OutputKind.JSON), {"type": "json_object"}),
        (OutputFormat(kind=OutputKind.JSON_SCHEMA), {"type": "json_schema", "name": "response", "schema": {}}),
        (
            OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=CLOSED, name="n", description="d", strict=True),
            {"type": "json_schema", "name": "n", "schema": CLOSED, "description": "d", "strict": True},
        ),
    ],
)
def test_the_form_of_the_answer(output: OutputFormat, format_: object) -> None:
    assert written(output=output).body["text"] == {"format": format_}


def test_strict_is_for_schemas_that_may_be() -> None:
    sent = written(output=OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object"}, strict=True))

    assert "strict" not in sent.body["text"]["format"]
    assert paths(sent.losses) == ["response_format.strict"]


def test_json_is_spoken_of_where_no_message_does() -> None:
    plain = OutputFormat(kind=OutputKind.JSON)
    sent = written(output=plain, turns=(Turn(role=Role.USER, parts=(Text(text="hi"),)),), system=(Text(text="JSON"),))

    first, _ = sent.body["input"]
    assert (first["role"], first["content"][0]["text"]) == ("developer", JSON_INSTRUCTION)
    assert paths(sent.losses) == ["response_format"]
    said = (
        Turn(role=Role.USER, parts=(Text(text="json, please"),)),
        Turn(role=Role.ASSISTANT, parts=(Text(text="{"),)),
    )
    assert len(written(output=plain, turns=said).body["input"]) == 2
    answered = (Turn(role=Role.ASSISTANT, parts=(Text(text="json"),)),)
    assert len(written(output=plain, turns=answered).body["input"]) == 1


@pytest.mark.parametrize(
    ("effort", "sampling", "sent", "lost"),
    [
        (None, Sampling(temperature=0.5, top_p=0.5), set(), ["temperature", "top_p"]),
        (None, Sampling(temperature=1, top_p=1), set(), []),
        (Effort.NONE, Sampling(temperature=0.5, top_p=0.5), {"temperature", "top_p"}, []),
    ],
)
def test_a_reasoning_model_takes_sampling_settings_only_while_it_does_not_think(
    effort: Effort | None, sampling: Sampling, sent: set[str], lost: list[str]
) -> None:
    target = WriteTarget(model="m", quirks=frozenset({"openai-reasoning-model"}))
    ask = ReasoningAsk(effort=effort) if effort is not None else None
    result = written(target, sampling=sampling, reasoning=ask)

    assert result.body.keys() & {"temperature", "top_p"} == sent
    assert paths(result.losses) == lost


def test_a_level_that_the_model_lacks_is_a_loss() -> None:
    target = WriteTarget(model="m", thinking=Thinking(levels=("low", "high")))

    assert paths(written(target, reasoning=ReasoningAsk(effort=Effort.MAX)).losses) == ["reasoning.effort"]
    assert paths(written(target, reasoning=ReasoningAsk(budget=99999)).losses) == []


def test_verbosity_is_one_of_three() -> None:
    assert written(verbosity="low").body["text"] == {"verbosity": "low"}
    assert paths(written(verbosity="chatty").losses) == ["verbosity"]


def test_who_asks_for_images_is_given_the_tool_for_them() -> None:
    body = written(modalities=("text", "image")).body
    assert body["tools"] == [{"type": "image_generation"}]
    declared = ServerTool(family="image_generation", protocol="openai_chat", payload={"type": "image_generation"})
    assert written(modalities=("image",), tools=(declared,)).body["tools"] == body["tools"]


def test_who_asks_and_what_for() -> None:
    result = written(
        user="u" * 65, metadata={"a": "b", "n": 1}, cache_key="k", previous_response_id="resp_0", service_tier="flex"
    )

    assert len(result.body["safety_identifier"]) == 64
    assert result.body["metadata"] == {"a": "b", "n": "1"}
    assert (result.body["prompt_cache_key"], result.body["previous_response_id"]) == ("k", "resp_0")
    assert result.body["service_tier"] == "flex"
    assert written(user="u").body["safety_identifier"] == "u"


def test_a_tier_of_another_provider_is_a_loss() -> None:
    result = written(service_tier="standard_only")

    assert "service_tier" not in result.body
    assert paths(result.losses) == ["service_tier"]


def test_members_of_another_protocol_are_losses_or_refused() -> None:
    assert paths(written(extras=packed("openai_chat", {"logit_bias": {}})).losses) == ["logit_bias"]
    with pytest.raises(ClientFault) as caught:
        written(extras=packed("openai_chat", {"n": 2}, essential=["n"]))
    assert caught.value.failure.param == "n"
    ask = ReasoningAsk(effort=Effort.LOW, extras=packed("anthropic", {"display": "x"}))
    assert paths(written(reasoning=ask).losses) == ["reasoning.display"]


def test_long_tool_names_are_mapped_everywhere() -> None:
    name = "mcp__" + "x" * 80
    turns = (*HI, Turn(role=Role.ASSISTANT, parts=(ToolCall(call_id="a", name=name, arguments="{}"),)))
    choice = ToolChoice(mode=ToolChoiceMode.NAMED, names=(name,))
    result = written(turns=turns, tools=(Tool(name=name),), tool_choice=choice)

    (sent,) = result.naming.originals
    assert len(sent) == 64
    assert result.naming.originals[sent] == (name, None)
    assert result.body["tools"][0]["name"] == sent
    assert result.body["tool_choice"] == {"type": "function", "name": sent}
    assert result.body["input"][1]["name"] == sent


def test_counting_and_compacting_take_fewer_members() -> None:
    members: dict[str, Any] = {
        "sampling": Sampling(max_tokens=100),
        "tools": (Tool(name="f"),),
        "reasoning": ReasoningAsk(effort=Effort.LOW),
        "cache_key": "k",
        "user": "u",
    }
    counted = written(WriteTarget(model="m", operation=Operation.COUNT_TOKENS), **members).body
    compacted = written(WriteTarget(model="m", operation=Operation.COMPACT), **members).body

    assert set(counted) == {"model", "input", "tools", "reasoning"}
    assert set(compacted) == {"model", "input", "prompt_cache_key"}


def test_the_same_operations_of_this_protocol_keep_what_they_had() -> None:
    body = {"model": "m", "input": "x", "brand_new": 1}
    target = WriteTarget(model="m", operation=Operation.COMPACT)

    assert PROTOCOL.write_request(conversation_of(body), target).body == body


def test_what_a_policy_changed_is_written_as_changed() -> None:
    asked = conversation_of({**FULL, "reasoning": {"effort": None, "summary": None}})
    assert asked.reasoning is not None
    assert asked.tool_choice is not None
    changed = attrs.evolve(
        asked,
        reasoning=attrs.evolve(asked.reasoning, effort=Effort.LOW),
        sampling=attrs.evolve(asked.sampling, max_tokens=5),
        tool_choice=attrs.evolve(asked.tool_choice, mode=ToolChoiceMode.NONE),
        verbosity=None,
        output=None,
    )
    body = PROTOCOL.write_request(changed, WriteTarget(model="other")).body

    assert body["model"] == "other"
    assert body["reasoning"] == {"effort": "low", "summary": None}
    assert body["max_output_tokens"] == 5
    assert body["tool_choice"] == "none"


QUIRK = WriteTarget(model="m", quirks=frozenset({"system-as-instructions"}))


def test_system_messages_may_be_turned_into_instructions() -> None:
    body = {
        "model": "m",
        "instructions": "old",
        "input": [
            {"role": "system", "content": [{"type": "input_text", "text": "S1"}, {"type": "input_text", "text": "S2"}]},
            {"role": "developer", "content": "D"},
            {"role": "user", "content": "U"},
            {"role": "system", "content": "late"},
            {"role": "developer", "content": "late D"},
            {"role": "system", "content": [{"type": "input_image", "image_url": "https://a.example"}]},
        ],
    }
    sent = PROTOCOL.write_request(conversation_of(body), QUIRK).body

    assert sent["instructions"] == "S1\n\nS2\n\nlate\n\nold"
    assert [item["role"] for item in sent["input"]] == ["developer", "user", "developer", "system"]


def test_that_quirk_leaves_other_things_in_place() -> None:
    odd = Opaque(protocol=PROTOCOL.name, kind="odd", payload={"type": "odd"})
    asked = Conversation(model="m", system=(odd, Text(text="s")), turns=HI)

    sent = PROTOCOL.write_request(asked, QUIRK).body
    assert sent["instructions"] == "s"
    assert sent["input"][0] == {"type": "odd"}


def test_what_a_search_found_is_asked_for_where_it_is_told() -> None:
    search = ServerTool(family="web_search", protocol="anthropic", payload={"type": "web_search_20250305"})
    target = WriteTarget(model="m", quirks=frozenset({"search-sources"}))
    assert written(target, tools=(search,)).body["include"] == ["web_search_call.action.sources"]
    assert "include" not in written(target, tools=(Tool(name="f"),)).body
    assert "include" not in written(tools=(search,)).body
    both = written(target, tools=(search,), reasoning=ReasoningAsk(effort=Effort.LOW)).body["include"]
    assert both == ["reasoning.encrypted_content", "web_search_call.action.sources"]


def test_what_chat_completions_has_under_the_same_name() -> None:
    result = written(extras=packed("openai_chat", {"prompt_cache_retention": "24h", "logit_bias": {}}))
    assert result.body["prompt_cache_retention"] == "24h"
    assert [loss.path for loss in result.losses] == ["logit_bias"]


CITED = Text(text="as it says", citations=(Citation(url="https://a.test"),))


def test_what_a_user_quotes_has_no_annotations_here() -> None:
    told = written(turns=(Turn(role=Role.USER, parts=(CITED,)),))
    assert told.body["input"][0]["content"] == [{"type": "input_text", "text": "as it says"}]
    assert [loss.path for loss in told.losses] == ["turns[0].parts[0].citations"]


def test_what_instructions_quote_has_no_annotations_here() -> None:
    told = written(system=(CITED,))
    assert told.body["instructions"] == "as it says"
    assert [loss.path for loss in told.losses] == ["system[0].citations"]
