"""Who may manage."""

from __future__ import annotations

import attrs
import pytest

from tests.gateway.controls import CONFIG, FAR, KEY, MANAGER, NEAR, Desk
from tests.support.houses import snapshot_of
from trioproxy.gateway import warden as module

PATH = "/v0/management/cooldowns"
WRONG = ((b"x-management-key", b"guess"),)
OFF = CONFIG.replace("remote-management: {secret-key: open-sesame}", "")
REMOTE = CONFIG.replace("secret-key: open-sesame", "secret-key: open-sesame, allow-remote: true")


@attrs.define
class Hand:
    """A clock's hand that the test moves."""

    at: float = 1000.0


@pytest.fixture
def hand() -> Hand:
    return Hand()


def desk_of(text: str, hand: Hand) -> Desk:
    desk = Desk.of(text)
    desk.app.gateway.house.now = lambda: hand.at
    return desk


@pytest.mark.parametrize(
    "headers",
    [
        MANAGER,
        ((b"x-management-key", b"open-sesame"),),
        ((b"authorization", b"open-sesame"),),
        ((b"x-management-key", b"open-sesame"), (b"authorization", b"Bearer demo-client-key")),
    ],
)
async def test_the_secret_opens(hand: Hand, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert (await desk_of(CONFIG, hand).ask("GET", PATH, headers)).status == 200


@pytest.mark.parametrize("headers", [(), KEY, WRONG, ((b"x-management-key", b"\xff\xfe"),)])
async def test_nothing_else_does(hand: Hand, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    exchange = await desk_of(CONFIG, hand).ask("GET", PATH, headers)
    assert (exchange.status, b"its own secret" in exchange.body) == (401, True)


async def test_a_house_without_a_token_lets_nobody_in_by_it(hand: Hand) -> None:
    desk = desk_of(OFF, hand)
    desk.app.gateway.house.token = None
    assert (await desk.ask("GET", PATH, MANAGER)).status == 404


async def test_without_a_secret_there_is_no_management(hand: Hand) -> None:
    exchange = await desk_of(OFF, hand).ask("GET", PATH, MANAGER)
    assert (exchange.status, b"secret-key" in exchange.body) == (404, True)


async def test_it_is_for_this_machine_unless_the_file_says_otherwise(hand: Hand) -> None:
    assert (await desk_of(CONFIG, hand).ask("GET", PATH, MANAGER, peer=FAR)).status == 404
    assert (await desk_of(CONFIG, hand).ask("GET", PATH, (*MANAGER, (b"forwarded", b"for=192.0.2.7")))).status == 404
    assert (await desk_of(REMOTE, hand).ask("GET", PATH, MANAGER, peer=FAR)).status == 200


async def test_five_wrong_secrets_ban_an_address_for_half_an_hour(hand: Hand) -> None:
    desk = desk_of(REMOTE, hand)
    for _ in range(5):
        assert (await desk.ask("GET", PATH, WRONG, peer=FAR)).status == 401
    banned = await desk.ask("GET", PATH, MANAGER, peer=FAR)
    assert (banned.status, b"30 more minutes" in banned.body) == (403, True)
    assert (await desk.ask("GET", PATH, MANAGER, peer="192.0.2.8:1")).status == 200
    hand.at += 1799
    assert (await desk.ask("GET", PATH, MANAGER, peer=FAR)).status == 403
    hand.at += 1
    assert (await desk.ask("GET", PATH, MANAGER, peer=FAR)).status == 200


async def test_a_right_secret_forgives_wrong_ones(hand: Hand) -> None:
    desk = desk_of(CONFIG, hand)
    for _ in range(3):
        for _ in range(4):
            assert (await desk.ask("GET", PATH, WRONG)).status == 401
        assert (await desk.ask("GET", PATH, MANAGER)).status == 200


async def test_who_shows_no_secret_guesses_none(hand: Hand) -> None:
    desk = desk_of(CONFIG, hand)
    for _ in range(20):
        assert (await desk.ask("GET", PATH, ())).status == 401
    assert (await desk.ask("GET", PATH, MANAGER)).status == 200


async def test_addresses_do_not_fill_the_memory(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ADDRESSES", 3)
    desk = desk_of(REMOTE, hand)
    for number in range(9):
        await desk.ask("GET", PATH, WRONG, peer=f"192.0.2.{number}:1")
    assert list(desk.app.gateway.warden._wrong) == [f"192.0.2.{number}" for number in (6, 7, 8)]


async def test_the_users_own_commands_are_let_in_and_never_banned(hand: Hand) -> None:
    desk = desk_of(OFF, hand)
    token = ((b"authorization", b"Bearer " + desk.app.token.reveal().encode()),)
    assert (await desk.ask("GET", PATH, token)).status == 200
    assert (await desk.ask("GET", PATH, token, peer=FAR)).status == 404
    desk.app.cell.swap(snapshot_of(REMOTE))
    for _ in range(6):
        await desk.ask("GET", PATH, WRONG, peer=NEAR)
    assert (await desk.ask("GET", PATH, MANAGER)).status == 403
    assert (await desk.ask("GET", PATH, token)).status == 200
