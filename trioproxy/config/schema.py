"""Every key a configuration may hold: one table, from which reading, unknown-key suggestions, the JSON Schema and ``docs/config.md`` come.

Knows: names, kinds, defaults and meanings. Refuses to know: what is done with a value. What a key holds that is itself a block of keys stands in
``blocks.py`` and ``entries.py``. Blocks of providers are not named here: they come from the catalogue, so that a new entry there is a new
block here.
"""

from __future__ import annotations

from trioproxy.config.blocks import (
    CLIENT_KEY,
    CONVERSATIONS,
    ERROR_RESPONSES,
    LEDGER,
    LOGGING,
    MANAGEMENT,
    MCP,
    PORT,
    PRICE,
    RECORD,
    ROUTING,
    SERVER,
    STREAMING,
    TOOL_CALLS,
    WEBSOCKET,
)
from trioproxy.config.entries import (
    COMPATIBLE,
    ENTRY_EXTRAS,
    KEYLESS_BLOCKS,
    PROVIDER_FORMS,
    TIMEOUTS,
    entry_block,
)
from trioproxy.config.foreign import UNSERVED
from trioproxy.config.kinds import Anything, Flag, Seconds, Text, TextLists, Whole
from trioproxy.config.tables import Block, Hidden, Key, Many, Named
from trioproxy.providers.catalog import Catalogue

__all__ = ["VENDOR_ENTRY", "root"]

VENDOR_ENTRY = "An entry of a vendor block"

_SERVED = (
    Key(
        "host",
        Text(),
        "The address to listen on. Anything but loopback needs `api-keys`.",
        default="127.0.0.1",
        example="0.0.0.0",
    ),
    Key("port", PORT, "The port to listen on; 0 takes a free one.", default="8317"),
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
    Key("timeouts", TIMEOUTS, "Deadlines; those of a provider win over these, those of a route over both."),
    Key("streaming", STREAMING, "How streams are kept alive."),
    Key("tool-calls", TOOL_CALLS, "Deadlines of tool calls."),
    Key("error-responses", ERROR_RESPONSES, "How errors look before an answer began."),
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
    Key("logging", LOGGING, "What the log says."),
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
        MCP,
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
