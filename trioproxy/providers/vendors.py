"""Edits of members that one vendor of Chat Completions demands (``histories.py`` has those of messages).

Each is named by the catalogue where it holds; none changes a body that needs no change.

Sources: the vendors' API references, and their answers to requests that did not keep to them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.loss import Loss
from trioproxy.providers.quirk import ANTHROPIC, CHAT, Quirk, QuirkContext, dropped
from trioproxy.wire.jsoncodec import Object

__all__ = ["VENDOR_EDITS"]


def _strip_stream_options(body: Object, context: QuirkContext) -> Object | None:
    return dropped(body, ("stream_options",), context, "the provider refuses it; it reports usage anyway")


def _tool_choice_any(body: Object, context: QuirkContext) -> Object | None:
    return {**body, "tool_choice": "any"} if body.get("tool_choice") == "required" else None


def _groq_unsupported(body: Object, context: QuirkContext) -> Object | None:
    changed = dropped(body, ("logprobs", "top_logprobs", "logit_bias"), context, "the provider refuses it")
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(
        isinstance(message, dict) and "name" in message for message in messages
    ):
        return changed
    unnamed = []
    for at, message in enumerate(messages):
        if isinstance(message, dict) and "name" in message:
            context.losses.append(Loss(path=f"messages[{at}].name", reason="the provider refuses it"))
            unnamed.append({name: value for name, value in message.items() if name != "name"})
        else:
            unnamed.append(message)
    return {**(changed if changed is not None else body), "messages": unnamed}


_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


def _short_call_ids(body: Object, context: QuirkContext) -> Object | None:
    return _messages(body, _with_short_ids)


def _with_short_ids(message: Object) -> Object:
    changed = dict(message)
    answered = message.get("tool_call_id")
    if isinstance(answered, str):
        changed["tool_call_id"] = _short(answered)
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        changed["tool_calls"] = [
            {**call, "id": _short(call["id"])} if isinstance(call, dict) and isinstance(call.get("id"), str) else call
            for call in calls
        ]
    return changed


def _short(call_id: str) -> str:
    """The id itself where the vendor takes it, else one that is always the same for it."""
    return call_id if _SHORT_ID.fullmatch(call_id) else hashlib.sha256(call_id.encode()).hexdigest()[:9]


_BILLING = re.compile(r"\Ax-anthropic-billing-header:[^\n]*\n*")


def _without_billing_header(body: Object, context: QuirkContext) -> Object | None:
    system = body.get("system")
    if isinstance(system, str):
        left = _BILLING.sub("", system)
        return {**body, "system": left} if left != system else None
    if not isinstance(system, list):
        return None
    kept = [block for each in system if (block := _unbilled(each)) is not None]
    same = len(kept) == len(system) and all(new is old for new, old in zip(kept, system, strict=True))
    return {**body, "system": kept} if not same else None


def _unbilled(block: Any) -> Any:
    text = block.get("text") if isinstance(block, dict) else None
    if not isinstance(text, str) or not _BILLING.match(text):
        return block
    left = _BILLING.sub("", text)
    return {**block, "text": left} if left else None


_THOUGHTS = ("reasoning_content", "reasoning_details", "reasoning")


def _without_reasoning_history(body: Object, context: QuirkContext) -> Object | None:
    if not _holds(body, _THOUGHTS):
        return None
    changed = _messages(body, lambda message: {name: value for name, value in message.items() if name not in _THOUGHTS})
    context.losses.append(Loss(path="messages.reasoning_content", reason="the provider refuses it in a history"))
    return changed


def _without_reasoning_details(body: Object, context: QuirkContext) -> Object | None:
    if not _holds(body, ("reasoning_details",)):
        return None
    changed = _messages(
        body, lambda message: {name: value for name, value in message.items() if name != "reasoning_details"}
    )
    context.losses.append(Loss(path="messages.reasoning_details", reason="the provider refuses it in a history"))
    return changed


def _without_extra_content(body: Object, context: QuirkContext) -> Object | None:
    if not _holds(body, ("extra_content",), calls=True):
        return None
    changed = _messages(body, _unsigned)
    context.losses.append(Loss(path="messages.extra_content", reason="the provider refuses what is Google's"))
    return changed


def _unsigned(message: Object) -> Object:
    """A message without what Google's clients keep in it and in its calls."""
    changed = {name: value for name, value in message.items() if name != "extra_content"}
    calls = changed.get("tool_calls")
    if isinstance(calls, list):
        changed["tool_calls"] = [
            {name: value for name, value in call.items() if name != "extra_content"} if isinstance(call, dict) else call
            for call in calls
        ]
    return changed


