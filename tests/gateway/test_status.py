"""Providers as clients see them, and the switch that takes one out."""

from __future__ import annotations

import json

import pytest
import trio

from tests.gateway.controls import CONFIG, FAR, Desk
from tests.support.houses import snapshot_of
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.gateway.status import FEATURES


def fail(desk: Desk, number: int, kind: ErrorKind = ErrorKind.BILLING, model: str = "chat-up") -> str:
    credential = desk.snapshot.credentials[number]
    failure = Failure(kind=kind, message="m", fault=Fault.UPSTREAM)
    desk.app.health.failed(credential.id, model, failure, trio.current_time())
    return credential.label


@pytest.mark.parametrize("path", ["/v1/providers", "/providers"])
async def test_the_providers_there_are(path: str) -> None:
    told = (await Desk.of().got(path))["providers"]
    assert [(each["name"], each["type"], each["enabled"], each["status"]) for each in told] == [
        ("claude", "claude", True, "ok"),
        ("groq", "groq", False, "disabled"),
        ("Chat", "openai-compatibility", True, "ok"),
        ("drawn", "openai-compatibility", True, "ok"),
    ]
    chat = told[2]
    assert (chat["prefixes"], chat["protocols"], chat["credential_count"]) == (["p"], ["openai_chat"], 2)
    assert chat["models"] == ["p/chat-m", "chat-m"]


async def test_one_provider_by_its_name_in_any_case() -> None:
    desk = Desk.of()
    assert (await desk.got("/v1/providers/chat"))["name"] == "Chat"
    missing = await desk.ask("GET", "/v1/providers/chatt")
    assert missing.status == 404
    assert b"did you mean 'Chat'" in missing.body
    assert b"has them all" in (await desk.ask("GET", "/v1/providers/zzzzzz")).body


async def test_a_key_sees_the_models_that_it_may_use() -> None:
    told = await Desk.of().got("/v1/providers/claude/models", ((b"x-api-key", b"k-two"),))
    assert told == {"object": "list", "data": []}
    told = await Desk.of().got("/v1/providers/Chat/models", ((b"x-api-key", b"k-two"),))
    assert [card["id"] for card in told["data"]] == ["chat-m"]


async def test_what_rests_and_why() -> None:
    desk = Desk.of()
    label = fail(desk, 2)
    status = await desk.got("/v1/providers/chat/status")
    assert status["status"] == "cooling"
    assert [(each["label"], len(each["cooling"])) for each in status["credentials"]] == [("Chat#1", 1), ("Chat#2", 0)]
    (rest,) = status["cooling"]
    assert (rest["credential"], rest["model"], rest["reason"]) == (label, None, "billing")
    assert 0 < rest["seconds"] <= 1800
    figures = await desk.got("/v1/metrics/providers")
    assert figures["providers"]["Chat"]["cooling"] == [
        rest | {"seconds": figures["providers"]["Chat"]["cooling"][0]["seconds"]}
    ]


@pytest.mark.parametrize("path", ["/v1/providers/chat/enabled", "/providers/CHAT/enabled"])
async def test_a_provider_is_taken_out_and_put_back(path: str) -> None:
    desk = Desk.of()
    assert (await desk.got(path)) == {"name": "Chat", "enabled": True}
    assert (await desk.put(path, {"enabled": False}))["status"] == "disabled"
    assert (await desk.got(path)) == {"name": "Chat", "enabled": False}
    assert "chat-m" not in json.dumps(await desk.got("/v1/models"))
    desk.app.cell.swap(snapshot_of(CONFIG + "port: 1\n"))
    assert (await desk.got(path)) == {"name": "Chat", "enabled": False}
    assert (await desk.put(path, {"value": True}))["enabled"] is True
    assert "chat-m" in json.dumps(await desk.got("/v1/models"))


async def test_who_asks_for_a_model_of_a_disabled_provider_is_told() -> None:
    desk = Desk.of()
    await desk.put("/v1/providers/claude/enabled", {"enabled": False})
    for name in ("claude-sonnet-4-5", "claude/claude-sonnet-4-5"):
        refused = await desk.ask("GET", f"/v1/capabilities?model={name}")
        assert (refused.status, b"(claude would, but is disabled)" in refused.body) == (404, True)
    assert b"disabled" not in (await desk.ask("GET", "/v1/capabilities?model=nope")).body


async def test_one_that_the_file_disables_can_be_put_to_use() -> None:
    desk = Desk.of()
    assert (await desk.put("/v1/providers/groq/enabled", {"enabled": True}))["status"] == "ok"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"enabled": 1}', b'{"enabled": "false"}', b"{"])
async def test_a_switch_that_says_nothing_is_refused(body: bytes) -> None:
    desk = Desk.of()
    exchange = await desk.ask("PUT", "/v1/providers/chat/enabled", body=body)
    assert exchange.status == 400
    assert desk.app.cell.switches == {}


