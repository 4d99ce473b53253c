"""The keys of provider entries: one key of a vendor, a named compatible server, a table of the ``providers`` map in its two forms.

Part of the table of keys (``schema.py`` says what it is for).
"""

from __future__ import annotations

from trioproxy.config.kinds import Anything, Choice, Flag, Kind, Number, Seconds, Text, TextMap, Texts, Whole
from trioproxy.config.tables import Block, Forms, Key, Many
from trioproxy.protocols.table import SPELLINGS

__all__ = [
    "COMPATIBLE",
    "ENTRY_EXTRAS",
    "KEYLESS_BLOCKS",
    "LIMITS",
    "PROVIDER_FORMS",
    "PROXAI_FORM",
    "PROXAI_TABLE",
    "SPEC_TABLE",
    "TIMEOUTS",
    "entry_block",
]

TIMEOUTS = Block(
    title="timeouts",
    keys=(
        Key("connect", Seconds(), "Pool, TCP and TLS.", default="10"),
        Key("first-byte", Seconds(), "From the request sent to the first byte of a stream.", default="120"),
        Key("response", Seconds(), "From the request sent to the end of a whole answer.", default="600"),
        Key("idle", Seconds(), "Between bytes of a stream.", default="120"),
        Key("tool-call", Seconds(), "A tool call whose arguments began and don't go on.", default="120"),
        Key("total", Seconds(), "The whole exchange.", default="off"),
        Key("client-send", Seconds(), "A client that does not take what it is sent.", default="60"),
    ),
)

LIMITS = Block(
    title="limits",
    keys=(
        Key("requests-per-minute", Whole(low=1), "Requests in any minute."),
        Key(
            "tokens-per-minute",
            Whole(low=1),
            "Tokens in any minute, in and out: estimated first, then what the provider counted.",
        ),
        Key("max-tokens-per-request", Whole(low=1), "The most output a request may ask for."),
        Key(
            "concurrent",
            Whole(low=1),
            "Requests at once, each until its stream has ended. Others wait in line as long as `timeouts.connect`.",
        ),
        Key(
            "daily-budget-usd",
            Number(),
            "What a day may cost by the ledger's prices; what runs when it is reached runs on.",
        ),
    ),
)

_THINKING = Block(
    title="thinking",
    keys=(
        Key("min", Whole(), "The smallest budget in tokens."),
        Key("max", Whole(), "The largest budget in tokens."),
        Key("zero-allowed", Flag(), "A budget of 0 switches thinking off.", default="true"),
        Key("dynamic-allowed", Flag(), "The amount may be left to the model.", default="false"),
        Key("levels", Texts(), "The levels the model knows.", example="[low, medium, high]"),
        Key("adaptive", Flag(), "The model thinks adaptively.", default="false"),
    ),
)

_FEATURES = Block(
    title="features",
    keys=tuple(
        Key(name, Flag(), f"Whether it has {name.replace('-', ' ')}.")
        for name in (
            "streaming",
            "functions",
            "vision",
            "code-generation",
            "multimodal",
            "tools",
            "reasoning",
            "embeddings",
        )
    ),
)

MODEL = Block(
    title="An entry of models",
    shorthand="name",
    keys=(
        Key("name", Text(empty=False), "The provider's name of the model.", example="gemini-2.5-flash"),
        Key("alias", Text(empty=False), "The name clients use.", default="the name", example="flash"),
        Key("enabled", Flag(), "Serve it.", default="true"),
        Key("display-name", Text(), "A name for lists."),
        Key("context-length", Whole(), "Tokens of context.", aliases=("max-context-length",)),
        Key("max-output-tokens", Whole(), "The most tokens of an answer."),
        Key("max-tokens", Whole(), "As `context-length`, in the provider map."),
        Key("thinking", _THINKING, "How it takes reasoning efforts.", default="what the catalogue knows"),
        Key("supports-functions", Flag(), "It takes tools."),
        Key("supports-streaming", Flag(), "It streams."),
        Key("image", Flag(), "It makes images.", served=False),
        Key("input-modalities", Texts(), "What it takes.", served=False),
        Key("output-modalities", Texts(), "What it gives.", served=False),
        Key("force-mapping", Flag(), "Answers keep the provider's name of the model.", served=False),
        Key("is-compat", Flag(), "Of the Go program only.", served=False),
    ),
)

