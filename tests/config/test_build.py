"""The whole way from a text to a snapshot."""

from __future__ import annotations

import pytest

from tests.config.making import made, refused
from trioproxy.config.foreign import UNSERVED as UNSERVED_ROWS
from trioproxy.config.model import MatchKind


def test_all_problems_at_once_in_the_order_of_the_file() -> None:
    found = refused("""\
hots: 1
port: eight
claude-api-key:
  - prefx: a
    api-key: k
  - models: 3
routing:
  strategy: random
  routes:
    - {model-pattern: '(', provider: claude}
    - {model-pattern: a, provider: cluade}
    - {provider: claude}
fallbacks: 3
""")

    assert [(problem.line, problem.path) for problem in found] == [
        (1, "hots"),
        (2, "port"),
        (4, "claude-api-key[0].prefx"),
        (6, "claude-api-key[1]"),
        (8, "routing.strategy"),
        (10, "routing.routes[0].model-pattern"),
        (11, "routing.routes[1].provider"),
        (12, "routing.routes[2]"),
        (13, "fallbacks"),
    ]
    assert [problem.suggestion for problem in found if problem.suggestion] == ["host", "prefix", "claude"]
    assert all(problem.file == "config.yaml" for problem in found)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("unknown_key = 1\n", "unknown_key"),
        ("[server]\nprt = 1\n", "prt"),
        ("[providers.a]\nprotocol = 'anthropic_messages'\nbase_url = 'http://h'\napi_key = ' '\n", "api_key"),
        ("[routing.default_provider_names]\nanthropic_messages = 'nobody'\n", "anthropic_messages"),
        ("[[routing.routes]]\nmatch_kind = 'regex'\nmodel_pattern = '('\nprovider = 'a'\n", "model_pattern"),
        ("[[routing.routes]]\nname = ''\nmodel_pattern = 'x'\nprovider = 'a'\n", "name"),
        ("[tool_calls]\ntimeout_secs = 0\n", "timeout_secs"),
        ("[capture]\n[capture]\n", "capture"),
    ],
)
def test_start_is_refused_and_the_key_is_named(text: str, key: str) -> None:
    assert any(key in str(problem) for problem in refused(text, name="c.toml"))


def test_route_names_are_unique() -> None:
    (problem,) = refused("""
        providers: {a: {protocol: gemini, base_url: http://h, api_key: k}}
        routing:
          routes:
            - {name: r, model-pattern: x, provider: a}
            - {name: r, model-pattern: y, provider: a}
            - {model-pattern: y, provider: a}
            - {model-pattern: y, provider: a}
    """)

    assert (problem.line, problem.path) == (6, "routing.routes[1].name")
    assert "line 5" in problem.message


def test_route_is_read_whole() -> None:
    (rule,) = made("""
        providers: {A: {protocol: gemini, base_url: http://h, api_key: k}}
        routing:
          routes:
            - name: r
              request_protocol: anthropic_messages
              match_kind: Regex
              model_pattern: ^(?<f>.*)$
              provider: " a "
              upstream_model: ${f}/$1
              timeouts: {first-byte: 1.5, tool-call: off}
    """).routes

    assert (rule.name, rule.protocol, rule.match) == ("r", "anthropic", MatchKind.REGEX)
    assert (rule.pattern, rule.provider, rule.upstream_model) == ("^(?<f>.*)$", "a", "${f}/$1")
    assert rule.deadlines == {"first_byte": 1.5, "tool_call": float("inf")}
    assert rule.source == "config.yaml:5"


def test_empty_default_is_none() -> None:
    snapshot = made("""
        providers: {A: {protocol: gemini, base_url: http://h, api_key: k}}
        routing: {default-provider-names: {openai_responses: '', anthropic_messages: a}}
    """)

    assert snapshot.defaults == {"anthropic": "a"}


def test_route_may_name_what_is_not_usable_yet() -> None:
    snapshot = made("""
        kiro: [{token-file: x}]
        providers: {c: {type: claude}}
        routing: {routes: [{model-pattern: a, provider: kiro}, {model-pattern: b, provider: c}]}
    """)

    assert len(snapshot.routes) == 2


def test_provider_names_are_listed_where_one_is_wrong() -> None:
    assert "the file has no provider" in refused("routing: {routes: [{model-pattern: a, provider: x}]}")[0].message
    assert (
        "there are groq"
        in refused("groq: [{api-key: k}]\nrouting: {routes: [{model-pattern: a, provider: x}]}")[0].message
    )


UNSERVED = """allow-localhost-unauthenticated auth gemini-web generative-language-api-key antigravity capture claude-code
claude-header-defaults codex codex-header-defaults commercial-mode disable-image-generation error-logs-max-files
gpt-image-2-base-model home incognito-browser interactions-api-key kiro-fingerprint kiro-preferred-endpoint logging-to-file
logs-max-total-size-mb nonstream-keepalive-interval oauth-excluded-models oauth-model-alias oauth-request-scoped-errors
passthrough-headers payload plugins pprof quota-exceeded redis-usage-queue-retention-seconds request-log request-scoped-errors
responses-compact-enabled save-cooldown-status tls usage-statistics-enabled ws-auth xai"""


