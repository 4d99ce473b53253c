"""A conversation becomes a request body.

Requests that came in this protocol come out as they were, member for member. For the others:

* ``store`` is false: the client keeps its own history, and nothing it sends shall stay with the provider by accident;
* encrypted reasoning is included wherever reasoning is asked for, because without it no thought survives a tool loop;
* what only shapes the sampling (``top_k``, ``seed``, penalties) is a loss; at stop sequences, which the API has none of, the answer is cut
  by us (``neutral/stopping.py``).
"""

from __future__ import annotations

import hashlib
from typing import Any

import attrs

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.choices import unable
from trioproxy.neutral.effort import effort_of, nearest_level
from trioproxy.neutral.extras import own, settled, shared, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import ToolNames
from trioproxy.neutral.parts import Opaque, Text, ToolCall
from trioproxy.neutral.request import (
    Conversation,
    Effort,
    ReasoningAsk,
    Role,
    ServerTool,
    Tool,
    ToolChoiceMode,
    ToolSpec,
    Turn,
)
from trioproxy.protocols.base import Operation, WriteTarget, Written
from trioproxy.protocols.openai_responses.aftermath import led_on
from trioproxy.protocols.openai_responses.fields import restore
from trioproxy.protocols.openai_responses.pairing import paired
from trioproxy.protocols.openai_responses.vocabulary import NAME, NO_SUMMARY
from trioproxy.protocols.openai_responses.write_format import crossing_format, speak_of_json, write_format
from trioproxy.protocols.openai_responses.write_items import ItemWriter
from trioproxy.protocols.openai_responses.write_tools import write_choice, write_tools
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["MIN_OUTPUT_TOKENS", "SYSTEM_AS_INSTRUCTIONS", "write_request"]

SYSTEM_AS_INSTRUCTIONS = "system-as-instructions"
"""The quirk of providers that take no ``system`` items: their text goes before the ``instructions``."""

REASONING_MODEL = "openai-reasoning-model"
"""The quirk of models that refuse sampling settings while they think."""

SEARCH_SOURCES = "search-sources"
"""The quirk of providers that tell what a search of the web found where ``include`` asks for it."""

MIN_OUTPUT_TOKENS = 16
"""The API answers 400 to a smaller ``max_output_tokens``."""

_TWINS = ("prompt_cache_retention", "prompt_cache_options")
"""What Chat Completions has under the same names, and means the same by."""

_MAX_NAME = 64
_MAX_USER = 64
_TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
_VERBOSITIES = frozenset({"low", "medium", "high"})
_IMAGES = "image_generation"
_ENCRYPTED = "reasoning.encrypted_content"
_SEARCH, _SOURCES = "web_search", "web_search_call.action.sources"
# What these operations have no member for (openai 3.57: input_token_count_params, response_compact_params).
_GENERATION_ONLY = frozenset(
    ["stream", "store", "include", "max_output_tokens", "temperature", "top_p", "metadata", "user", "safety_identifier"]
)
_NOT_FOR: dict[Operation, frozenset[str]] = {
    Operation.COUNT_TOKENS: _GENERATION_ONLY | {"prompt_cache_key", "service_tier"},
    Operation.COMPACT: _GENERATION_ONLY | {"tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"},
}


def write_request(conversation: Conversation, target: WriteTarget) -> Written:
    """The body for this target, what it could not say, and how tools are called in it.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` set: what has no counterpart here and may not be left out.
    """
    if SYSTEM_AS_INSTRUCTIONS in target.quirks:
        conversation = _hoisted(conversation)
    return _RequestWriter(conversation, target).written()


