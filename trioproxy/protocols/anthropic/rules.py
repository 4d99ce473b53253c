"""What the Messages API refuses, as small corrections in a table.

Each rule looks at one thing in a :class:`~trioproxy.protocols.anthropic.draft.Draft`, corrects it and records the loss; :data:`RULES` is
their order. A body that the API takes passes unchanged. Sources: platform.claude.com, "Messages", "Extended thinking", "Adaptive thinking",
"Prompt caching", "Tool use"; the API's own error texts, quoted at the rule they stand behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.anthropic.draft import Draft, Message
from trioproxy.protocols.anthropic.messages import merge_neighbours, pair_tools, results_first
from trioproxy.protocols.anthropic.thinking_writer import MIN_BUDGET, adaptive_alone
from trioproxy.wire.jsoncodec import Object

__all__ = ["GO_ON", "RULES", "Rule", "apply_rules"]

Rule = Callable[[Draft], None]

MAX_BREAKPOINTS = 4
MIN_TOP_P_THINKING = 0.95

_OPENING = "(The conversation goes on from here.)"
GO_ON = "Go on from exactly where you stopped, without repeating anything."
_ANYTHING: Object = {"type": "object", "properties": {}}
_FAILED = "The tool failed and said nothing."


def something_to_answer(draft: Draft) -> None:
    """The API: "messages: at least one message is required". Where there is a system prompt alone, it is what the user says."""
    merge_neighbours(draft)
    if not draft.messages and draft.system:
        draft.messages = [Message(role="user", blocks=draft.system)]
        draft.system = []
        draft.lose("messages", "there is no message to answer; the system prompt is sent as the user's text")
    if not draft.messages:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            "`messages` holds nothing a model could answer; send at least one message",
            param="messages",
        )


def the_user_first(draft: Draft) -> None:
    """The API: "first message must use the user role". A history of another protocol may begin with what the model said."""
    first = draft.messages[0]
    if first.role == "assistant" and not first.own:
        draft.messages.insert(0, Message(role="user", blocks=[{"type": "text", "text": _OPENING}]))
        draft.lose("messages", "conversations begin with the user: an opening was put first")


def the_user_last(draft: Draft) -> None:
    """The API, of models from 4.6 on: "This model does not support assistant message prefill. The conversation must end with a user
    message"."""
    facts, last = draft.target.thinking, draft.messages[-1]
    if facts is not None and facts.adaptive and last.role == "assistant" and not last.own:
        draft.messages.append(Message(role="user", blocks=[{"type": "text", "text": GO_ON}]))
        draft.lose("messages", "the model does not go on from a message of its own: it is asked to")


def thoughts_led_on(draft: Draft) -> None:
    """The API: "The final block in an assistant message cannot be `thinking`". Answers that were broken off, or cut by a client, leave thoughts
    that led to nothing."""
    for message in draft.messages:
        if message.role != "assistant" or message.own:
            continue
        while message.blocks and message.blocks[-1]["type"] in ("thinking", "redacted_thinking"):
            message.blocks.pop()
            draft.lose("messages", "thinking that led to nothing is refused")
    merge_neighbours(draft)


def tools_of_the_history(draft: Draft) -> None:
    """The API: "Requests which include `tool_use` or `tool_result` blocks must define tools". What the history called is declared, and not
    to be called again."""
    called = [
        block["name"]
        for message in draft.messages
        if not message.own
        for block in message.blocks
        if block["type"] == "tool_use"
    ]
    if draft.tools or not called:
        return
    draft.tools = [{"name": name, "input_schema": dict(_ANYTHING)} for name in dict.fromkeys(called)]
    draft.top["tool_choice"] = {"type": "none"}
    draft.lose("tools", "a history with calls needs tools: those it called were declared, not to be called again")


def no_trailing_white_space(draft: Draft) -> None:
    """The API: "final assistant content cannot end with trailing whitespace"."""
    last = draft.messages[-1]
    if last.role != "assistant" or not last.blocks:
        return
    block = last.blocks[-1]
    if block["type"] == "text" and block["text"] != block["text"].rstrip():
        block["text"] = block["text"].rstrip()
        draft.lose("messages", "white space at the end of the last assistant message is refused")


def errors_in_words(draft: Draft) -> None:
    """The API: "all content must be type `text` if `is_error` is true", and "content cannot be empty if `is_error` is true"."""
    for message in draft.messages:
        for block in message.blocks:
            if block["type"] != "tool_result" or not block.get("is_error"):
                continue
            content = block.get("content") or []
            words = content if isinstance(content, str) else [each for each in content if each["type"] == "text"]
            if len(words) < len(content):
                draft.lose("messages", "the result of a failed tool call holds text alone; the rest was left out")
            block["content"] = words or _FAILED


def max_tokens_within_model(draft: Draft) -> None:
    """No more than the model can write."""
    limit, asked = draft.target.max_output_tokens, draft.top.get("max_tokens")
    if limit is not None and asked is not None and asked > limit:
        draft.top["max_tokens"] = limit
        draft.lose("max_tokens", f"the model writes at most {limit} tokens")


def thinking_or_forced_tool(draft: Draft) -> None:
    """The API: "Thinking may not be enabled when tool_choice forces tool use".

    The adaptive mode is let through, but then the tool may not be called after all (observed 2026-05): it stays only where a client of this
    API chose it.
    """
    if draft.top.get("tool_choice", {}).get("type") not in ("any", "tool"):
        return
    kind = draft.top.get("thinking", {}).get("type")
    if kind == "enabled" or (kind == "adaptive" and not draft.own_thinking):
        _drop_thinking(draft, "the model can't think while a tool is forced")


