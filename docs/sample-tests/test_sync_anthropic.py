"""An agent loop without an event loop: two calls, two recordings, in fixtures/test_sync_anthropic/."""

import pytest

anthropic = pytest.importorskip("anthropic")

WEATHER = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def answer(client, question, tools):
    """The code under test: it asks until the model calls no tool any more."""
    messages = [{"role": "user", "content": question}]
    while True:
        message = client.messages.create(model="claude-sonnet-4-6", max_tokens=256, messages=messages, tools=[WEATHER])
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return message.content[0].text
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": tools[call.name](**call.input)} for call in calls
        ]
        messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]


def test_a_tool_is_called_and_its_result_is_used(llm_replay):
    cities = []

    def weather(city):
        cities.append(city)
        return "21 degrees"

    with anthropic.Anthropic(base_url=llm_replay.anthropic_base_url, api_key=llm_replay.api_key) as client:
        assert answer(client, "How warm is it in Lisbon?", {"weather": weather}) == "It is 21 degrees in Lisbon."
    assert cities == ["Lisbon"]
    first, second = llm_replay.calls
    assert [tool["name"] for tool in first.body["tools"]] == ["weather"]
    assert second.body["messages"][-1]["content"][0]["content"] == "21 degrees"
