"""Providers asked over WebSocket, end to end: a client's socket, the gateway, a provider on a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import wait_all_tasks_blocked

from tests.support.houses import Bench, ask
from tests.support.socket_provider import SocketProvider, answers, events_of, provider
from tests.support.sockets import Socket, SocketBench
from tests.support.tls import client_context
from tests.support.upstreams import RecordedProgress
from trioproxy.errors import UpstreamFault
from trioproxy.ledger.entry import Outcome
from trioproxy.upstream.base import SocketTurn, UpstreamRequest
from trioproxy.upstream.http import HttpUpstream
from trioproxy.upstream.sockets import ProviderSockets, SocketUpstream
from trioproxy.websocket.link import Link

CONFIG = """
codex-api-key:
  - api-key: UPKEY
    base-url: http://127.0.0.1:{port}/v1
    websockets: true
    models: [{{name: responses-up, alias: responses-m}}]
"""


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


@asynccontextmanager
async def house(made: SocketProvider) -> AsyncIterator[SocketBench]:
    http = HttpUpstream()
    bench = Bench(config=CONFIG.format(port=made.port), upstream=SocketUpstream(http))
    try:
        yield SocketBench(bench)
    finally:
        http.close()


def refused(status: int, **error: Any) -> Any:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        await link.send(json.dumps({"type": "error", "status": status, "error": error, "headers": {"Retry-After": 7}}))

    return answer


async def test_a_session_keeps_one_socket_and_sends_new_items_only() -> None:
    async with provider() as made, house(made) as at:
        async with at.socket(openai_beta="responses_websockets=2026-02-06, x=1") as client:
            await client.turn(input=[user("a")], instructions="be brief", store=False)
            await client.turn(input=[user("b")], instructions="be brief", previous_response_id="resp_up_1", store=False)
            await client.turn(input=[user("c")], previous_response_id="resp_up_2", store=False)
        first, second, third = made.messages
        assert first == {
            "type": "response.create",
            "model": "responses-up",
            "instructions": "be brief",
            "store": False,
            "input": [user("a")],
        }
        assert (second["previous_response_id"], second["input"]) == ("resp_up_1", [user("b")])
        assert (third["previous_response_id"], third["input"]) == ("resp_up_2", [user("c")])
        assert (made.opened, made.posts) == (1, [])
        head = made.heads[0].decode().lower()
        assert head.startswith("get /v1/responses http/1.1\r\n")
        assert "authorization: bearer upkey" in head
        assert "openai-beta: x=1, responses_websockets=2026-02-06" in head
        assert [each.outcome for each in at.bench.settled] == [Outcome.COMPLETE] * 3
        while not made.closes:
            await trio.lowlevel.checkpoint()
        assert made.closes[0].code == 1000


async def test_messages_go_on_as_they_are() -> None:
    text = '{"type":"response.completed", "response" : {"id":"resp_1","status":"completed","output":[],"x":1.0}}'

    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        await link.send('{ "type" : "response.created","é":1}')
        await link.send(text)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        await client.create(input="hi")
        assert await client.link.receive() == '{ "type" : "response.created","é":1}'
        assert await client.link.receive() == text


async def test_a_fork_sends_its_whole_conversation() -> None:
    async with provider() as made, house(made) as at, at.socket() as client:
        await client.turn(input=[user("a")], store=False)
        await client.turn(input=[user("b")], previous_response_id="resp_up_1", store=False)
        await client.turn(input=[user("c")], previous_response_id="resp_up_1", store=False)
        assert "previous_response_id" not in made.messages[2]
        assert [item["content"] for item in made.messages[2]["input"][::2]] == ["a", "c"]
        assert made.opened == 1


async def test_lanes_at_once_have_sockets_of_their_own() -> None:
    go = trio.Event()

    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        if number == 1:
            await go.wait()
        await answers(link, message, number)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        await client.create(input="a", stream_id="one")
        while not made.messages:
            await trio.lowlevel.checkpoint()
        assert (await client.turn(input="b", stream_id="two"))["stream_id"] == "two"
        go.set()
        assert (await client.end())["stream_id"] == "one"
        assert made.opened == 2


async def test_what_the_provider_forgot_is_sent_again() -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        if "previous_response_id" in message:
            await refused(400, code="previous_response_not_found", message="no")(link, message, number)
        else:
            await answers(link, message, number)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        await client.turn(input=[user("a")], store=False)
        last = await client.turn(input=[user("b")], previous_response_id="resp_up_1", store=False)
        assert last["type"] == "response.completed"
        assert [len(message["input"]) for message in made.messages] == [1, 1, 3]
        assert (made.opened, len(at.bench.last.tries)) == (1, 1)


@pytest.mark.parametrize("limit", [True, False], ids=["told", "closed"])
async def test_a_socket_that_grew_old_is_replaced(limit: bool) -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        if number != 2:
            await answers(link, message, number)
        elif limit:
            await refused(400, code="websocket_connection_limit_reached", message="60 minutes")(link, message, number)
        else:
            await link.close(1001)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        await client.turn(input=[user("a")], store=False)
        last = await client.turn(input=[user("b")], previous_response_id="resp_up_1", store=False)
        assert last["type"] == "response.completed"
        assert (made.opened, made.posts) == (2, [])
        assert [len(message["input"]) for message in made.messages] == [1, 1, 3]


@pytest.mark.parametrize("status", [426, 404, 200, 500])
async def test_a_provider_without_sockets_is_asked_over_post_and_not_again(status: int) -> None:
    handshake = b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status
    async with provider(handshake=handshake) as made, house(made) as at, at.socket() as client:
        for _ in range(2):
            assert (await client.turn(input="hi"))["response"]["id"] == "resp_post"
        assert (len(made.heads), len(made.posts)) == (1, 2)
        assert made.posts[0]["stream"] is True


async def test_a_fresh_socket_that_closes_before_the_first_event() -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        await link.close(1011)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        assert (await client.turn(input="hi"))["response"]["id"] == "resp_post"
        assert (await client.turn(input="hi"))["response"]["id"] == "resp_post"
        assert made.opened == 2  # that may have been an accident


@pytest.mark.parametrize("status", [401, 429])
async def test_a_handshake_that_refuses_the_key_is_an_answer(status: int) -> None:
    body = b'{"error":{"message":"no","code":"c"}}'
    handshake = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nretry-after: 9\r\n\r\n%b" % (status, len(body), body)
    async with provider(handshake=handshake) as made, house(made) as at, at.socket() as client:
        error = await client.turn(input="hi")
        assert (error["status"], error["error"]["message"], made.posts) == (status, "no", [])
        await wait_all_tasks_blocked()
        assert at.bench.last.tries[0].status == status


async def test_an_error_message_is_an_answer_and_the_socket_goes_on() -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        turn = (
            refused(400, code="invalid_prompt", type="invalid_request_error", message="bad") if number == 1 else answers
        )
        await turn(link, message, number)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        error = await client.turn(input="hi")
        assert (error["status"], error["error"]["code"], error["error"]["message"]) == (400, "invalid_prompt", "bad")
        assert error["headers"]["retry-after"] == "7"
        assert (await client.turn(input="hi"))["type"] == "response.completed"
        assert (made.opened, made.posts) == (1, [])


async def test_an_error_in_the_midst_of_a_response() -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        await link.send(json.dumps(events_of("r")[0]))
        await refused(500, code="server_error", message="oops")(link, message, number)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        error = await client.turn(input="hi")
        assert (error["type"], error["status"], error["error"]["message"]) == ("error", 500, "oops")


@pytest.mark.parametrize("abrupt", [True, False])
async def test_a_socket_that_ends_in_the_midst_of_a_response(abrupt: bool) -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        if number > 1:
            return await answers(link, message, number)
        for event in events_of("r")[:2]:
            await link.send(json.dumps(event))
        await (link.break_off() if abrupt else link.close(1011))
        return None

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        last = await client.turn(input="hi")
        assert last["type"] in ("response.failed", "error")
        assert "socket closed" in json.dumps(last)
        assert (await client.turn(input="hi"))["type"] == "response.completed"
        assert made.posts == []


async def test_a_client_that_leaves_takes_the_providers_socket_along() -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        await link.send(json.dumps(events_of("r")[0]))

    async with provider(answer=answer) as made, house(made) as at:
        async with at.socket() as client:
            await client.create(input="hi")
            await client.hear()
            await client.vanish()
        while not made.closes:
            await trio.lowlevel.checkpoint()
        assert at.bench.last.outcome is Outcome.CLIENT_GONE


async def test_a_turn_that_ran_out_of_time_leaves_nothing_for_the_next() -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        if number == 1:
            await link.send(json.dumps(events_of("late")[0]))
        else:
            await answers(link, message, number)

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        at.bench.shorten(idle=0.05)
        assert (await client.turn(input="hi"))["type"] == "response.failed"
        at.bench.shorten(idle=10)
        assert (await client.turn(input="hi"))["response"]["id"] == "resp_up_2"
        assert made.opened == 2


async def test_between_turns_pings_are_answered_and_remarks_dropped() -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        await answers(link, message, number)
        await link.send('{"type":"codex.rate_limits"}')
        await link.ping()

    async with provider(answer=answer) as made, house(made) as at, at.socket() as client:
        for number in (1, 2):
            assert (await client.turn(input="hi"))["response"]["id"] == f"resp_up_{number}"
        assert made.opened == 1
        assert "codex.rate_limits" not in {event["type"] for event in client.heard}


async def test_requests_over_http_stay_there() -> None:
    async with provider() as made, house(made) as at:
        exchange = ask("openai_responses")
        await at.bench.gateway.handle(exchange)
        assert (exchange.status, len(made.posts), made.heads) == (200, 1, [])


@pytest.mark.parametrize("when", ["before the first event", "in the midst", "cancelled"])
async def test_a_turn_that_is_given_up_leaves_no_task_and_no_socket(when: str) -> None:
    async def answer(link: Link, message: dict[str, Any], number: int) -> None:
        while when != "before the first event":
            await link.send(json.dumps({"type": "response.output_text.delta", "delta": "x" * 1000}))
        await link.receive()

    async with provider(answer=answer) as made, trio.open_nursery() as nursery:
        http = HttpUpstream()
        request = UpstreamRequest(
            method="POST",
            url=f"http://127.0.0.1:{made.port}/v1/responses",
            headers=(),
            body=b'{"input":[]}',
            protocol="openai_responses",
            stream=True,
            turn=SocketTurn(sockets=ProviderSockets(nursery)),
        )
        with trio.move_on_after(0.2):
            response = await SocketUpstream(http).open(request, RecordedProgress())
            assert (await response.receive_some()).startswith(b"data: {")
            if when == "in the midst":
                await wait_all_tasks_blocked(0.01)
                await response.aclose()
                with pytest.raises(UpstreamFault):
                    await response.receive_some()
            while when == "cancelled":
                await response.receive_some()
        await wait_all_tasks_blocked(0.01)
        assert not nursery.child_tasks
        http.close()


async def test_over_tls() -> None:
    async with provider(tls=True) as made:
        http = HttpUpstream(ssl_context=client_context)
        config = CONFIG.format(port=made.port).replace("http://127.0.0.1", "https://localhost")
        bench = Bench(config=config, upstream=SocketUpstream(http))
        async with SocketBench(bench).socket() as client:
            await client.turn(input=[user("a")], store=False)
            last = await client.turn(input=[user("b")], previous_response_id="resp_up_1", store=False)
        assert (last["type"], made.opened, len(made.messages[1]["input"])) == ("response.completed", 1, 1)
        http.close()


async def test_an_http_proxy_without_tls_carries_no_socket() -> None:
    async with provider() as made, provider() as proxy:
        text = CONFIG.format(port=made.port) + f"    proxy-url: http://127.0.0.1:{proxy.port}\n"
        http = HttpUpstream()
        async with SocketBench(Bench(config=text, upstream=SocketUpstream(http))).socket() as client:
            assert (await client.turn(input="hi"))["response"]["id"] == "resp_post"
        assert (made.heads, len(proxy.posts), proxy.heads) == ([], 1, [])
        http.close()


async def test_nobody_there() -> None:
    async with provider() as made:
        pass
    async with house(made) as at, at.socket() as client:
        error = await client.turn(input="hi")
        assert error["status"] == 502
        assert isinstance(client, Socket)