def budget_with_its_thoughts(draft: Draft) -> None:
    """The API: "When `thinking` is enabled, a final `assistant` message must start with a thinking block"."""
    if draft.top.get("thinking", {}).get("type") != "enabled":
        return
    opening = _loop_opening(draft)
    if opening is not None and opening["type"] not in ("thinking", "redacted_thinking"):
        _drop_thinking(draft, "the tool calls being answered came without the thinking before them")


def budget_below_max_tokens(draft: Draft) -> None:
    """The API: "`max_tokens` must be greater than `thinking.budget_tokens`"; and no budget below the least one."""
    thinking = draft.top.get("thinking", {})
    budget, limit = thinking.get("budget_tokens"), draft.top.get("max_tokens")
    if not isinstance(budget, int) or limit is None or budget < limit:
        return
    if limit - 1 < MIN_BUDGET:
        _drop_thinking(draft, f"max_tokens leaves no room for a thinking budget of {MIN_BUDGET}")
        return
    draft.top["thinking"] = {**thinking, "budget_tokens": limit - 1}
    draft.lose("reasoning", f"the thinking budget was lowered to {limit - 1}, below max_tokens")


def no_sampling_where_refused(draft: Draft) -> None:
    """The API: "`temperature` is deprecated for this model": those that came with the adaptive mode alone."""
    if not adaptive_alone(draft.target.thinking):
        return
    for name in ("temperature", "top_p", "top_k"):
        draft.drop(name, "the model takes no sampling settings")


def sampling_beside_thinking(draft: Draft) -> None:
    """The API: "`temperature` may only be set to 1 when thinking is enabled"; top_p from 0.95, no top_k."""
    if not _thinks(draft):
        return
    if draft.top.get("temperature", 1) != 1:
        draft.drop("temperature", "while thinking, temperature is 1")
    if draft.top.get("top_p", 1) < MIN_TOP_P_THINKING:
        draft.drop("top_p", f"while thinking, top_p is at least {MIN_TOP_P_THINKING}")
    draft.drop("top_k", "while thinking, there is no top_k")


def temperature_within_one(draft: Draft) -> None:
    """The API: "temperature: range: 0..1"; OpenAI and Gemini go to 2."""
    if draft.top.get("temperature", 0) > 1:
        draft.top["temperature"] = 1
        draft.lose("temperature", "temperature goes from 0 to 1; 1 was sent")


def one_of_temperature_and_top_p(draft: Draft) -> None:
    """The API: "`temperature` and `top_p` cannot both be specified for this model"."""
    if "temperature" in draft.top:
        draft.drop("top_p", "the model takes temperature or top_p, not both")


def few_breakpoints(draft: Draft) -> None:
    """The API: "A maximum of 4 blocks with cache_control may be provided": the oldest go."""
    holders = list(_breakpoints(draft))
    for holder in holders[: max(0, len(holders) - MAX_BREAKPOINTS)]:
        del holder["cache_control"]
        draft.lose("cache_control", f"at most {MAX_BREAKPOINTS} cache breakpoints; the oldest were taken out")


def long_breakpoints_first(draft: Draft) -> None:
    """The API: "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block": the late one becomes short."""
    short_before = False
    for holder in _breakpoints(draft):
        cache = holder["cache_control"]
        long = isinstance(cache, dict) and cache.get("ttl") == "1h"
        if long and short_before:
            holder["cache_control"] = {**cache, "ttl": "5m"}
            draft.lose("cache_control", "an hour's cache breakpoint may not come after a five minutes' one")
        short_before = short_before or not long


RULES: tuple[Rule, ...] = (
    merge_neighbours,
    thoughts_led_on,
    pair_tools,
    something_to_answer,
    the_user_first,
    the_user_last,
    tools_of_the_history,
    results_first,
    errors_in_words,
    max_tokens_within_model,
    thinking_or_forced_tool,
    budget_with_its_thoughts,
    budget_below_max_tokens,
    no_trailing_white_space,
    no_sampling_where_refused,
    sampling_beside_thinking,
    temperature_within_one,
    one_of_temperature_and_top_p,
    few_breakpoints,
    long_breakpoints_first,
)


def apply_rules(draft: Draft) -> None:
    """Every rule, in order.

    Raises:
        ClientFault: nothing is left to answer.
    """
    for rule in RULES:
        rule(draft)


def _thinks(draft: Draft) -> bool:
    return draft.top.get("thinking", {}).get("type") in ("enabled", "adaptive")


def _drop_thinking(draft: Draft, reason: str) -> None:
    draft.drop("thinking", reason)
    config = {name: value for name, value in draft.top.pop("output_config", {}).items() if name != "effort"}
    if config:
        draft.top["output_config"] = config


def _loop_opening(draft: Draft) -> Object | None:
    """The first block of the assistant's turn that is being answered, None outside a tool loop. The API takes a whole loop for one turn."""
    opening: Object | None = None
    for message in reversed(draft.messages):
        if message.role == "assistant":
            opening = message.blocks[0] if message.blocks else opening
        elif message.role == "user" and not any(block["type"] == "tool_result" for block in message.blocks):
            return opening if message is not draft.messages[-1] else None
    return opening


def _breakpoints(draft: Draft) -> Iterator[Object]:
    """Everything that holds a cache breakpoint, in the order of the prompt."""
    for holder in (*draft.tools, *draft.system, *_message_blocks(draft), draft.top):
        if holder.get("cache_control") is not None:
            yield holder


def _message_blocks(draft: Draft) -> Iterator[Object]:
    for message in draft.messages:
        for block in message.blocks:
            inner = block.get("content") if block["type"] == "tool_result" else None
            yield from inner if isinstance(inner, list) else ()
            yield block
