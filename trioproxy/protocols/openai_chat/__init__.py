"""OpenAI Chat Completions, and the many servers that speak it (platform.openai.com, "Chat Completions").

:data:`PROTOCOL` is all that other rooms see. Inside: ``peek`` (routing), ``request_reader`` and ``request_writer`` with the messages, content,
tools and thinking files beside them, ``reader`` (an upstream's chunks), ``writer`` (a client's chunks), ``body`` (whole answers), ``errors``,
``models``; ``quirks`` names what servers differ in.
"""

from __future__ import annotations

from trioproxy.protocols.base import Emulation, Metering, Operation, Protocol
from trioproxy.protocols.openai_chat.body import read_body, write_body
from trioproxy.protocols.openai_chat.completions import CompletionWriter, read_completion, write_completion
from trioproxy.protocols.openai_chat.endpoints import ENDPOINTS, NAME, peek
from trioproxy.protocols.openai_chat.errors import error_frames, read_error, render_error
from trioproxy.protocols.openai_chat.glance import glance
from trioproxy.protocols.openai_chat.reader import ChatReader
from trioproxy.protocols.openai_chat.request_reader import read_request
from trioproxy.protocols.openai_chat.request_writer import write_request
from trioproxy.protocols.openai_chat.usage import read_usage
from trioproxy.protocols.openai_chat.words import WORDS
from trioproxy.protocols.openai_chat.writer import ChatWriter
from trioproxy.protocols.openai_models import read_models, render_model, render_models

__all__ = ["PROTOCOL"]

PROTOCOL = Protocol(
    name=NAME,
    title="OpenAI Chat Completions",
    endpoints=ENDPOINTS,
    peek=peek,
    read_request=read_request,
    write_request=write_request,
    stream_reader=ChatReader,
    stream_writer=ChatWriter,
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
    emulations={
        Operation.COMPLETIONS: Emulation(
            read_request=read_completion, stream_writer=CompletionWriter, write_body=write_completion
        )
    },
)