@pytest.mark.parametrize("key", UNSERVED.split())
def test_key_of_other_programs_gives_one_warning(key: str) -> None:
    snapshot = made(f"groq: [{{api-key: k}}]\n{key}: {{any: [thing]}}\n")

    assert len(snapshot.warnings) == 1
    assert snapshot.warnings[0].startswith(f"config.yaml:2: {key}: is known, but not served yet and does nothing: ")
    assert snapshot.warnings[0].endswith(f": {dict(UNSERVED_ROWS)[key]}")  # what to use instead


@pytest.mark.parametrize(
    "text",
    ["server: {max-concurrent-requests: 4}", "mistral: [{api-key: k, limits: {concurrent: 3}}]", "discover: true"],
)
def test_what_is_served_is_not_warned_of(text: str) -> None:
    assert made(f"groq: [{{api-key: k}}]\n{text}\n").warnings == ()


@pytest.mark.parametrize("block", ["codex-api-key", "xai-api-key"])
def test_keys_of_one_block_of_the_other_program_that_two_blocks_share(block: str) -> None:
    warnings = made(f"{block}: [{{api-key: k, websockets: true, alpha-search: false}}]\n").warnings
    assert [warning.split(": ")[1] for warning in warnings] == [f"{block}[0].alpha-search"]
    assert made(f"{block}: [{{api-key: k, websockets: true}}]\n").credentials[0].websockets


def test_login_block_gives_one_warning_and_its_keys_are_checked() -> None:
    amp = "ampcode: {upstream-url: https://ampcode.com, upstream-api-key: a, model-mappings: [{from: a, to: b, regex: true, params: {}}]}"
    for block in (
        amp,
        amp.replace("ampcode:", "amp-code:"),
        "kiro: [{token-file: x, region: r, start-url: s}, {access-token: t}]",
    ):
        warnings = made(f"groq: [{{api-key: k}}]\n{block}\n").warnings
        assert len(warnings) == 1
    assert refused("kiro:\n  - tokenfile: x\n")[0].suggestion == "token-file"


def test_config_of_the_other_program_loads() -> None:
    snapshot = made("""
        host: ""
        port: 8317
        tls: {enable: false, cert: "", key: ""}
        remote-management: {allow-remote: false, secret-key: "", disable-control-panel: false}
        auth-dir: "~/.cli-proxy-api"
        api-keys: ["your-api-key-1", "your-api-key-2"]
        debug: false
        commercial-mode: false
        logging-to-file: false
        logs-max-total-size-mb: 0
        error-logs-max-files: 10
        usage-statistics-enabled: false
        proxy-url: ""
        force-model-prefix: false
        passthrough-headers: false
        request-retry: 3
        max-retry-credentials: 0
        max-retry-interval: 30
        disable-cooling: false
        quota-exceeded: {switch-project: true, switch-preview-model: true}
        routing: {strategy: "round-robin", session-affinity: false, session-affinity-ttl: "1h"}
        ws-auth: false
        nonstream-keepalive-interval: 0
        streaming: {keepalive-seconds: 15, bootstrap-retries: 1}
        gemini-api-key:
          - api-key: "AIzaSy...01"
            prefix: "test"
            base-url: "https://generativelanguage.googleapis.com"
            headers: {X-Custom-Header: "custom-value"}
            proxy-url: "socks5://proxy.example.com:1080"
            models: [{name: "gemini-2.5-flash", alias: "gemini-flash"}]
            excluded-models: ["gemini-2.5-pro", "gemini-2.5-*", "*-preview", "*flash*"]
        codex-api-key:
          - {api-key: "sk-atSM...", prefix: "test", base-url: "https://www.example.com", websockets: true}
        claude-api-key:
          - api-key: "sk-atSM..."
          - api-key: "sk-atSM...2"
            base-url: "https://www.example.com"
            models: [{name: "claude-3-5-sonnet-20241022", alias: "claude-sonnet-latest", force-mapping: true}]
            cloak: {mode: "auto", strict-mode: false, sensitive-words: ["API"]}
        openai-compatibility:
          - name: "openrouter"
            prefix: "test"
            base-url: "https://openrouter.ai/api/v1"
            support-prompt-cache-key: true
            api-key-entries: [{api-key: "sk-or-v1-...b780", proxy-url: "direct"}, {api-key: "sk-or-v1-...b781"}]
            models: [{name: "moonshotai/kimi-k2:free", alias: "kimi-k2", thinking: {levels: ["low", "high"]}, input-modalities: [text]}]
        vertex-api-key:
          - {api-key: "vk-123...", base-url: "https://example.com/api", models: [{name: "gemini-2.5-flash", alias: "vertex-flash"}]}
        oauth-model-alias: {codex: [{name: "gpt-5", alias: "g5", fork: true}]}
        payload: {default: [{models: [{name: "gemini-*", protocol: "gemini"}], params: {"generationConfig.x": 1}}]}
    """)

    assert len(snapshot.credentials) == 7
    assert snapshot.settings.host == "0.0.0.0"
    assert snapshot.settings.request_retry == 3
    assert not any("unknown" in warning for warning in snapshot.warnings)
    vertex = snapshot.credentials[-1]
    assert vertex.wires[0].base_url == "https://example.com/api"