_WIRES = Choice(words=SPELLINGS)

_HEALTH_CHECK = Block(
    title="health-check",
    keys=(
        Key("interval", Seconds(), "From one look to the next.", default="60"),
        Key("timeout", Seconds(), "How long an answer may take.", default="10"),
        Key("path", Text(empty=False), "What is asked for (GET), behind the base URL.", default="the list of models"),
    ),
)

# What every way to write a provider down has in common.
_COMMON = (
    Key("prefix", Text(), "Names `prefix/model` go here and nowhere else.", example="claude"),
    Key("priority", Whole(low=None), "Higher is tried first.", default="0"),
    Key("weight", Whole(low=0, high=1_000_000), "Share in weighted rotation; 0 takes it out.", default="1"),
    Key("headers", TextMap(), "Headers to send; `$Name` copies the client's."),
    Key(
        "models",
        Many(block=MODEL),
        "Only these models, by their aliases.",
        example="[{name: gemini-2.5-flash, alias: flash}]",
    ),
    Key("excluded-models", Texts(), "Never these; `*` is a wildcard.", example='["*-preview"]'),
    Key("proxy-url", Text(), "Outbound proxy; `direct` goes around the global one."),
    Key("disable-cooling", Flag(), "Never rest it after a failure.", default="false"),
    Key("health-check", _HEALTH_CHECK, "Look now and then whether it answers, before anybody asks.", default="off"),
    Key("request-retry", Whole(low=None, high=100), "As the global one; negative inherits it."),
    Key("timeouts", TIMEOUTS, "Deadlines here."),
    Key("limits", LIMITS, "Ceilings here."),
    Key("max-connections", Whole(low=1), "Connections to its host.", default="1000"),
    Key("keep-alive-connections", Whole(), "Idle connections kept open.", default="32"),
    Key(
        "discover",
        Flag(),
        "Ask the provider for its [own list of models](#own-lists), where none are known.",
        default="false",
    ),
    Key("quirks", Texts(), "Named edits of requests, beside those of the catalogue."),
    Key(
        "include-usage",
        Flag(),
        "Whether a chat stream may be asked for its usage, also in a client's place (`ask-for-usage`).",
    ),
    Key("request-scoped-errors", Anything(), "Errors are classified by a fixed table.", served=False),
    Key("rate-limit", Anything(), "Use `limits`.", served=False),
)

_KEY = Key(
    "api-key",
    Text(secret=True, empty=False),
    "The key. `${VARIABLE}` takes it from the environment.",
    example="${ANTHROPIC_API_KEY}",
)
_TOKEN_FILE = Key(
    "token-file",
    Text(empty=False),
    "A file that holds the key: JSON (`access_token`, `api_key`) or the key alone.",
    example="~/.minimax/oauth-token.json",
)
_ENABLED = (
    Key("enabled", Flag(), "Use it.", default="true"),
    Key("disabled", Flag(), "Don't use it.", default="false"),
)
_BASE = Key(
    "base-url",
    Text(empty=False),
    "Where it is, instead of the vendor's own address.",
    example="https://gateway.example/v1",
)
_WIRE = Key("wire", _WIRES, "Speak this protocol to it, whatever clients speak.")

_CODEX_EXTRAS = (
    Key(
        "websockets",
        Flag(),
        "It takes Responses over WebSocket: clients' sockets get one to it, and only new items are sent.",
        default="false",
    ),
    Key("alpha-search", Flag(), "Not built.", served=False),
)

