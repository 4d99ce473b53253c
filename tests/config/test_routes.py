"""Where a model goes, and why."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.making import made
from trioproxy.config.listing import listing
from trioproxy.config.model import Credential, ModelEntry, RouteRule, Snapshot
from trioproxy.config.routed import Candidate, Routed
from trioproxy.config.routes import explain, route
from trioproxy.config.snapshot import SnapshotCell
from trioproxy.errors import ClientFault, ErrorKind, ProxyError, ProxyFault
from trioproxy.protocols.base import Operation
from trioproxy.providers.model import ThinkingSuffix

CHAT, RESPONSES, ANTHROPIC, GEMINI = "openai_chat", "openai_responses", "anthropic", "gemini"


def to(snapshot: Snapshot, model: str, protocol: str = CHAT, **more: Any) -> list[tuple[str, str]]:
    """Labels and upstream models, in order."""
    return [(candidate.credential.label, candidate.model) for candidate in asked(snapshot, model, protocol, **more)]


def asked(snapshot: Snapshot, model: str, protocol: str = CHAT, **more: Any) -> tuple[Candidate, ...]:
    return route(snapshot, protocol=protocol, model=model, **more).candidates


def fault(snapshot: Snapshot, model: str, protocol: str = CHAT, **more: Any) -> ProxyError:
    with pytest.raises(ProxyError) as raised:
        route(snapshot, protocol=protocol, model=model, **more)
    return raised.value


TWO_PREFIXES = """
claude-api-key:
  - {api-key: k1, prefix: core, models: [{name: claude-3-5-sonnet-20241022, alias: core-sonnet}]}
  - {api-key: k2}
openrouter:
  - {api-key: k3, prefix: batch}