def test_proxai_file_whole() -> None:
    snapshot = made(
        """
        [server]
        host = "127.0.0.1"
        port = 18080
        max_request_body_bytes = 52428800
        max_concurrent_requests = 64

        [mcp]
        host = "127.0.0.1"
        port = 18081

        [logging]
        level = "info"
        output_format = "human"
        use_color = true

        [logging.duration_thresholds]
        warn_ms = 5000
        error_ms = 15000

        [error_responses]
        format = "text"

        [tool_calls]
        timeout_secs = 120

        [capture]
        inbound_request_enabled = false

        [routing.default_provider_names]
        openai_responses = "Main"
        openai_chat_completions = "main"
        anthropic_messages = "claude"

        [[routing.routes]]
        name = "opus"
        request_protocol = "anthropic_messages"
        match_kind = "auto"
        model_pattern = "claude-opus-*"
        provider = "claude"

        [providers.main]
        protocol = "openai_responses"
        base_url = "https://api.example.com/v1"
        api_key = "k"
        read_idle_timeout_secs = 120

        [providers.claude]
        protocol = "anthropic_messages"
        base_url = "https://api.anthropic.com"
        api_key = "k"
        compatibility = "strict"
        read_idle_timeout_secs = 60
        """,
        name="config.toml",
    )

    assert (snapshot.settings.port, snapshot.settings.max_body, snapshot.settings.max_concurrent) == (
        18080,
        52428800,
        64,
    )
    assert snapshot.defaults == {"openai_responses": "Main", "openai_chat": "main", "anthropic": "claude"}
    assert [credential.deadlines.idle for credential in snapshot.credentials] == [120, 60]
    assert {warning.split(":")[2].strip() for warning in snapshot.warnings} == {
        "mcp",
        "logging.use_color",
        "logging.duration_thresholds",
        "capture",
    }


def test_nothing_to_serve_is_a_warning() -> None:
    assert any("no provider can be used" in warning for warning in made("port: 1").warnings)
    assert made("groq: [{api-key: k}]").warnings == ()


@pytest.mark.parametrize("text", ["mcp: {port: 1}", "auth-dir: /x"])
def test_what_nothing_serves_yet_is_said(text: str) -> None:
    assert [" yet" in warning for warning in made(f"{text}\ngroq: [{{api-key: k}}]").warnings] == [True]


@pytest.mark.parametrize("text", ["just a word", "- a\n- b\n", "1"])
def test_file_that_is_no_mapping(text: str) -> None:
    (problem,) = refused(text)

    assert "expected a mapping" in problem.message
    assert problem.line == 1


def test_an_entry_without_a_key_has_its_address_checked_too() -> None:
    told = str(refused("claude-api-key: [{base-url: nowhere}]"))
    assert "claude-api-key[0].base-url" in told
    assert "needs an api-key" in told


def test_no_secret_in_problems_or_warnings() -> None:
    text = "api-keys: [sekrit-1...]\nclaude-api-key: [{api-key: sekrit-2..., base-url: x}]\nhots: 1\n"

    assert not any("sekrit" in str(problem) for problem in refused(text))
    snapshot = made("api-keys: [sekrit-1...]\nclaude-api-key: [{api-key: sekrit-2...}]\n")
    assert "sekrit" not in repr(snapshot) + "".join(snapshot.warnings)


@pytest.mark.parametrize(
    ("base", "model", "has"),
    [
        ("https://api.deepseek.com/v1", "deepseek-v4-pro", "thinking-switch"),
        ("https://openrouter.ai/api/v1", "x/y", "reasoning-details"),
        ("https://api.cerebras.ai/v1", "gpt-oss-120b", "no-reasoning-history"),
        ("https://api.moonshot.ai/v1", "kimi-k2.5", "fixed-sampling"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-3-flash-preview", "google-extra-content"),
        ("https://open.bigmodel.cn/api/coding/paas/v4", "glm-4.7", "thinking-switch"),
    ],
)
def test_a_compatible_server_at_a_vendors_address_has_its_habits(base: str, model: str, has: str) -> None:
    text = f"""
        openai-compatibility:
          - name: one
            base-url: {base}
            quirks: [top-k]
            api-key-entries: [{{api-key: k}}]
    """
    (credential,) = made(text).credentials
    quirks = {*credential.quirks, *credential.provider.quirks_of(model)}
    assert {has, "top-k"} <= quirks
    assert credential.provider.name == "openai-compatibility"


@pytest.mark.parametrize(
    "base", ["https://deepseek.example/v1", "http://127.0.0.1:3000/v1", "http://replay.invalid/v1"]
)
def test_a_compatible_server_elsewhere_has_none(base: str) -> None:
    text = f"""
        openai-compatibility:
          - {{name: one, base-url: "{base}", api-key-entries: [{{api-key: k}}]}}
    """
    (credential,) = made(text).credentials
    assert credential.quirks == ()
