"""Every key a configuration may hold: one table, from which reading, unknown-key suggestions, the JSON Schema and ``docs/config.md`` come.

Knows: names, kinds, defaults and meanings. Refuses to know: what is done with a value. Blocks of providers are not named here: they come
from the catalogue, so that a new entry there is a new block here.
"""

from __future__ import annotations

from trioproxy.config.entries import (
    COMPATIBLE,
    ENTRY_EXTRAS,
    KEYLESS_BLOCKS,
    LIMIT_KEYS,
    PROVIDER_FORMS,
    TIMEOUT_KEYS,
    entry_block,
)
from trioproxy.config.foreign import UNSERVED
from trioproxy.config.kinds import Anything, Choice, Flag, Number, Seconds, Text, TextLists, Texts, Whole
from trioproxy.config.model import ErrorFormat, MatchKind, Strategy
from trioproxy.config.tables import Block, Hidden, Key, Many, Named
from trioproxy.providers.catalog import Catalogue

__all__ = ["PROTOCOL_WORDS", "VENDOR_ENTRY", "root"]

VENDOR_ENTRY = "An entry of a vendor block"

PROTOCOL_WORDS = {
    "openai_responses": "openai_responses",
    "openai_chat_completions": "openai_chat",
    "openai_chat": "openai_chat",
    "anthropic_messages": "anthropic",
    "anthropic": "anthropic",
    "gemini": "gemini",
}
"""How a protocol may be spelled in a route or a provider table."""

_PORT = Whole(low=0, high=65535)

RECORD = Block(
    title="record",
    shorthand="into",
    keys=(
        Key("into", Text(empty=False), "The folder.", example="recordings"),
        Key("providers", Texts(), "Only what these providers answered, by the names of their tables.", default="all"),
        Key("redact", Texts(), "Regular expressions of what is taken out, on top of keys.", example='["acct_[0-9]+"]'),
        Key("redact-fields", Texts(), "Body fields whose values are taken out, by name.", example="[session_id]"),
    ),
)

CLIENT_KEY = Block(
    title="An entry of api-keys",
    shorthand="key",
    keys=(
        Key(
            "key",
            Text(secret=True, empty=False),
            "The key a client sends.",
            example="demo-client-key",
            aliases=("api-key",),
        ),
        Key("name", Text(), "What the ledger, the metrics and the dashboard call it.", example="laptop"),
        Key(
            "models",
            Texts(),
            "Only these names (`*` and `?` are wildcards), as the client spells them.",
            example="[claude-*]",
        ),
        Key(
            "excluded-models",
            Texts(),
            "Never these, neither by their own name nor by an alias.",
            example='["*-opus-*"]',
        ),
        Key("limits", Block(title="limits", keys=LIMIT_KEYS), "Ceilings for this key."),
    ),
)

ROUTE = Block(
    title="An entry of routing.routes",
    keys=(
        Key("name", Text(empty=False), "A name for messages; must be unique."),
        Key(
            "request-protocol", Choice(words=PROTOCOL_WORDS), "Only requests that came in this protocol.", default="any"
        ),
        Key(
            "match-kind",
            Choice(words={kind.value: kind for kind in MatchKind}),
            "How the pattern is compared; `auto` looks at it.",
            default="auto",
        ),
        Key(
            "model-pattern",
            Text(empty=False),
            "The model the client asks for; compared without regard to case.",
            example="glm-*",
        ),
        Key(
            "provider",
            Text(empty=False),
            "The provider's name: of a `providers` table, or of a block.",
            example="minimax",
        ),
        Key(
            "upstream-model",
            Text(empty=False, lenient=True),
            "The name sent upstream; `$1`, `$name` stand for groups of a regex.",
            example="MiniMax-M3",
        ),
        Key(
            "timeouts", Block(title="timeouts", keys=TIMEOUT_KEYS), "Deadlines of this route; they win over all others."
        ),
    ),
)

