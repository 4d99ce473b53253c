"""The Anthropic Messages API. ``docs/protocols/anthropic.md`` says what maps to what, what is lost and what is refused."""

from __future__ import annotations

from trioproxy.protocols.anthropic.body import read_body, write_body
from trioproxy.protocols.anthropic.endpoints import ENDPOINTS, HEADERS, NAME, peek
from trioproxy.protocols.anthropic.errors import error_frames, read_error, render_error
from trioproxy.protocols.anthropic.glance import glance
from trioproxy.protocols.anthropic.models import read_models, render_model, render_models
from trioproxy.protocols.anthropic.reader import MessagesReader
from trioproxy.protocols.anthropic.request_reader import read_request
from trioproxy.protocols.anthropic.request_writer import write_request
from trioproxy.protocols.anthropic.seals import MARKS, without_seals
from trioproxy.protocols.anthropic.token_counts import read_count, render_count
from trioproxy.protocols.anthropic.words import WORDS
from trioproxy.protocols.anthropic.writer import MessagesWriter
from trioproxy.protocols.base import Counting, Protocol, Seals

__all__ = ["PROTOCOL"]

PROTOCOL = Protocol(
    name=NAME,
    title="Anthropic Messages",
    endpoints=ENDPOINTS,
    peek=peek,
    read_request=read_request,
    write_request=write_request,
    stream_reader=MessagesReader,
    stream_writer=MessagesWriter,
    read_body=read_body,
    glance=glance,
    write_body=write_body,
    read_error=read_error,
    render_error=render_error,
    error_frames=error_frames,
    # The API's own heartbeat; clients of this protocol know it, comments they may not.
    keepalive=b'event: ping\ndata: {"type": "ping"}\n\n',
    render_models=render_models,
    render_model=render_model,
    read_models=read_models,
    headers=HEADERS,
    request_id=b"request-id",
    errors_tell_id=True,  # platform.claude.com, "Errors"
    words=WORDS,
    seals=Seals(marks=tuple(mark.encode() for mark in MARKS), opened=without_seals),
    counting=Counting(read=read_count, render=render_count),
)
