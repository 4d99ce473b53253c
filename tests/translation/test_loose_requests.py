"""Requests as clients write them who know their protocol by hearsay, or use a gateway's words in it: each is understood."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.translation.requests import MODELS, read_request, request_gist
from trioproxy.protocols.base import WriteTarget, Written
from trioproxy.protocols.table import protocol
from trioproxy.wire.jsoncodec import dumps

CHAT, RESPONSES, MESSAGES, GEMINI = "openai_chat", "openai_responses", "anthropic", "gemini"
ONCE = {"type": "ephemeral"}
LONG = {"type": "ephemeral", "ttl": "1h"}
USER = {"role": "user", "content": "hi"}


def sent(client: str, target: str, model: str | None = None, **body: Any) -> Written:
    said = read_request(client, {"model": "m", **body})
    return protocol(target).write_request(said, WriteTarget(model=model or MODELS[target]))


def call(identity: str, name: str, arguments: str = "{}") -> Any:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_an_empty_text_beside_calls_is_no_message_of_its_own() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": "", "tool_calls": [call("a", "f")]},
        {"role": "tool", "tool_call_id": "a", "content": "done"},
    ]

    written = sent(CHAT, RESPONSES, messages=messages)

    assert [item["type"] for item in written.body["input"]] == ["message", "function_call", "function_call_output"]
    assert not written.losses


@pytest.mark.parametrize(("client", "asked"), [(CHAT, {"messages": [USER]}), (RESPONSES, {"input": "hi"})])
def test_a_user_named_in_the_metadata_is_the_user(client: str, asked: Any) -> None:
    named = sent(client, MESSAGES, metadata={"user_id": "u-1"}, **asked)
    other = sent(client, MESSAGES, metadata={"user_id": "u-1", "run": "7"}, user="u-2", **asked)

    assert named.body["metadata"] == {"user_id": "u-1"}
    assert not named.losses
    assert other.body["metadata"] == {"user_id": "u-2"}
    assert [loss.path for loss in other.losses] == ["metadata"]


CACHED: Any = {
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "cache_control": ONCE},
        {"type": "custom", "name": "g", "cache_control": ONCE},
    ],
    "input": [
        {"role": "system", "content": [{"type": "input_text", "text": "rules"}], "cache_control": LONG},
        {"role": "user", "content": [{"type": "input_text", "text": "one", "cache_control": ONCE}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "done", "cache_control": ONCE},
        {"role": "assistant", "content": [{"type": "output_text", "text": "two", "annotations": []}]},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "three"}, {"type": "input_text", "text": "four"}],
            "cache_control": ONCE,
        },
    ],
}


def test_breakpoints_in_responses_reach_who_knows_them() -> None:
    tools = sent(RESPONSES, MESSAGES, tools=CACHED["tools"], input="hi")
    written = sent(RESPONSES, MESSAGES, input=CACHED["input"])
    blocks = [block for message in written.body["messages"] for block in message["content"]]

    assert [tool.get("cache_control") for tool in tools.body["tools"]] == [ONCE, ONCE]
    assert written.body["system"] == [{"type": "text", "text": "rules", "cache_control": LONG}]
    assert [block.get("cache_control") for block in blocks] == [ONCE, None, ONCE, None, None, ONCE]
    assert not [loss for loss in (*tools.losses, *written.losses) if "cache" in loss.path]


def test_breakpoints_in_responses_come_back_as_they_were() -> None:
    written = sent(RESPONSES, RESPONSES, **CACHED)

    assert written.body["tools"] == CACHED["tools"]
    assert written.body["input"] == CACHED["input"]
    assert not written.losses


def test_breakpoints_and_thoughts_without_a_place_are_losses() -> None:
    marked = [
        {"role": "user", "content": [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "hi"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}, "cache_control": ONCE}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "cache_control": ONCE}]},
    ]

    for target in (CHAT, RESPONSES):
        losses = sent(MESSAGES, target, messages=marked, max_tokens=64).losses
        assert [re.findall(r"\d", loss.path)[0] for loss in losses] == ["0", "1", "2"]


def test_the_nearer_breakpoint_holds() -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": ONCE}], "cache_control": LONG}
    item = {
        "role": "user",
        "content": [{"type": "input_text", "text": "a", "cache_control": ONCE}],
        "cache_control": LONG,
    }

    for written in (sent(CHAT, MESSAGES, messages=[message]), sent(RESPONSES, MESSAGES, input=[item])):
        assert written.body["messages"][0]["content"] == [{"type": "text", "text": "a", "cache_control": ONCE}]


@pytest.mark.parametrize(
    ("namespace", "name", "told"),
    [
        ("mcp__a", "f", "mcp__a__f"),
        ("mcp__a__", "f", "mcp__a__f"),
        ("mcp__a", "mcp__a__f", "mcp__a__f"),
        ("coll", "collab", "coll__collab"),
    ],
)
def test_a_namespace_stands_in_front_of_a_name_once(namespace: str, name: str, told: str) -> None:
    inner = {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}}

    written = sent(RESPONSES, CHAT, input="hi", tools=[{"type": "namespace", "name": namespace, "tools": [inner]}])

    assert written.body["tools"][0]["function"]["name"] == told
    assert written.naming.originals == {told: (name, namespace)}


def test_an_id_that_was_interrupted_belongs_to_the_later_call() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call("exec:0", "exec", '{"n":1}')]},
        {"role": "user", "content": "go on"},
        {"role": "assistant", "content": None, "tool_calls": [call("exec:0", "exec", '{"n":2}')]},
        {"role": "tool", "tool_call_id": "exec:0", "content": "of the second"},
    ]

    items = sent(CHAT, RESPONSES, messages=messages).body["input"]

    calls = {item["call_id"]: item["arguments"] for item in items if item["type"] == "function_call"}
    outputs = {item["call_id"]: item["output"] for item in items if item["type"] == "function_call_output"}
    answered = {calls[identity]: output for identity, output in outputs.items()}
    assert answered == {'{"n":1}': "The call gave no result.", '{"n":2}': "of the second"}


@pytest.mark.parametrize(
    ("detail", "told", "lost"), [("low", "low", False), ("original", "high", True), ("closely", None, True)]
)
def test_a_detail_is_told_in_words_that_there_are(detail: str, told: str | None, lost: bool) -> None:
    image = {"type": "input_image", "image_url": "https://a.example/x.png", "detail": detail}

    written = sent(RESPONSES, CHAT, input=[{"role": "user", "content": [image]}])

    assert written.body["messages"][0]["content"][0]["image_url"].get("detail") == told
    assert bool(written.losses) is lost


def test_openai_knows_the_original_detail() -> None:
    image = {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "original"}
    said = read_request(RESPONSES, {"model": "m", "input": [{"role": "user", "content": [image]}]})

    written = protocol(CHAT).write_request(said, WriteTarget(model="gpt-5.4", quirks=frozenset({"openai-fields"})))

    assert written.body["messages"][0]["content"][0]["image_url"]["detail"] == "original"


def test_a_message_that_says_nothing_leaves_no_gap() -> None:
    items = [
        USER,
        {"role": "assistant", "content": ""},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"role": "assistant", "content": "two"},
        {"type": "function_call_output", "call_id": "a", "output": "done"},
    ]

    assert sent(RESPONSES, CHAT, input=items).body["messages"][1]["content"] == "two"


NESTED = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize("target", [CHAT, MESSAGES, GEMINI, RESPONSES])
def test_tools_and_a_choice_in_the_words_of_chat_are_understood_in_responses(target: str) -> None:
    choice = {"type": "function", "function": {"name": "f"}}
    flat = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}

    mixed = sent(RESPONSES, target, input="hi", tools=[NESTED], tool_choice=choice)

    plain = sent(RESPONSES, target, input="hi", tools=[flat], tool_choice={"type": "function", "name": "f"})
    assert mixed.body == plain.body


def test_a_custom_tool_that_is_chosen_as_a_function_is_chosen_as_what_it_is() -> None:
    tools = [{"type": "custom", "custom": {"name": "patch"}}, NESTED]

    written = sent(
        CHAT, RESPONSES, messages=[USER], tools=tools, tool_choice={"type": "function", "function": {"name": "patch"}}
    )

    assert written.body["tool_choice"] == {"type": "custom", "name": "patch"}


def test_properties_of_branches_keep_their_order() -> None:
    branches = [{"type": "object", "properties": {name: {"type": "string"}}} for name in ("b", "a", "c")]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"anyOf": branches}}}

    written = sent(CHAT, MESSAGES, messages=[USER], tools=[tool])

    assert list(written.body["tools"][0]["input_schema"]["properties"]) == ["b", "a", "c"]


def unidentified(**ids: Any) -> Any:
    """A step of three calls, of which only the second has an id; ``ids`` are the results', by what they say."""
    calls = [call("", name) for name in ("f", "g", "h")]
    calls[1]["id"] = "own"
    del calls[2]["id"]
    results = [
        {"role": "tool", "content": said, **({"tool_call_id": given} if given is not ... else {})}
        for said, given in ids.items()
    ]
    return [USER, {"role": "assistant", "content": None, "tool_calls": calls}, *results]