ROUTING = Block(
    title="routing",
    keys=(
        Key(
            "strategy",
            Choice(
                words={
                    "round-robin": Strategy.ROUND_ROBIN,
                    "weighted-round-robin": Strategy.WEIGHTED,
                    "weighted": Strategy.WEIGHTED,
                    "fill-first": Strategy.FILL_FIRST,
                    "capability": Strategy.CAPABILITY,
                    "capability-based": Strategy.CAPABILITY,
                }
            ),
            "How one of several equal credentials is chosen.",
            default="round-robin",
        ),
        Key(
            "session-affinity",
            Flag(),
            "Keep a conversation on one credential, so that its prompt cache stays warm.",
            default="false",
        ),
        Key("session-affinity-ttl", Seconds(), "How long a conversation is remembered.", default="1h"),
        Key("routes", Many(block=ROUTE), "Model patterns to providers, first match wins."),
        Key(
            "default-provider-names",
            Block(
                title="default-provider-names",
                keys=tuple(
                    Key(word, Text(), f"The provider of {word} requests that no route, prefix or list names.")
                    for word in ("openai_responses", "openai_chat_completions", "anthropic_messages", "gemini")
                ),
            ),
            "Where a request goes that nothing names, by its protocol.",
        ),
    ),
)

SERVER = Block(
    title="server",
    keys=(
        Key("host", Text(), "As `host`."),
        Key("port", _PORT, "As `port`."),
        Key("max-request-body-bytes", Whole(low=1), "Larger bodies are refused with 413.", default="67108864"),
        Key("max-request-head-bytes", Whole(low=1024), "Larger heads are refused with 431.", default="65536"),
        Key("max-event-bytes", Whole(low=1024), "The longest event of a stream.", default="16777216"),
        Key(
            "max-concurrent-requests",
            Whole(),
            "Requests at once; others wait in line as long as `timeouts.connect`. 0 is no bound.",
            default="0",
        ),
        Key("drain-seconds", Seconds(zero=True), "How long a stop waits for running streams.", default="30"),
    ),
)

WEBSOCKET = Block(
    title="websocket",
    keys=(
        Key("responses", Flag(), "Serve Responses over WebSocket; off, Codex falls back to POST.", default="true"),
        Key("realtime", Flag(), "Relay the Realtime API.", default="true"),
        Key(
            "idle-seconds",
            Seconds(),
            "A socket on which nothing is asked for this long is closed.",
            default="3600",
        ),
    ),
)

CONVERSATIONS = Block(
    title="conversations",
    keys=(
        Key(
            "over-http",
            Flag(),
            "Keep them for requests over HTTP too, by client key: `previous_response_id` then works with every provider.",
            default="false",
        ),
        Key("max-bytes", Whole(low=0), "What all of them together may take.", default="268435456"),
        Key("max-bytes-each", Whole(low=0), "What those of one socket or client key may take.", default="67108864"),
        Key("ttl", Seconds(), "One that nobody continues is forgotten after this.", default="3600", example="30m"),
    ),
)

MANAGEMENT = Block(
    title="remote-management",
    keys=(
        Key("allow-remote", Flag(), "Answer others than loopback.", default="false"),
        Key(
            "secret-key",
            Text(secret=True),
            "The secret of the management API; without one it answers this user's own commands alone.",
        ),
        Key("disable-control-panel", Flag(), "No dashboard.", default="false", served=False),
        Key("disable-auto-update-panel", Flag(), "The panel is part of the package.", served=False),
        Key("panel-github-repository", Text(), "The panel is part of the package.", served=False),
    ),
)

LEDGER = Block(
    title="ledger",
    keys=(
        Key("enabled", Flag(), "Keep an account of every exchange.", default="true"),
        Key("max-age-days", Whole(low=1), "Older rows are dropped.", default="90"),
        Key("max-size-mb", Whole(low=1), "A larger file loses its oldest rows.", default="256"),
    ),
)

