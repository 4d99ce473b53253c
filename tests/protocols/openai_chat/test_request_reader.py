from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.openai_chat.chat import asked, conversation, written
from trioproxy.errors import ClientFault
from trioproxy.neutral.extras import foreign, own
from trioproxy.neutral.request import OutputFormat, OutputKind, Sampling
from trioproxy.protocols.openai_chat import PROTOCOL
from trioproxy.protocols.openai_chat.request_reader import ESSENTIAL


def test_the_members_the_hub_has_words_for() -> None:
    said = conversation(
        max_completion_tokens=9,
        temperature=1,
        top_p=0.5,
        top_k=40,
        stop=["a", "b"],
        seed=3,
        presence_penalty=0.1,
        frequency_penalty=-0.2,
        parallel_tool_calls=False,
        verbosity="low",
        metadata={"a": "b"},
        prompt_cache_key="k",
        service_tier="flex",
        user="u",
    )
    assert said.sampling == Sampling(
        max_tokens=9,
        temperature=1,
        top_p=0.5,
        top_k=40,
        stop=("a", "b"),
        seed=3,
        presence_penalty=0.1,
        frequency_penalty=-0.2,
    )
    assert (said.parallel_tools, said.verbosity, said.metadata) == (False, "low", {"a": "b"})
    assert (said.cache_key, said.service_tier, said.user) == ("k", "flex", "u")
    assert foreign(said.extras, "elsewhere") == ([], ())


def test_the_model_is_the_one_that_routing_read() -> None:
    document = {"model": "m(high)", "messages": [{"role": "user", "content": "a"}]}
    assert PROTOCOL.read_request(document, attrs.evolve(asked(document), model="m")).model == "m"


@pytest.mark.parametrize(
    ("members", "limit"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({}, None),
    ],
)
def test_either_name_of_the_limit(members: Any, limit: int | None) -> None:
    assert conversation(**members).sampling.max_tokens == limit


@pytest.mark.parametrize(("stop", "expected"), [("a", ("a",)), ([], ()), (None, ()), (["a"], ("a",))])
def test_stop(stop: Any, expected: tuple[str, ...]) -> None:
    assert conversation(stop=stop).sampling.stop == expected


@pytest.mark.parametrize(
    ("members", "stream", "usage"),
    [
        ({}, False, True),
        ({"stream": False, "stream_options": None}, False, True),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
    ],
)
def test_streams_and_their_usage(members: Any, stream: bool, usage: bool) -> None:
    said = conversation(**members)
    assert (said.stream, said.include_usage) == (stream, usage)


@pytest.mark.parametrize(
    ("members", "user"),
    [({"user": "u"}, "u"), ({"safety_identifier": "s"}, "s"), ({"user": "u", "safety_identifier": "s"}, "u")],
)
def test_who_asks(members: Any, user: str) -> None:
    assert conversation(**members).user == user


@pytest.mark.parametrize(
    ("form", "output"),
    [
        ({"type": "text"}, OutputFormat(kind=OutputKind.TEXT)),
        ({"type": "json_object"}, OutputFormat(kind=OutputKind.JSON)),
        (
            {
                "type": "json_schema",
                "json_schema": {
                    "name": "n",
                    "schema": {"type": "object"},
                    "strict": True,
                    "description": None,
                    "odd": 1,
                },
            },
            OutputFormat(kind=OutputKind.JSON_SCHEMA, name="n", schema={"type": "object"}, strict=True),
        ),
    ],
)
def test_forms_of_output(form: Any, output: OutputFormat) -> None:
    said = conversation(response_format=form)
    assert said.output == output
    losses, essential = foreign(said.extras, "elsewhere")
    assert not essential
    assert [loss.path for loss in losses] == (["response_format.json_schema"] if "json_schema" in form else [])


