from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.neutral.parts import CacheHint
from trioproxy.protocols.anthropic.caching import cache_read, cache_written
from trioproxy.protocols.anthropic.fields import Fields


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        ({"type": "ephemeral"}, CacheHint()),
        ({"type": "ephemeral", "ttl": "1h"}, CacheHint(ttl="1h")),
        ({"type": "ephemeral", "scope": "global"}, CacheHint()),
        ({"type": "persistent", "ttl": 3}, CacheHint()),
    ],
)
def test_a_breakpoint_both_ways(raw: dict[str, Any], hint: CacheHint) -> None:
    found, notes = cache_read(Fields({"cache_control": raw}, ""))
    assert found == hint
    assert cache_written(found, notes) == {"cache_control": raw}


def test_no_breakpoint() -> None:
    assert cache_read(Fields({}, "")) == (None, {})
    assert cache_read(Fields({"cache_control": None}, "")) == (None, {})
    assert cache_written(None, {}) == {}


def test_it_is_an_object() -> None:
    with pytest.raises(ClientFault) as caught:
        cache_read(Fields({"cache_control": "ephemeral"}, "tools[0]"))
    assert caught.value.failure.param == "tools[0].cache_control"
