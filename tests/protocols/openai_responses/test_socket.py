"""The WebSocket mode: what messages ask, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.errors import ClientFault, ErrorKind, Failure
from trioproxy.neutral.continuation import NOT_FOUND
from trioproxy.protocols.openai_responses import socket
from trioproxy.protocols.openai_responses.socket import Ask, Steer, read_message
from trioproxy.wire.jsoncodec import JSONError


def asked(**members: Any) -> Ask:
    found = read_message(json.dumps({"type": "response.create", **members}))
    assert isinstance(found, Ask)
    return found


def test_a_create() -> None:
    ask = asked(
        model="m",
        input="hi",
        stream=True,
        background=False,
        stream_id="a.b-c_1",
        previous_response_id="resp_0",
        client_metadata={"x-codex-turn-state": "t"},
        store=False,
    )
    assert ask.members == {"model": "m", "client_metadata": {"x-codex-turn-state": "t"}, "store": False}
    assert ask.items == [{"type": "message", "role": "user", "content": "hi"}]
    assert (ask.lane, ask.previous, ask.turn_state) == ("a.b-c_1", "resp_0", "t")
    assert (ask.append, ask.generate) == (False, True)


def test_what_is_not_said() -> None:
    ask = asked(model="m", previous_response_id=None, client_metadata={"x-codex-turn-state": 5})
    assert (ask.items, ask.lane, ask.previous, ask.turn_state) == ([], None, None, None)
    assert asked(client_metadata="x").turn_state is None


def test_an_append_and_a_warm_up() -> None:
    ask = read_message('{"type":"response.append","input":[{"a":1}]}')
    assert isinstance(ask, Ask)
    assert (ask.append, ask.items) == (True, [{"a": 1}])
    assert not asked(generate=False).generate


def test_a_conversation_id_is_another_name() -> None:
    assert asked(conversation_id="c").previous == "c"
    assert asked(conversation_id="c", previous_response_id="p").previous == "p"


def test_steering_and_receipts() -> None:
    steer = read_message(b'{"type":"response.steer","previous_response_id":"r","input":"x"}'.decode())
    assert steer == Steer(previous="r", given="x")
    assert read_message('{"type":"response.steer"}') == Steer(previous="", given=None)
    assert read_message('{"type":"response.processed","response_id":"r"}') is None
    told = json.loads(socket.not_steered(Steer(previous="r", given="x")))
    assert told["type"] == "response.steer.failed"
    assert told["error"]["code"] == "steering_not_supported"
    assert told["steer"] == {"previous_response_id": "r", "input": "x"}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (b"{}", None),
        ("{", None),
        ("[]", None),
        ("{}", "type"),
        ('{"type":"response.cancel"}', "type"),
        ('{"type":["response.create"]}', "type"),
        ('{"type":"response.create","stream_id":""}', "stream_id"),
        ('{"type":"response.create","stream_id":"a b"}', "stream_id"),
        ('{"type":"response.create","stream_id":7}', "stream_id"),
        ('{"type":"response.create","background":true}', "background"),
        ('{"type":"response.create","generate":"no"}', "generate"),
        ('{"type":"response.create","previous_response_id":7}', "previous_response_id"),
    ],
)
def test_what_is_no_message_of_a_client(message: Any, param: str | None) -> None:
    with pytest.raises(ClientFault) as caught:
        read_message(message)
    assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert caught.value.failure.param == param


@pytest.mark.parametrize(
    ("members", "previous", "body"),
    [
        (b"{}", None, {"stream": True, "input": [1]}),
        (b'{"model":"m"}', None, {"model": "m", "stream": True, "input": [1]}),
        (b'{"model":"m"}', 'r"', {"model": "m", "previous_response_id": 'r"', "stream": True, "input": [1]}),
    ],
)
def test_the_body_that_asks_the_same(members: bytes, previous: str | None, body: Any) -> None:
    assert json.loads(socket.request_body(members, b"[1]", previous)) == body


@pytest.mark.parametrize(
    ("data", "lane", "text"),
    [
        (b'{"a":1}', None, '{"a":1}'),
        (b'{"a":1} ', "l", '{"a":1,"stream_id":"l"}'),
        (b"[1]", "l", "[1]"),
        (b"\xff", None, "�"),
    ],
)
def test_a_lane_is_named_in_each_of_its_messages(data: bytes, lane: str | None, text: str) -> None:
    assert socket.in_lane(data, lane) == text


def test_a_failure_as_a_message() -> None:
    failure = Failure(kind=ErrorKind.RATE_LIMITED, message="slow down", code="rate_limit_exceeded")
    told = json.loads(socket.failure_event(failure, {"retry-after": "3"}))
    assert told == {
        "type": "error",
        "status": 429,
        "error": {
            "type": "rate_limit_error",
            "code": "rate_limit_exceeded",
            "message": "slow down",
            "param": None,
        },
        "headers": {"retry-after": "3"},
        "code": "rate_limit_exceeded",
        "message": "slow down",
        "param": None,
    }


@pytest.mark.parametrize("code", [None, "invalid_request", "unsupported"])
def test_a_provider_without_memory_is_told_as_a_response_that_is_not_found(code: str | None) -> None:
    told = json.loads(socket.error_event(400, {"message": "m", "param": "previous_response_id", "code": code}))
    assert told["error"]["code"] == NOT_FOUND
    kept = json.loads(socket.error_event(400, {"message": "m", "param": "previous_response_id", "code": "other"}))
    assert kept["error"]["code"] == "other"


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        (b'{"error":{"message":"m","type":"t"}}', "m", "t"),
        (b'{"error":"text"}', "text", "invalid_request_error"),
        (b"plain", "plain", "invalid_request_error"),
        (b"", "the request failed with status 502", "invalid_request_error"),
        (b"[]", "[]", "invalid_request_error"),
    ],
)
def test_an_error_status_as_a_message(body: bytes, message: str, kind: str) -> None:
    told = json.loads(socket.error_of_answer(502, body, {}))
    assert (told["status"], told["error"]["message"], told["error"]["type"]) == (502, message, kind)
    assert "headers" not in told


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"type": "error", "code": "c", "message": "m", "sequence_number": 4}, 500, "c"),
        ({"type": "error", "status": 429, "error": {"message": "m", "code": "c"}}, 429, "c"),
        ({"type": "error", "status_code": 503, "error": {"message": "m", "code": "c"}}, 503, "c"),
        ({"type": "error", "status": 200, "error": {"message": "m", "code": "c"}}, 500, "c"),
    ],
)
def test_the_error_of_a_stream_gets_a_status(event: Any, status: int, code: str) -> None:
    told = json.loads(socket.socket_error(json.dumps(event).encode()))
    assert (told["status"], told["error"]["code"], told["error"]["message"], told["message"]) == (
        status,
        code,
        "m",
        "m",
    )
    assert told.get("sequence_number") == event.get("sequence_number")


@pytest.mark.parametrize("data", [b"{", b'{"type":"response.failed"}'])
def test_other_events_stay_as_they_are(data: bytes) -> None:
    assert socket.socket_error(data) == data


def test_a_warm_up_is_answered_without_output() -> None:
    created, completed = [json.loads(each) for each in socket.warm_up("resp_1", asked(model="m"), 5)]
    assert (created["type"], completed["type"]) == ("response.created", "response.completed")
    assert [created["sequence_number"], completed["sequence_number"]] == [0, 1]
    response = completed["response"]
    assert (response["id"], response["status"], response["output"], response["model"]) == (
        "resp_1",
        "completed",
        [],
        "m",
    )


@pytest.mark.parametrize(("status", "last"), [("incomplete", "incomplete"), ("odd", "completed"), (None, "completed")])
def test_a_whole_answer_as_messages(status: str | None, last: str) -> None:
    body = {"id": "resp_1", "status": status, "output": [{"type": "message"}]}
    events = [json.loads(each) for each in socket.whole_answer(json.dumps(body).encode())]
    assert [event["type"] for event in events] == [
        "response.created",
        "response.output_item.done",
        f"response.{last}",
    ]
    assert events[-1]["response"] == body
    assert [event["sequence_number"] for event in events] == [0, 1, 2]


def test_a_whole_answer_without_output_or_form() -> None:
    assert len(socket.whole_answer(b'{"output":null}')) == 2
    with pytest.raises(JSONError):
        socket.whole_answer(b"[]")


_odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_members = st.fixed_dictionaries(
    {"type": st.sampled_from(["response.create", "response.append", "response.steer", "response.processed"]) | _odd},
    optional={
        name: _odd
        for name in (
            "stream_id",
            "background",
            "generate",
            "input",
            "previous_response_id",
            "conversation_id",
            "client_metadata",
            "store",
            "model",
        )
    },
)


@given(_members)
def test_no_message_is_too_odd_to_be_read_or_refused(members: dict[str, Any]) -> None:
    try:
        found = read_message(json.dumps(members))
    except ClientFault as fault:
        found = None
        json.loads(socket.failure_event(fault.failure))
    if isinstance(found, Ask):
        assert found.turn_state is None or isinstance(found.turn_state, str)
        assert json.loads(socket.request_body(json.dumps(found.members).encode(), b"[]"))["input"] == []
