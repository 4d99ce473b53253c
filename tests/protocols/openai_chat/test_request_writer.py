from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from tests.protocols.openai_chat.chat import conversation, rewritten, written
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import packed
from trioproxy.neutral.json_mode import JSON_INSTRUCTION
from trioproxy.neutral.parts import Media, MediaKind, Text, ToolCall, UrlSource
from trioproxy.neutral.request import (
    Conversation,
    Effort,
    OutputFormat,
    OutputKind,
    ReasoningAsk,
    Role,
    Sampling,
    Turn,
)
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat import PROTOCOL
from trioproxy.providers.model import Thinking

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
_IMAGE = Media(kind=MediaKind.IMAGE, source=UrlSource(url="https://a.example/b.png"))


def _said(**members: Any) -> Conversation:
    return Conversation(model="m", turns=(Turn(role=Role.USER, parts=(Text(text="hi"),)),), **members)


def _body(said: Conversation, *quirks: str, **target: Any) -> Any:
    return written(said, *quirks, **target).body


def _losses(said: Conversation, *quirks: str, **target: Any) -> list[str]:
    return [loss.path for loss in written(said, *quirks, **target).losses]


def test_the_least_there_is() -> None:
    assert _body(_said()) == {"model": "up", "messages": [{"role": "user", "content": "hi"}], "stream": False}


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ({"stream": False, "include_usage": True}, None),
        ({"stream": True, "include_usage": False}, None),
        ({"stream": True, "include_usage": True}, {"include_usage": True}),
    ],
)
def test_usage_is_asked_for_in_streams(target: Any, options: Any) -> None:
    body = _body(_said(), **target)
    assert body["stream"] is target["stream"]
    assert body.get("stream_options") == options


@pytest.mark.parametrize(
    ("quirks", "name"),
    [
        ((), "max_tokens"),
        (("max-completion-tokens",), "max_completion_tokens"),
        (("openai-reasoning-model",), "max_completion_tokens"),
    ],
)
def test_the_name_of_the_limit(quirks: tuple[str, ...], name: str) -> None:
    body = _body(_said(sampling=Sampling(max_tokens=5)), *quirks)
    assert {key for key in body if key.startswith("max_")} == {name}
    assert body[name] == 5


def test_a_limit_above_the_models_own_is_lowered() -> None:
    said = _said(sampling=Sampling(max_tokens=32_000))
    assert _body(said, max_output_tokens=8192)["max_tokens"] == 8192
    assert _losses(said, max_output_tokens=8192) == ["max_tokens"]
    assert _losses(said, max_output_tokens=64_000) == []
    nothing = _said(sampling=Sampling(max_tokens=0))
    assert _body(nothing)["max_tokens"] == 1
    assert _losses(nothing) == ["max_tokens"]


SAMPLING = Sampling(
    temperature=0.5, top_p=0.9, top_k=40, stop=("a", "b"), seed=1, presence_penalty=0.1, frequency_penalty=0.2
)


def test_sampling() -> None:
    body = _body(_said(sampling=SAMPLING), "top-k")
    assert {
        name: body[name]
        for name in ("temperature", "top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty")
    } == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop": ["a", "b"],
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    assert "top_k" not in _body(_said(sampling=SAMPLING))
    assert _losses(_said(sampling=SAMPLING)) == ["top_k"]


def test_reasoning_models_draw_as_they_like() -> None:
    said = _said(sampling=SAMPLING)
    body = _body(said, "openai-reasoning-model", "top-k")
    assert body.keys() & {"temperature", "top_p", "stop", "presence_penalty", "frequency_penalty"} == set()
    assert body["seed"] == 1
    assert sorted(_losses(said, "openai-reasoning-model", "top-k")) == [
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "temperature",
        "top_p",
    ]


@pytest.mark.parametrize(
    ("output", "form"),
    [
        (OutputFormat(kind=OutputKind.TEXT), {"type": "text"}),
        (OutputFormat(kind=OutputKind.JSON), {"type": "json_object"}),
        (
            OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=CLOSED, strict=True),
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": CLOSED, "strict": True}},
        ),
    ],
)
def test_forms_of_output(output: OutputFormat, form: Any) -> None:
    assert _body(_said(output=output))["response_format"] == form


