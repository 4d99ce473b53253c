"""Under trio: Google's client in a thread, and a client that is nothing but a socket. Recordings: fixtures/test_trio_gemini/."""

import json

import pytest
import trio

QUESTION = {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


async def test_googles_client_in_a_thread(llm_replay):
    genai = pytest.importorskip("google.genai")
    client = genai.Client(api_key=llm_replay.api_key, http_options={"base_url": llm_replay.gemini_base_url})

    def ask():
        return client.models.generate_content(model="gemini-2.5-flash", contents="Say hello.").text

    assert await trio.to_thread.run_sync(ask) == "Hello!"
    client.close()


@pytest.mark.llm_replay(speed=1)  # at the recorded pace
async def test_a_stream_over_a_plain_socket(llm_replay):
    body = json.dumps(QUESTION).encode()
    head = (
        "POST /v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse HTTP/1.1\r\n"
        f"host: localhost\r\nx-goog-api-key: {llm_replay.api_key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    port = int(llm_replay.base_url.rpartition(":")[2])
    answer = b""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(head.encode() + body)
        async for data in stream:
            answer += data
    assert answer.count(b"data: ") == 2
    assert b'"finishReason":"STOP"' in answer