ENTRY_EXTRAS: dict[str, tuple[Key, ...]] = {
    "claude-api-key": tuple(
        Key(name, Anything(), "Identity options are not built.", served=False)
        for name in ("cloak", "rebuild-mid-system-message", "fingerprint-profile", "experimental-cch-signing")
    ),
    "codex-api-key": _CODEX_EXTRAS,
    "openai-api-key": (_CODEX_EXTRAS[0],),
    "xai-api-key": _CODEX_EXTRAS,
    "cursor": (
        Key(
            "cursor-api-url", Text(empty=False), "Where the local cursor-api listens.", default="http://127.0.0.1:3000"
        ),
        Key("auth-token", Text(secret=True), "Give the account's token to cursor-api yourself.", served=False),
    ),
}
"""Keys that the entries of one block have beside the common ones."""


def entry_block(title: str, extras: tuple[Key, ...] = ()) -> Block:
    """The keys of one entry of a vendor's block."""
    name = Key("name", Text(empty=False), "What routes, metrics and messages call it.", default="the provider's name")
    return Block(title=title, keys=(_KEY, _TOKEN_FILE, _BASE, name, *_ENABLED, _WIRE, *_COMMON, *extras))


_COMPATIBLE_KEY = Block(
    title="An entry of api-key-entries",
    shorthand="api-key",
    keys=(
        _KEY,
        _TOKEN_FILE,
        *_ENABLED,
        Key("weight", Whole(low=0, high=1_000_000), "Share in weighted rotation.", default="1"),
        Key("proxy-url", Text(), "Outbound proxy of this key."),
        Key("limits", LIMITS, "Ceilings of this key."),
    ),
)

COMPATIBLE = Block(
    title="An entry of openai-compatibility",
    keys=(
        Key("name", Text(empty=False), "What routes, metrics and messages call it.", example="mlx-local"),
        _BASE,
        Key(
            "api-key-entries",
            Many(block=_COMPATIBLE_KEY),
            "Its keys, each a block or the key alone; none is fine for a local server.",
            aliases=("api-keys",),
        ),
        _KEY,
        _TOKEN_FILE,
        *_ENABLED,
        _WIRE,
        *_COMMON,
        Key("support-prompt-cache-key", Flag(), "Prompt cache keys pass as they are.", served=False),
        Key("models-endpoint", Text(), "Models are asked for at the protocol's own path.", served=False),
    ),
)

REPLAY_FAULT = Block(
    title="A fault of a replay",
    shorthand="fault",
    keys=(
        Key("fault", Text(empty=False), "`kind[=amount][@place]`.", example="stall@5"),
        Key("headers", TextMap(), "Headers of the error that `status` is.", example="{retry-after: 7}"),
        Key("body", Text(), "The body of that error, as it is.", default="one that every protocol can read"),
    ),
)

SPEC_TABLE = Block(
    title="A table of providers, by type",
    keys=(
        Key(
            "type",
            Text(empty=False),
            "A provider of the catalogue, `replay`, or any other word for a compatible server.",
            default="the table's name",
        ),
        *_ENABLED,
        Key(
            "auth-type",
            Choice(
                words={
                    "api_key": "api_key",
                    "none": "none",
                    "oauth": "oauth",
                    "oauth_device_flow": "oauth",
                }
            ),
            "How it is signed in to.",
            default="api_key",
        ),
        Key("endpoint", Text(empty=False), "Where it is.", default="the vendor's address", aliases=("base-url",)),
        _KEY,
        _TOKEN_FILE,
        _WIRE,
        *_COMMON,
        Key("features", _FEATURES, "What it can do, for capability-based selection."),
        Key("cooldown", Anything(), "Cooldowns follow the failure.", served=False),
        Key(
            "model-mappings",
            TextMap(),
            "Names clients use to the provider's own.",
            example="{gpt-4: my-provider-v1-large}",
        ),
        Key("folder", Text(empty=False), "The recordings of a `replay` provider.", aliases=("dir",)),
        Key("speed", Number(), "Pace of a replay: 1 as recorded, 10 ten times faster, 0 at once.", default="1"),
        Key(
            "match",
            Choice(words={"strict": "strict", "shape": "shape", "sequence": "sequence", "any": "any"}),
            "How a replay finds its recording.",
            default="shape",
        ),
        Key("once", Flag(), "Each recording of a replay answers once.", default="false"),
        Key(
            "ignore",
            Texts(),
            "Dotted paths in a request body that a replay does not compare; `*` is any name or number.",
            example="[metadata.session, messages.*.name]",
        ),
        Key("faults", Many(block=REPLAY_FAULT), "What goes wrong with every answer of a replay.", example="[cut@5]"),
    ),
)