@pytest.mark.parametrize("target", [MESSAGES, RESPONSES, GEMINI, CHAT])
@pytest.mark.parametrize("ids", [{"of_g": "own", "of_f": None, "of_h": ...}, {"of_f": "", "of_g": "own", "of_h": ""}])
def test_results_without_ids_answer_the_calls_in_their_order(ids: Any, target: str) -> None:
    written = sent(CHAT, target, messages=unidentified(**ids))

    loop = request_gist(read_request(target, written.body)).loop
    names = {number: name for _, kind, number, name, *_ in loop if kind == "call"}
    answers = {names[number]: said[-2] for _, kind, number, *said in loop if kind == "result"}
    assert answers == {"f": "of_f", "g": "of_g", "h": "of_h"}
    assert written.body == sent(CHAT, target, messages=unidentified(**ids)).body


def test_an_upload_of_openais_is_one_for_both_its_protocols() -> None:
    part = {"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}}

    written = sent(CHAT, RESPONSES, messages=[{"role": "user", "content": [part]}])

    assert written.body["input"][0]["content"] == [{"type": "input_file", "file_id": "file-1", "filename": "a.pdf"}]


PDF, PNG = "JVBERi0xLjQ=", "iVBORw0KGgo="


@pytest.mark.parametrize(
    ("client", "part"),
    [
        (CHAT, {"type": "file", "file": {"filename": "a.pdf", "file_data": f"DaTa:Application/PDF;base64,{PDF}"}}),
        (CHAT, {"type": "image_url", "image_url": {"url": f"DATA:image/PNG;BASE64,{PNG}"}}),
        (RESPONSES, {"type": "input_file", "filename": "a", "file_data": f"Data:application/pdf;BASE64,{PDF}"}),
        (RESPONSES, {"type": "input_image", "image_url": f"DATA:image/png;base64,{PNG}"}),
    ],
)
def test_the_case_of_a_data_url_says_nothing(client: str, part: Any) -> None:
    message = {"role": "user", "content": [part]}
    asked: Any = {"messages": [message]} if client == CHAT else {"input": [message]}

    [block] = sent(client, MESSAGES, **asked).body["messages"][0]["content"]

    assert (block["type"], block["source"]["media_type"], block["source"]["data"]) in [
        ("document", "application/pdf", PDF),
        ("image", "image/png", PNG),
    ]
    kept = sent(client, client, **asked).body
    assert part in (kept.get("messages") or kept["input"])[0]["content"]


PUT_TOGETHER: Any = {
    "oneOf": [{"$ref": "#/$defs/By_name"}, {"$ref": "#/$defs/By_number"}],
    "$defs": {
        "By_name": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        "By_number": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
    },
}


@pytest.mark.parametrize(
    ("target", "quirks", "merged"),
    [(MESSAGES, (), True), (RESPONSES, (), True), (CHAT, ("openai-fields",), True), (CHAT, (), False)],
)
def test_a_root_that_is_put_together_is_an_object(target: str, quirks: tuple[str, ...], merged: bool) -> None:
    declaration = {"name": "find", "parametersJsonSchema": PUT_TOGETHER}
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    said = read_request(GEMINI, {"contents": contents, "tools": [{"functionDeclarations": [declaration]}]})

    written = protocol(target).write_request(said, WriteTarget(model=MODELS[target], quirks=frozenset(quirks)))

    [tool] = written.body["tools"]
    tool = tool.get("function", tool)
    schema = tool.get("input_schema") or tool["parameters"]
    assert schema["type"] == "object"
    assert list(schema["properties"]) == (["name", "number"] if merged else [])
    assert ("oneOf" in schema) != merged
    assert len(written.losses) == merged


@pytest.mark.parametrize("target", [CHAT, RESPONSES, MESSAGES, GEMINI])
@pytest.mark.parametrize("client", [CHAT, MESSAGES])
def test_of_two_tools_of_one_name_the_first_is_declared(client: str, target: str) -> None:
    told = (("f", "1"), ("g", "2"), ("f", "3"))
    if client == MESSAGES:
        tools: Any = [{"name": name, "description": said, "input_schema": {"type": "object"}} for name, said in told]
    else:
        tools = [{"type": "function", "function": {"name": name, "description": said}} for name, said in told]

    written = sent(client, target, messages=[USER], tools=tools, max_tokens=9)

    text = dumps(written.body).decode()
    twice = client == target == CHAT
    assert ('"description":"1"' in text, '"description":"3"' in text) == (True, twice)
    assert [loss.path for loss in written.losses if loss.path.startswith("tools")] == ([] if twice else ["tools[2]"])


@pytest.mark.parametrize(
    ("client", "asked"),
    [
        (GEMINI, {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "https://a.example/x.PNG?s=1"}}]}]}),
        (
            RESPONSES,
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example/x.PNG?s=1"}]}
                ]
            },
        ),
    ],
)
def test_the_ending_of_an_address_says_what_a_file_is(client: str, asked: Any) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a.example/x.PNG?s=1"}}

    assert sent(client, MESSAGES, **asked).body["messages"][0]["content"] == [image]
    assert sent(client, CHAT, **asked).body["messages"][0]["content"][0]["type"] == "image_url"
    kept = sent(client, client, **asked).body
    assert "fileData" in kept["contents"][0]["parts"][0] if client == GEMINI else kept["input"] == asked["input"]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}},
        ),
        (
            {"type": "input_image", "image_url": {"url": "https://a.example/x.png"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            {"type": "image_url", "image_url": "https://a.example/x.png"},
            {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        ),
        ({"type": "input_file", "file": {"file_id": "file-1"}}, {"type": "file", "file": {"file_id": "file-1"}}),
    ],
)
def test_images_and_files_in_the_words_of_chat_are_understood_in_responses(part: Any, told: Any) -> None:
    asked: Any = {"input": [{"role": "user", "content": [part]}]}

    written = sent(RESPONSES, CHAT, **asked)

    assert written.body["messages"][0]["content"] == [told]
    assert not written.losses
    assert sent(RESPONSES, RESPONSES, **asked).body["input"] == asked["input"]


@pytest.mark.parametrize(("target", "said"), [(CHAT, "b"), (RESPONSES, [{"type": "input_text", "text": "b"}])])
def test_an_empty_text_beside_others_is_left_out(target: str, said: Any) -> None:
    words = [{"type": "text", "text": ""}, {"type": "text", "text": "b"}]

    written = sent(MESSAGES, target, messages=[{"role": "user", "content": words}], max_tokens=99)

    (message,) = written.body["messages" if target == CHAT else "input"]
    assert message["content"] == said


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ({"type": "document_url", "document_url": f"data:application/pdf;base64,{PDF}"}, None),
        (
            {"type": "document_url", "document_url": f"data:application/pdf;base64,{PDF}", "document_name": "a.pdf"},
            "a.pdf",
        ),
        ({"type": "file_url", "file_url": {"url": f"data:application/pdf;base64,{PDF}"}}, None),
        ({"type": "file_url", "file_url": {"url": PDF}, "file_name": "a.pdf"}, "a.pdf"),
    ],
)
def test_a_document_in_other_vendors_words_is_a_document_to_all(part: Any, name: str | None) -> None:
    asked: Any = {"messages": [{"role": "user", "content": [part]}]}

    claude = sent(CHAT, MESSAGES, **asked).body["messages"][0]["content"][0]
    assert claude["source"] == {"type": "base64", "media_type": "application/pdf", "data": PDF}
    assert claude.get("title") == name
    gemini = sent(CHAT, GEMINI, **asked).body["contents"][0]["parts"][0]
    assert gemini["inlineData"] == {"mimeType": "application/pdf", "data": PDF}
    file = sent(CHAT, RESPONSES, **asked).body["input"][0]["content"][0]
    assert file["file_data"] == f"data:application/pdf;base64,{PDF}"
    assert sent(CHAT, CHAT, **asked).body["messages"] == asked["messages"]


def test_a_tool_is_chosen_by_its_object_alone() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    asked: Any = {"messages": [USER], "tools": tools, "tool_choice": {"function": {"name": "f"}}}

    assert sent(CHAT, MESSAGES, **asked).body["tool_choice"] == {"type": "tool", "name": "f"}
    assert sent(CHAT, CHAT, **asked).body["tool_choice"] == {"type": "function", **asked["tool_choice"]}