"""


def test_prefix_isolates_and_is_stripped() -> None:
    snapshot = made(TWO_PREFIXES)

    assert to(snapshot, "core/core-sonnet") == [("claude#1", "claude-3-5-sonnet-20241022")]
    assert to(snapshot, "batch/anything/at-all") == [("openrouter#1", "anything/at-all")]
    assert fault(snapshot, "core/claude-opus-4-6").failure.kind is ErrorKind.MODEL_NOT_FOUND


def test_bare_name_reaches_all_that_registered_it() -> None:
    snapshot = made(TWO_PREFIXES)

    assert to(snapshot, "core-sonnet") == [("claude#1", "claude-3-5-sonnet-20241022")]
    assert to(snapshot, "claude-opus-4-6") == [("claude#2", "claude-opus-4-6")]
    assert to(snapshot, "meta/llama") == [("openrouter#1", "meta/llama")]


def test_forced_prefix_leaves_bare_names_to_credentials_without_one() -> None:
    snapshot = made("force-model-prefix: true" + TWO_PREFIXES)

    assert to(snapshot, "core/core-sonnet") == [("claude#1", "claude-3-5-sonnet-20241022")]
    assert to(snapshot, "claude-opus-4-6") == [("claude#2", "claude-opus-4-6")]
    assert fault(snapshot, "core-sonnet").failure.kind is ErrorKind.MODEL_NOT_FOUND
    assert fault(snapshot, "meta/llama").failure.kind is ErrorKind.MODEL_NOT_FOUND


def test_listed_name_with_a_slash_wins_over_nothing_behind_the_prefix() -> None:
    snapshot = made("""
        claude-api-key:
          - {api-key: k1, prefix: anthropic, models: [claude-opus-4-6]}
        openai-compatibility:
          - {name: or, base-url: http://h/v1, models: [{name: x, alias: anthropic/claude-x}]}
    """)

    assert to(snapshot, "anthropic/claude-opus-4-6") == [("claude#1", "claude-opus-4-6")]
    assert to(snapshot, "anthropic/claude-x") == [("or#1", "x")]
    assert fault(snapshot, "anthropic/claude-y").failure.kind is ErrorKind.MODEL_NOT_FOUND


def test_behind_a_known_prefix_no_aggregator_is_guessed() -> None:
    snapshot = made("""
        claude-api-key: [{api-key: k1, prefix: claude, models: [m]}]
        openrouter: [{api-key: k2}]
        openai-compatibility: [{name: any, base-url: http://h}]
    """)

    assert fault(snapshot, "claude/typo").failure.kind is ErrorKind.MODEL_NOT_FOUND
    assert to(snapshot, "meta/llama") == [("openrouter#1", "meta/llama")]


def test_provider_name_before_the_slash_serves_entries_without_prefix() -> None:
    snapshot = made("""
        minimax: [{api-key: k1}]
        iflow: [{api-key: k2, prefix: own}]
        openai-compatibility: [{name: Local, base-url: http://h, models: [{name: x, alias: a}]}]
        openrouter: [{api-key: k3}]
    """)

    assert to(snapshot, "minimax/abab6.5s") == [("minimax#1", "abab6.5s")]
    assert to(snapshot, "local/a") == [("Local#1", "x")]
    assert to(snapshot, "iflow/glm-4.7") == [("openrouter#1", "iflow/glm-4.7")]
    assert to(snapshot, "own/glm-4.7") == [("iflow#1", "glm-4.7")]


def test_patterns_then_last_resort() -> None:
    snapshot = made("""
        openai-compatibility:
          - {name: any, base-url: http://h}
          - {name: prefixed, prefix: p, base-url: http://h}
        gemini-api-key: [{api-key: k}]
    """)

    assert to(snapshot, "gemini-3-pro-preview") == [("gemini#1", "gemini-3-pro-preview")]
    assert to(snapshot, "unheard-of") == [("any#1", "unheard-of")]
    assert to(snapshot, "p/unheard-of") == [("prefixed#1", "unheard-of")]


def test_excluded_models_hide_and_refuse() -> None:
    snapshot = made("""
        claude-api-key:
          - {api-key: k1, prefix: p, excluded-models: ["*-OPUS-*", "p/claude-3*"]}
          - {api-key: k2, models: [{name: claude-opus-4-6, alias: big}], excluded-models: ["claude-*"]}
    """)

    assert fault(snapshot, "p/claude-opus-4-6").failure.kind is ErrorKind.MODEL_NOT_FOUND
    assert fault(snapshot, "p/claude-3-5-haiku-20241022").failure.kind is ErrorKind.MODEL_NOT_FOUND
    assert to(snapshot, "p/claude-sonnet-4-6") == [("claude#1", "claude-sonnet-4-6")]
    # After aliasing: what is excluded is the name clients see.
    assert to(snapshot, "big") == [("claude#2", "claude-opus-4-6")]
    assert not any("opus" in card.id for card in listing(snapshot))


def test_priority_makes_tiers_and_file_order_stays_inside_them() -> None:
    snapshot = made("""
        claude-api-key:
          - {api-key: k1}
          - {api-key: k2, priority: 5}
          - {api-key: k3}
          - {api-key: k4, priority: 5, enabled: false}
    """)

    candidates = asked(snapshot, "claude-x")

    assert [(each.credential.label, each.tier) for each in candidates] == [
        ("claude#2", 0),
        ("claude#1", 1),
        ("claude#3", 1),
    ]


def test_priority_holds_behind_a_prefix_and_across_patterns() -> None:
    snapshot = made("""
        codex-api-key: [{api-key: k1}, {api-key: k2, prefix: p}]
        openai-api-key: [{api-key: k3, priority: 1}, {api-key: k4, prefix: p, priority: 1, models: [gpt-5]}]
    """)

    assert [label for label, _ in to(snapshot, "gpt-5")] == ["openai#2"]
    assert [label for label, _ in to(snapshot, "gpt-5.5")] == ["openai#1", "codex#1", "codex#2"]
    assert [label for label, _ in to(snapshot, "p/gpt-5")] == ["openai#2", "codex#2"]


def test_repeated_alias_is_a_pool() -> None:
    snapshot = made("""
        openai-compatibility:
          - {name: pool, base-url: http://h, models: [{name: a, alias: m}, {name: b, alias: m}]}
    """)

    assert to(snapshot, "m") == [("pool#1", "a"), ("pool#1", "b")]


@pytest.mark.parametrize(
    ("protocol", "wire"),
    [(CHAT, CHAT), (RESPONSES, RESPONSES), (ANTHROPIC, RESPONSES), (GEMINI, RESPONSES)],
)
def test_wire_of_the_clients_protocol_is_preferred_else_the_first(protocol: str, wire: str) -> None:
    snapshot = made("openai-api-key: [{api-key: k}]")

    assert [each.wire.protocol for each in asked(snapshot, "gpt-5.5", protocol)] == [wire]


def test_operation_that_can_not_be_translated_needs_the_clients_own_wire() -> None:
    snapshot = made("""
        claude-api-key: [{api-key: k1, models: [m, c]}]
        openai-compatibility: [{name: local, base-url: http://h, models: [m]}]
    """)

    assert to(snapshot, "m", operation=Operation.EMBEDDINGS) == [("local#1", "m")]
    assert to(snapshot, "m", operation=Operation.COUNT_TOKENS) == [("claude#1", "m"), ("local#1", "m")]
    failure = fault(snapshot, "c", operation=Operation.IMAGES).failure
    assert failure.kind is ErrorKind.UNSUPPORTED
    assert "claude" in failure.message
    assert "images" in failure.message


def test_operation_is_looked_for_on_the_next_ground() -> None:
    snapshot = made("""
        deepseek: [{api-key: k1, models: [m]}]
        openai-compatibility: [{name: any, base-url: http://h}]
    """)

    assert to(snapshot, "m") == [("deepseek#1", "m")]
    assert to(snapshot, "m", operation=Operation.EMBEDDINGS) == [("any#1", "m")]


def test_suffix_is_taken_off_and_kept() -> None:
    snapshot = made("gemini-api-key: [{api-key: k, prefix: g, models: [{name: gemini-2.5-flash, alias: flash}]}]")

    routed = route(snapshot, protocol=CHAT, model=" g/flash(high) ")

    assert (routed.asked, routed.suffix) == ("g/flash(high)", ThinkingSuffix(level="high"))
    assert routed.candidates[0].model == "gemini-2.5-flash"


def test_name_listed_with_its_parentheses_is_that_name() -> None:
    snapshot = made("""
        openai-compatibility:
          - {name: a, base-url: http://h, prefix: p, models: [{name: x, alias: m(high)}, {name: y, alias: m}]}
        routing: {routes: [{match-kind: exact, model-pattern: r(high), provider: a, upstream-model: z}]}
    """)

    for name, model in [("m(high)", "x"), ("p/m(high)", "x"), ("r(high)", "z")]:
        routed = route(snapshot, protocol=CHAT, model=name)
        assert (routed.suffix, routed.candidates[0].model) == (None, model)
    assert route(snapshot, protocol=CHAT, model="m(low)").suffix == ThinkingSuffix(level="low")


def test_auto_is_the_first_model_that_can_be_had() -> None:
    snapshot = made("""
        api-keys: [{key: restricted, models: [second]}, free]
        openai-compatibility: [{name: a, base-url: http://h, models: [first, second]}]
    """)
    restricted = attrs.evolve(snapshot.clients[0], models=("second", "auto"))

    assert to(snapshot, "auto") == [("a#1", "first"), ("a#1", "second")]
    assert [each.fallback for each in route(snapshot, protocol=CHAT, model="auto").candidates] == [None, "second"]
    assert to(snapshot, "AUTO", client=restricted) == [("a#1", "second")]
    assert to(made("claude-api-key: [{api-key: k}]"), "auto")[0][0] == "claude#1"
    assert (
        fault(made("openai-compatibility: [{name: a, prefix: p, base-url: http://h}]"), "auto").failure.kind
        is ErrorKind.MODEL_NOT_FOUND
    )


def test_auto_has_a_few_models_behind_the_first_unless_fallbacks_say_others() -> None:
    many = "openai-compatibility: [{name: a, base-url: http://h, models: [m1, m2, m3, m4, m5, m6, m7]}]\n"

    assert [model for _, model in to(made(many), "auto")] == ["m1", "m2", "m3", "m4", "m5"]
    assert [model for _, model in to(made(f"{many}fallbacks: {{auto: [m7]}}"), "auto")] == ["m1", "m7"]
    assert [model for _, model in to(made(many), "m2")] == ["m2"]


def test_auto_that_is_listed_is_a_name() -> None:
    snapshot = made("openai-compatibility: [{name: a, base-url: http://h, models: [x, {name: y, alias: auto}]}]")

    assert to(snapshot, "auto") == [("a#1", "y")]


# ProxAI's routes


PROXAI = """
[providers.p1]
protocol = "openai_responses"
base_url = "http://127.0.0.1:1"
api_key = "UPKEY"

[providers.p2]
protocol = "openai_chat_completions"
base_url = "http://127.0.0.1:2"
api_key = "UPKEY"

[providers.p3]
protocol = "anthropic_messages"
base_url = "http://127.0.0.1:3"
api_key = "UPKEY"

[routing.default_provider_names]
openai_responses = "p1"
openai_chat_completions = "p2"
anthropic_messages = "P3"
"""
GLM = """
[[routing.routes]]
name = "first"
request_protocol = "openai_responses"
match_kind = "glob"
model_pattern = "glm-*"
provider = "p1"
"""
GLM_CHAT = """
[[routing.routes]]
request_protocol = "openai_chat_completions"
model_pattern = "glm-*"
provider = "p2"
"""


def proxai(text: str = "") -> Snapshot:
    return made(PROXAI + text, name="config.toml")


def test_default_provider_takes_what_nothing_names() -> None:
    snapshot = proxai()

    assert to(snapshot, "anything", CHAT) == [("p2#1", "anything")]
    assert to(snapshot, "anything", RESPONSES) == [("p1#1", "anything")]
    assert to(snapshot, "Any/Thing", ANTHROPIC) == [("p3#1", "Any/Thing")]
    assert fault(snapshot, "anything", GEMINI).failure.kind is ErrorKind.MODEL_NOT_FOUND


def test_exact_route_in_any_case_rewrites_the_model() -> None:
    snapshot = proxai("""
[[routing.routes]]
match_kind = "exact"
model_pattern = "claude-request"
provider = "p3"
upstream_model = "claude-upstream"
""")

    assert to(snapshot, "CLAUDE-Request", ANTHROPIC) == [("p3#1", "claude-upstream")]


def test_regex_route_rewrites_by_template() -> None:
    snapshot = proxai("""
[[routing.routes]]
model_pattern = "^gpt-(.+)$"
provider = "p2"
upstream_model = "openai/$1"
""")

    assert to(snapshot, "gpt-5.5", CHAT) == [("p2#1", "openai/5.5")]


def test_later_route_wins_where_the_guard_of_the_first_refuses() -> None:
    assert to(proxai(GLM + GLM_CHAT), "glm-5.1", CHAT) == [("p2#1", "glm-5.1")]
    assert to(proxai(GLM + GLM_CHAT), "glm-5.1", RESPONSES) == [("p1#1", "glm-5.1")]


def test_guard_mismatch_is_an_error_and_never_the_default() -> None:
    raised = fault(proxai(GLM), "glm-5.1", CHAT)

    assert isinstance(raised, ProxyFault)
    assert raised.failure.kind is ErrorKind.MISCONFIGURED
    for word in ("'first'", "'glm-5.1'", "openai_responses", "openai_chat", "config.toml:"):
        assert word in raised.failure.message


def test_first_fitting_route_wins_in_file_order() -> None:
    snapshot = proxai("""
[[routing.routes]]
model_pattern = "m-*"
provider = "p1"

[[routing.routes]]
model_pattern = "m-1"
provider = "p2"

[[routing.routes]]
model_pattern = "x-1"
provider = "p2"

[[routing.routes]]
model_pattern = "x-*"
provider = "p1"
""")

    assert to(snapshot, "M-1") == [("p1#1", "M-1")]
    assert to(snapshot, "X-1") == [("p2#1", "X-1")]


def test_route_deadlines_win_over_all_others() -> None:
    snapshot = made("""
        timeouts: {idle: 10, connect: 1}
        providers: {p: {protocol: openai_chat, base_url: http://h, api_key: k, timeouts: {idle: 20, total: 90}}}
        routing: {routes: [{model-pattern: m, provider: p, timeouts: {idle: off}}, {model-pattern: n, provider: p}]}
    """)

    slow, usual = asked(snapshot, "m")[0].deadlines, asked(snapshot, "n")[0].deadlines

    assert (slow.connect, slow.idle, slow.total) == (1, float("inf"), 90)
    assert (usual.connect, usual.idle, usual.total) == (1, 20, 90)


def test_route_to_a_provider_without_credential_is_misconfigured() -> None:
    snapshot = made("""
        claude-api-key: [{api-key: k, enabled: false}]
        routing: {routes: [{name: r, model-pattern: m, provider: claude}]}
    """)

    failure = fault(snapshot, "m").failure

    assert failure.kind is ErrorKind.MISCONFIGURED
    assert "route 'r'" in failure.message
    assert "'claude'" in failure.message


def test_route_to_a_block_goes_through_its_aliases() -> None:
    snapshot = made("""
        claude-api-key: [{api-key: k, models: [{name: claude-opus-4-6, alias: big}]}]
        routing: {routes: [{model-pattern: huge, provider: Claude, upstream-model: big}, {model-pattern: other, provider: claude}]}
    """)

    assert to(snapshot, "huge") == [("claude#1", "claude-opus-4-6")]
    assert to(snapshot, "other") == [("claude#1", "other")]


def test_explicit_names_come_before_the_default() -> None:
    snapshot = made("""
        providers: {p: {protocol: openai_chat, base_url: http://h, api_key: k}}
        routing: {default-provider-names: {openai_chat_completions: p}}
        claude-api-key: [{api-key: k, prefix: c}]
    """)

    assert to(snapshot, "c/claude-x") == [("claude#1", "claude-x")]
    assert to(snapshot, "claude-x") == [("p#1", "claude-x")]
    assert to(snapshot, "claude-x", ANTHROPIC) == [("claude#1", "claude-x")]


# Clients


KEYS = """
api-keys:
  - {key: narrow, models: ["claude-*", "c/*"], excluded-models: ["*-opus-*"]}
  - {key: no-big, excluded-models: [claude-opus-4-6]}
claude-api-key:
  - {api-key: k, prefix: c, models: [claude-sonnet-4-6, claude-opus-4-6, {name: claude-opus-4-6, alias: big}, flash]}
"""


def test_key_with_a_model_list_gets_only_those() -> None:
    snapshot = made(KEYS)
    narrow, no_big = snapshot.clients

    assert to(snapshot, "c/claude-sonnet-4-6", client=narrow)
    for model, client in [("flash", narrow), ("c/claude-opus-4-6", narrow), ("big", no_big), ("c/big", no_big)]:
        raised = fault(snapshot, model, client=client)
        assert isinstance(raised, ClientFault)
        assert (raised.failure.kind, raised.failure.code) == (ErrorKind.FORBIDDEN, "model_not_found")
        assert model in raised.failure.message
    assert [card.id for card in listing(snapshot, narrow)] == ["c/claude-sonnet-4-6", "claude-sonnet-4-6", "c/flash"]


def test_key_is_told_only_of_names_it_may_use() -> None:
    snapshot = made(KEYS)

    assert "opus-4-6" not in fault(snapshot, "claude-opus-4-7", client=snapshot.clients[0]).failure.message
    assert "claude-opus-4-6" in fault(snapshot, "claude-opus-4-7").failure.message


def test_permission_of_a_literal_name_is_asked_with_its_parentheses() -> None:
    snapshot = made("""
        api-keys: [{key: k, models: ["m(high)"]}]
        openai-compatibility: [{name: a, base-url: http://h, models: ["m(high)", m]}]
    """)
    client = snapshot.clients[0]

    assert to(snapshot, "m(high)", client=client) == [("a#1", "m(high)")]
    assert fault(snapshot, "m(low)", client=client).failure.kind is ErrorKind.FORBIDDEN


# Fallbacks


def test_fallbacks_come_behind_in_tiers_of_their_own() -> None:
    snapshot = made("""
        fallbacks: {claude-opus-4-6: [nobody-has-it, gpt-5.5, gemini-3-pro-preview]}
        claude-api-key: [{api-key: k1}, {api-key: k2, priority: 1}]
        openai-api-key: [{api-key: k3}]
        gemini-api-key: [{api-key: k4}]
    """)

    routed = route(snapshot, protocol=ANTHROPIC, model="claude-opus-4-6(high)")

    assert [(each.credential.label, each.model, each.tier) for each in routed.candidates] == [
        ("claude#2", "claude-opus-4-6", 0),
        ("claude#1", "claude-opus-4-6", 1),
        ("openai#1", "gpt-5.5", 2),
        ("gemini#1", "gemini-3-pro-preview", 3),
    ]
    assert routed.suffix == ThinkingSuffix(level="high")
    assert routed.why[2].startswith("fallback 'gpt-5.5': openai#1")
    assert [each.fallback for each in routed.candidates] == [None, None, "gpt-5.5", "gemini-3-pro-preview"]


@pytest.mark.parametrize("state", ["{api-key: k, enabled: false}", "{api-key: k}"])
def test_fallbacks_serve_a_model_whose_provider_is_disabled(state: str) -> None:
    snapshot = made(f"""
        claude-api-key: [{state}]
        openai-api-key: [{{api-key: k}}]
        fallbacks: {{claude-x: [nobody-has-it, gpt-5.5], other-x: [nobody-has-it]}}
    """)
    routed = route(snapshot, protocol=CHAT, model="claude-x")
    own = [None] if "false" not in state else []
    assert [each.fallback for each in routed.candidates] == [*own, "gpt-5.5"]
    with pytest.raises(ClientFault) as caught:
        route(snapshot, protocol=CHAT, model="other-x")
    assert caught.value.failure.kind is ErrorKind.MODEL_NOT_FOUND


def test_fallback_that_a_key_may_not_use_is_passed_over() -> None:
    snapshot = made("""
        api-keys: [{key: k, excluded-models: [gpt-*]}]
        fallbacks: {claude-x: [gpt-5.5]}
        claude-api-key: [{api-key: k1}]
        openai-api-key: [{api-key: k3}]
    """)

    assert to(snapshot, "claude-x", client=snapshot.clients[0]) == [("claude#1", "claude-x")]


# Faults


@pytest.mark.parametrize("model", ["", "  ", "\t\n"])
def test_no_name_is_an_invalid_request(model: str) -> None:
    failure = fault(made("claude-api-key: [{api-key: k}]"), model).failure

    assert (failure.kind, failure.param) == (ErrorKind.INVALID_REQUEST, "model")


def test_unknown_model_names_the_nearest_that_exist() -> None:
    failure = fault(made("claude-api-key: [{api-key: k, prefix: c}]"), "c2/claude-sonet-4-6").failure

    assert (failure.kind, failure.code, failure.param) == (ErrorKind.MODEL_NOT_FOUND, "model_not_found", "model")
    assert "'c/claude-sonnet-4-6'" in failure.message


def test_nothing_configured_says_so() -> None:
    assert "no provider is configured" in fault(made(""), "m").failure.message


def test_endless_name_is_not_looked_for() -> None:
    failure = fault(made("openai-compatibility: [{name: a, base-url: http://h}]"), "m" * 513).failure

    assert failure.kind is ErrorKind.MODEL_NOT_FOUND
    assert "513" in failure.message


# Facts


def test_facts_are_the_entrys_over_the_catalogues() -> None:
    snapshot = made("""
        claude-api-key:
          - {api-key: k, prefix: a}
          - api-key: k2
            prefix: b
            models: [{name: claude-sonnet-4-5, alias: s, context-length: 7, thinking: {levels: [LOW]}, supports-functions: true}]
        openai-compatibility:
          - {name: l, prefix: l, base-url: http://h, models: [plain, {name: sized, max-output-tokens: 9}]}
    """)

    known, own = asked(snapshot, "a/claude-sonnet-4-5")[0].facts, asked(snapshot, "b/s")[0].facts
    assert known is not None
    assert (known.id, known.context_length) == ("claude-sonnet-4-5-20250929", 200000)
    assert own is not None
    assert own.thinking is not None
    assert (own.context_length, own.max_output_tokens, own.thinking.levels) == (7, 64000, ("low",))
    assert own.features == {"functions"}
    assert asked(snapshot, "l/plain")[0].facts is None
    sized = asked(snapshot, "l/sized")[0].facts
    assert sized is not None
    assert (sized.id, sized.max_output_tokens, sized.thinks) == ("sized", 9, None)
    exact = asked(snapshot, "a/claude-3-5-haiku-20241022")[0].facts
    assert exact is not None
    assert exact.thinks is False


def test_a_model_is_known_at_any_server_that_speaks_its_vendors_protocol() -> None:
    snapshot = made("""
        openai-compatibility:
          - {name: a, prefix: a, base-url: http://h/a, wire: anthropic}
          - {name: b, prefix: b, base-url: http://h/b}
        providers:
          c: {protocol: openai_responses, base_url: http://h/c, api_key: k, prefix: c}
          d: {protocol: gemini, base_url: http://h/d, api_key: k, prefix: d}
          e: {protocol: anthropic_messages, base_url: http://h/e, api_key: k, prefix: e}
    """)

    for name in ("a/claude-opus-5", "b/gpt-5.4", "c/gpt-5.4", "d/gemini-2.5-pro", "e/claude-opus-5"):
        facts = asked(snapshot, name)[0].facts
        assert facts is not None, name
        assert facts.id == name.partition("/")[2]
    for name in ("a/gpt-5.4", "b/claude-opus-5", "c/gemini-2.5-pro", "e/mine"):
        assert asked(snapshot, name)[0].facts is None, name
    assert listing(snapshot) == ()


# Lists


def test_list_has_names_as_clients_may_ask_for_them() -> None:
    snapshot = made("""
        gemini-api-key: [{api-key: k, prefix: g, models: [{name: gemini-2.5-flash, alias: flash, display-name: Flash}]}]
        codex-api-key: [{api-key: k, name: mine, excluded-models: [gpt-*]}]
    """)

    cards = listing(snapshot)

    assert [card.id for card in cards] == ["g/flash", "flash", "codex-auto-review"]
    assert (cards[0].owned_by, cards[0].display_name, cards[2].owned_by) == ("gemini", "Flash", "mine")
    assert [card.id for card in listing(snapshot, provider=" Gemini ")] == ["g/flash", "flash"]
    assert [card.id for card in listing(snapshot, provider="codex")] == ["codex-auto-review"]
    assert [card.id for card in listing(snapshot, provider="mine")] == ["codex-auto-review"]
    assert listing(snapshot, provider="other") == ()


def test_list_of_the_forced_has_no_bare_names_and_takes_what_was_discovered() -> None:
    snapshot = made("""
        force-model-prefix: true
        openai-compatibility: [{name: l, prefix: l, base-url: http://h, discover: true}]
    """)
    cell = SnapshotCell(snapshot)
    told = cell.discover(snapshot.credentials[0].id, (ModelEntry(name="m", alias="m"),))

    assert [card.id for card in listing(told)] == ["l/m"]
    assert (to(told, "l/m"), to(told, "l/other")) == ([("l#1", "m")], [("l#1", "other")])
    assert listing(snapshot) == ()


def test_names_of_routes_are_listed_first() -> None:
    snapshot = made("""
        api-keys: [{key: k, excluded-models: [secret]}]
        claude-api-key: [{api-key: k, name: c, models: [m]}]
        groq: [{api-key: k, enabled: false}]
        routing:
          routes:
            - {model-pattern: "glm-*", provider: c}
            - {model-pattern: Named, provider: C}
            - {model-pattern: off, provider: groq}
            - {model-pattern: secret, provider: c}
            - {model-pattern: Named, provider: c}
    """)

    assert [(card.id, card.owned_by) for card in listing(snapshot, snapshot.clients[0])] == [("Named", "C"), ("m", "c")]
    assert [card.id for card in listing(snapshot, provider="c")] == ["Named", "secret", "m"]
    assert listing(snapshot, provider="groq") == ()
    assert to(snapshot, "auto") == [("c#1", "m")]


def test_everything_listed_can_be_routed() -> None:
    snapshot = made(TWO_PREFIXES + "gemini-api-key: [{api-key: k, prefix: g}]\nkimi: [{api-key: k}]\n")

    for card in listing(snapshot):
        assert asked(snapshot, card.id)


# Explaining


def test_explain_tells_every_ground_and_every_refusal() -> None:
    snapshot = made("""
        force-model-prefix: true
        claude-api-key:
          - {api-key: k1}
          - {api-key: k2, enabled: false}
          - {api-key: k3, prefix: p}
          - {api-key: k4, excluded-models: [claude-*]}
          - {api-key: k5, models: [other]}
          - {api-key: k6, models: [claude-x], prefix: q}
        gemini-api-key: [{api-key: k7}]
        providers: {t: {protocol: anthropic, base_url: http://h, api_key: k}}
    """)

    story = explain(snapshot, protocol=ANTHROPIC, model="claude-x")

    assert story.failure is None
    assert story.routed is not None
    assert [each.credential.label for each in story.routed.candidates] == ["claude#1"]
    words = "\n".join(story.lines)
    for reason in (
        "claude#1 (config.yaml:4) by the provider's model patterns: anthropic passed through, model 'claude-x'",
        "not claude#2 (config.yaml:5): disabled",
        "force-model-prefix: it serves only names that begin with p/",
        "excluded-models hides the name",
        "the name is not in its models",
        "begin with q/",
        "not gemini#1 (config.yaml:10): its names look like gemini-*",
        "no route, prefix or model list names it",
    ):
        assert reason in words


def test_explain_of_what_nothing_serves_is_the_error_and_the_reasons() -> None:
    story = explain(made("claude-api-key: [{api-key: k}]"), protocol=CHAT, model="nothing(high)")

    assert story.routed is None
    assert story.failure is not None
    assert story.lines[0] == story.failure.message
    assert story.lines[1].startswith("not claude#1")


def test_a_name_without_its_prefix_is_told_with_it() -> None:
    snapshot = made("""
        api-keys: [{key: k, models: ["far/*"]}]
        openai-compatibility:
          - {name: l, prefix: near, base-url: http://h}
          - {name: f, prefix: far, base-url: http://h}
          - {name: o, prefix: own, base-url: http://h, models: [m]}
    """)

    story = explain(snapshot, protocol=CHAT, model="gpt-5")

    assert story.lines == (
        "no configured provider serves model 'gpt-5'; did you mean 'near/gpt-5' or 'far/gpt-5'?",
        "not l#1 (config.yaml:4): it serves names that begin with near/",
        "not f#1 (config.yaml:5): it serves names that begin with far/",
        "not o#1 (config.yaml:6): the name is not in its models",
    )
    assert fault(snapshot, "gpt-5", client=snapshot.clients[0]).failure.message.endswith("did you mean 'far/gpt-5'?")


def test_explain_says_when_another_ground_came_first() -> None:
    snapshot = made("""
        claude-api-key: [{api-key: k, models: [m]}]
        openai-compatibility: [{name: l, base-url: http://h}]
        routing: {routes: [{model-pattern: m, provider: l}]}
    """)

    lines = explain(snapshot, protocol=CHAT, model="m").lines

    assert lines[0] == "l#1 (config.yaml:3) by the route for 'm' (config.yaml:4): openai_chat passed through, model 'm'"
    assert lines[1] == "not claude#1 (config.yaml:2): another ground came first"
    assert explain(made(TWO_PREFIXES), protocol=CHAT, model="core/claude-x").lines[2] == (
        "not claude#2 (config.yaml:4): its names look like claude-*"
    )
    two = made("claude-api-key: [{api-key: a, models: [claude-x]}, {api-key: b}]")
    assert explain(two, protocol=CHAT, model="claude-x").lines[1] == (
        "not claude#2 (config.yaml:1): another ground came first"
    )
    assert "translated from anthropic" in explain(snapshot, protocol=ANTHROPIC, model="m").lines[0]


def test_things_without_a_place_are_named_all_the_same() -> None:
    snapshot = made("""
        openai-compatibility: [{name: l, base-url: http://h}]
        routing: {routes: [{name: r, model-pattern: m, provider: l}]}
    """)
    bare = attrs.evolve(
        snapshot,
        credentials=tuple(attrs.evolve(credential, source="") for credential in snapshot.credentials),
        routes=tuple(attrs.evolve(rule, source="") for rule in snapshot.routes),
    )

    assert explain(bare, protocol=CHAT, model="m").lines == ("l#1 by route 'r': openai_chat passed through, model 'm'",)
    assert fault(bare, "m", operation=Operation.IMAGES, protocol=ANTHROPIC).failure.kind is ErrorKind.UNSUPPORTED


# Scale and memory


def test_answers_are_remembered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trioproxy.config.routes._REMEMBERED", 3)
    snapshot = made("openai-compatibility: [{name: l, base-url: http://h}]")

    first = route(snapshot, protocol=CHAT, model="m0")

    assert route(snapshot, protocol=CHAT, model="m0") is first
    for number in range(1, 5):
        route(snapshot, protocol=CHAT, model=f"m{number}")
    assert len(snapshot.memo["routed"]) <= 3
    assert route(snapshot, protocol=CHAT, model="m0") == first


def test_a_changed_snapshot_forgets() -> None:
    snapshot = made("openai-compatibility: [{name: l, base-url: http://h}]")
    route(snapshot, protocol=CHAT, model="m")

    assert attrs.evolve(snapshot).memo == {}


def test_thousands_of_names_are_looked_up_not_walked() -> None:
    template = made("openai-compatibility: [{name: l, base-url: http://h}]").credentials[0]
    looked: list[str] = []

    class Watched(tuple[ModelEntry, ...]):
        def __iter__(self) -> Any:
            looked.append("walked")
            return super().__iter__()

    credentials = tuple(
        attrs.evolve(template, id=f"c{n}", label=f"c{n}", models=Watched([ModelEntry(name=f"m{n}", alias=f"m{n}")]))
        for n in range(5000)
    )
    snapshot = Snapshot(credentials=credentials)
    route(snapshot, protocol=CHAT, model="m1")
    looked.clear()

    assert to(snapshot, "m4999") == [("c4999", "m4999")]
    assert looked == []


@given(st.text(max_size=40), st.sampled_from([CHAT, RESPONSES, ANTHROPIC, GEMINI]), st.sampled_from(Operation))
def test_any_name_is_routed_or_refused(model: str, protocol: str, operation: Operation) -> None:
    snapshot = FUZZED
    try:
        routed = route(snapshot, protocol=protocol, operation=operation, model=model)
    except ProxyError:
        return
    assert isinstance(routed, Routed)
    assert routed.candidates
    assert len(routed.why) == len(routed.candidates)
    tiers = [candidate.tier for candidate in routed.candidates]
    assert tiers == sorted(tiers)
    for candidate in routed.candidates:
        assert isinstance(candidate.credential, Credential)
        assert candidate.wire in candidate.credential.wires
    explain(snapshot, protocol=protocol, operation=operation, model=model)


FUZZED = made(
    TWO_PREFIXES
    + "kimi: [{api-key: k, excluded-models: ['*2*']}]\nrouting: {routes: [{model-pattern: 'r*', request-protocol: gemini, provider: kimi}]}\n"
)


def test_rules_are_values() -> None:
    assert isinstance(FUZZED.routes[0], RouteRule)
