"""OpenAI Responses (``POST /v1/responses``), and who speaks it: OpenAI, Codex, xAI, DeepSeek, OpenRouter, LM Studio and others.

Read ``docs/protocols/openai_responses.md`` for what becomes of what. The request: ``read_request`` and ``write_request``, with ``*_items``,
``*_tools`` and ``content`` beneath them. The answer: ``reader`` over ``desk``, ``assembly`` and a file a kind of item, ``writer`` over
``drafts``, ``body`` over both.
"""

from __future__ import annotations

from trioproxy.protocols.base import Counting, Emulation, Metering, Operation, Protocol, Seals
from trioproxy.protocols.openai_models import read_models, render_model, render_models
from trioproxy.protocols.openai_responses.body import read_body, write_body
from trioproxy.protocols.openai_responses.compaction import read_compaction, write_compaction
from trioproxy.protocols.openai_responses.endpoints import ENDPOINTS, peek
from trioproxy.protocols.openai_responses.errors import is_overflow, read_error, render_error
from trioproxy.protocols.openai_responses.failed import error_frames
from trioproxy.protocols.openai_responses.glance import glance
from trioproxy.protocols.openai_responses.read_request import read_request
from trioproxy.protocols.openai_responses.reader import StreamReader
from trioproxy.protocols.openai_responses.seals import MARKS, without_seals
from trioproxy.protocols.openai_responses.token_counts import read_count, render_count
from trioproxy.protocols.openai_responses.trigger import triggered
from trioproxy.protocols.openai_responses.usage import read_usage
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.protocols.openai_responses.words import WORDS
from trioproxy.protocols.openai_responses.write_request import write_request
from trioproxy.protocols.openai_responses.writer import StreamWriter

__all__ = ["PROTOCOL"]

PROTOCOL = Protocol(
    name=NAME,
    title="OpenAI Responses",
    endpoints=ENDPOINTS,
    peek=peek,
    read_request=read_request,
    write_request=write_request,
    stream_reader=StreamReader,
    stream_writer=StreamWriter,
    read_body=read_body,
    glance=glance,
    write_body=write_body,
    read_error=read_error,
    render_error=render_error,
    error_frames=error_frames,
    keepalive=b": keep-alive\n\n",
    render_models=render_models,
    render_model=render_model,
    read_models=read_models,
    metering=Metering(member="usage", read=read_usage),
    words=WORDS,
    object_answers=True,
    seals=Seals(marks=MARKS, opened=without_seals),
    counting=Counting(read=read_count, render=render_count),
    disguised=triggered,
    told_within=is_overflow,
    emulations={
        Operation.COMPACT: Emulation(
            read_request=read_compaction, stream_writer=StreamWriter, write_body=write_compaction
        )
    },
)