async def test_only_those_with_a_key_may_look_or_switch() -> None:
    desk = Desk.of()
    for method, path in (("GET", "/v1/providers"), ("PUT", "/v1/providers/chat/enabled"), ("GET", "/v1/capabilities")):
        assert (await desk.ask(method, path, (), body=b'{"enabled": false}')).status == 401
    assert desk.app.cell.switches == {}


async def test_methods() -> None:
    exchange = await Desk.of().ask("DELETE", "/v1/providers/chat/enabled")
    assert (exchange.status, exchange.header(b"allow")) == (405, b"GET, HEAD, PUT")


async def test_without_a_cell_nothing_can_be_switched() -> None:
    desk = Desk.of()
    desk.app.gateway.house.cell = None
    assert (await desk.ask("PUT", "/v1/providers/chat/enabled", body=b'{"enabled": false}')).status == 501


async def test_what_a_provider_can_do_is_what_somebody_said() -> None:
    desk = Desk.of()
    assert await desk.got("/v1/providers/claude/capabilities") == {
        "provider": "claude",
        "streaming": True,
        "functions": True,
        "vision": None,
        "code_generation": None,
        "reasoning": None,
        "embeddings": False,
        "max_tokens": 1_000_000,
    }
    drawn = await desk.got("/v1/providers/drawn/capabilities")
    assert (drawn["vision"], drawn["streaming"], drawn["functions"]) == (True, False, False)
    assert drawn["max_tokens"] is None


async def test_what_a_model_can_do() -> None:
    desk = Desk.of()
    assert await desk.got("/v1/capabilities?model=claude-sonnet-4-5&feature=streaming") == {
        "model": "claude-sonnet-4-5",
        "feature": "streaming",
        "supported": True,
        "providers": ["claude"],
    }
    told = await desk.got("/capabilities?model=claude-sonnet-4-5")
    assert (told["context_length"], told["max_output_tokens"], told["providers"]) == (200_000, 64_000, ["claude"])
    assert (told["capabilities"]["reasoning"], told["capabilities"]["vision"]) == (True, None)
    paint = await desk.got("/v1/capabilities?model=paint&feature=tools")
    assert (paint["feature"], paint["supported"], paint["providers"]) == ("functions", False, [])


async def test_what_every_provider_can_do() -> None:
    desk = Desk.of()
    told = (await desk.got("/v1/capabilities"))["providers"]
    assert set(told["Chat"]) == set(FEATURES)
    assert await desk.got("/v1/capabilities?feature=code-generation") == {
        "feature": "code_generation",
        "providers": {"claude": None, "groq": None, "Chat": None, "drawn": False},
    }


async def test_what_nobody_knows_is_said() -> None:
    desk = Desk.of()
    unknown = await desk.ask("GET", "/v1/capabilities?model=claude-sonnet-4-5&feature=telepathy")
    assert (unknown.status, b"there are streaming" in unknown.body) == (400, True)
    assert (await desk.ask("GET", "/v1/capabilities?model=nope")).status == 404


async def test_a_model_that_one_protocol_alone_may_ask_for() -> None:
    desk = Desk.of(
        CONFIG + "routing: {routes: [{request-protocol: anthropic, model-pattern: only-here, provider: claude}]}\n"
    )
    assert (await desk.got("/v1/capabilities?model=only-here"))["providers"] == ["claude"]


async def test_ready_is_who_could_ask_somebody() -> None:
    desk = Desk.of()
    assert await desk.got("/readyz", (), peer=FAR) == {"status": "ready", "credentials": 5, "usable": 4}
    for number in (0, 2, 3, 4):
        fail(desk, number)
    exchange = await desk.ask("GET", "/readyz", ())
    assert exchange.status == 503
    assert json.loads(exchange.body) == {"status": "not ready", "credentials": 5, "usable": 0}
    assert (await Desk.of("port: 1\n").ask("GET", "/readyz")).status == 503


async def test_a_model_that_rests_leaves_its_credential_ready() -> None:
    desk = Desk.of("groq: [{api-key: k}]\n")
    fail(desk, 0, ErrorKind.RATE_LIMITED)
    assert (await desk.ask("GET", "/readyz")).status == 200


async def test_what_runs_is_counted_while_it_runs() -> None:
    desk = Desk.of()
    with desk.app.gateway.ledger.entry(method="POST", path="/", peer="") as entry:
        entry.asking(lane="pass", provider="Chat", credential="Chat#1", protocol="openai_chat", model="m", losses=0)
        assert (await desk.got("/v1/providers/chat/status"))["active"] == 1
        assert (await desk.got("/v1/metrics/providers"))["providers"]["Chat"]["active"] == 1
        entry.complete()
    assert (await desk.got("/v1/providers/chat/status"))["active"] == 0
