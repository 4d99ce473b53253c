"""What a test's report says of its recordings: what was asked in vain, and what nobody asked for.

Knows: pytest's items and sections. Refuses to know: how a recording is found.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from trioproxy.testing.marker import PROVIDER, wanted
from trioproxy.testing.plugin import FIXTURE

__all__ = ["judge", "report"]


@attrs.define(eq=False)
class _Shelf:
    """One folder in one run: the tests that are still to use it, and what was used of it."""

    waiting: set[str] = attrs.field(factory=set)
    used: set[str] = attrs.field(factory=set)


_SHELVES = pytest.StashKey[dict[Path, _Shelf]]()


def report(item: pytest.Item) -> None:
    """Add what was missed to the test's report; pytest shows it where the test failed."""
    provider = item.stash.get(PROVIDER, None)
    if provider is None or not provider.misses:
        return
    lines = [str(call) for call in provider.misses]
    item.add_report_section("call", FIXTURE, f"asked in vain of {provider.folder}:\n  " + "\n  ".join(lines))


def judge(item: pytest.Item) -> None:
    """Fail a test that leaves recordings unused. A folder that several tests share is judged at the last one, when all have passed.

    Raises:
        pytest.fail.Exception: there are some.
    """
    provider = item.stash.get(PROVIDER, None)
    if provider is None or not provider.recordings:
        return
    shelf = _shelves(item.session)[wanted(item).place(item)]
    shelf.waiting.discard(item.nodeid)
    shelf.used |= {*provider.recordings} - {*provider.unused}
    unused = [name for name in provider.recordings if name not in shelf.used]
    if unused and not shelf.waiting:
        listed = "\n  ".join(unused)
        pytest.fail(f"recordings in {provider.folder} that no test asked for:\n  {listed}", pytrace=False)


def _shelves(session: pytest.Session) -> dict[Path, _Shelf]:
    if _SHELVES not in session.stash:
        shelves = session.stash[_SHELVES] = {}
        for item in session.items:
            if FIXTURE in getattr(item, "fixturenames", ()):
                shelves.setdefault(wanted(item).place(item), _Shelf()).waiting.add(item.nodeid)
    return session.stash[_SHELVES]