def test_json_is_spoken_of_where_no_message_does() -> None:
    plain = OutputFormat(kind=OutputKind.JSON)
    silent = Conversation(model="m", output=plain, turns=(Turn(role=Role.USER, parts=(Text(text="hi"),)),))
    first, second = written(silent).body["messages"]
    assert first == {"role": "system", "content": JSON_INSTRUCTION}
    assert second == {"role": "user", "content": "hi"}
    assert _losses(silent) == ["response_format"]
    led = attrs.evolve(silent, system=(Text(text="Be brief."),))
    assert written(led).body["messages"][0]["content"] == f"Be brief.\n\n{JSON_INSTRUCTION}"
    spoken = attrs.evolve(silent, turns=(Turn(role=Role.USER, parts=(Text(text="as Json"), _IMAGE)),))
    assert len(written(spoken).body["messages"]) == 1
    assert _losses(spoken) == []
    called = Turn(role=Role.ASSISTANT, parts=(ToolCall(call_id="c", name="f", arguments="{}"),))
    wordless = attrs.evolve(silent, turns=(*silent.turns, called))
    assert written(wordless).body["messages"][0] == {"role": "system", "content": JSON_INSTRUCTION}


def test_a_schema_that_can_not_be_asked_for_is_told() -> None:
    said = _said(output=OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=CLOSED))
    assert json.dumps(CLOSED, separators=(",", ":")) in _body(said, "json-object-only")["messages"][0]["content"]


def test_strict_is_for_schemas_that_may_be() -> None:
    said = _said(output=OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object"}, strict=True))
    assert "strict" not in _body(said)["response_format"]["json_schema"]
    assert _losses(said) == ["response_format.strict"]


def test_every_server_is_told_the_user_in_as_many_characters_as_openai_takes() -> None:
    assert _body(_said(user="u"))["user"] == "u"
    assert len(_body(_said(user="u" * 65))["user"]) == 64


def test_what_a_reasoning_model_has_anyway_is_no_loss() -> None:
    fixed = _said(sampling=Sampling(temperature=1, top_p=1, presence_penalty=0))
    body = _body(fixed, "openai-reasoning-model")
    assert not body.keys() & {"temperature", "top_p", "presence_penalty"}
    assert _losses(fixed, "openai-reasoning-model") == []


def test_a_reasoning_model_that_is_not_to_think_takes_sampling_settings() -> None:
    target = WriteTarget(
        model="gpt-5.4", thinking=Thinking(levels=("none", "low")), quirks=frozenset({"openai-reasoning-model"})
    )
    said = _said(sampling=Sampling(temperature=0.5, stop=("x",)), reasoning=ReasoningAsk(effort=Effort.NONE))
    sent = PROTOCOL.write_request(said, target)
    assert (sent.body["reasoning_effort"], sent.body["temperature"]) == ("none", 0.5)
    assert sent.stops == ("x",)


def test_at_stop_sequences_that_the_target_does_not_take_we_cut() -> None:
    said = _said(sampling=Sampling(stop=tuple("abcdef")))
    four = written(said)
    assert (four.body["stop"], four.stops) == (list("abcd"), ("e", "f"))
    assert [loss.path for loss in four.losses] == ["stop"]
    none = written(said, "openai-reasoning-model")
    assert "stop" not in none.body
    assert none.stops == tuple("abcdef")
    few = written(_said(sampling=Sampling(stop=tuple("abcd"))))
    assert (few.stops, few.losses) == ((), ())


def test_a_schema_where_there_are_none() -> None:
    said = _said(output=OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={}))
    assert _body(said, "json-object-only")["response_format"] == {"type": "json_object"}
    assert _losses(said, "json-object-only") == ["response_format"]


def test_a_tier_that_openai_does_not_know_is_a_loss() -> None:
    told = written(Conversation(model="m", service_tier="ultrafast"), "openai-fields")
    assert "service_tier" not in told.body
    assert "service_tier" in [loss.path for loss in told.losses]


