"""What servers of this protocol may differ in, as far as the request writer cares: names that the catalogue cites.

A target without any quirk is taken for the plain kind of server that knows Chat Completions as it was when everyone copied it. OpenAI itself is
the exception, so most names here say what only OpenAI takes.
"""

from __future__ import annotations

__all__ = ["QUIRKS"]

MAX_COMPLETION_TOKENS = "max-completion-tokens"
REASONING_MODEL = "openai-reasoning-model"
DEVELOPER_ROLE = "developer-role"
OPENAI_FIELDS = "openai-fields"
CUSTOM_TOOLS = "custom-tools"
ALLOWED_TOOLS = "allowed-tools"
WEB_SEARCH_OPTIONS = "web-search-options"
REASONING_CONTENT_HISTORY = "reasoning-content-history"
REASONING_DETAILS = "reasoning-details"
THINK_TAGS_HISTORY = "think-tags-history"
REASONING_OBJECT = "reasoning-object"
THINKING_SWITCH = "thinking-switch"
ENABLE_THINKING = "enable-thinking"
SMALL_BUDGET = "small-thinking-budget"
REASONING_SPLIT = "reasoning-split"
NO_REASONING_EFFORT = "no-reasoning-effort"
GOOGLE_EXTRA_CONTENT = "google-extra-content"
CACHE_CONTROL = "cache-control"
TOP_K = "top-k"
JSON_OBJECT_ONLY = "json-object-only"
MEDIA_URLS = "media-urls"
SHORT_CALL_IDS = "mistral-call-ids"

QUIRKS: dict[str, str] = {
    MAX_COMPLETION_TOKENS: "the token limit is called max_completion_tokens",
    REASONING_MODEL: (
        "an OpenAI reasoning model: max_completion_tokens, developer messages, and no temperature, top_p, penalties or stop"
    ),
    DEVELOPER_ROLE: "instructions are messages of role developer",
    OPENAI_FIELDS: "takes metadata, prompt_cache_key, service_tier and verbosity",
    CUSTOM_TOOLS: "has custom tools; elsewhere they are declared as functions with one string `input`",
    ALLOWED_TOOLS: "takes tool_choice allowed_tools; elsewhere the other tools are left out",
    WEB_SEARCH_OPTIONS: "searches the web when given web_search_options",
    REASONING_CONTENT_HISTORY: "wants the assistant's reasoning_content back",
    REASONING_DETAILS: "wants the assistant's reasoning_details back, signatures and all",
    THINK_TAGS_HISTORY: "wants the assistant's thoughts back in front of its text, between <think> and </think>",
    REASONING_OBJECT: "is asked for reasoning by the object `reasoning`",
    THINKING_SWITCH: "reasoning is switched by `thinking: {type: enabled | disabled}`",
    ENABLE_THINKING: "reasoning is asked for by enable_thinking and thinking_budget",
    SMALL_BUDGET: "takes a thinking_budget from 128 to 32768",
    REASONING_SPLIT: "is asked by reasoning_split to tell its thoughts apart from its text",
    NO_REASONING_EFFORT: "can't be asked for reasoning at all",
    GOOGLE_EXTRA_CONTENT: "wants thought signatures back in extra_content (Gemini's compatible endpoint)",
    CACHE_CONTROL: "takes cache_control on text parts and tools",
    TOP_K: "takes top_k",
    JSON_OBJECT_ONLY: "has response_format json_object but no json_schema",
    MEDIA_URLS: "takes video_url parts, and files by URL",
    SHORT_CALL_IDS: "wants ids of tool calls of nine letters and digits",
}
"""Quirk -> what it says of a target."""
