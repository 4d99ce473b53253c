"""Google's Gemini API (generateContent): :data:`PROTOCOL`.

``docs/protocols/gemini.md`` says what maps to what, what is lost and what is refused.
"""

from __future__ import annotations

from trioproxy.protocols.base import Counting, Metering, Protocol, Seals
from trioproxy.protocols.gemini.body import write_body
from trioproxy.protocols.gemini.endpoints import ENDPOINTS, NAME, peek
from trioproxy.protocols.gemini.errors import error_frames, read_error, render_error
from trioproxy.protocols.gemini.glance import glance
from trioproxy.protocols.gemini.model_list import read_models, render_model, render_models
from trioproxy.protocols.gemini.reader import GeminiReader, read_body
from trioproxy.protocols.gemini.request_reader import read_request
from trioproxy.protocols.gemini.request_writer import write_request
from trioproxy.protocols.gemini.seals import without_seals
from trioproxy.protocols.gemini.signatures import PREFIX
from trioproxy.protocols.gemini.token_counts import read_count, render_count
from trioproxy.protocols.gemini.usage import read_usage
from trioproxy.protocols.gemini.words import WORDS
from trioproxy.protocols.gemini.writer import GeminiWriter

__all__ = ["PROTOCOL"]

PROTOCOL = Protocol(
    name=NAME,
    title="Gemini",
    endpoints=ENDPOINTS,
    peek=peek,
    read_request=read_request,
    write_request=write_request,
    stream_reader=GeminiReader,
    stream_writer=GeminiWriter,
    read_body=read_body,
    glance=glance,
    write_body=write_body,
    read_error=read_error,
    render_error=render_error,
    error_frames=error_frames,
    # Two of Google's clients die of an SSE comment, and an empty chunk is no chunk.
    keepalive=None,
    render_models=render_models,
    render_model=render_model,
    read_models=read_models,
    metering=Metering(member="usageMetadata", read=read_usage),
    stream_at=("streamGenerateContent", "alt=sse"),
    words=WORDS,
    seals=Seals(marks=(PREFIX.encode(),), opened=without_seals),
    counting=Counting(read=read_count, render=render_count),
)
