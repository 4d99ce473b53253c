"""Configurations as people write them: each loads, and means what it says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.making import made
from trioproxy.config.listing import listing
from trioproxy.config.model import Snapshot
from trioproxy.config.routed import Candidate
from trioproxy.config.routes import route
from trioproxy.protocols.base import Operation
from trioproxy.providers.urls import url_for

CHAT, RESPONSES, ANTHROPIC = "openai_chat", "openai_responses", "anthropic"
KEYS = 'api-keys:\n  - "demo-client-key"\n'


def goes(snapshot: Snapshot, model: str, protocol: str = CHAT) -> list[tuple[str, str]]:
    """URL and upstream model of each candidate."""
    return [where(candidate) for candidate in route(snapshot, protocol=protocol, model=model).candidates]


def where(candidate: Candidate) -> tuple[str, str]:
    url = url_for(candidate.wire, Operation.GENERATE, join=candidate.credential.join, model=candidate.model)
    return url or "", candidate.model


CLAUDE = "https://api.anthropic.com/v1/messages"
OPENROUTER = "https://openrouter.ai/api/v1/chat/completions"


def test_claude_quickstart() -> None:
    snapshot = made(KEYS + 'claude-api-key:\n  - api-key: "sk-ant-..."\n    prefix: "claude"\n')

    assert [client.key.reveal() for client in snapshot.clients] == ["demo-client-key"]
    for model in ("claude-3-5-sonnet-20241022", "claude-sonnet-4-6", "claude-opus-4-6"):
        assert goes(snapshot, f"claude/{model}") == [(CLAUDE, model)]
    shown = [card.id for card in listing(snapshot)]
    assert {"claude/claude-opus-4-6", "claude/claude-sonnet-4-6", "claude-opus-4-6"} <= set(shown)


def test_two_codex_keys_under_one_prefix_take_turns() -> None:
    snapshot = made(
        KEYS
        + 'codex-api-key:\n  - api-key: "codex-key-a"\n    prefix: "codex"\n  - api-key: "codex-key-b"\n    prefix: "codex"\n'
    )

    candidates = route(snapshot, protocol=RESPONSES, model="codex/codex-latest").candidates

    assert [where(candidate)[0] for candidate in candidates] == ["https://api.openai.com/v1/responses"] * 2
    assert {candidate.tier for candidate in candidates} == {0}
    keys = [candidate.credential.key for candidate in candidates]
    assert [key.reveal() for key in keys if key is not None] == ["codex-key-a", "codex-key-b"]
    assert candidates[0].credential.id != candidates[1].credential.id
    compact = route(snapshot, protocol=RESPONSES, operation=Operation.COMPACT, model="codex/codex-latest").candidates[0]
    assert url_for(compact.wire, Operation.COMPACT) == "https://api.openai.com/v1/responses/compact"


def test_gemini_alias() -> None:
    snapshot = made(
        KEYS
        + 'gemini-api-key:\n  - api-key: "AIza..."\n    prefix: "gemini"\n'
        + '    models:\n      - name: "gemini-2.5-flash"\n        alias: "flash"\n'
    )

    url = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    assert goes(snapshot, "gemini/flash") == [(url, "gemini-2.5-flash")]
    assert goes(snapshot, "flash") == [(url, "gemini-2.5-flash")]
    assert [card.id for card in listing(snapshot)] == ["gemini/flash", "flash"]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("github-copilot", 'github-copilot:\n  - name: "copilot-gpt-5"\n    prefix: "copilot"\n'),
        ("kiro", 'kiro:\n  - token-file: "~/.aws/sso/cache/kiro-auth-token.json"\n    prefix: "kiro"\n'),
        ("kiro", 'kiro:\n  - token-file: "~/.aws/sso/cache/kiro-auth-token.json"\n'),
    ],
)
def test_logins_that_are_not_built_give_one_warning(block: str, text: str) -> None:
    snapshot = made(KEYS + text)

    assert sum(block in warning for warning in snapshot.warnings) == 1
    assert snapshot.credentials == ()


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ('{"access_token": "tok-1", "api_key": "k"}', "tok-1"),
        ('{"api_key": "k-1"}', "k-1"),
        ("raw-key\n", "raw-key"),
        ('"quoted-key"', "quoted-key"),
    ],
)
def test_minimax_token_file(content: str, key: str) -> None:
    text = 'minimax:\n  - token-file: "~/.minimax/oauth-token.json"\n    base-url: "https://api.minimax.io/anthropic"\n'

    snapshot = made(KEYS + text, files={"/home/nobody/.minimax/oauth-token.json": content})

    assert goes(snapshot, "minimax/abab6.5s") == [("https://api.minimax.io/anthropic/v1/messages", "abab6.5s")]
    held = snapshot.credentials[0].key
    assert held is not None
    assert held.reveal() == key


def test_local_server_behind_openai_compatibility() -> None:
    snapshot = made(
        KEYS
        + 'openai-compatibility:\n  - name: "mlx-local"\n    prefix: "mlx"\n    base-url: "http://127.0.0.1:8000/v1"\n'
        + '    api-key-entries:\n      - api-key: "dummy-key"\n'
    )

    assert goes(snapshot, "mlx/your-local-model") == [("http://127.0.0.1:8000/v1/chat/completions", "your-local-model")]
    # It speaks Chat Completions whatever the client speaks.
    for protocol in (RESPONSES, ANTHROPIC, "gemini"):
        assert goes(snapshot, "mlx/m", protocol)[0][0].endswith("/chat/completions")


def test_vendor_and_aggregator() -> None:
    snapshot = made("""
        # Client API auth for /v1/*
        api-keys:
          - "prod-client-key"

        # One direct provider
        claude-api-key:
          - api-key: "sk-ant-xxxx"
            prefix: "claude-prod"

        # One OpenAI-compatible aggregator
        openai-compatibility:
          - name: "openrouter"
            prefix: "or"
            base-url: "https://openrouter.ai/api/v1"
            api-key-entries:
              - api-key: "sk-or-v1-xxxx"
    """)

    assert goes(snapshot, "claude-prod/claude-3-5-sonnet") == [(CLAUDE, "claude-3-5-sonnet")]
    assert goes(snapshot, "or/meta/llama") == [(OPENROUTER, "meta/llama")]


def test_forced_prefixes_with_an_alias() -> None:
    snapshot = made("""
        force-model-prefix: true

        claude-api-key:
          - api-key: "sk-ant-..."
            prefix: "agent-core"
            models:
              - name: "claude-3-5-sonnet-20241022"
                alias: "core-sonnet"

        openrouter:
          - api-key: "sk-or-v1-..."
            prefix: "batch"
    """)

    assert goes(snapshot, "agent-core/core-sonnet") == [(CLAUDE, "claude-3-5-sonnet-20241022")]
    assert goes(snapshot, "batch/openai/gpt-5") == [(OPENROUTER, "openai/gpt-5")]
    assert [card.id for card in listing(snapshot)] == ["agent-core/core-sonnet"]


def test_openrouter_block_with_its_base() -> None:
    snapshot = made(
        'openrouter:\n  - api-key: "sk-or-v1-..."\n    base-url: "https://openrouter.ai/api/v1"\n    prefix: "or"\n'
    )

    assert goes(snapshot, "or/x/y") == [(OPENROUTER, "x/y")]
    assert goes(snapshot, "or/x/y", ANTHROPIC) == [("https://openrouter.ai/api/v1/messages", "x/y")]


# The map of providers by type

TYPED: list[tuple[str, str, str, str, str]] = [
    ("claude", "https://api.anthropic.com", "claude-3-5-sonnet", "ANTHROPIC_API_KEY", CLAUDE),
    (
        "gemini",
        "https://generativelanguage.googleapis.com",
        "gemini-1.5-pro",
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-1.5-pro:generateContent",
    ),
    ("openai", "https://api.openai.com", "gpt-4-turbo", "OPENAI_API_KEY", "https://api.openai.com/v1/chat/completions"),
    ("openrouter", "https://openrouter.ai/api", "anthropic/claude-3.5-sonnet", "OPENROUTER_API_KEY", OPENROUTER),
    (
        "together",
        "https://api.together.xyz",
        "any/Model",
        "TOGETHER_API_KEY",
        "https://api.together.xyz/v1/chat/completions",
    ),
    (
        "fireworks",
        "https://api.fireworks.ai",
        "accounts/fireworks/models/m",
        "FIREWORKS_API_KEY",
        "https://api.fireworks.ai/inference/v1/chat/completions",
    ),
]


def typed(name: str, endpoint: str, *more: str) -> str:
    lines = [f'type: "{name}"', "enabled: true", 'auth_type: "api_key"', f'endpoint: "{endpoint}"', *more]
    return f"providers:\n  {name}:\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(("name", "endpoint", "model", "variable", "url"), TYPED)
def test_typed_provider_takes_its_key_from_the_usual_variable(
    name: str, endpoint: str, model: str, variable: str, url: str
) -> None:
    snapshot = made(typed(name, endpoint), env={variable: "from-env"})

    assert goes(snapshot, model) == [(url, model)]
    key = snapshot.credentials[0].key
    assert key is not None
    assert key.reveal() == "from-env"


@pytest.mark.parametrize(("name", "endpoint", "model", "variable", "url"), TYPED)
def test_typed_provider_without_a_key_loads_with_a_warning(
    name: str, endpoint: str, model: str, variable: str, url: str
) -> None:
    snapshot = made(typed(name, endpoint))

    assert snapshot.credentials == ()
    assert any(variable in warning for warning in snapshot.warnings)


def test_typed_provider_whole() -> None:
    snapshot = made("""
        providers:
          claude:
            type: "claude"
            enabled: true
            auth_type: "api_key"
            api_key: "k"
            endpoint: "https://api.anthropic.com"
            models:
              - name: "claude-3-5-sonnet"
                enabled: true
                max_tokens: 200000
                supports_functions: true
                supports_streaming: true
              - name: "claude-off"
                enabled: false
            features:
              streaming: true
              functions: true
              vision: true
              code_generation: true
              multimodal: false
            limits:
              requests_per_minute: 60
              tokens_per_minute: 40000
            priority: 2
            model_mappings:
              "gpt-4": "claude-3-5-sonnet"
    """)

    (credential,) = snapshot.credentials
    assert [(entry.alias, entry.name, entry.context_length) for entry in credential.models] == [
        ("claude-3-5-sonnet", "claude-3-5-sonnet", 200000),
        ("gpt-4", "claude-3-5-sonnet", None),
    ]
    assert credential.models[0].features == {"functions", "streaming"}
    assert credential.features == {"streaming", "functions", "vision", "code-generation"}
    assert (credential.limits.requests_per_minute, credential.limits.tokens_per_minute) == (60, 40000)
    assert (credential.priority, credential.open_names) == (2, False)
    assert goes(snapshot, "gpt-4") == [(CLAUDE, "claude-3-5-sonnet")]


@pytest.mark.parametrize(
    ("name", "endpoint", "url"),
    [
        ("roocode", "https://api.roocode.ai", "https://api.roocode.ai/v1/chat/completions"),
        ("kiloai", "https://api.kiloai.io", "https://api.kiloai.io/v1/chat/completions"),
        ("minimax", "https://api.minimax.chat", "https://api.minimax.chat/v1/chat/completions"),
    ],
)
def test_typed_provider_at_another_host_is_never_given_the_usual_key(name: str, endpoint: str, url: str) -> None:
    snapshot = made(typed(name, endpoint), env={"MINIMAX_API_KEY": "secret"})

    (credential,) = snapshot.credentials
    assert credential.key is None
    assert goes(snapshot, f"{name}/m") == [(url, "m")]
    assert any("without a key" in warning for warning in snapshot.warnings)


@pytest.mark.parametrize(
    ("name", "endpoint"), [("kiro", "https://codeguru.amazonaws.com"), ("copilot", "https://api.githubcopilot.com")]
)
def test_typed_login_is_left_out_with_a_warning(name: str, endpoint: str) -> None:
    text = typed(
        name,
        endpoint,
        "models:",
        f"  - name: {name}-codegen",
        "    enabled: true",
        "features:",
        "  code_generation: true",
    )

    snapshot = made(text.replace("api_key", "oauth_device_flow"))

    assert snapshot.credentials == ()
    assert any("login" in warning for warning in snapshot.warnings)


def test_custom_type_with_mappings() -> None:
    text = """
        providers:
          custom:
            type: "custom"
            {}
            model_mappings:
              "gpt-4": "my-provider-v1-large"
              "gpt-3.5-turbo": "my-provider-v1-medium"
    """

    assert any("no endpoint" in warning for warning in made(text.replace("{}", "")).warnings)
    snapshot = made(text.replace("{}", "endpoint: http://127.0.0.1:9"))
    url = "http://127.0.0.1:9/v1/chat/completions"
    assert goes(snapshot, "gpt-4") == [(url, "my-provider-v1-large")]
    assert goes(snapshot, "custom/gpt-3.5-turbo") == [(url, "my-provider-v1-medium")]
    assert goes(snapshot, "custom/other") == [(url, "other")]


def test_unknown_type_that_is_disabled_and_then_enabled() -> None:
    text = """
        providers:
          myprovider:
            type: "myprovider"
            enabled: {}
            auth_type: "api_key"
            endpoint: "https://api.myprovider.com"
            models:
              - name: "my-model-v1"
                enabled: true
                max_tokens: 4096
    """

    off = made(text.replace("{}", "false"))
    assert [credential.enabled for credential in off.credentials] == [False]
    assert listing(off) == ()
    on = made(text.replace("{}", "true"))
    assert goes(on, "my-model-v1") == [("https://api.myprovider.com/v1/chat/completions", "my-model-v1")]


# ProxAI's form

ROUTES: dict[str, Any] = {
    "config.toml": """
        [providers.minimax]
        protocol = "openai_chat_completions"
        base_url = "http://127.0.0.1:7/v1"
        api_key = "real"
        read_idle_timeout_secs = 120

        [[routing.routes]]
        request_protocol = "openai_chat_completions"
        match_kind = "exact"
        model_pattern = "MiniMax-M3-preview"
        provider = "minimax"
        upstream_model = "MiniMax-M3"

        [error_responses]
        format = "text"

        [tool_calls]
        timeout_secs = 90
    """,
    "config.yaml": """
        providers:
          minimax: {protocol: openai_chat_completions, base_url: "http://127.0.0.1:7/v1", api_key: real, read_idle_timeout_secs: 120}
        routing:
          routes:
            - request-protocol: openai_chat_completions
              match-kind: exact
              model-pattern: MiniMax-M3-preview
              provider: minimax
              upstream-model: MiniMax-M3
        error-responses: {format: text}
        tool-calls: {timeout-secs: 90}
    """,
}


@pytest.mark.parametrize("name", ROUTES)
def test_route_table_in_both_syntaxes(name: str) -> None:
    snapshot = made(ROUTES[name], name=name)

    assert goes(snapshot, "minimax-m3-PREVIEW") == [("http://127.0.0.1:7/v1/chat/completions", "MiniMax-M3")]
    assert snapshot.settings.error_format.value == "text"
    assert snapshot.settings.deadlines.tool_call == 90
    assert snapshot.credentials[0].deadlines.idle == 120
