"""A streaming client on asyncio, tested without a key: the recordings lie in fixtures/test_asyncio_openai/."""

import asyncio

import pytest

openai = pytest.importorskip("openai")


async def summarise(client, text):
    """The code under test: it gathers a streamed answer, and says so when it did not come to its end."""
    words = []
    try:
        stream = await client.chat.completions.create(
            model="gpt-5-mini", messages=[{"role": "user", "content": f"Summarise: {text}"}], stream=True
        )
        async for chunk in stream:
            words += [choice.delta.content or "" for choice in chunk.choices]
    except openai.APIError as error:
        return "".join(words) + f" [broken off: {type(error).__name__}]"
    return "".join(words)


def ask(llm, text):
    async def run():
        async with openai.AsyncOpenAI(base_url=llm.openai_base_url, api_key=llm.api_key, max_retries=0) as client:
            return await summarise(client, text)

    return asyncio.run(run())


def test_a_streamed_answer_is_gathered(llm_replay):
    assert ask(llm_replay, "nurseries") == "A nursery ends when its children have ended."
    [call] = llm_replay.calls
    assert call.path == "/v1/chat/completions"
    assert call.body["messages"][0]["content"] == "Summarise: nurseries"
    assert llm_replay.unused == []


@pytest.mark.llm_replay(faults="cut@3")
def test_a_torn_answer_is_not_taken_for_a_whole_one(llm_replay):
    assert ask(llm_replay, "nurseries") == "A nursery [broken off: APIError]"


@pytest.mark.llm_replay(faults="status=429")
def test_a_full_quota_is_told(llm_replay):
    assert ask(llm_replay, "nurseries") == " [broken off: RateLimitError]"
