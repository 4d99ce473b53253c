"""Recorded requests with something odd in them: each is read and written, or refused by name. Nothing else happens."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import FOLDER, recordings
from tests.translation.requests import MODELS, asked
from trioproxy.errors import ClientFault, Failure
from trioproxy.neutral.choices import check_choice
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat.quirks import QUIRKS
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.jsoncodec import dumps

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of real providers beside the project")

_LONGEST = 6000
_OTHERS = frozenset({"no-output-format", "gemini-no-call-ids", "system-as-instructions", "unsigned-thinking"})
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "x", "null", "{}", [], {}, [None], ["x"], [[]], [{}], {"a": 1}, {"type": "x"}, [{"type": "text"}],
)  # fmt: skip


def _bodies(name: str) -> list[Any]:
    found = [each.request["body"] for each in recordings(name) if each.request] if FOLDER.is_dir() else []
    return [body for body in found if isinstance(body, dict) and len(dumps(body)) < _LONGEST]


_BODIES = {name: _bodies(name) for name in NAMES}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield value, key
        yield from _places(inner)


@st.composite
def _odd(draw: st.DrawFn, name: str) -> Any:
    body = copy.deepcopy(draw(st.sampled_from(_BODIES[name])))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(body))
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        if not any(True for _ in _places(body)):
            break
    return body


@needs_recordings
@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_request_with_something_odd_is_translated_or_refused_by_name(name: str, data: st.DataObject) -> None:
    body = data.draw(_odd(name))
    refusals: list[Failure] = []
    said = _read(name, body, refusals)
    quirks = frozenset(data.draw(st.sets(st.sampled_from(sorted({*QUIRKS, *_OTHERS})), max_size=6)))
    if said is not None:
        for target in NAMES:
            try:
                assert dumps(
                    protocol(target).write_request(said, WriteTarget(model=MODELS[target], quirks=quirks)).body
                )
            except ClientFault as fault:
                refusals.append(fault.failure)
    assert all(failure.param is not None for failure in refusals)


def _read(name: str, body: Any, refusals: list[Failure]) -> Conversation | None:
    try:
        peeked = asked(name, body)
        assert peeked.document is not None
        said = protocol(name).read_request(peeked.document, peeked)
        check_choice(said)
    except ClientFault as fault:
        refusals.append(fault.failure)
        return None
    return said