def _holds(body: Object, names: tuple[str, ...], *, calls: bool = False) -> bool:
    """Whether a message, or one of its ``calls``, has a member of one of these names. A look at the parsed messages costs a tenth of one at
    all bytes of a body."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if type(message) is not dict:
            continue
        if any(name in message for name in names):
            return True
        if calls and type(message.get("tool_calls")) is list:
            for call in message["tool_calls"]:
                if type(call) is dict and any(name in call for name in names):
                    return True
    return False


def _messages(body: Object, change: Any) -> Object | None:
    """``body`` with each message changed, None where that changes nothing."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    changed = [change(message) if isinstance(message, dict) else message for message in messages]
    return {**body, "messages": changed} if changed != messages else None


_MISTRAL_NAMES = {"seed": "random_seed"}
_UNKNOWN_TO_MISTRAL = (
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "modalities",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
    "verbosity",
    "web_search_options",
)


def _mistral_fields(body: Object, context: QuirkContext) -> Object | None:
    changed = dropped(body, _UNKNOWN_TO_MISTRAL, context, "the provider refuses it")
    return _renamed(changed if changed is not None else body, _MISTRAL_NAMES) or changed


def _renamed(body: Object, names: Mapping[str, str]) -> Object | None:
    """``body`` with members under other names (those that are there already stay); None where there is none of them."""
    if not body.keys() & names.keys():
        return None
    known = {name: value for name, value in body.items() if name not in names}
    return {**{names[name]: value for name, value in body.items() if name in names}, **known}


def _max_tokens(body: Object, context: QuirkContext) -> Object | None:
    return _renamed(body, {"max_completion_tokens": "max_tokens"})


_FIXED_BY_THINKING: Mapping[str, Any] = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}


def _reasoning_limits(body: Object, context: QuirkContext) -> Object | None:
    changed = _renamed(body, {"max_tokens": "max_completion_tokens"})
    if body.get("reasoning_effort") == "none":
        return changed
    base = body if changed is None else changed
    refused = [name for name, fixed in _FIXED_BY_THINKING.items() if base.get(name, fixed) not in (fixed, None)]
    left = dropped(base, tuple(refused), context, "reasoning models don't take it")
    return left if left is not None else changed


_LEAST_TEMPERATURE = 0.01


def _temperature_to_one(body: Object, context: QuirkContext) -> Object | None:
    asked = body.get("temperature")
    if isinstance(asked, bool) or not isinstance(asked, int | float) or 0 < asked <= 1:
        return None
    given = 1.0 if asked > 1 else _LEAST_TEMPERATURE
    context.losses.append(Loss(path="temperature", reason=f"the provider takes (0, 1]: {asked} became {given}"))
    return {**body, "temperature": given}


_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


def _fixed_sampling(body: Object, context: QuirkContext) -> Object | None:
    return dropped(body, _SAMPLING, context, "the model has values of its own and refuses any other")


_THINKING = ("reasoning_effort", "thinking", "enable_thinking", "thinking_budget")


def _unthinking(body: Object, context: QuirkContext, reason: str) -> Object | None:
    """``body`` told not to think, in the words of a vendor that thinks unasked; None where it says so already."""
    said: Object = (
        {"enable_thinking": False} if "enable-thinking" in context.quirks else {"thinking": {"type": "disabled"}}
    )
    asked = {name: body[name] for name in _THINKING if name in body}
    if asked == said:
        return None
    context.losses.extend(Loss(path=name, reason=reason) for name, value in asked.items() if said.get(name) != value)
    return {**{name: value for name, value in body.items() if name not in asked}, **said}


def _forced_tools(body: Object, context: QuirkContext) -> Object | None:
    choice = body.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else choice
    if kind not in ("required", "any", "function", "custom"):
        return None
    # The tool is what the client's program depends on.
    return _unthinking(body, context, "a tool is forced, which the provider refuses of a model that thinks")


def _unstreamed(body: Object, context: QuirkContext) -> Object | None:
    if body.get("stream"):
        return None
    return _unthinking(body, context, "the provider refuses it where the answer is not streamed")


def _thinking_in_template(body: Object, context: QuirkContext) -> Object | None:
    if "enable_thinking" not in body:
        return None
    if "thinking_budget" in body:
        context.losses.append(Loss(path="thinking_budget", reason="the model can only be told whether to think"))
    given = body.get("chat_template_kwargs")
    options = {**(given if isinstance(given, dict) else {}), "enable_thinking": body["enable_thinking"]}
    kept = {name: value for name, value in body.items() if name not in {"enable_thinking", "thinking_budget"}}
    return {**kept, "chat_template_kwargs": {"clear_thinking": False, **options}}


def _no_empty_tools(body: Object, context: QuirkContext) -> Object | None:
    if body.get("tools") != []:
        return None
    return {name: value for name, value in body.items() if name != "tools"}


