"""What a manager sees and changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

from tests.gateway.controls import CONFIG, KEY, MANAGER, Desk
from tests.ledger.accounts import settled
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.ledger.store import Store, row_of

BASE = "/v0/management"
FAILED = Failure(kind=ErrorKind.BILLING, message="m", fault=Fault.UPSTREAM)


async def test_the_configuration_has_one_entry_a_credential() -> None:
    desk = Desk.of(CONFIG + "routing: {routes: [{model-pattern: x, provider: claude}]}\nfallbacks: {a: [b]}\n")
    told = await desk.got(f"{BASE}/config", MANAGER)
    assert [entry["provider"] for entry in told["providers"]] == [
        "claude",
        "groq",
        "openai-compatibility",
        "openai-compatibility",
        "openai-compatibility",
    ]
    chat = told["providers"][2]
    assert (chat["name"], chat["prefix"], chat["models"]) == ("Chat", "p", [{"name": "chat-up", "alias": "chat-m"}])
    assert [key["name"] for key in told["api-keys"]] == ["laptop", None]
    assert (told["fallbacks"], told["routes"][0]["provider"]) == ({"a": ["b"]}, "claude")
    assert "open-sesame" not in json.dumps(told)
    assert "demo-client-key" not in json.dumps(told)


async def test_credentials_and_their_switch() -> None:
    desk = Desk.of()
    told = (await desk.got(f"{BASE}/credentials", MANAGER))["credentials"]
    assert [(each["label"], each["state"]) for each in told] == [
        ("claude#1", "ok"),
        ("groq#1", "disabled"),
        ("Chat#1", "ok"),
        ("Chat#2", "ok"),
        ("drawn#1", "ok"),
    ]
    assert (await desk.put(f"{BASE}/credentials/chat%231/enabled", {"enabled": False}, MANAGER))["state"] == "disabled"
    assert [each.enabled for each in desk.snapshot.credentials] == [True, False, False, True, True]
    await desk.put(f"{BASE}/credentials/{told[2]['id']}/enabled", {"enabled": True}, MANAGER)
    assert desk.snapshot.credentials[2].enabled
    missing = await desk.ask("PUT", f"{BASE}/credentials/nobody/enabled", MANAGER, body=b'{"enabled": true}')
    assert (missing.status, b"Chat#1" in missing.body) == (404, True)
    desk.app.gateway.house.cell = None
    refused = await desk.ask("PUT", f"{BASE}/credentials/chat%231/enabled", MANAGER, body=b'{"enabled": true}')
    assert refused.status == 501


async def test_cooldowns_are_seen_and_cleared() -> None:
    desk = Desk.of()
    for credential in desk.snapshot.credentials[2:4]:
        desk.app.health.failed(credential.id, "chat-up", FAILED, trio.current_time())
    found = (await desk.got(f"{BASE}/cooldowns", MANAGER))["cooldowns"]
    assert [(each["provider"], each["credential"], each["reason"]) for each in found] == [
        ("Chat", "Chat#1", "billing"),
        ("Chat", "Chat#2", "billing"),
    ]
    assert (await desk.got(f"{BASE}/credentials", MANAGER))["credentials"][2]["state"] == "cooling"
    one = await desk.ask("DELETE", f"{BASE}/cooldowns?credential=Chat%231", MANAGER)
    assert json.loads(one.body) == {"cleared": 1, "workers": {"all": 1, "answered": 1}}
    assert (await desk.ask("DELETE", f"{BASE}/cooldowns?credential=nobody", MANAGER)).status == 404
    rest = await desk.ask("DELETE", f"{BASE}/cooldowns", MANAGER)
    assert json.loads(rest.body)["cleared"] == 1
    assert (await desk.got(f"{BASE}/cooldowns", MANAGER)) == {"cooldowns": []}


async def test_a_cooldown_of_a_credential_that_a_reload_took_away_is_not_told() -> None:
    desk = Desk.of()
    desk.app.health.failed("gone", "m", FAILED, trio.current_time())
    assert (await desk.got(f"{BASE}/cooldowns", MANAGER)) == {"cooldowns": []}


async def test_usage_is_what_the_command_tells(tmp_path: Path) -> None:
    desk = Desk.of(folder=tmp_path)
    assert (await desk.got(f"{BASE}/usage", MANAGER))["rows"] == []
    store = Store.open(tmp_path)
    store.add([row_of(settled(), 0.5), row_of(settled(provider="other"), None)])
    store.close()
    told = await desk.got(f"{BASE}/usage?by=provider&since=2020-01-01&until=1m&provider=mine", MANAGER)
    assert [(row["provider"], row["cost_usd"]) for row in told["rows"]] == [("mine", 0.5)]
    assert (await desk.got(f"{BASE}/usage?model=fast&key=laptop", MANAGER))["total"]["requests"] == 2


@pytest.mark.parametrize(("query", "said"), [("by=colour", b"by is one of"), ("since=soon", b"since is a date")])
async def test_usage_asked_wrongly(tmp_path: Path, query: str, said: bytes) -> None:
    exchange = await Desk.of(folder=tmp_path).ask("GET", f"{BASE}/usage?{query}", MANAGER)
    assert (exchange.status, said in exchange.body) == (400, True)


async def test_usage_without_a_ledger(tmp_path: Path) -> None:
    assert (await Desk.of().ask("GET", f"{BASE}/usage", MANAGER)).status == 501
    (tmp_path / "ledger.db").write_bytes(b"my thesis " * 500)
    assert (await Desk.of(folder=tmp_path).ask("GET", f"{BASE}/usage", MANAGER)).status == 500


@pytest.mark.parametrize("path", ["config", "credentials", "cooldowns", "usage"])
async def test_a_clients_key_opens_none_of_it(path: str) -> None:
    assert (await Desk.of().ask("GET", f"{BASE}/{path}", KEY)).status == 401
