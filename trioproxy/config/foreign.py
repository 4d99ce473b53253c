"""Keys of files that were written for CLIProxyAPI or ProxAI and mean nothing here: accepted, warned of once, nothing is done.

Part of the table of keys (``schema.py``); the second word of each row is what to use instead, or why there is nothing.
"""

from __future__ import annotations

__all__ = ["UNSERVED"]

UNSERVED: tuple[tuple[str, str], ...] = (
    ("allow-localhost-unauthenticated", "Without `api-keys` the loopback needs no key."),
    ("antigravity", "Options of a sign-in that is not built."),
    ("antigravity-signature-bypass-strict", "Options of a sign-in that is not built."),
    ("antigravity-signature-cache-enabled", "Options of a sign-in that is not built."),
    ("auth", "Use `api-keys`."),
    ("auth-auto-refresh-workers", "Refreshing needs no workers."),
    ("capture", "ProxAI's capture; use `trioproxy record`."),
    ("claude-code", "Identity options are not built."),
    ("claude-header-defaults", "Identity options are not built; use `headers` of an entry."),
    ("codex", "Identity options are not built."),
    ("codex-header-defaults", "Identity options are not built; use `headers` of an entry."),
    ("commercial-mode", "There is no heavy middleware to drop."),
    ("credential-concurrency", "Use `limits.concurrent`."),
    ("credential-in-flight", "Use `limits.concurrent`."),
    ("disable-claude-cloak-mode", "Identity options are not built."),
    ("disable-image-generation", "Images go to providers that have them."),
    ("error-logs-max-files", "The ledger bounds itself."),
    ("gemini-web", "A sign-in that is not built; use `gemini-api-key`."),
    ("generative-language-api-key", "Use `gemini-api-key`."),
    ("gpt-image-2-base-model", "Images go to providers that have them."),
    ("home", "Cluster mode; see the deployment page."),
    ("incognito-browser", "Logins print their address."),
    ("interactions-api-key", "The Gemini Interactions API is not built."),
    ("kiro-fingerprint", "Identity options are not built."),
    ("kiro-preferred-endpoint", "The sign-in is not built yet."),
    ("logging-to-file", "Logs go to standard error."),
    ("logs-max-total-size-mb", "Logs go to standard error."),
    ("nonstream-keepalive-interval", "Whole answers are not padded."),
    ("oauth-excluded-models", "Use `excluded-models` of an entry."),
    ("oauth-model-alias", "Use `models` of an entry."),
    ("oauth-request-scoped-errors", "Errors are classified by a fixed table."),
    ("oauth-upstream", "Use `base-url` of an entry."),
    ("passthrough-headers", "Response headers of providers pass by default."),
    ("payload", "Payload rules are not built yet."),
    ("plugins", "There are no plugins."),
    ("pprof", "There is no Go profiler."),
    ("quota-exceeded", "Failing over is `fallbacks` and priorities."),
    ("redis-usage-queue-retention-seconds", "Usage is kept in the ledger."),
    ("request-log", "Use `trioproxy record`."),
    ("request-scoped-errors", "Errors are classified by a fixed table."),
    ("responses-compact-enabled", "Compaction is always on."),
    ("save-cooldown-status", "Cooldowns are not kept over a restart."),
    ("tls", "Serve TLS through a front server for now."),
    ("usage-statistics-enabled", "The ledger is always on."),
    ("video-result-auth-cache-ttl", "There is no video."),
    ("ws-auth", "The browser relay is not built."),
    ("xai", "Use `xai-api-key`."),
)  # fmt: skip
