"""Responses over WebSocket: turns, memory, lanes, errors, ends."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.support.answers import ANSWERS
from tests.support.houses import Bench
from tests.support.sockets import SocketBench, response_script
from tests.support.upstreams import Delay, Fault, Script
from trioproxy.errors import ErrorKind
from trioproxy.ledger.entry import Outcome
from trioproxy.protocols.table import NAMES

CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "run", "arguments": "{}", "status": "completed"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "ok"}
MODELS = {"openai_chat": "chat-m", "openai_responses": "responses-m", "anthropic": "anthropic-m", "gemini": "gemini-m"}


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


def on_bench(*scripts: Any, settings: dict[str, Any] | None = None, **more: Any) -> SocketBench:
    return SocketBench(Bench(*scripts, settings=settings, **more))


async def test_events_come_as_messages_as_they_are() -> None:
    house = on_bench(Script(chunks=ANSWERS["openai_responses"].frames))
    async with house.socket() as client:
        await client.turn(input="hi", instructions="be brief")
    streamed = b"".join(ANSWERS["openai_responses"].frames).decode()
    assert [json.loads(line[6:]) for line in streamed.split("\n") if line.startswith("data: ")] == client.heard
    assert house.bench.sent == {
        "model": "responses-up",
        "instructions": "be brief",
        "stream": True,
        "input": [user("hi")],
    }
    assert house.bench.last.outcome is Outcome.COMPLETE
    assert (house.bench.last.method, house.bench.last.path) == ("POST", "/v1/responses")


@pytest.mark.parametrize("provider", NAMES)
async def test_every_provider_answers_over_a_socket(provider: str) -> None:
    house = on_bench(Script(chunks=ANSWERS[provider].frames))
    async with house.socket() as client:
        last = await client.turn(model=MODELS[provider], input="hi")
    assert last["type"] == "response.completed"
    assert [item["type"] for item in last["response"]["output"]] == ["message", "function_call"]
    assert "[DONE]" not in str(client.heard)


@pytest.mark.parametrize(
    "path",
    ["/v1/responses", "/responses", "/backend-api/codex/responses", "/backend-api/codex/v1/responses?client_version=1"],
)
async def test_the_paths(path: str) -> None:
    house = on_bench(response_script("resp_1"))
    async with house.socket(path) as client:
        assert (await client.turn(input="hi"))["type"] == "response.completed"


async def test_the_handshakes_headers_go_with_every_request() -> None:
    house = on_bench(response_script("resp_1"), response_script("resp_2"))
    headers = {
        "user-agent": "codex",
        "openai-beta": "one=1, responses_websockets=2026-02-06",
        "x-codex-turn-state": "old",
        "session-id": "s",
        "origin": "http://127.0.0.1",
    }
    async with house.socket(**headers) as client:
        await client.turn(input="hi")
        await client.turn(input="hi", client_metadata={"x-codex-turn-state": "new"})
    sent = [dict(request.headers) for request in house.bench.upstream.requests]
    assert sent[0][b"user-agent"] == b"codex"
    assert sent[0][b"openai-beta"] == b"one=1"
    assert (sent[0][b"x-codex-turn-state"], sent[1][b"x-codex-turn-state"]) == (b"old", b"new")
    assert sent[0][b"content-type"] == b"application/json"
    assert not {name for name in sent[0] if name.startswith(b"sec-") or name in (b"upgrade", b"origin")}


async def test_a_beta_of_the_socket_alone_is_not_sent() -> None:
    house = on_bench(response_script("resp_1"))
    async with house.socket(openai_beta="responses_websockets=2026-02-06") as client:
        await client.turn(input="hi")
    assert b"openai-beta" not in dict(house.bench.upstream.requests[0].headers)


async def test_a_sticky_token_of_an_answer_is_said_in_an_event() -> None:
    script = attrs.evolve(
        response_script("resp_1"), headers=((b"content-type", b"text/event-stream"), (b"x-codex-turn-state", b"tok"))
    )
    house = on_bench(script)
    async with house.socket() as client:
        await client.turn(input="hi")
    assert client.heard[0] == {"type": "response.metadata", "headers": {"x-codex-turn-state": "tok"}}


class TestMemory:
    async def test_only_new_items_are_sent_and_the_provider_gets_all(self) -> None:
        house = on_bench(response_script("resp_1", CALL), response_script("resp_2"), response_script("resp_3"))
        async with house.socket() as client:
            await client.turn(input=[user("a")], store=False)
            await client.turn(input=[OUTPUT], previous_response_id="resp_1", store=False)
            await client.turn(input="c", previous_response_id="resp_2", store=False)
        bodies = [json.loads(request.body) for request in house.bench.upstream.requests]
        assert all("previous_response_id" not in body for body in bodies)
        assert bodies[1]["input"] == [user("a"), CALL, OUTPUT]
        assert [item.get("type") for item in bodies[2]["input"]] == [
            "message",
            "function_call",
            "function_call_output",
            "message",
            "message",
        ]

    @pytest.mark.parametrize("provider", NAMES)
    async def test_a_tool_loop_with_every_provider(self, provider: str) -> None:
        answer = Script(chunks=ANSWERS[provider].frames)
        house = on_bench(answer, answer)
        async with house.socket() as client:
            first = await client.turn(model=MODELS[provider], input="hi", store=False)
            call = first["response"]["output"][-1]
            last = await client.turn(
                model=MODELS[provider],
                input=[{"type": "function_call_output", "call_id": call["call_id"], "output": "42"}],
                previous_response_id=first["response"]["id"],
                store=False,
            )
        assert last["type"] == "response.completed"
        if provider != "openai_responses":
            assert last["response"]["previous_response_id"] == first["response"]["id"]
        assert "42" in house.bench.upstream.requests[1].body.decode()

    async def test_a_warm_up_is_answered_here_and_can_be_continued(self) -> None:
        house = on_bench(response_script("resp_1"))
        async with house.socket() as client:
            warm = await client.turn(input=[user("a")], generate=False)
            assert (warm["response"]["output"], house.bench.upstream.requests) == ([], [])
            assert warm["response"]["id"].startswith("resp_prewarm_")
            await client.turn(input=[user("b")], previous_response_id=warm["response"]["id"], store=False)
        assert house.bench.sent["input"] == [user("a"), user("b")]

    async def test_an_append_builds_on_what_was_asked_last(self) -> None:
        house = on_bench(response_script("resp_1", text="one"), response_script("resp_2"), response_script("resp_3"))
        async with house.socket() as client:
            await client.turn(input=[user("a")], instructions="be brief", tools=[])
            for text in "bc":
                await client.say(type="response.append", input=[user(text)])
                await client.end()
        assert house.bench.sent["instructions"] == "be brief"
        assert [item["content"] for item in house.bench.sent["input"][::2]] == ["a", "b", "c"]

    async def test_an_append_to_nothing(self) -> None:
        house = on_bench()
        async with house.socket() as client:
            await client.say(type="response.append", input=[user("a")])
            error = await client.end()
        assert (error["status"], "appended" in error["error"]["message"]) == (400, True)

    async def test_an_append_after_a_long_request(self) -> None:
        house = on_bench(response_script("resp_1"))
        async with house.socket() as client:
            await client.turn(input="a", instructions="x" * 1_100_000)
            await client.say(type="response.append", input=[user("b")])
            assert (await client.end())["error"]["code"] == "invalid_request"

    async def test_a_response_that_is_not_known(self) -> None:
        house = on_bench(response_script("resp_1"))
        async with house.socket() as client:
            error = await client.turn(input="hi", previous_response_id="resp_0", store=False)
            assert (error["type"], error["status"]) == ("error", 400)
            assert (error["error"]["code"], error["error"]["param"]) == (
                "previous_response_not_found",
                "previous_response_id",
            )
            assert (await client.turn(input="hi"))["type"] == "response.completed"

    async def test_a_response_that_the_provider_may_know(self) -> None:
        house = on_bench(response_script("resp_1"), response_script("resp_2"))
        async with house.socket() as client:
            await client.turn(input=[user("a")], previous_response_id="resp_0")
            assert (house.bench.sent["previous_response_id"], house.bench.sent["input"]) == ("resp_0", [user("a")])
            await client.turn(input=[user("b")], conversation_id="resp_1")
        assert house.bench.sent["previous_response_id"] == "resp_0"
        assert [item["role"] for item in house.bench.sent["input"]] == ["user", "assistant", "user"]

    async def test_a_response_that_no_provider_of_this_kind_knows(self) -> None:
        house = on_bench()
        async with house.socket() as client:
            error = await client.turn(model="chat-m", input="hi", previous_response_id="resp_0")
        assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")

    async def test_a_failed_turn_leaves_the_conversation_as_it_was(self) -> None:
        house = on_bench(
            response_script("resp_1"),
            Script(status=503, headers=((b"content-type", b"application/json"),), chunks=[b"{}"]),
            response_script("resp_2"),
        )
        async with house.socket() as client:
            await client.turn(input=[user("a")])
            failed = await client.turn(input=[user("b")], previous_response_id="resp_1")
            assert (failed["type"], failed["status"]) == ("error", 503)
            await client.turn(input=[user("b")], previous_response_id="resp_1")
        assert [item["content"] for item in house.bench.sent["input"][::2]] == ["a", "b"]

    async def test_an_interrupted_call_is_mended(self) -> None:
        house = on_bench(response_script("resp_1", CALL), response_script("resp_2"))
        async with house.socket() as client:
            await client.turn(input=[user("a")])
            await client.turn(input=[user("stop")], previous_response_id="resp_1")
        assert [item["type"] for item in house.bench.sent["input"]] == [
            "message",
            "function_call",
            "function_call_output",
            "message",
        ]

    async def test_nothing_is_kept_of_a_socket_that_is_gone(self) -> None:
        house = on_bench(response_script("resp_1"))
        async with house.socket() as client:
            await client.turn(input="a")
            assert len(house.conversations) == 1
        assert (len(house.conversations), house.conversations.size) == (0, 0)

    async def test_sockets_do_not_see_each_others_conversations(self) -> None:
        house = on_bench(response_script("resp_1"))
        async with house.socket() as one, house.socket() as other:
            await one.turn(input="a", store=False)
            error = await other.turn(input="b", previous_response_id="resp_1", store=False)
        assert error["error"]["code"] == "previous_response_not_found"

    async def test_a_conversation_over_its_bound_must_be_sent_again(self) -> None:
        house = on_bench(response_script("resp_1"), settings={"conversations_own_size": 2000})
        async with house.socket() as client:
            await client.turn(input="a" * 3000, store=False)
            error = await client.turn(input="b", previous_response_id="resp_1", store=False)
        assert error["error"]["code"] == "previous_response_not_found"


class TestErrors:
    @pytest.mark.parametrize("message", ["{", "[]", '{"type":"nonsense"}', b"binary"])
    async def test_what_is_no_request_is_told_and_the_socket_lives(self, message: str | bytes) -> None:
        house = on_bench(response_script("resp_1"))
        async with house.socket() as client:
            await client.link.send(message)
            error = await client.end()
            assert (error["type"], error["status"]) == ("error", 400)
            assert (await client.turn(input="hi"))["type"] == "response.completed"

    async def test_a_model_that_is_not_there(self) -> None:
        house = on_bench()
        async with house.socket() as client:
            error = await client.turn(model="nothing", input="hi")
        assert (error["status"], error["error"]["code"]) == (404, "model_not_found")
        assert house.bench.last.status == 404

    async def test_a_providers_refusal_keeps_its_words_and_its_headers(self) -> None:
        body = b'{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}'
        headers = (
            (b"content-type", b"application/json"),
            (b"retry-after", b"7"),
            (b"x-ratelimit-limit-requests", b"9"),
        )
        house = on_bench(Script(status=429, headers=headers, chunks=[body]))
        async with house.socket() as client:
            error = await client.turn(input="hi")
        assert (error["status"], error["error"]["message"]) == (429, "slow down")
        assert error["headers"]["retry-after"] == "7"
        assert error["headers"]["x-ratelimit-limit-requests"] == "9"

    @pytest.mark.parametrize("provider", NAMES)
    async def test_a_provider_that_breaks_off(self, provider: str) -> None:
        answer = ANSWERS[provider]
        house = on_bench(Script(chunks=[answer.start, answer.text, Fault()]), response_script("resp_1"))
        async with house.socket() as client:
            last = await client.turn(model=MODELS[provider], input="hi")
            assert last["type"] in ("response.failed", "error")
            assert (await client.turn(input="again"))["type"] == "response.completed"

    async def test_a_provider_that_breaks_off_in_the_midst_of_an_event(self) -> None:
        answer = ANSWERS["openai_responses"]
        house = on_bench(Script(chunks=[answer.start, answer.text[:-9], Fault()]), response_script("resp_1"))
        async with house.socket() as client:
            last = await client.turn(input="hi")
            assert last["type"] in ("response.failed", "error")
            assert (await client.turn(input="again"))["type"] == "response.completed"

    async def test_an_error_event_of_a_provider_gets_a_status(self) -> None:
        answer = ANSWERS["openai_responses"]
        error = b'event: error\ndata: {"type":"error","code":"server_error","message":"oops","sequence_number":5}\n\n'
        house = on_bench(Script(chunks=[answer.start, answer.text, error]))
        async with house.socket() as client:
            last = await client.turn(input="hi")
        assert (last["type"], last["status"], last["error"]["message"], last["message"]) == (
            "error",
            500,
            "oops",
            "oops",
        )

    async def test_an_answer_that_comes_whole(self) -> None:
        answer = ANSWERS["openai_responses"]
        house = on_bench(Script(headers=((b"content-type", b"application/json"),), chunks=[answer.whole]))
        async with house.socket() as client:
            last = await client.turn(input="hi")
        assert (client.heard[0]["type"], last["type"]) == ("response.created", "response.completed")

    async def test_an_answer_that_is_nothing_anyone_knows(self) -> None:
        house = on_bench(Script(headers=((b"content-type", b"application/json"),), chunks=[b"[1]"]))
        async with house.socket() as client:
            last = await client.turn(input="hi")
        assert last["type"] == "error"

    async def test_a_deadline(self, autojump_clock: MockClock) -> None:
        answer = ANSWERS["openai_responses"]
        house = on_bench(Script(chunks=[answer.start, answer.text, Delay()]), response_script("resp_1"))
        house.bench.shorten(idle=5)
        async with house.socket() as client:
            last = await client.turn(input="hi")
            assert last["type"] == "response.failed"
            assert (await client.turn(input="again"))["type"] == "response.completed"

    async def test_steering_is_given_back(self) -> None:
        house = on_bench()
        async with house.socket() as client:
            await client.say(type="response.steer", previous_response_id="r", input="left")
            await client.say(type="response.processed", response_id="r")
            told = await client.hear()
        assert (told["type"], told["steer"]["input"]) == ("response.steer.failed", "left")

    async def test_a_bug_is_an_event_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*args: Any, **more: Any) -> Any:
            raise ZeroDivisionError

        house = on_bench(response_script("resp_1"))
        async with house.socket() as client:
            with monkeypatch.context() as patch:
                patch.setattr("trioproxy.gateway.handler.route", broken)
                assert (await client.turn(input="hi"))["status"] == 500
            assert (await client.turn(input="hi"))["type"] == "response.completed"


class TestLanes:
    async def test_a_second_request_waits_for_the_first(self) -> None:
        house = on_bench(response_script("resp_1"), response_script("resp_2"))
        async with house.socket() as client:
            await client.create(input="a")
            await client.create(input="b")
            assert [(await client.end())["response"]["id"] for _ in range(2)] == ["resp_1", "resp_2"]
        kinds = [event["type"] for event in client.heard]
        assert kinds.index("response.completed") < len(kinds) // 2

    async def test_lanes_run_side_by_side_and_name_themselves(self, autojump_clock: MockClock) -> None:
        slow = response_script("resp_slow")
        house = on_bench(attrs.evolve(slow, head_delay=10), response_script("resp_fast"))
        async with house.socket() as client:
            await client.create(input="a", stream_id="slow")
            await wait_all_tasks_blocked()
            await client.create(input="b", stream_id="fast")
            first, second = await client.end(), await client.end()
        assert (first["stream_id"], first["response"]["id"]) == ("fast", "resp_fast")
        assert (second["stream_id"], second["response"]["id"]) == ("slow", "resp_slow")
        assert {event["stream_id"] for event in client.heard} == {"slow", "fast"}

    async def test_a_lane_can_fork_from_another(self) -> None:
        house = on_bench(response_script("resp_1"), response_script("resp_2"))
        async with house.socket() as client:
            await client.turn(input=[user("a")], stream_id="main", store=False)
            await client.turn(input=[user("b")], stream_id="fork", previous_response_id="resp_1", store=False)
        assert [item["content"] for item in house.bench.sent["input"][::2]] == ["a", "b"]

    async def test_there_are_no_more_than_32_named_lanes(self) -> None:
        house = on_bench(*[response_script(f"resp_{n}") for n in range(33)])
        async with house.socket() as client:
            await client.turn(input="a")
            for number in range(32):
                await client.turn(input="a", stream_id=f"l{number}")
            error = await client.turn(input="a", stream_id="l32")
        assert (error["error"]["code"], error["status"]) == ("websocket_stream_limit_reached", 400)
        assert error["stream_id"] == "l32"

    async def test_a_queue_has_an_end(self, autojump_clock: MockClock) -> None:
        house = on_bench(*[attrs.evolve(response_script("r"), head_delay=1) for _ in range(17)])
        async with house.socket() as client:
            for _ in range(18):
                await client.create(input="a")
            kinds = [(await client.end())["type"] for _ in range(18)]
        assert sorted(kinds) == ["error", *["response.completed"] * 17]


class TestEnds:
    async def test_a_client_that_leaves_cancels_its_turn(self) -> None:
        answer = ANSWERS["openai_responses"]
        house = on_bench(Script(chunks=[answer.start, Delay()]))
        async with house.socket() as client:
            await client.create(input="hi")
            await client.hear()
            await client.vanish()
        assert house.bench.last.outcome is Outcome.CLIENT_GONE
        assert house.bench.last.status == 499

    async def test_a_client_that_closes_in_form_cancels_its_turn(self) -> None:
        house = on_bench(Script(head_delay=1e9))
        async with house.socket() as client:
            await client.create(input="hi")
            await wait_all_tasks_blocked()
            await client.link.close(1000)
        assert house.bench.last.outcome is Outcome.CLIENT_GONE

    async def test_a_message_over_the_limit_closes_the_socket(self) -> None:
        house = on_bench(settings={"max_body": 1000})
        async with house.socket() as client:
            await client.create(input="x" * 2000)
            assert (await client.closed()).code == 1009

    async def test_an_idle_socket_is_pinged_and_closed_in_the_end(self, autojump_clock: MockClock) -> None:
        house = on_bench(settings={"websocket_idle": 100, "keepalive": 15})
        async with house.socket() as client:
            began = trio.current_time()
            end = await client.closed()
        assert (end.code, end.reason) == (1001, "nothing was asked for 100 s")
        assert trio.current_time() - began == pytest.approx(100, abs=2)
        assert client.link.last_sent > began  # it answered pings

    async def test_a_socket_in_use_is_not_idle(self, autojump_clock: MockClock) -> None:
        house = on_bench(attrs.evolve(response_script("resp_1"), head_delay=90), settings={"websocket_idle": 20})
        house.bench.shorten(first_byte=1000)
        async with house.socket() as client:
            assert (await client.turn(input="hi"))["type"] == "response.completed"
            began = trio.current_time()
            assert (await client.closed()).code == 1001
        assert trio.current_time() - began == pytest.approx(20, abs=2)

    async def test_no_pings_where_none_are_wanted(self, autojump_clock: MockClock) -> None:
        house = on_bench(settings={"websocket_idle": 100, "keepalive": float("inf")})
        async with house.socket() as client:
            opened = client.link.last_sent
            await client.closed()
        assert client.link.last_heard - opened == pytest.approx(100, abs=2)

    async def test_a_drain_closes_idle_sockets_at_once(self) -> None:
        house = on_bench()
        async with house.socket() as client:
            await wait_all_tasks_blocked()
            house.drain.begin(30)
            house.house.close_idle()
            end = await client.closed()
        assert (end.code, end.reason) == (1012, "the server is shutting down")

    async def test_a_drain_lets_a_turn_end_and_closes_then(self, autojump_clock: MockClock) -> None:
        house = on_bench(attrs.evolve(response_script("resp_1"), head_delay=10))
        async with house.socket() as client:
            await client.create(input="hi")
            await wait_all_tasks_blocked()
            house.drain.begin(30)
            house.house.close_idle()
            assert (await client.end())["type"] == "response.completed"
            assert (await client.closed()).code == 1012

    @pytest.mark.parametrize("begun", [True, False], ids=["in the midst", "before the first byte"])
    async def test_a_drain_that_runs_out_of_patience(self, autojump_clock: MockClock, begun: bool) -> None:
        answer = ANSWERS["openai_responses"]
        house = on_bench(Script(chunks=[answer.start, Delay()]) if begun else Script(head_delay=1e9))
        house.bench.shorten(first_byte=float("inf"), idle=float("inf"))
        async with house.socket() as client:
            await client.create(input="hi")
            if begun:
                await client.hear()
            await wait_all_tasks_blocked()
            house.drain.begin(0)
            house.house.cancel_active()
            last = await client.end()
            assert last["type"] == ("response.failed" if begun else "error")
            assert "shutting down" in json.dumps(last)
            assert (await client.closed()).code == 1012
        assert house.bench.last.outcome is Outcome.SHUT_DOWN

    async def test_a_bug_in_the_session_itself_is_told_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*args: Any) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr("trioproxy.server.session.read_message", broken)
        house = on_bench()
        async with house.socket() as client:
            await client.create(input="hi")
            assert (await client.closed()).code == 1011

    async def test_an_idle_socket_makes_room(self) -> None:
        house = on_bench()
        async with house.socket() as client:
            await wait_all_tasks_blocked()
            assert house.house.evict_idle()
            assert (await client.closed()).code == 1013


async def test_nothing_is_left_of_many_sockets() -> None:
    house = on_bench(response_script("resp_1"), repeat_last=True)

    async def session() -> None:
        async with house.socket() as client:
            for _ in range(3):
                await client.turn(input="hi")

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(session)
    counts = house.house.statistics()
    assert (counts.open, counts.idle, counts.active) == (0, 0, 0)
    assert len(house.bench.settled) == 60
    assert ErrorKind.INTERNAL not in {each.failure.kind for each in house.bench.settled if each.failure}
