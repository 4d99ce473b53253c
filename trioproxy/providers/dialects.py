"""The quirks that change no body: a protocol's writer looks at them when it writes for a target, or the gateway when it reads an answer.

Their names are the contract with ``protocols/*``, which may not import this room; a test holds both to it.
"""

from __future__ import annotations

from trioproxy.providers.quirk import ANTHROPIC, CHAT, GEMINI, RESPONSES, Quirk

__all__ = ["DIALECTS", "ERRORS_IN_200"]

ERRORS_IN_200 = "errors-in-200"
"""An answer with status 200 may be an error: a whole body is read before its head goes to the client."""


def _says(name: str, protocol: str, doc: str) -> Quirk:
    return Quirk(name=name, doc=doc, protocols=frozenset({protocol}))


DIALECTS = (
    _says("max-completion-tokens", CHAT, "The token limit is called `max_completion_tokens`."),
    Quirk(
        name="openai-reasoning-model",
        protocols=frozenset({CHAT, RESPONSES}),
        doc="An OpenAI reasoning model: `max_completion_tokens`, developer messages, and no `temperature`, `top_p`, penalties or `stop`.",
    ),
    _says("search-sources", RESPONSES, "What a search of the web found is told when `include` asks for it."),
    _says("developer-role", CHAT, "Instructions are messages of role `developer`."),
    _says("openai-fields", CHAT, "`metadata`, `prompt_cache_key`, `service_tier` and `verbosity` are taken."),
    _says(
        "custom-tools",
        CHAT,
        "Custom tools are taken; elsewhere they are declared as functions with one string `input`.",
    ),
    _says("allowed-tools", CHAT, "`tool_choice: allowed_tools` is taken; elsewhere the other tools are left out."),
    _says("web-search-options", CHAT, "The web is searched when `web_search_options` is given."),
    _says("reasoning-content-history", CHAT, "The assistant's `reasoning_content` is sent back."),
    _says("reasoning-details", CHAT, "The assistant's `reasoning_details` are sent back, signatures and all."),
    _says(
        "think-tags-history", CHAT, "The assistant's thoughts are sent back in front of its text, in `<think>` tags."
    ),
    _says("reasoning-object", CHAT, "Reasoning is asked for by the object `reasoning`."),
    _says("thinking-switch", CHAT, "Reasoning is switched by `thinking: {type: enabled | disabled}`."),
    _says("enable-thinking", CHAT, "Reasoning is asked for by `enable_thinking` and `thinking_budget`."),
    _says("small-thinking-budget", CHAT, "A `thinking_budget` is 128 to 32768."),
    _says("reasoning-split", CHAT, "Thoughts are asked for apart from the text by `reasoning_split`."),
    _says("no-reasoning-effort", CHAT, "The model can't be asked for reasoning at all."),
    _says(
        "google-extra-content",
        CHAT,
        "Thought signatures are sent back in `extra_content` (Gemini's compatible endpoint).",
    ),
    _says("cache-control", CHAT, "`cache_control` is taken on text parts and tools."),
    _says("top-k", CHAT, "`top_k` is taken."),
    _says("json-object-only", CHAT, "`response_format` knows `json_object` but no `json_schema`."),
    _says("media-urls", CHAT, "`video_url` parts are taken, and files by URL."),
    _says("gemini-no-call-ids", GEMINI, "Calls and their responses go without `id`."),
    _says("gemini-no-server-side-flag", GEMINI, "Calls of Google's own tools are not asked for beside functions."),
    _says("gemini-safety-off", GEMINI, "Where the client asks for no safety settings, all filters are off."),
    _says(
        "no-output-format",
        ANTHROPIC,
        "Answers and tools can't be held to a schema: the model is told of it.",
    ),
    _says(
        "unsigned-thinking",
        ANTHROPIC,
        "Thinking of other providers is sent back with an empty signature; the vendor's own API refuses that.",
    ),
    Quirk(
        name=ERRORS_IN_200,
        doc="An answer with status 200 may be an error: a whole body is read before its head goes to the client, who gets a true status.",
        protocols=frozenset({CHAT, ANTHROPIC}),
    ),
)