@pytest.mark.parametrize(
    "form",
    [
        {"type": "regex", "pattern": "a"},
        {"type": "json_object", "schema": {}, "odd": 1},
        {"type": "json_object", "schema": "x"},
        {"type": "json_schema"},
    ],
)
def test_forms_that_only_this_protocol_has_can_not_be_left_out(form: Any) -> None:
    said = conversation(response_format=form)
    assert said.output is None
    assert foreign(said.extras, "elsewhere")[1] == ("response_format",)


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_a_schema_beside_its_type(kind: str) -> None:
    form = {"type": kind, "schema": {"type": "object"}}
    said = conversation(response_format=form)
    assert said.output == OutputFormat(kind=OutputKind.JSON_SCHEMA, schema={"type": "object"})
    assert foreign(said.extras, "elsewhere") == ([], ())
    assert written(said).body["response_format"] == form


def test_unknown_members_beside_a_schema_are_a_loss() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}, "odd": 1}
    said = conversation(response_format=form)
    assert said.output is not None
    losses, essential = foreign(said.extras, "elsewhere")
    assert ([loss.path for loss in losses], essential) == (["response_format.unknown"], ())
    assert written(said).body["response_format"] == form


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_that_is_none(name: str) -> None:
    said = conversation(**{name: -1})
    assert said.sampling.max_tokens is None
    assert written(said).body[name] == -1
    with pytest.raises(ClientFault) as caught:
        conversation(**{name: -2})
    assert caught.value.failure.param == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}),
        ("moderation", {"model": "x"}),
    ],
)
def test_what_changes_the_answer_is_essential(name: str, value: Any) -> None:
    assert name in ESSENTIAL
    assert foreign(conversation(**{name: value}).extras, "elsewhere")[1] == (name,)


@pytest.mark.parametrize(
    ("asked", "read"), [(["image", "text"], ("image", "text")), (["image"], ("image",)), (["text"], ()), ("image", ())]
)
def test_images_are_asked_for_in_the_hubs_words(asked: Any, read: tuple[str, ...]) -> None:
    assert conversation(modalities=asked).modalities == read


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 1), ("logprobs", False), ("top_logprobs", 0), ("modalities", ["text"]), ("store", False), ("n", None)],
)
def test_what_asks_for_nothing_is_nobodys_loss(name: str, value: Any) -> None:
    assert foreign(conversation(**{name: value}).extras, "elsewhere") == ([], ())


@pytest.mark.parametrize(
    "members",
    [
        {"logit_bias": {"1": 2}},
        {"store": True},
        {"prediction": {"type": "content", "content": "x"}},
        {"never_heard_of": 1},
    ],
)
def test_everything_else_is_an_own_field(members: Any) -> None:
    said = conversation(**members)
    assert own(said.extras, "openai_chat") == members
    assert [loss.path for loss in foreign(said.extras, "elsewhere")[0]] == list(members)
    assert foreign(said.extras, "elsewhere")[1] == ()


def test_a_true_is_not_a_one() -> None:
    assert foreign(conversation(n=True).extras, "elsewhere")[1] == ("n",)


def test_own_stream_options() -> None:
    said = conversation(stream=True, stream_options={"include_usage": True, "include_obfuscation": False})
    assert own(said.extras, "openai_chat") == {"stream_options": {"include_obfuscation": False}}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens"),
        ({"stop": 3}, "stop"),
        ({"stop": [3]}, "stop"),
        ({"metadata": []}, "metadata"),
        ({"user": 3}, "user"),
        ({"stream": 1}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": []}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 3}}},
            "response_format.json_schema.schema",
        ),
    ],
)
def test_faults_name_the_member(members: Any, param: str) -> None:
    with pytest.raises(ClientFault) as caught:
        conversation(**members)
    assert caught.value.failure.param == param


def test_the_clients_document_is_not_touched() -> None:
    document = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}], "n": 1}
    copy = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}], "n": 1}
    PROTOCOL.read_request(document, asked(document))
    assert document == copy


@pytest.mark.parametrize("kind", [[], {}, 1, None])
def test_a_form_of_no_known_type_is_carried(kind: Any) -> None:
    said = conversation({"role": "user", "content": "hi"}, response_format={"type": kind})
    assert said.output is None
    assert own(said.extras, "openai_chat") == {"response_format": {"type": kind}}