VENDOR_EDITS = (
    Quirk(
        name="strip-stream-options",
        doc="`stream_options` is left out.",
        protocols=frozenset({CHAT}),
        marks=(b'"stream_options"',),
        edit=_strip_stream_options,
    ),
    Quirk(
        name="mistral-tool-choice-any",
        doc="`tool_choice: required` is written `any`.",
        protocols=frozenset({CHAT}),
        marks=(b'"required"',),
        edit=_tool_choice_any,
    ),
    Quirk(
        name="mistral-fields",
        doc="`seed` is called `random_seed`; members that Mistral refuses are left out.",
        protocols=frozenset({CHAT}),
        marks=(b'"seed"', *(f'"{name}"'.encode() for name in _UNKNOWN_TO_MISTRAL)),
        edit=_mistral_fields,
    ),
    Quirk(
        name="max-tokens",
        doc="`max_completion_tokens` is called `max_tokens`.",
        protocols=frozenset({CHAT}),
        marks=(b'"max_completion_tokens"',),
        edit=_max_tokens,
    ),
    Quirk(
        name="openai-reasoning-limits",
        doc="`max_tokens` is called `max_completion_tokens`; sampling settings that a reasoning model refuses are left out.",
        protocols=frozenset({CHAT}),
        marks=(b'"max_tokens"', *(f'"{name}"'.encode() for name in _FIXED_BY_THINKING)),
        edit=_reasoning_limits,
    ),
    Quirk(
        name="groq-unsupported",
        doc="`logprobs`, `top_logprobs`, `logit_bias` and names of messages are left out.",
        protocols=frozenset({CHAT}),
        marks=(b'"logprobs"', b'"top_logprobs"', b'"logit_bias"', b'"name"'),
        edit=_groq_unsupported,
    ),
    Quirk(
        name="mistral-call-ids",
        doc="Ids of tool calls become nine letters and digits, the same for a call and its result.",
        protocols=frozenset({CHAT}),
        marks=(b'"tool_calls"', b'"tool_call_id"'),
        edit=_short_call_ids,
    ),
    Quirk(
        name="no-reasoning-history",
        doc="What an assistant thought is left out of the messages that are sent back.",
        protocols=frozenset({CHAT}),
        edit=_without_reasoning_history,
    ),
    Quirk(
        name="no-reasoning-details",
        doc="`reasoning_details` of the messages that are sent back are left out.",
        protocols=frozenset({CHAT}),
        edit=_without_reasoning_details,
    ),
    Quirk(
        name="no-extra-content",
        doc="`extra_content`, in which Google's signatures stand, is left out of messages and calls.",
        protocols=frozenset({CHAT}),
        edit=_without_extra_content,
    ),
    Quirk(
        name="temperature-to-one",
        doc="`temperature` is brought into (0, 1].",
        protocols=frozenset({CHAT, ANTHROPIC}),
        marks=(b'"temperature"',),
        edit=_temperature_to_one,
    ),
    Quirk(
        name="no-billing-header",
        doc="What Claude Code tells Anthropic's billing at the head of `system` is left out: it is another one in each request, and the "
        "provider's cache, which goes by the prompt's beginning, would never find it again.",
        protocols=frozenset({ANTHROPIC}),
        marks=(b"x-anthropic-billing-header:",),
        edit=_without_billing_header,
    ),
    Quirk(
        name="forced-tools-unthinking",
        doc="Where a tool is forced, the model is told not to think: it refuses the one beside the other.",
        protocols=frozenset({CHAT}),
        marks=(b'"tool_choice"',),
        edit=_forced_tools,
    ),
    Quirk(
        name="unstreamed-unthinking",
        doc="Where the answer is not streamed, the model is told not to think: it refuses the one without the other.",
        protocols=frozenset({CHAT}),
        edit=_unstreamed,
    ),
    Quirk(
        name="fixed-sampling",
        doc="`temperature`, `top_p` and penalties are left out: the model refuses any value but its own.",
        protocols=frozenset({CHAT}),
        marks=tuple(f'"{name}"'.encode() for name in _SAMPLING),
        edit=_fixed_sampling,
    ),
    Quirk(
        name="thinking-in-template",
        doc="`enable_thinking` is said in `chat_template_kwargs`, with `clear_thinking: false`.",
        protocols=frozenset({CHAT}),
        # No marks: the effort in a model's name may have put it there.
        edit=_thinking_in_template,
    ),
    Quirk(
        name="no-empty-tools",
        doc="An empty list of `tools` is left out.",
        protocols=frozenset({CHAT}),
        marks=(b'"tools"',),
        edit=_no_empty_tools,
    ),
)
"""In the order in which they are made."""
