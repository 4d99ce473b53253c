"""The listener, deadlines, limits and client keys."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from tests.config.making import made, refused
from trioproxy.config.load import build, load
from trioproxy.config.model import Deadlines, ErrorFormat, Limits, Recording, Secret, Settings, Strategy
from trioproxy.config.settings import is_example, is_loopback
from trioproxy.providers.catalog import catalogue


def test_nothing_set_is_the_defaults() -> None:
    assert made("").settings == Settings()
    assert Settings().host == "127.0.0.1"
    assert Settings().port == 8317


def test_every_setting_has_its_key() -> None:
    settings = made("""
        host: localhost
        port: 0
        allow-anonymous: true
        force-model-prefix: true
        request-retry: 3
        max-retry-credentials: 2
        max-retry-interval: 0
        disable-cooling: true
        transient-error-cooldown-seconds: 7
        max-cooldown-seconds: 1m
        proxy-url: http://127.0.0.1:3128
        loss-header: true
        state-dir: /s
        ledger: {enabled: false, max-age-days: 2, max-size-mb: 3}
        max-connections: 11
        keep-alive-connections: 12
        discover: true
        streaming: {keepalive-seconds: 2.5, early-head: true}
        error-responses: {format: text}
        server: {max-request-body-bytes: 10, max_request_head_bytes: 2048, max-event-bytes: 4096, max-concurrent-requests: 3, drain-seconds: 1}
        logging: {level: warning, output-format: json}
        remote-management: {allow-remote: true, secret-key: s}
        routing: {strategy: weighted-round-robin, session-affinity: true, session-affinity-ttl: 2h}
        timeouts: {connect: 1, first-byte: 2, response: 3, idle: 4, total: 5, client-send: 6}
        tool-calls: {timeout-secs: 7}
        websocket: {responses: false, realtime: false, idle-seconds: 5m}
        conversations: {over-http: true, max-bytes: 14, max-bytes-each: 13, ttl: 30m}
    """).settings

    assert settings == Settings(
        host="localhost",
        port=0,
        allow_anonymous=True,
        force_model_prefix=True,
        error_format=ErrorFormat.TEXT,
        keepalive=2.5,
        early_head=True,
        deadlines=Deadlines(connect=1, first_byte=2, response=3, idle=4, tool_call=7, total=5, client_send=6),
        max_head=2048,
        max_body=10,
        max_event=4096,
        request_retry=3,
        max_retry_credentials=2,
        loss_header=True,
        drain=1,
        state_dir="/s",
        ledger=False,
        ledger_age=2 * 86400.0,
        ledger_size=3 * 1024 * 1024,
        strategy=Strategy.WEIGHTED,
        session_affinity=True,
        session_affinity_ttl=7200,
        max_retry_interval=0,
        transient_cooldown=7,
        max_cooldown=60,
        disable_cooling=True,
        max_concurrent=3,
        proxy_url="http://127.0.0.1:3128",
        log_level="warn",
        log_json=True,
        management_secret=Secret("s"),
        management_remote=True,
        max_connections=11,
        keep_alive_connections=12,
        discover=True,
        responses_websocket=False,
        realtime=False,
        websocket_idle=300,
        conversations_over_http=True,
        conversations_size=14,
        conversations_own_size=13,
        conversations_ttl=1800,
    )


def test_the_switch_of_sockets_in_both_spellings() -> None:
    assert not made("responses-websocket-enabled: false").settings.responses_websocket
    assert not made("{responses-websocket-enabled: off, websocket: {responses: off}}").settings.responses_websocket
    told = refused("{responses-websocket-enabled: false, websocket: {responses: true}}")
    assert "says something else" in str(told)


@pytest.mark.parametrize(
    ("text", "tool_call"),
    [
        ("tool_calls: {timeout_secs: 3}", 3),
        ("timeouts: {tool-call: 4}\ntool-calls: {timeout-secs: 3}", 4),
        ("timeouts: {tool_call: off}", inf),
        ("", 120),
    ],
)
def test_tool_call_deadline_has_two_spellings(text: str, tool_call: float) -> None:
    assert made(text).settings.deadlines.tool_call == tool_call


@pytest.mark.parametrize(("text", "keepalive"), [("0", inf), ("off", inf), ("-1", inf), ("0.5", 0.5)])
def test_keepalive_may_be_off(text: str, keepalive: float) -> None:
    assert made(f"streaming: {{keepalive-seconds: {text}}}").settings.keepalive == keepalive


@pytest.mark.parametrize(("text", "rest"), [("0", 60), ("-1", 0), ("5", 5)])
def test_transient_cooldown_in_the_spelling_of_imported_files(text: str, rest: float) -> None:
    assert made(f"transient-error-cooldown-seconds: {text}").settings.transient_cooldown == rest


@pytest.mark.parametrize(
    ("text", "level"),
    [("debug: true", "debug"), ("debug: true\nlogging: {level: error}", "error"), ("debug: false", "info")],
)
def test_debug_is_a_log_level(text: str, level: str) -> None:
    assert made(text).settings.log_level == level


def test_empty_management_secret_is_none() -> None:
    assert made("remote-management: {secret-key: ''}").settings.management_secret is None


def test_proxai_listener() -> None:
    settings = made('[server]\nhost = "127.0.0.1"\nport = 18080\n', name="c.toml").settings

    assert (settings.host, settings.port) == ("127.0.0.1", 18080)


def test_two_listeners_that_differ_are_a_problem() -> None:
    (problem,) = refused("port: 1\nserver: {port: 2}\n")

    assert (problem.line, problem.path) == (2, "server.port")
    assert "line 1" in problem.message
    assert made("port: 1\nserver: {port: 1}").settings.port == 1


def test_command_line_wins() -> None:
    settings = made("host: 0.0.0.0\nport: 1\n", host="127.0.0.1", port=2).settings

    assert (settings.host, settings.port) == ("127.0.0.1", 2)


# Who may connect


@pytest.mark.parametrize("host", ["0.0.0.0", "'::'", "192.168.1.5", "proxy.example", "''"])
def test_strangers_are_not_served_by_accident(host: str) -> None:
    (problem,) = refused(f"port: 1\nhost: {host}\n")

    assert problem.line == 2
    assert "refuses to start" in problem.message
    for fix in ("api-keys", "127.0.0.1", "allow-anonymous"):
        assert fix in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "host: 0.0.0.0\napi-keys: [k]",
        "host: 0.0.0.0\nallow-anonymous: true",
        "host: '127.0.0.2'",
        "host: '::1'",
        "host: '[::1]'",
    ],
)
def test_what_is_meant_is_served(text: str) -> None:
    assert made(text).settings.port == 8317


def test_command_lines_host_is_judged_too() -> None:
    assert "refuses to start" in refused("", host="0.0.0.0")[0].message


def test_empty_host_is_every_address() -> None:
    assert made("host: ''\napi-keys: [k]").settings.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("example.org", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


# Client keys


def test_client_keys_in_both_forms() -> None:
    one, two = made("""
        api-keys:
          - plain
          - key: whole
            name: laptop
            models: [claude-*]
            excluded-models: ["*-opus-*"]
            limits: {requests-per-minute: 1, tokens_per_minute: 2, max-tokens-per-request: 3, concurrent: 4, daily-budget-usd: 0.5}
    """).clients

    assert (one.key.reveal(), one.name, one.models, one.limits) == ("plain", None, (), Limits())
    assert (two.key.reveal(), two.name, two.models, two.excluded_models) == (
        "whole",
        "laptop",
        ("claude-*",),
        ("*-opus-*",),
    )
    assert two.limits == Limits(
        requests_per_minute=1, tokens_per_minute=2, max_tokens_per_request=3, concurrent=4, daily_budget_usd=0.5
    )
    assert one.id != two.id
    assert "plain" not in one.id + repr(one)


def test_numeric_keys_are_keys() -> None:
    assert [client.key.reveal() for client in made("api-keys: [12345, 0x1F]").clients] == ["12345", "0x1F"]


def test_id_of_a_key_is_stable() -> None:
    assert made("api-keys: [a, b]").clients[1].id == made("api-keys: [b]").clients[0].id


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("api-keys: [a, a]", 1, "given twice"),
        ("api-keys:\n  - name: x\n", 2, "needs a key"),
        ("api-keys:\n  - ''\n", 2, "is empty"),
        ("api-keys:\n  - {key: '', name: x}\n", 2, "is empty"),
        ("api-keys:\n  - {key: a, limits: {concurrent: 0}}\n", 2, "out of range"),
    ],
)
def test_wrong_client_keys(text: str, line: int, message: str) -> None:
    (problem,) = refused(text)

    assert problem.line == line
    assert message in problem.message


@pytest.mark.parametrize(
    "key", ["your-api-key-1", "sk-...", "sk-ant-xxxx", "<key>", "changeme", "REPLACE_ME", "your_key"]
)
def test_keys_of_examples_are_warned_of(key: str) -> None:
    snapshot = made(f"api-keys: ['{key}']")

    assert any("api-keys[0]" in warning and "example" in warning for warning in snapshot.warnings)
    assert not any(key in warning for warning in snapshot.warnings)


@pytest.mark.parametrize("key", ["demo-client-key", "sk-proj-abc123", "a"])
def test_other_keys_are_not(key: str) -> None:
    assert not is_example(Secret(key))


def test_recording_is_a_folder_or_more(tmp_path: Path) -> None:
    def recording(text: str) -> Recording | None:
        path = tmp_path / "c.yaml"
        path.write_text(text, "utf-8")
        return build(load(path), catalogue(), {}).settings.recording

    assert recording("record: kept") == Recording(into=str(tmp_path / "kept"))
    text = "groq: [{api-key: k}]\nrecord: {into: /kept, providers: [groq], redact: ['acct_[0-9]+'], redact-fields: [session]}"
    assert recording(text) == Recording(
        into="/kept", providers=("groq",), redact=("acct_[0-9]+",), redact_fields=("session",)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("record: {redact: [a]}", "needs the folder that recordings go to: into"),
        ("record: {into: x, redact: ['(']}", "'(' is no regular expression"),
        ("record: {into: x, providers: [gorq]}\ngroq: [{api-key: k}]", "no provider goes by the name 'gorq'"),
    ],
)
def test_a_recording_that_can_not_be_used(text: str, said: str) -> None:
    [problem] = refused(text)
    assert said in problem.message