PRICE = Block(
    title="An entry of prices",
    keys=(
        Key("input", Number(), "US dollars a million tokens read.", default="0", example="3"),
        Key("output", Number(), "US dollars a million tokens written.", default="0", example="15"),
        Key("cached-input", Number(), "Of tokens read from a cache.", default="as input", aliases=("cache-read",)),
        Key("cache-write", Number(), "Of tokens written to a cache.", default="as input"),
    ),
)

_LEVELS = {level: level for level in ("trace", "debug", "info", "warn", "warning", "error")}

_SERVED = (
    Key(
        "host",
        Text(),
        "The address to listen on. Anything but loopback needs `api-keys`.",
        default="127.0.0.1",
        example="0.0.0.0",
    ),
    Key("port", _PORT, "The port to listen on; 0 takes a free one.", default="8317"),
    Key(
        "api-keys",
        Many(block=CLIENT_KEY),
        "The keys clients may use. None: loopback needs no key, other addresses refuse to start.",
        example="[demo-client-key]",
    ),
    Key("allow-anonymous", Flag(), "Serve anyone who can connect, with no key.", default="false"),
    Key(
        "force-model-prefix", Flag(), "Credentials with a prefix serve only names that begin with it.", default="false"
    ),
    Key(
        "fallbacks",
        TextLists(),
        "Models tried after one that can't be had, across providers.",
        example="{claude-opus-4-6: [gpt-5.5]}",
    ),
    Key(
        "timeouts",
        Block(title="timeouts", keys=TIMEOUT_KEYS),
        "Deadlines; those of a provider win over these, those of a route over both.",
    ),
    Key(
        "streaming",
        Block(
            title="streaming",
            keys=(
                Key(
                    "keepalive-seconds",
                    Seconds(zero_is_off=True),
                    "A sign of life to the client while the provider is silent.",
                    default="15",
                ),
                Key(
                    "early-head",
                    Flag(),
                    "Let a keep-alive begin the answer before the provider's first byte; a later failure is then an error inside the stream.",
                    default="false",
                ),
                Key("bootstrap-retries", Whole(), "Retries are `request-retry`.", served=False),
            ),
        ),
        "How streams are kept alive.",
    ),
    Key(
        "tool-calls",
        Block(
            title="tool-calls",
            keys=(
                Key("timeout-secs", Seconds(), "As `timeouts.tool-call`.", default="120", aliases=("timeout-seconds",)),
            ),
        ),
        "Deadlines of tool calls.",
    ),
    Key(
        "error-responses",
        Block(
            title="error-responses",
            keys=(
                Key(
                    "format",
                    Choice(words={kind.value: kind for kind in ErrorFormat}),
                    "The client's own JSON, or the message alone as text.",
                    default="json",
                ),
            ),
        ),
        "How errors look before an answer began.",
    ),
    Key(
        "request-retry",
        Whole(high=100),
        "Further rounds over the candidates after a failure that may pass.",
        default="0",
    ),
    Key("max-retry-credentials", Whole(), "Credentials tried in one round; 0 is all.", default="0"),
    Key(
        "max-retry-interval",
        Seconds(zero=True),
        "The longest wait for a cooling credential; 0 never waits.",
        default="30",
    ),
    Key("disable-cooling", Flag(), "Never rest a credential after a failure.", default="false"),
    Key(
        "transient-error-cooldown-seconds",
        Whole(low=-1),
        "Rest after a failure that may pass; 0 is the default, -1 none.",
        default="60",
    ),
    Key(
        "max-cooldown-seconds",
        Seconds(),
        "The longest rest that a provider's own hint is believed for.",
        default="3600",
    ),
    Key("routing", ROUTING, "How requests are spread, and ProxAI's routes."),
    Key("proxy-url", Text(), "Outbound proxy: http, https, socks5 or socks5h URL.", example="http://127.0.0.1:3128"),
    Key("max-connections", Whole(low=1), "Connections to one host, where an entry says nothing.", default="1000"),
    Key(
        "keep-alive-connections",
        Whole(),
        "Idle connections kept open to one host, where an entry says nothing.",
        default="32",
    ),
    Key(
        "discover",
        Flag(),
        "Ask providers for their [own lists of models](#own-lists), where an entry says nothing.",
        default="false",
    ),
    Key("debug", Flag(), "As `logging.level: debug`.", default="false"),
    Key(
        "logging",
        Block(
            title="logging",
            keys=(
                Key("level", Choice(words=_LEVELS), "How much is logged.", default="info"),
                Key(
                    "output-format",
                    Choice(words={"human": False, "json": True}),
                    "Lines for people or JSON.",
                    default="human",
                ),
                Key("use-color", Flag(), "Follows the terminal.", served=False),
                Key(
                    "duration-thresholds",
                    Block(
                        title="duration-thresholds",
                        keys=(
                            Key("warn-ms", Whole(), "Durations are logged as they are."),
                            Key("error-ms", Whole(), "Durations are logged as they are."),
                        ),
                    ),
                    "Durations are logged as they are.",
                    served=False,
                ),
            ),
        ),
        "What the log says.",
    ),
    Key(
        "record", RECORD, "Keep every exchange as a file, as `trioproxy record` does. See [recordings](recordings.md)."
    ),
    Key("loss-header", Flag(), "Name in a response header what a translation could not carry.", default="false"),
    Key(
        "state-dir",
        Text(),
        "The folder of the ledger (without `$XDG_STATE_HOME`, `~/.local/state/trioproxy`); `off` keeps nothing. Only a restart changes it.",
        default="$XDG_STATE_HOME/trioproxy",
    ),
    Key("ledger", LEDGER, "The account of what was asked and what it cost (`trioproxy usage`)."),
    Key(
        "prices",
        Named(block=PRICE),
        "What models cost, where the price list is wrong or silent: names (or `provider/name`) with wildcards; the first that fits counts.",
        example="{my-model: {input: 0.5, output: 2}}",
    ),
    Key("auth-dir", Text(), "Folder of token files, one account each.", example="~/.cli-proxy-api", served=False),
    Key("server", SERVER, "The listener in ProxAI's spelling, and its bounds."),
    Key("websocket", WEBSOCKET, "Which sockets are served, and how long they may be silent."),
    Key("responses-websocket-enabled", Flag(), "As `websocket.responses`.", default="true"),
    Key(
        "conversations", CONVERSATIONS, "What is kept so that `previous_response_id` works where no provider keeps it."
    ),
    Key(
        "mcp",
        Block(
            title="mcp",
            keys=(
                Key("host", Text(), "The address of the MCP server.", default="127.0.0.1"),
                Key("port", _PORT, "Its port.", default="9000"),
            ),
        ),
        "The MCP server.",
        served=False,
    ),
    Key("remote-management", MANAGEMENT, "The management API."),
    Key(
        "providers",
        Named(block=PROVIDER_FORMS),
        "Providers by free names: a catalogue provider (`type`, `endpoint`) or a protocol (`protocol`, `base_url`, ProxAI's form).",
    ),
)


def root(catalogue: Catalogue) -> Block:
    """The whole table: the fixed keys, one block a provider of the catalogue, the keys that are known and do nothing."""
    blocks = [
        _provider_key(block, provider.title, provider.sign_in is not None)
        for provider in catalogue.providers.values()
        for block in provider.blocks
    ]
    unserved = [Key(name, Anything(), doc, served=False) for name, doc in UNSERVED]
    return Block(title="The file", keys=(*_SERVED, *blocks, *unserved))


def _provider_key(block: str, title: str, sign_in: bool) -> Key:
    if block in KEYLESS_BLOCKS:
        return Key(
            block, Hidden(kind=KEYLESS_BLOCKS[block]), f"{title}: the login is not built yet.", served=not sign_in
        )
    if block == "openai-compatibility":
        return Key(block, Many(block=COMPATIBLE), f"Named servers: {title}.")
    extras = ENTRY_EXTRAS.get(block, ())
    entry = entry_block(f"An entry of {block}" if extras else VENDOR_ENTRY, extras)
    return Key(block, Many(block=entry), f"Keys of {title}.")