def test_members_that_only_openai_is_known_to_take() -> None:
    members: Any = {"metadata": {"a": "b"}, "cache_key": "k", "service_tier": "flex", "verbosity": "low"}
    body = _body(_said(**members), "openai-fields")
    expected = {
        "metadata": {"a": "b"},
        "prompt_cache_key": "k",
        "service_tier": "flex",
        "verbosity": "low",
    }
    assert {name: body[name] for name in expected} == expected
    assert sorted(_losses(_said(**members))) == sorted(expected)
    assert _body(_said(**members)).keys() & expected.keys() == set()


def test_a_conversation_that_others_keep_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        written(_said(previous_response_id="resp_1"))
    assert caught.value.failure.param == "previous_response_id"


def test_images_may_be_asked_for_everywhere_but_at_openai() -> None:
    said = _said(modalities=("text", "image"))
    assert _body(said)["modalities"] == ["text", "image"]
    with pytest.raises(ClientFault) as caught:
        written(said, "openai-fields")
    assert caught.value.failure.param == "modalities"


def test_fields_of_other_protocols() -> None:
    assert _losses(_said(extras=packed("anthropic", {"container": 1}))) == ["container"]
    with pytest.raises(ClientFault) as caught:
        written(_said(extras=packed("anthropic", {"container": 1}, essential=("container",))))
    assert caught.value.failure.param == "container"


# The same protocol.


@pytest.mark.parametrize(
    "members",
    [
        {"max_tokens": 5},
        {"max_completion_tokens": 5},
        {"max_tokens": 5, "max_completion_tokens": 6},
        {"top_k": 3, "temperature": 0, "top_p": 1.0, "seed": 0},
        {"stop": "a"},
        {"stop": ["a"]},
        {"stop": []},
        {
            "stop": None,
            "temperature": None,
            "tools": None,
            "metadata": None,
            "response_format": None,
            "stream_options": None,
        },
        {"metadata": {}},
        {"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s"},
        {"safety_identifier": "s", "prompt_cache_key": "k", "service_tier": "auto", "verbosity": "high"},
        {"n": 1, "logprobs": False, "store": False, "modalities": ["text"]},
        {"modalities": ["image", "text"], "image_config": {"aspect_ratio": "16:9"}},
        {
            "n": 3,
            "logprobs": True,
            "top_logprobs": 2,
            "modalities": ["text", "audio"],
            "audio": {"voice": "x", "format": "wav"},
        },
        {
            "prediction": {"type": "content", "content": "x"},
            "logit_bias": {"50256": -100},
            "store": True,
            "odd": {"a": [1]},
        },
        {"response_format": {"type": "text"}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {}, "strict": None, "odd": 1},
            }
        },
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
        {"response_format": {"type": "grammar", "grammar": "x"}},
        {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
        {"stream": True, "stream_options": {"include_usage": False}},
        {"stream": True},
        {
            "moderation": {"model": "omni"},
            "prompt_cache_options": {"mode": "explicit"},
            "models": ["a"],
            "provider": {"only": ["x"]},
        },
    ],
)
def test_a_request_of_this_protocol_is_given_back_as_it_was(members: Any) -> None:
    document = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False, **members}
    assert rewritten(**members) == document


def test_quirks_hold_for_this_protocol_too() -> None:
    said = conversation(max_tokens=5, max_completion_tokens=6, temperature=0.5)
    body = _body(said, "openai-reasoning-model")
    assert body["max_completion_tokens"] == 6
    assert "max_tokens" not in body
    assert "temperature" not in body
    assert _body(conversation(max_tokens=5), "max-completion-tokens")["max_completion_tokens"] == 5


def test_usage_may_be_asked_for_though_the_client_did_not() -> None:
    body = _body(conversation(stream=True, stream_options={"include_usage": False}), stream=True, include_usage=True)
    assert body["stream_options"] == {"include_usage": True}


def test_what_responses_has_under_the_same_name() -> None:
    said = _said(extras=packed("openai_responses", {"prompt_cache_retention": "24h"}))
    result = written(said, "openai-fields")
    assert (result.body["prompt_cache_retention"], result.losses) == ("24h", ())
    assert [loss.path for loss in written(said).losses] == ["prompt_cache_retention"]
