"""Real exchanges of real providers, where they lie beside the project (``../shared/recordings``); tests skip without them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "recordings"


@attrs.frozen(kw_only=True)
class Recording:
    """One recorded exchange. ``body`` is the answer's body as bytes (a JSON body is re-encoded); ``document`` the same, parsed, for JSON
    answers; ``request`` as recorded, None where the source kept only the answer."""

    id: str
    protocol: str
    vendor: str
    stream: bool
    status: int
    content_type: str
    body: bytes
    document: Any
    request: dict[str, Any] | None


def _read(path: Path) -> Recording:
    raw = json.loads(path.read_text("utf-8"))
    response = raw["response"]
    body = response["body"]
    text = isinstance(body, str)
    return Recording(
        id=raw["id"],
        protocol=raw["protocol"],
        vendor=raw["vendor"],
        stream=bool(raw["stream"]),
        status=response["status"],
        content_type=response.get("content_type") or "",
        body=body.encode() if text else json.dumps(body, ensure_ascii=False).encode(),
        document=None if text else body,
        request=raw["request"],
    )


def recordings(protocol: str | None = None) -> Iterator[Recording]:
    """Every recording (of one protocol), in order of name; none where the folder is absent."""
    for path in sorted(FOLDER.glob(f"{protocol or '*'}/*.json")):
        yield _read(path)


def recording_params(protocol: str | None = None) -> list[Any]:
    """For ``pytest.mark.parametrize``: one parameter a recording, or one skipped parameter that says what is missing."""
    found = [pytest.param(each, id=each.id) for each in recordings(protocol)]
    if found:
        return found
    reason = f"no recordings of real providers at {FOLDER.name}/ beside the project"
    return [pytest.param(None, id="no-recordings", marks=pytest.mark.skip(reason=reason))]
