"""Blocks and tables to credentials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.making import made, refused
from trioproxy.config.load import build, load
from trioproxy.config.model import BaseJoin, Credential, Limits, Replay, Snapshot
from trioproxy.protocols.base import Operation
from trioproxy.providers.catalog import catalogue
from trioproxy.providers.model import AuthStyle
from trioproxy.providers.urls import url_for


def only(text: str, **more: Any) -> Credential:
    (credential,) = made(text, **more).credentials
    return credential


def url(credential: Credential) -> str | None:
    return url_for(credential.wires[0], Operation.GENERATE, join=credential.join, model="m")


def key(credential: Credential) -> str | None:
    return credential.key.reveal() if credential.key is not None else None


def test_everything_an_entry_may_say() -> None:
    credential = only("""
        proxy-url: http://127.0.0.1:3128
        timeouts: {idle: 9, connect: 8}
        claude-api-key:
          - api-key: k
            name: mine
            base-url: https://gateway.example/anthropic/
            prefix: /team/
            priority: -3
            weight: 7
            headers: {X-A: 1, x-b: $Session}
            models: [{name: m, alias: a, display-name: D, context-length: 1, max-output-tokens: 2}]
            excluded-models: x
            proxy-url: socks5h://u:p@127.0.0.1:1080
            disable-cooling: true
            request-retry: 4
            timeouts: {idle: off}
            limits: {concurrent: 2}
            max-connections: 5
            keep-alive-connections: 1
            discover: true
            quirks: [unsigned-thinking]
            include-usage: false
    """)

    assert (credential.group, credential.label, credential.source) == ("mine", "mine#1", "config.yaml:5")
    assert (credential.provider.name, credential.custom_base, credential.join) == ("claude", True, BaseJoin.VERBATIM)
    assert url(credential) == "https://gateway.example/anthropic/v1/messages"
    assert (credential.prefix, credential.priority, credential.weight) == ("team", -3, 7)
    assert credential.headers == {"X-A": "1", "x-b": "$Session"}
    (entry,) = credential.models
    assert (entry.name, entry.alias, entry.display_name) == ("m", "a", "D")
    assert (entry.context_length, entry.max_output_tokens) == (1, 2)
    assert (credential.excluded_models, credential.proxy_url) == (("x",), "socks5h://u:p@127.0.0.1:1080")
    assert (credential.disable_cooling, credential.request_retry) == (True, 4)
    assert (credential.deadlines.idle, credential.deadlines.connect) == (float("inf"), 8)
    assert (credential.limits, credential.group_limits) == (Limits(concurrent=2), Limits())
    assert (credential.max_connections, credential.keep_alive_connections) == (5, 1)
    assert (credential.discover, credential.quirks, credential.include_usage) == (True, ("unsigned-thinking",), False)
    assert "k" not in str(credential.key)


def test_what_goes_without_saying() -> None:
    credential = only("mistral: {api-key: k}")

    assert (credential.group, credential.label, credential.prefix) == ("mistral", "mistral#1", None)
    assert credential.quirks == credential.provider.quirks
    assert "mistral-call-ids" in credential.quirks
    assert (credential.include_usage, credential.custom_base, credential.enabled) == (False, False, True)
    assert (credential.request_retry, credential.proxy_url, credential.models) == (None, None, ())


def test_order_is_the_files_and_labels_count_in_their_group() -> None:
    snapshot = made("""
        gemini-api-key: [{api-key: g}]
        providers:
          one: {type: claude, api_key: c}
        claude-api-key: [{api-key: a}, {api-key: b, disabled: true}]
        groq: [{api-key: q, name: one}]
    """)

    assert [(credential.label, credential.enabled) for credential in snapshot.credentials] == [
        ("gemini#1", True),
        ("one#1", True),
        ("claude#1", True),
        ("claude#2", False),
        ("one#2", True),
    ]


def test_ids_outlive_what_stands_around_them() -> None:
    one = made("claude-api-key: [{api-key: a}, {api-key: b}]").credentials
    two = made("gemini-api-key: [{api-key: g}]\nclaude-api-key: [{api-key: b, priority: 3}]").credentials

    assert one[1].id == two[1].id
    assert one[0].id != one[1].id
    assert "claude" in one[0].id


def test_the_same_key_twice_has_two_ids() -> None:
    ids = [credential.id for credential in made("groq: [{api-key: a}, {api-key: a}]").credentials]

    assert len(set(ids)) == 2


@pytest.mark.parametrize("block", [
    "claude-api-key", "gemini-api-key", "codex-api-key", "vertex-api-key", "openai-api-key", "deepseek", "groq", "mistral", "openrouter",
    "together", "fireworks", "novita", "siliconflow", "minimax", "roo", "kilo", "iflow", "qwen", "kimi", "xai-api-key", "nvidia", "cursor",
])  # fmt: skip
def test_every_block_makes_credentials(block: str) -> None:
    credential = only(
        f"{block.replace('-', '_')}:\n  - api_key: k\n    base_url: http://gate.test:9/v1\n    prefix: p\n"
    )

    assert (key(credential), credential.prefix, credential.custom_base) == ("k", "p", True)
    assert (url(credential) or "").startswith("http://gate.test:9/v1")


@pytest.mark.parametrize(("host", "custom"), [("127.0.0.1", False), ("[::1]", False), ("gate.test", True)])
def test_a_stand_in_for_a_vendor_on_this_machine_is_asked_as_the_vendor_is(host: str, custom: bool) -> None:
    assert only(f"claude-api-key: [{{api-key: k, base-url: 'http://{host}:9'}}]").custom_base is custom


def test_a_compatible_server_is_no_stand_in() -> None:
    written = "openai-compatibility: [{name: n, wire: anthropic, base-url: 'http://127.0.0.1:9', api-key-entries: [{api-key: k}]}]"
    assert only(written).custom_base is True


@pytest.mark.parametrize("block", ["claude-api-key", "deepseek", "qwen"])
def test_an_entry_needs_a_key(block: str) -> None:
    (problem,) = refused(f"{block}:\n  - prefix: p\n")

    assert (problem.line, problem.path) == (2, f"{block}[0]")
    assert "api-key or a token-file" in problem.message


def test_key_from_the_environment() -> None:
    assert key(only("claude-api-key: [{api-key: '${K:-d}'}]")) == "d"
    (problem,) = refused("claude-api-key:\n  - api-key: ${K}\n")
    assert (problem.line, problem.path) == (2, "claude-api-key[0].api-key")
    assert "K" in problem.message


def test_blocks_without_entries_are_nothing() -> None:
    snapshot = made("claude-api-key:\ngroq: []\nopenai-compatibility:\nproviders:\nkiro:\n")

    assert snapshot.credentials == ()


def test_cursor_speaks_to_the_local_server() -> None:
    assert url(only("cursor: [{api-key: sk}]")) == "http://127.0.0.1:3000/v1/chat/completions"
    for base in ("http://127.0.0.1:4000", "http://127.0.0.1:4000/v1/"):
        assert (
            url(only(f"cursor: [{{api-key: sk, cursor-api-url: '{base}'}}]"))
            == "http://127.0.0.1:4000/v1/chat/completions"
        )
    assert key(only("cursor: [{}]")) is None
    assert refused("cursor: [{cursor-api-url: nowhere}]")[0].path == "cursor[0].cursor-api-url"


def test_token_files_give_keys_and_hosts() -> None:
    files = {
        "/home/nobody/q.json": '{"access_token": "q", "resource_url": "portal.qwen.ai"}',
        "/u.json": '{"access_token": "q", "resource_url": "http://portal/x"}',
        "/i.json": '{"access_token": "oauth", "api_key": "i"}',
        "/k.json": '{"kilocodeToken": "k"}',
    }

    qwen, full, based, iflow, kilo = made(
        """
        qwen: [{token-file: ~/q.json}, {token-file: /u.json}, {token-file: /u.json, base-url: http://own/v1}]
        iflow: [{token-file: /i.json}]
        kilo: [{token-file: /k.json}]
        """,
        files=files,
    ).credentials

    assert (key(qwen), url(qwen)) == ("q", "https://portal.qwen.ai/v1/chat/completions")
    assert url(full) == "http://portal/x/chat/completions"
    assert url(based) == "http://own/v1/chat/completions"
    assert (key(iflow), iflow.wires[0].auth) == ("i", AuthStyle.IFLOW)
    assert key(kilo) == "k"


@pytest.mark.parametrize(
    "text",
    ["qwen: [{token-file: /none}]", "cursor: [{token-file: /none}]", "providers: {x: {type: qwen, token-file: /none}}"],
)
def test_token_file_that_can_not_be_read_leaves_the_credential_out(text: str) -> None:
    snapshot = made(text)

    assert snapshot.credentials == ()
    assert any("/none can't be read" in warning for warning in snapshot.warnings)


def test_wire_of_an_entrys_own() -> None:
    credential = only("openai-compatibility: [{name: l, base-url: http://h/v1, wire: openai_responses}]")
    assert url(credential) == "http://h/v1/responses"
    assert [wire.protocol for wire in only("openai-api-key: [{api-key: k, wire: chat}]").wires] == ["openai_chat"]
    anthropic = only("openai-compatibility: [{name: l, base-url: http://h, api-key: k, wire: anthropic}]").wires[0]
    assert (anthropic.protocol, anthropic.auth) == ("anthropic", AuthStyle.ANTHROPIC)


@pytest.mark.parametrize(
    ("text", "path", "word"),
    [
        ("openai-compatibility: [{name: l}]", "openai-compatibility[0]", "needs a base-url"),
        ("groq: [{api-key: k, wire: gemini}]", "groq[0]", "needs a base-url"),
        ("providers: {a: {type: groq, api_key: k, wire: gemini}}", "providers.a", "needs a base-url"),
        ("groq: [{api-key: k, prefix: a, Prefix: b}]", "groq[0].Prefix", "means the same as groq[0].prefix"),
        ("openai-compatibility: [{name: l, base-url: nope}]", "openai-compatibility[0].base-url", "begins with"),
        ("claude-api-key: [{api-key: k, base-url: 'https://u:p@h'}]", "claude-api-key[0].base-url", "logs"),
        ("claude-api-key: [{api-key: k, proxy-url: 'ftp://h'}]", "claude-api-key[0].proxy-url", "proxy"),
        ("claude-api-key: [{api-key: k, proxy-url: 'http://[h'}]", "claude-api-key[0].proxy-url", "proxy"),
        ("proxy-url: nothing", "proxy-url", "proxy"),
        ("claude-api-key: [{api-key: k, headers: {'a b': c}}]", "claude-api-key[0].headers", "header name"),
        ('claude-api-key: [{api-key: k, headers: {a: "b\\r\\nc: d"}}]', "claude-api-key[0].headers", "line break"),
        ("claude-api-key: [{api-key: k, models: [{display-name: x}]}]", "claude-api-key[0].models[0]", "needs a name"),
        ("claude-api-key: [{api-key: k, models: [{}]}]", "claude-api-key[0].models[0]", "needs a name"),
        ("claude-api-key: [{api-key: k, models: [{name: ''}]}]", "claude-api-key[0].models[0].name", "is empty"),
        ("claude-api-key: [{api-key: k, quirks: [unsigned]}]", "claude-api-key[0].quirks", "no quirk"),
        ("providers: {a: {type: cluade}}", "providers.a.type", "'claude'"),
        ("providers: {a: {type: zzzz}}", "providers.a.type", "no provider 'zzzz'"),
        ("providers: {a: {type: replay}}", "providers.a", "folder"),
        ("providers: {a: {protocol: openai_chat}}", "providers.a", "needs base_url"),
        ("providers: {a: {base_url: http://h, api_key: k}}", "providers.a", "needs protocol"),
        ("providers: {a: {protocol: smtp, base_url: http://h, api_key: k}}", "providers.a.protocol", "not one of"),
        ("providers: {a: {protocol: openai_chat, base_url: x, api_key: k}}", "providers.a.base_url", "begins with"),
        ("providers: {a: {protocol: openai_chat, base_url: http://h}}", "providers.a", "needs api_key"),
        (
            "providers: {a: {protocol: openai_chat, base_url: http://h, api_key: ' '}}",
            "providers.a.api_key",
            "is empty",
        ),
        ("providers: {a: {type: openai, endpoint: x, api_key: k}}", "providers.a.endpoint", "begins with"),
        (
            "providers: {a: {type: claude, protocol: openai_chat, base_url: http://h, api_key: k}}",
            "providers.a.type",
            "unknown key",
        ),
    ],
)
def test_what_is_written_wrongly_is_told_with_its_place(text: str, path: str, word: str) -> None:
    assert any(problem.path == path and word in str(problem) for problem in refused(text))


def test_prefix_with_a_slash_is_left_out() -> None:
    snapshot = made("groq: [{api-key: k, prefix: a/b}]")

    assert snapshot.credentials[0].prefix is None
    assert any("'a/b'" in warning for warning in snapshot.warnings)


@pytest.mark.parametrize(
    ("own", "base", "expected"),
    [
        ("", "https://h", "http://p:1"),
        ("", "http://127.0.0.1:5", None),
        ("proxy-url: direct,", "https://h", None),
        ("proxy-url: NONE,", "https://h", None),
        ("proxy-url: '',", "https://h", None),
        ("proxy-url: https://q,", "http://localhost", "https://q"),
    ],
)
def test_outbound_proxy(own: str, base: str, expected: str | None) -> None:
    credential = only(f"proxy-url: http://p:1\ngroq: [{{api-key: k, {own} base-url: '{base}'}}]")

    assert credential.proxy_url == expected


def test_retries_and_cooling_are_inherited() -> None:
    one, two = made(
        "disable-cooling: true\ngroq: [{api-key: a, request-retry: -1}, {api-key: b, disable-cooling: false}]"
    ).credentials

    assert (one.request_retry, one.disable_cooling, two.disable_cooling) == (None, True, False)


# Compatible servers


def test_keys_of_a_compatible_server() -> None:
    credentials = made("""
        openai-compatibility:
          - name: s
            base-url: http://h/v1
            api-key: own
            weight: 2
            limits: {concurrent: 9}
            proxy-url: http://p:1
            api-key-entries:
              - plain
              - {api-key: e, weight: 3, limits: {concurrent: 1}, proxy-url: direct}
              - {api-key: off, enabled: false}
              - {token-file: /none}
              - {}
    """).credentials

    assert [(key(each), each.weight, each.enabled) for each in credentials] == [
        ("own", 2, True),
        ("plain", 2, True),
        ("e", 3, True),
        ("off", 2, False),
    ]
    own, plain, entry, _ = credentials
    assert (own.limits, own.group_limits) == (Limits(concurrent=9), Limits())
    assert (plain.limits, plain.group_limits) == (Limits(), Limits(concurrent=9))
    assert (entry.limits, entry.group_limits) == (Limits(concurrent=1), Limits(concurrent=9))
    assert (own.proxy_url, plain.proxy_url, entry.proxy_url) == ("http://p:1", "http://p:1", None)
    assert entry.source == "config.yaml:11"


def test_plain_list_of_keys() -> None:
    credentials = made("openai-compatibility: [{name: s, base-url: http://h, api-keys: [a, b]}]").credentials

    assert [key(each) for each in credentials] == ["a", "b"]


def test_server_without_keys_and_without_a_name() -> None:
    credential = only("openai-compatibility: [{base-url: http://h}]")

    assert (credential.group, key(credential)) == ("openai-compatibility", None)


# The map by type


def test_type_is_the_tables_name_where_none_is_given() -> None:
    assert only("providers: {groq: {api_key: k}}").provider.name == "groq"


def test_vendors_own_address_is_used_as_the_catalogue_has_it() -> None:
    credential = only("providers: {kilo: {type: kilo, api_key: k}}")

    assert (url(credential), credential.custom_base) == ("https://api.kilo.ai/api/gateway/chat/completions", False)


def test_no_authentication() -> None:
    credential = only("providers: {x: {type: groq, auth_type: none, endpoint: http://127.0.0.1:1}}")

    assert (credential.provider.auth, credential.wires[0].auth, key(credential)) == (
        AuthStyle.NONE,
        AuthStyle.NONE,
        None,
    )
    assert only("providers: {x: {type: cursor, auth_type: none}}").key is None


def test_disabled_table_needs_nothing() -> None:
    snapshot = made(
        "providers: {a: {type: claude, enabled: false}, b: {type: zzz, disabled: true}, c: {type: custom, enabled: false}}"
    )

    assert [(credential.group, credential.enabled) for credential in snapshot.credentials] == [("a", False)]


def test_login_with_a_key_is_no_login() -> None:
    assert key(only("providers: {q: {type: qwen, auth_type: oauth, api_key: k}}")) == "k"


def test_table_of_a_login_block() -> None:
    assert made("providers: {k: {type: kiro, api_key: k}}").credentials == ()


def test_replay_folder(tmp_path: Path) -> None:
    def snapshot(text: str, folder: Path | None) -> Snapshot:
        path = tmp_path / "c.yaml"
        path.write_text(text)
        return build(load(path) if folder else load(text), catalogue(), {"HOME": "/home/nobody"})

    (tmp_path / "tapes" / "a").mkdir(parents=True)
    text = "providers: {tape: {type: replay, folder: tapes/a, speed: 10, match: strict, prefix: t}}"
    (credential,) = snapshot(text, tmp_path).credentials
    assert credential.replay == Replay(folder=str(tmp_path / "tapes" / "a"), speed=10, match="strict")
    assert credential.prefix == "t"
    assert credential.disable_cooling, "a recorded 429 would put the other recordings to rest"
    assert {wire.protocol for wire in credential.wires} == {"openai_chat", "openai_responses", "anthropic", "gemini"}
    (elsewhere,) = snapshot("providers: {tape: {type: replay, dir: /abs}}", None).credentials
    assert elsewhere.replay == Replay(folder="/abs")
    (home,) = snapshot("providers: {tape: {type: replay, folder: ~/x}}", None).credentials
    assert home.replay is not None
    assert home.replay.folder == "/home/nobody/x"


def test_replay_options(tmp_path: Path) -> None:
    faults = '[cut@5, {fault: status=429, headers: {retry-after: 7}, body: "{}"}]'
    snapshot = made(
        f"providers: {{tape: {{type: replay, folder: '{tmp_path}', once: true, ignore: [a.b, c], match: any, faults: {faults}}}}}"
    )
    (credential,) = snapshot.credentials
    assert credential.replay == Replay(
        folder=str(tmp_path),
        match="any",
        once=True,
        ignore=("a.b", "c"),
        faults='[{"fault":"cut@5"},{"fault":"status=429","headers":{"retry-after":"7"},"body":"{}"}]',
    )


def test_replay_folder_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    for folder, warnings in [(tmp_path, 0), (tmp_path / "none", 1)]:
        snapshot = made(f"providers: {{tape: {{type: replay, folder: '{folder}'}}}}")
        assert len(snapshot.warnings) == warnings


def test_defaults_for_all_entries() -> None:
    one, two = made(
        "max-connections: 3\nkeep-alive-connections: 2\ndiscover: true\ngroq: [{api-key: a}, {api-key: b, discover: false}]"
    ).credentials

    assert (one.max_connections, one.keep_alive_connections, one.discover, two.discover) == (3, 2, True, False)


# ProxAI's tables


@pytest.mark.parametrize(
    ("protocol", "path", "auth"),
    [
        ("openai_responses", "/v1/responses", AuthStyle.BEARER),
        ("openai_chat_completions", "/v1/chat/completions", AuthStyle.BEARER),
        ("anthropic_messages", "/v1/messages", AuthStyle.X_API_KEY),
        ("gemini", "/v1beta/models/m:generateContent", AuthStyle.GOOGLE),
    ],
)
def test_table_by_protocol(protocol: str, path: str, auth: AuthStyle) -> None:
    credential = only(f"providers: {{' a ': {{protocol: {protocol}, base_url: 'http://h/api/', api_key: k}}}}")

    assert (credential.group, url(credential), credential.wires[0].auth) == ("a", f"http://h/api{path}", auth)
    assert ("system-as-instructions" in credential.quirks) == (protocol == "openai_responses")
    assert credential.wires[0].headers == ({"anthropic-version": "2023-06-01"} if path == "/v1/messages" else {})


@pytest.mark.parametrize(("word", "fills"), [("anthropic_compatible", True), ("strict", False)])
def test_compatibility(word: str, fills: bool) -> None:
    table = f"{{protocol: anthropic_messages, base_url: http://h, api_key: k, compatibility: {word}}}"

    assert ("fill-anthropic-answer" in only(f"providers: {{a: {table}}}").quirks) is fills


def test_table_by_protocol_may_be_off() -> None:
    assert not only("providers: {a: {protocol: gemini, base_url: http://h, api_key: k, enabled: false}}").enabled


def test_an_entry_whose_models_are_all_off_serves_nothing() -> None:
    written = "providers:\n  claude:\n    api_key: k\n    models: [{name: claude-opus-5, enabled: %s}, {name: b, enabled: false}]\n"
    on, off = made(written % "true"), made(written % "false")
    assert [entry.name for entry in on.credentials[0].models] == ["claude-opus-5"]
    assert on.credentials[0].enabled
    assert not off.credentials[0].enabled
    assert any("none of them is enabled" in warning for warning in off.warnings)
