"""The golden matrix: each given request and stream, as every other protocol says it.

``given/CASE.PROTOCOL.json`` is what a client of that protocol asks, ``given/CASE.PROTOCOL.sse`` what a provider of it answers. For each case
and target ``expected/CASE.TARGET.md`` shows the requests of the others as a provider of the target gets them, and the streams of the others as
a client of the target gets them, each with what was lost. ``python -m tests.golden.regenerate`` writes these files anew; the difference is to
be read before it is committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.translation.requests import MODELS, asked
from trioproxy.errors import ClientFault
from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import WriteContext, WriteTarget
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.sse import SSEDecoder, encode

__all__ = ["CASES", "EXPECTED", "expected_files"]

_GIVEN = Path(__file__).parent / "given"
EXPECTED = Path(__file__).parent / "expected"
CASES = ("tools", "structured", "broken")


def expected_files() -> Iterator[tuple[Path, str]]:
    """Each file and what it is to hold."""
    for case in CASES:
        for target in NAMES:
            sections = [text for source in NAMES if source != target for text in _sections(case, source, target)]
            yield EXPECTED / f"{case}.{target}.md", f"# {case}: {target}\n\n" + "\n\n".join(sections) + "\n"


def _sections(case: str, source: str, target: str) -> Iterator[str]:
    request = _GIVEN / f"{case}.{source}.json"
    if request.exists():
        yield f"## A request of {source} for a provider of {target}\n\n{_request(request, source, target)}"
    stream = _GIVEN / f"{case}.{source}.sse"
    yield f"## An answer of {source} for a client of {target}\n\n{_stream(stream, source, target)}"


def _request(path: Path, source: str, target: str) -> str:
    peeked = asked(source, json.loads(path.read_bytes()))
    assert peeked.document is not None
    said = protocol(source).read_request(peeked.document, peeked)
    try:
        written = protocol(target).write_request(said, WriteTarget(model=MODELS[target], stream=True))
    except ClientFault as refusal:
        return f"Refused: `{refusal.failure.param}`: {refusal.failure.message}"
    body = json.dumps(written.body, indent=2, ensure_ascii=False)
    names = {up: list(own) for up, own in written.naming.originals.items()} | dict.fromkeys(
        written.naming.custom, "custom"
    )
    naming = f"\n\nTool names: {json.dumps(names)}" if names else ""
    return f"```json\n{body}\n```{naming}{_lost(written.losses)}"


def _stream(path: Path, source: str, target: str) -> str:
    context = WriteContext(model="asked-model", now=1_700_000_000, token="c0ffee")
    decoder, reader, writer = SSEDecoder(), protocol(source).stream_reader(), protocol(target).stream_writer(context)
    events = [event for frame in decoder.feed(path.read_bytes()) for event in reader.feed(frame)] + reader.close()
    frames = [frame for event in events for frame in writer.feed(event)] + writer.close()
    return f"```\n{encode(frames).decode().strip()}\n```{_lost(writer.losses)}"


def _lost(losses: Sequence[Loss]) -> str:
    return "\n\nLost:\n\n" + "\n".join(f"- `{loss.path}`: {loss.reason}" for loss in losses) if losses else ""
