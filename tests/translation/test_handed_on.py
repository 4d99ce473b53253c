"""What agents hand on as their tools gave it, or as another vendor's client spelled it: each is understood."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translation.requests import MODELS, read_request
from trioproxy.protocols.base import WriteTarget, Written
from trioproxy.protocols.table import protocol

CHAT, RESPONSES, MESSAGES, GEMINI = "openai_chat", "openai_responses", "anthropic", "gemini"
USER = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
ROWS = [{"id": 1}, {"id": 2}]


def sent(client: str, target: str, **body: Any) -> Written:
    said = read_request(client, {"model": "m", **body})
    return protocol(target).write_request(said, WriteTarget(model=MODELS[target]))


def user_says(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def looped(client: str, given: Any) -> dict[str, Any]:
    """A history in which a tool gave this."""
    match client:
        case "openai_chat":
            call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            answer = {"role": "tool", "tool_call_id": "c", "content": given}
            return {"messages": [USER, {"role": "assistant", "tool_calls": [call]}, answer]}
        case "openai_responses":
            asked = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
            return {"input": [USER, asked, {"type": "function_call_output", "call_id": "c", "output": given}]}
        case _:
            used = {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]}
            result = {"type": "tool_result", "tool_use_id": "c", "content": given}
            return {"max_tokens": 9, "messages": [USER, used, {"role": "user", "content": [result]}]}


@pytest.mark.parametrize("client", [CHAT, RESPONSES, MESSAGES])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (ROWS, '[{"id":1},{"id":2}]'),
        ({"rows": ROWS}, '{"rows":[{"id":1},{"id":2}]}'),
        (7, "7"),
        (True, "true"),
        ({"type": "weather", "c": 3}, '{"type":"weather","c":3}'),
        ({"type": "text", "text": "alone"}, "alone"),
    ],
)
def test_what_a_tool_gave_may_be_any_json(client: str, given: Any, said: str) -> None:
    answered = sent(client, GEMINI, **looped(client, given)).body["contents"][-1]["parts"][0]["functionResponse"]

    assert answered["response"] == {"result": said}


def test_a_lone_picture_is_a_result() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}

    written = sent(MESSAGES, RESPONSES, **looped(MESSAGES, image))

    assert [part["type"] for part in written.body["input"][-1]["output"]] == ["input_image"]


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ({"file_url": "https://e.com/a", "mime_type": "application/pdf"}, "application/pdf"),
        ({"file_url": "https://e.com/a.pdf"}, "application/pdf"),
        ({"file_id": "https://e.com/a", "format": "text/csv"}, "text/csv"),
    ],
)
def test_a_file_may_be_named_by_its_address(part: Any, source: str) -> None:
    written = sent(CHAT, GEMINI, **user_says({"type": "file", "file": part}))
    url = part.get("file_url") or part["file_id"]

    assert written.body["contents"][0]["parts"] == [{"fileData": {"fileUri": url, "mimeType": source}}]
    assert sent(CHAT, CHAT, **user_says({"type": "file", "file": part})).body["messages"][0]["content"] == [
        {"type": "file", "file": part}
    ]


@pytest.mark.parametrize("word", ["format", "mime_type"])
def test_a_picture_at_an_address_has_the_type_that_is_said_of_it(word: str) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://e.com/a", word: "image/webp"}}
    paper = {"type": "image_url", "image_url": {"url": "https://e.com/b", word: "application/pdf"}}

    written = sent(CHAT, GEMINI, **user_says(image, paper))

    assert [part["fileData"]["mimeType"] for part in written.body["contents"][0]["parts"]] == [
        "image/webp",
        "application/pdf",
    ]
    assert not written.losses
    assert sent(CHAT, MESSAGES, **user_says(paper)).body["messages"][0]["content"][0]["type"] == "document"
    assert sent(CHAT, CHAT, **user_says(image, paper)).body["messages"][0]["content"] == [image, paper]


@pytest.mark.parametrize("word", ["input_schema", "parametersJsonSchema", "parameters_json_schema"])
def test_a_function_may_bring_its_schema_under_another_vendors_name(word: str) -> None:
    tools = [{"type": "function", "function": {"name": "f", word: SCHEMA}}]

    written = sent(CHAT, MESSAGES, messages=[USER], tools=tools)

    assert written.body["tools"] == [{"name": "f", "input_schema": SCHEMA}]
    assert not written.losses
    assert sent(CHAT, CHAT, messages=[USER], tools=tools).body["tools"] == tools


def test_a_breakpoint_may_stand_in_the_function() -> None:
    function = {"name": "f", "parameters": SCHEMA, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    tools = [{"type": "function", "function": function}]

    written = sent(CHAT, MESSAGES, messages=[USER], tools=tools)

    assert written.body["tools"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert not written.losses
    assert sent(CHAT, CHAT, messages=[USER], tools=tools).body["tools"] == tools


def test_an_effort_may_be_an_object() -> None:
    asked: Any = {"messages": [USER], "reasoning_effort": {"effort": "high", "summary": "detailed"}}

    written = sent(CHAT, RESPONSES, **asked)

    assert written.body["reasoning"] == {"effort": "high", "summary": "detailed"}
    assert not written.losses
    config = sent(CHAT, GEMINI, **asked).body["generationConfig"]
    assert config["thinkingConfig"] == {"thinkingLevel": "high", "includeThoughts": True}
    assert sent(CHAT, CHAT, **asked).body["reasoning_effort"] == asked["reasoning_effort"]


@pytest.mark.parametrize("target", [CHAT, RESPONSES, MESSAGES, GEMINI])
@pytest.mark.parametrize("stop", ["", [""], ["", "end"]])
def test_an_empty_stop_sequence_stops_nothing(target: str, stop: Any) -> None:
    written = sent(CHAT, target, messages=[USER], stop=stop)
    kept = written.body.get("stop") or written.body.get("stop_sequences") or written.stops
    kept = kept or written.body.get("generationConfig", {}).get("stopSequences", ())

    assert list(kept) == [each for each in stop if each]


def test_a_call_of_a_custom_tool_is_custom_however_it_is_told() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "patch", "arguments": "*** Begin"}}
    messages = [
        USER,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "ok"},
    ]
    tools = [{"type": "custom", "custom": {"name": "patch"}}]

    written = sent(CHAT, RESPONSES, messages=messages, tools=tools)

    assert written.body["input"][1:] == [
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"},
    ]
    used = sent(CHAT, MESSAGES, messages=messages, tools=tools).body["messages"][1]["content"][0]
    assert used["input"] == {"input": "*** Begin"}


def test_a_call_may_stand_among_what_the_model_said() -> None:
    said = {
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": "ok"},
            {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": "x"}},
        ],
    }
    answer = {"type": "function_call_output", "call_id": "c", "output": "r"}

    written = sent(RESPONSES, CHAT, input=[USER, said, answer])

    assert written.body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "ok",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":"x"}'}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]


CALLED: Any = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "g"}}]}


@pytest.mark.parametrize("role", ["user", "model", "function"])
def test_responses_may_stand_anywhere_and_lack_their_names(role: str) -> None:
    answers = [{"functionResponse": {"response": "one"}}, {"functionResponse": {"name": "", "response": {"n": 2}}}]
    asked = {"contents": [{"parts": [{"text": "hi"}]}, CALLED, {"role": role, "parts": answers}]}

    written = sent(GEMINI, MESSAGES, **asked)

    assert [message["role"] for message in written.body["messages"]] == ["user", "assistant", "user"]
    assert [block["content"] for block in written.body["messages"][-1]["content"]] == ["one", '{"n":2}']
    again = sent(GEMINI, GEMINI, **asked).body["contents"][-1]
    assert again["role"] == "user"
    assert [part["functionResponse"]["name"] for part in again["parts"]] == ["f", "g"]


def test_a_response_may_stand_behind_its_call() -> None:
    both = {
        "role": "model",
        "parts": [CALLED["parts"][0], {"functionResponse": {"name": "f", "response": {}}}, {"text": "so"}],
    }

    written = sent(GEMINI, CHAT, contents=[{"parts": [{"text": "hi"}]}, both])

    assert [message["role"] for message in written.body["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_calls_that_share_an_id_are_told_apart_for_google() -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in ("f", "g")]
    answers = [{"role": "tool", "tool_call_id": "c", "content": each} for each in ("one", "two")]

    contents = sent(CHAT, GEMINI, messages=[USER, {"role": "assistant", "tool_calls": calls}, *answers]).body[
        "contents"
    ]

    made = [part["functionCall"] for part in contents[1]["parts"]]
    given = [part["functionResponse"] for part in contents[2]["parts"]]
    assert [(each["name"], each["id"]) for each in made] == [("f", "c"), ("g", "c_2")]
    assert [(each["name"], each["id"], each["response"]["result"]) for each in given] == [
        ("f", "c", "one"),
        ("g", "c_2", "two"),
    ]


def test_who_wants_no_summary_is_shown_no_thoughts() -> None:
    written = sent(RESPONSES, GEMINI, input="hi", reasoning={"effort": "high", "summary": "none"})

    assert written.body["generationConfig"]["thinkingConfig"]["includeThoughts"] is False


def test_an_instruction_may_be_a_list_of_parts() -> None:
    written = sent(GEMINI, MESSAGES, contents="hi", systemInstruction=[{"text": "a"}, "b"])

    assert [block["text"] for block in written.body["system"]] == ["a", "b"]


def test_an_instruction_of_which_nothing_is_left_is_no_message() -> None:
    system = [{"type": "brand_new"}]

    written = sent(MESSAGES, CHAT, max_tokens=9, messages=[USER], system=system)

    assert [message["role"] for message in written.body["messages"]] == ["user"]
    assert [loss.path for loss in written.losses] == ["system[0]"]


def test_an_answers_form_in_googles_words_stands_alone() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA}}

    written = sent(
        CHAT, GEMINI, messages=[USER], response_format=form, generationConfig={"responseSchema": {"type": "STRING"}}
    )

    assert written.body["generationConfig"] == {"responseSchema": {"type": "STRING"}}


@pytest.mark.parametrize("choice", [{"disable_parallel_tool_use": True}, {}])
def test_a_choice_without_a_type_leaves_the_choice(choice: Any) -> None:
    tools = [{"name": "f", "input_schema": SCHEMA}]

    written = sent(MESSAGES, CHAT, max_tokens=9, messages=[USER], tools=tools, tool_choice=choice)

    assert written.body["tool_choice"] == "auto"
    assert written.body.get("parallel_tool_calls") is (False if choice else None)
