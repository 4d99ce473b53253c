"""What tests of the gateway share."""

from __future__ import annotations

import pytest

from tests.support.upstreams import ScriptedResponse


@pytest.fixture(params=[False, True], ids=["end-unknown", "end-known"])
def ends_either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once with a provider whose end is heard by itself, once with one whose last chunk is known to be the last."""
    monkeypatch.setattr(ScriptedResponse, "tells_its_end", request.param)