PROXAI_FORM = "proxai"

PROXAI_TABLE = Block(
    form=PROXAI_FORM,
    title="A table of providers, by protocol (ProxAI's form)",
    keys=(
        Key("protocol", _WIRES, "The one protocol it is spoken to in."),
        Key(
            "base-url",
            Text(empty=False),
            "Where it is; the protocol's whole path is put behind it.",
            example="https://api.minimax.io/v1",
        ),
        _KEY,
        _TOKEN_FILE,
        *_ENABLED,
        Key(
            "compatibility",
            Choice(words={"anthropic_compatible": True, "anthropic-compatible": True, "strict": False}),
            "Fill in members that imitations of the Messages API leave out.",
            default="strict",
        ),
        Key("read-idle-timeout-secs", Seconds(), "As `timeouts.idle`.", default="120"),
        *_COMMON,
    ),
)

_PROXAI_ONLY = frozenset({"protocol", "compatibility", "read-idle-timeout-secs"})
_SPEC_ONLY = frozenset({"type", "endpoint", "auth-type", "features", "cooldown", "model-mappings", "folder", "speed"})


def _chosen(keys: frozenset[str]) -> Block:
    if keys & _PROXAI_ONLY or ("base-url" in keys and not keys & _SPEC_ONLY):
        return PROXAI_TABLE
    return SPEC_TABLE


PROVIDER_FORMS = Forms(blocks=(SPEC_TABLE, PROXAI_TABLE), choose=_chosen)
"""A table of the ``providers`` map: which form it has is told by its keys."""

_SIGN_IN_WORDS = (
    "name", "prefix", "token-file", "access-token", "refresh-token", "profile-arn", "region", "start-url", "agent-task-type",
    "preferred-endpoint", "proxy-url", "base-url", "api-key",
)  # fmt: skip

_SIGN_IN = (
    *(Key(name, Text(), "Kept for the login that is to come.") for name in _SIGN_IN_WORDS),
    Key("models", Many(block=MODEL), "Only these models."),
    Key("excluded-models", Texts(), "Never these."),
    Key("priority", Whole(low=None), "Higher is tried first."),
    Key("weight", Whole(), "Share in weighted rotation."),
    Key("headers", TextMap(), "Headers to send."),
    *_ENABLED,
)

_AMP = Block(
    title="ampcode",
    keys=(
        Key("upstream-url", Text(), "Where Amp's own server is."),
        Key("upstream-api-key", Text(secret=True), "The Amp key."),
        Key("upstream-api-keys", Anything(), "Amp keys by client keys."),
        Key("restrict-management-to-localhost", Flag(), "Login pages from loopback only."),
        Key("force-model-mappings", Flag(), "Mappings before local models."),
        Key("model-mappings", Anything(), "Amp's models to local ones."),
    ),
)

KEYLESS_BLOCKS: dict[str, Kind] = {
    "kiro": Many(block=Block(title="An entry of kiro", keys=_SIGN_IN)),
    "github-copilot": Many(block=Block(title="An entry of github-copilot", keys=_SIGN_IN)),
    "ampcode": _AMP,
    "amp-code": _AMP,
}
"""Blocks whose login is not built: read, so that a wrong key is found, and put away."""
