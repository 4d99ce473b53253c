"""What a request needs, in each protocol's spelling."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.gateway.needs import needs
from trioproxy.protocols.base import Asked, Endpoint, ModelSpot, Operation


def asked(document: dict[str, Any] | None, *, stream: bool = False) -> Asked:
    endpoint = Endpoint(method="POST", path="/x", operation=Operation.GENERATE)
    return Asked(
        protocol="x", endpoint=endpoint, model="m", stream=stream, body=b"", spot=ModelSpot.JSON, document=document
    )


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (None, set()),
        ({"messages": [{"role": "user", "content": "an image"}], "tools": []}, set()),
        ({"tools": [{"name": "f"}]}, {"tools"}),
        ({"functions": [{"name": "f"}]}, {"tools"}),
        ({"tools": [{"parameters": {"type": "image"}}]}, {"tools"}),
        ({"messages": [{"content": [{"type": "text"}, {"type": "image_url", "image_url": {"url": "u"}}]}]}, {"vision"}),
        ({"messages": [{"content": [{"type": "tool_result", "content": [{"type": "image"}]}]}]}, {"vision"}),
        ({"input": [{"content": [{"type": "input_image"}]}]}, {"vision"}),
        ({"messages": [{"content": [{"type": "tool_use", "input": {"type": ["string", "null"]}}]}]}, set()),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": ""}}]}]}, {"vision"}),
        ({"contents": [{"parts": [{"file_data": {"mime_type": "image/png"}}]}]}, {"vision"}),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav"}}, {"fileData": 3}]}]}, set()),
    ],
)
def test_needs(document: dict[str, Any] | None, found: set[str]) -> None:
    assert needs(asked(document)) == found
    assert needs(asked(document, stream=True)) == found | {"streaming"}


def test_depth_is_no_danger() -> None:
    nested: Any = {"type": "image"}
    for _ in range(100_000):
        nested = [nested]
    assert needs(asked({"messages": nested})) == {"vision"}
