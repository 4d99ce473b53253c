"""The vendors' own Python clients, fed with the bytes of one answer: what each of them puts together.

No socket is opened: a transport hands the bytes over. Made once for all answers, because making a client takes a second.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from tests.translation.gists import canonical
from trioproxy.protocols.table import NAMES

__all__ = ["Heard", "SDKClients"]

CHAT, RESPONSES, MESSAGES, GEMINI = NAMES


@attrs.frozen(kw_only=True)
class Heard:
    """An answer as a client has it. ``calls`` are (id, name, arguments); ``usage`` is (input, output), the cache within the input."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, str, str], ...] = ()
    usage: tuple[int, int]


class SDKClients:
    """``heard`` takes a protocol and a stream, and returns what its client heard.

    Raises:
        Exception: the client's own, where the stream is not what it should be or ends in an error.
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            web, openai, anthropic, genai, google = (
                pytest.importorskip(name, reason=f"{name} is not installed: its client can't be asked")
                for name in ("httpx2", "openai", "anthropic", "google.genai", "google.genai.types")
            )
        self._stream = b""
        transport = web.MockTransport(
            lambda request: web.Response(200, headers={"content-type": "text/event-stream"}, content=self._stream)
        )
        line = web.Client(transport=transport)
        self._openai = openai.OpenAI(api_key="x", http_client=line, max_retries=0)
        self._anthropic = anthropic.Anthropic(api_key="x", http_client=line, max_retries=0)
        options = google.HttpOptions(httpx_client=line)
        self._google = genai.Client(api_key="x", http_options=options)
        self._hearing: Mapping[str, Callable[[], Heard]] = {
            CHAT: self._chat,
            RESPONSES: self._responses,
            MESSAGES: self._messages,
            GEMINI: self._gemini,
        }

    def heard(self, name: str, stream: bytes) -> Heard:
        """What the client of a protocol puts together from a stream."""
        self._stream = stream
        return self._hearing[name]()

    def native(self, name: str, raised: Exception) -> bool:
        """Whether an exception is how this client tells of an answer that was broken off or refused, not of one it can't read."""
        openai = importlib.import_module("openai")
        if name == CHAT:
            return isinstance(raised, openai.LengthFinishReasonError | openai.ContentFilterFinishReasonError)
        return name == RESPONSES and "response.completed" in str(raised)

    def _chat(self) -> Heard:
        said = [{"role": "user", "content": "x"}]
        asked: Any = {"model": "m", "messages": said, "stream_options": {"include_usage": True}}
        with self._openai.chat.completions.stream(**asked) as stream:
            for _ in stream:
                pass
            whole = stream.get_final_completion()
        (choice,) = whole.choices
        message = choice.message
        assert choice.finish_reason is not None
        return Heard(
            text=message.content or "",
            reasoning=getattr(message, "reasoning_content", None) or "",
            refusal=message.refusal or "",
            calls=tuple(
                (call.id, call.function.name, canonical(call.function.arguments))
                for call in message.tool_calls or ()
                if call.type == "function"
            ),
            usage=(whole.usage.prompt_tokens, whole.usage.completion_tokens),
        )

    def _responses(self) -> Heard:
        with self._openai.responses.stream(model="m", input="x") as stream:
            for _ in stream:
                pass
            whole = stream.get_final_response()
        parts = [part for item in whole.output if item.type == "message" for part in item.content]
        thoughts = [item for item in whole.output if item.type == "reasoning"]
        return Heard(
            text="".join(part.text for part in parts if part.type == "output_text"),
            reasoning="".join(each.text for item in thoughts for each in (*item.summary, *(item.content or ()))),
            refusal="".join(part.refusal for part in parts if part.type == "refusal"),
            calls=tuple(
                (item.call_id, item.name, canonical(item.arguments))
                for item in whole.output
                if item.type == "function_call"
            ),
            usage=(whole.usage.input_tokens, whole.usage.output_tokens),
        )

    def _messages(self) -> Heard:
        said: Any = [{"role": "user", "content": "x"}]
        with self._anthropic.messages.stream(model="m", max_tokens=5, messages=said) as stream:
            for _ in stream:
                pass
            whole = stream.get_final_message()
        assert whole.stop_reason is not None
        dumped = importlib.import_module("json").dumps
        usage = whole.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        return Heard(
            text="".join(block.text for block in whole.content if block.type == "text"),
            reasoning="".join(block.thinking for block in whole.content if block.type == "thinking"),
            calls=tuple(
                (block.id, block.name, canonical(dumped(block.input)))
                for block in whole.content
                if block.type == "tool_use"
            ),
            usage=(usage.input_tokens + cached, usage.output_tokens),
        )

    def _gemini(self) -> Heard:
        dumped = importlib.import_module("json").dumps
        chunks = list(self._google.models.generate_content_stream(model="m", contents="x"))
        parts = [part for chunk in chunks for each in chunk.candidates or () for part in (each.content.parts or ())]
        last = chunks[-1]
        assert last.prompt_feedback is not None or last.candidates[0].finish_reason is not None
        counts = last.usage_metadata
        calls = [part.function_call for part in parts if part.function_call is not None]
        return Heard(
            text="".join(part.text for part in parts if part.text and not part.thought),
            reasoning="".join(part.text for part in parts if part.text and part.thought),
            calls=tuple((call.id, call.name, canonical(dumped(call.args))) for call in calls),
            usage=(counts.prompt_token_count or 0, (counts.total_token_count or 0) - (counts.prompt_token_count or 0)),
        )