class _RequestWriter:
    """One body while it is written."""

    def __init__(self, conversation: Conversation, target: WriteTarget) -> None:
        self._conversation = conversation
        self._target = target
        self._notes = spelling(conversation.extras, NAME)
        self._ours = bool(self._notes)
        self._names = ToolNames(limit=_MAX_NAME)
        self._losses: list[Loss] = []
        self._body: Object = {"model": target.model}

    def written(self) -> Written:
        twins, extras = shared(self._conversation.extras, NAME, _TWINS)
        self._body |= twins
        self._losses += settled(extras, NAME)
        self._tools()
        self._input()
        reasoning = self._reasoning()
        self._sampling(thinks=(reasoning or {}).get("effort") != Effort.NONE.value)
        self._put("reasoning", reasoning)
        self._put("text", self._text())
        if not self._ours:
            speak_of_json(self._body, self._losses)
        self._identity()
        self._mode()
        self._restore()
        if not self._ours:
            for name in _NOT_FOR.get(self._target.operation, ()):
                self._body.pop(name, None)
        return Written(
            body=self._body,
            losses=tuple(self._losses),
            naming=self._names.naming(),
            stops=self._conversation.sampling.stop,
        )

    def _put(self, name: str, value: Any) -> None:
        if value is not None:
            self._body[name] = value

    def _tools(self) -> None:
        loaded = self._notes.get("loaded", ())
        tools = write_tools(self._declarations(), self._declared, self._losses, loaded=loaded)
        if tools:
            self._body["tools"] = tools
        self._choice(bool(tools))
        if self._ours or tools:
            self._put("parallel_tool_calls", self._conversation.parallel_tools)

    def _declarations(self) -> tuple[ToolSpec, ...]:
        """The tools; the API makes images with one of its own, which who asks for images need not have declared."""
        tools = self._conversation.tools
        if not self._conversation.modalities or any(
            isinstance(tool, ServerTool) and tool.family == _IMAGES for tool in tools
        ):
            return tools
        return (*tools, ServerTool(family=_IMAGES, protocol="", payload={}))

    def _choice(self, declared: bool) -> None:
        choice, tools = self._conversation.tool_choice, self._conversation.tools
        if choice is None:
            return
        written = write_choice(choice, tools, self._chosen, self._losses)
        if self._ours or declared:
            self._body["tool_choice"] = written
        elif choice.mode is ToolChoiceMode.REQUIRED:
            lost = next((tool for tool in tools if isinstance(tool, ServerTool)), None)
            if lost is not None:
                raise unable(lost)
            self._losses.append(Loss("tool_choice", "there is no tool to choose"))

    def _declared(self, tool: Tool) -> str:
        return tool.name if self._ours else self._names.declare(tool.name, namespace=tool.namespace)

    def _chosen(self, name: str) -> str:
        return name if self._ours else self._names.of(name)

    def _called(self, call: ToolCall) -> str:
        return call.name if self._ours else self._names.of(call.name, namespace=call.namespace)

    def _input(self) -> None:
        items = ItemWriter(self._called, self._losses)
        instructions = items.instructions(self._conversation.system)
        self._put("instructions", instructions)
        for number, turn in enumerate(self._conversation.turns):
            items.turn(turn, f"turns[{number}]")
        for place, item in self._notes.get("asides", ()):
            items.items.insert(place, item)
        if self._notes.get("input") == "string" and len(items.items) == 1:
            self._body["input"] = items.items[0]["content"]
        elif not self._ours:
            led = led_on(items.items, items.ends, self._losses)
            self._body["input"] = paired(*led, self._losses) or [self._alone(instructions)]
        elif items.items:
            self._body["input"] = items.items

    def _alone(self, instructions: str | None) -> Object:
        """What is asked where there is nothing to answer: the instructions, which the API does not take alone."""
        if instructions is None:
            raise ClientFault(
                ErrorKind.INVALID_REQUEST,
                "`messages` holds nothing a model could answer; send at least one message.",
                param="messages",
            )
        del self._body["instructions"]
        self._losses.append(Loss("system", "instructions alone are not answered: given as the user's words"))
        return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": instructions}]}

    def _sampling(self, *, thinks: bool) -> None:
        sampling = self._conversation.sampling
        if sampling.stop:
            self._losses.append(Loss("stop", "the Responses API has no stop sequences: the answer is cut here"))
        self._put("max_output_tokens", self._limit(sampling.max_tokens))
        fixed = thinks and not self._ours and REASONING_MODEL in self._target.quirks
        for name, value in (("temperature", sampling.temperature), ("top_p", sampling.top_p)):
            if not fixed:
                self._put(name, value)
            elif value is not None and value != 1:
                self._losses.append(Loss(name, "reasoning models don't take it"))
        penalties = {"presence_penalty": sampling.presence_penalty, "frequency_penalty": sampling.frequency_penalty}
        if self._ours:
            for name, value in penalties.items():
                self._put(name, value)
            penalties = {}
        for name, value in {"top_k": sampling.top_k, "seed": sampling.seed, **penalties}.items():
            if value is not None:
                self._losses.append(Loss(name, "the Responses API has no such member"))

    def _limit(self, asked: int | None) -> int | None:
        if asked is None or self._ours:
            return asked
        limit = max(asked, MIN_OUTPUT_TOKENS)
        if self._target.max_output_tokens is not None:
            limit = min(limit, self._target.max_output_tokens)
        if limit != asked:
            self._losses.append(Loss("max_tokens", f"{asked} is outside what the model takes; {limit} was asked for"))
        return limit

    def _reasoning(self) -> Object | None:
        ask = self._conversation.reasoning
        if ask is None:
            return None
        self._losses += settled(ask.extras, NAME, path="reasoning")
        document: Object = {}
        level = self._level(ask)
        if level is not None:
            document["effort"] = level
        notes = spelling(ask.extras, NAME)
        summary = ask.summary or ("auto" if ask.visible and not notes else None)
        if "silent" in notes:
            summary = NO_SUMMARY
        if summary is not None and level != Effort.NONE.value:
            document[notes.get("summary", "summary")] = summary
        if "older" in notes:
            document["generate_summary"] = notes["older"]
        document = restore(document, ask.extras)
        return document if document or notes else None

    def _level(self, ask: ReasoningAsk) -> str | None:
        effort = effort_of(ask)
        levels: tuple[str, ...] = getattr(self._target.thinking, "levels", ())
        if effort is None:
            return None
        if levels and effort is not Effort.AUTO:
            level = nearest_level(effort, levels)
            if ask.effort is not None and level != effort.value:
                self._losses.append(
                    Loss("reasoning.effort", f"the model has no effort {effort.value}: {level} was asked for")
                )
            return level
        # AUTO has no word here: left out, the model decides.
        return None if effort is Effort.AUTO else effort.value

    def _text(self) -> Object | None:
        document: Object = {}
        verbosity = self._conversation.verbosity
        if verbosity is not None and (self._ours or verbosity in _VERBOSITIES):
            document["verbosity"] = verbosity
        elif verbosity is not None:
            self._losses.append(Loss("verbosity", f"{verbosity} is not one of low, medium and high"))
        if self._conversation.output is not None:
            output = self._conversation.output
            document["format"] = write_format(output) if self._ours else crossing_format(output, self._losses)
        if "text" not in self._notes:
            return document or None
        left = dict(own(self._conversation.extras, NAME).get("text", {}))
        inner = left.pop("format", {})
        if "format" in self._notes:
            document["format"] = {**self._notes["format"], **document.get("format", {}), **inner}
        return {**self._notes["text"], **document, **left}

    def _identity(self) -> None:
        conversation = self._conversation
        if conversation.user is not None:
            self._body[self._notes.get("user", "safety_identifier")] = self._user(conversation.user)
        if conversation.metadata:
            self._body["metadata"] = {
                name: value if self._ours or isinstance(value, str) else dumps(value).decode()
                for name, value in conversation.metadata.items()
            }
        self._put("prompt_cache_key", conversation.cache_key)
        self._put("previous_response_id", conversation.previous_response_id)
        tier = conversation.service_tier
        if tier is not None and not self._ours and tier not in _TIERS:
            self._losses.append(Loss("service_tier", f"{tier} is not a tier of the Responses API"))
        else:
            self._put("service_tier", tier)

    def _user(self, user: str) -> str:
        if self._ours or len(user) <= _MAX_USER:
            return user
        # The API takes 64 characters and advises to send a digest anyway.
        return hashlib.sha256(user.encode()).hexdigest()

    def _mode(self) -> None:
        if self._target.stream or not self._ours or "stream" in self._notes["members"]:
            self._body["stream"] = self._target.stream
        if self._ours:
            return
        self._body["store"] = False
        ask = self._conversation.reasoning
        included = [_ENCRYPTED] if ask is not None and effort_of(ask) is not Effort.NONE else []
        if SEARCH_SOURCES in self._target.quirks and _SEARCH in [tool["type"] for tool in self._body.get("tools", ())]:
            # Other protocols' clients show what a search found, and have nothing but this to know it by.
            included.append(_SOURCES)
        if included:
            self._body["include"] = included

    def _restore(self) -> None:
        if not self._ours:
            return
        text = self._body.get("text")
        restore(self._body, self._conversation.extras)
        if text is not None:
            self._body["text"] = text
        self._body.update(self._notes.get("defaults", {}))
        if "include" in self._notes:
            self._body["include"] = self._notes["include"]
        for name, value in self._notes.get("configured", {}).items():
            self._body.pop(name, None)
            self._put(name, value)
        self._body.pop("conversation_id", None)


def _hoisted(conversation: Conversation) -> Conversation:
    """The conversation with all system messages among its instructions: theirs first, as they are the older. Developer messages stay."""
    ahead: list[Text | Opaque] = []
    stay: list[Text | Opaque] = []
    moving = False
    for part in conversation.system:
        notes = spelling(part.extras, NAME) if isinstance(part, Text) else {}
        if "message" in notes:
            moving = notes["message"]["item"]["role"] == Role.SYSTEM.value
        if moving and isinstance(part, Text):
            ahead.append(Text(text=part.text))
        else:
            stay.append(part)
    turns: list[Turn] = []
    for turn in conversation.turns:
        texts = [Text(text=part.text) for part in turn.parts if isinstance(part, Text)]
        note = spelling(turn.extras, NAME).get("message", {"item": {}})
        if turn.role is not Role.SYSTEM or note["item"].get("role") == "developer" or len(texts) < len(turn.parts):
            turns.append(turn)
        else:
            ahead += texts
    return attrs.evolve(conversation, system=(*ahead, *stay), turns=tuple(turns))
