"""The blocks of the file that are not about one provider, each with every key it may hold.

Knows: names, kinds, defaults and meanings. Refuses to know: under which key each of them stands, which is ``schema.py``'s to say. What is about
one provider is in ``entries.py``.
"""

from __future__ import annotations

from trioproxy.config.entries import LIMITS, TIMEOUTS
from trioproxy.config.kinds import Choice, Flag, Number, Seconds, Text, Texts, Whole
from trioproxy.config.model import ErrorFormat, MatchKind, Strategy
from trioproxy.config.tables import Block, Key, Many
from trioproxy.protocols.table import SPELLINGS

__all__ = [
    "CLIENT_KEY",
    "CONVERSATIONS",
    "ERROR_RESPONSES",
    "LEDGER",
    "LOGGING",
    "MANAGEMENT",
    "MCP",
    "PORT",
    "PRICE",
    "RECORD",
    "ROUTING",
    "SERVER",
    "STREAMING",
    "TOOL_CALLS",
    "WEBSOCKET",
]

PORT = Whole(low=0, high=65535)

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
        Key("limits", LIMITS, "Ceilings for this key."),
    ),
)

ROUTE = Block(
    title="An entry of routing.routes",
    keys=(
        Key("name", Text(empty=False), "A name for messages; must be unique."),
        Key("request-protocol", Choice(words=SPELLINGS), "Only requests that came in this protocol.", default="any"),
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
        Key("timeouts", TIMEOUTS, "Deadlines of this route; they win over all others."),
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
        Key("port", PORT, "As `port`."),
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

STREAMING = Block(
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
)

TOOL_CALLS = Block(
    title="tool-calls",
    keys=(Key("timeout-secs", Seconds(), "As `timeouts.tool-call`.", default="120", aliases=("timeout-seconds",)),),
)

ERROR_RESPONSES = Block(
    title="error-responses",
    keys=(
        Key(
            "format",
            Choice(words={kind.value: kind for kind in ErrorFormat}),
            "The client's own JSON, or the message alone as text.",
            default="json",
        ),
    ),
)

_LEVELS = {level: level for level in ("trace", "debug", "info", "warn", "warning", "error")}

LOGGING = Block(
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
)

MCP = Block(
    title="mcp",
    keys=(
        Key("host", Text(), "The address of the MCP server.", default="127.0.0.1"),
        Key("port", PORT, "Its port.", default="9000"),
    ),
)
