"""The vendors' Python SDKs, each a streamed tool loop: ``python python_sdks.py CASE BASE_URL KEY`` prints the last answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

WORDS = ("one-ran-ok", "two-ran-ok", "three-ran-ok")
PROMPT = 'please [[fake:tool run {"cmd":"%s"}]] [[fake:tool run {"cmd":"%s"}]] [[fake:then run {"cmd":"%s"}]]' % WORDS
SCHEMA = {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}


def ran(arguments: str) -> str:
    """What the tool says: the word it was called with."""
    return str(json.loads(arguments)["cmd"])


def openai_chat(base: str, key: str) -> str:
    """Chat Completions with ``stream``; every chunk is parsed by the SDK's own types."""
    from openai import OpenAI

    client: Any = OpenAI(base_url=f"{base}/v1", api_key=key)
    tools = [{"type": "function", "function": {"name": "run", "description": "run", "parameters": SCHEMA}}]
    messages: list[Any] = [{"role": "user", "content": PROMPT}]
    for _ in range(3):
        with client.chat.completions.stream(model="gpt-fake", messages=messages, tools=tools) as stream:
            stream.until_done()
            message = stream.get_final_completion().choices[0].message
        if not message.tool_calls:
            return str(message.content)
        messages.append(
            message.model_dump(exclude_none=True, exclude={"parsed"}, include={"role", "content", "tool_calls"})
        )
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": ran(call.function.arguments)}
            for call in message.tool_calls
        ]
    return "no end"


def openai_responses(base: str, key: str) -> str:
    """The Responses API with its event stream helper."""
    from openai import OpenAI

    client: Any = OpenAI(base_url=f"{base}/v1", api_key=key)
    tools = [{"type": "function", "name": "run", "description": "run", "parameters": SCHEMA, "strict": False}]
    items: list[Any] = [{"role": "user", "content": PROMPT}]
    for _ in range(3):
        with client.responses.stream(model="gpt-fake", input=items, tools=tools) as stream:
            response = stream.until_done().get_final_response()
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return str(response.output_text)
        items += (
            item.model_dump(exclude_none=True, exclude={"parsed_arguments", "status"})
            for item in response.output
            if item.type in ("reasoning", "function_call")
        )
        items += (
            {"type": "function_call_output", "call_id": call.call_id, "output": ran(call.arguments)} for call in calls
        )
    return "no end"


def anthropic(base: str, key: str) -> str:
    """The Messages API with its stream helper."""
    from anthropic import Anthropic

    client: Any = Anthropic(base_url=base, api_key=key)
    tools = [{"name": "run", "description": "run", "input_schema": SCHEMA}]
    messages: list[Any] = [{"role": "user", "content": PROMPT}]
    for _ in range(3):
        with client.messages.stream(model="claude-fake", max_tokens=500, messages=messages, tools=tools) as stream:
            message = stream.get_final_message()
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return "".join(block.text for block in message.content if block.type == "text")
        messages.append({"role": "assistant", "content": [block.model_dump() for block in message.content]})
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": call.input["cmd"]} for call in calls]
        messages.append({"role": "user", "content": results})
    return "no end"


def google_genai(base: str, key: str) -> str:
    """``generate_content_stream`` with function declarations."""
    from google import genai
    from google.genai import types

    client: Any = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base))
    declaration = types.FunctionDeclaration(name="run", description="run", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declaration])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=PROMPT)])]
    for _ in range(3):
        parts: list[Any] = []
        for chunk in client.models.generate_content_stream(model="gemini-fake", contents=contents, config=config):
            parts += (
                (chunk.candidates[0].content.parts or []) if chunk.candidates and chunk.candidates[0].content else []
            )
        calls = [part.function_call for part in parts if part.function_call]
        if not calls:
            return "".join(part.text or "" for part in parts)
        contents.append(types.Content(role="model", parts=parts))
        answers = [
            types.Part.from_function_response(name=call.name, response={"result": call.args["cmd"]}) for call in calls
        ]
        contents.append(types.Content(role="user", parts=answers))
    return "no end"


CASES: dict[str, Callable[[str, str], str]] = {
    "openai-chat": openai_chat,
    "openai-responses": openai_responses,
    "anthropic": anthropic,
    "google-genai": google_genai,
}

if __name__ == "__main__":
    case, base_url, api_key = sys.argv[1:]
    print(CASES[case](base_url, api_key))
