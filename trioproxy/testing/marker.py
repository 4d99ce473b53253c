"""From a test to its provider: the marker, the folder, and whether to replay or to record.

Knows: what ``@pytest.mark.llm_replay`` may say and where a test's recordings lie. Refuses to know: how they are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import attrs
import pytest

from trioproxy.config.load import ConfigInvalid
from trioproxy.errors import ProxyError
from trioproxy.testing.plugin import FIXTURE, configuration
from trioproxy.testing.provider import LocalProvider, recording, replaying

__all__ = ["PROVIDER", "Wanted", "provided", "wanted"]

PROVIDER = pytest.StashKey[LocalProvider]()
"""Where a test's provider is kept for its report."""


@attrs.frozen
class Wanted:
    """What a marker says, and what holds where it says nothing."""

    folder: str | Path | None = None
    match: str = attrs.field(default="shape", kw_only=True)
    speed: float = attrs.field(default=0.0, kw_only=True)
    faults: str | Sequence[str] | None = attrs.field(default=None, kw_only=True)
    once: bool = attrs.field(default=True, kw_only=True)
    ignore: Sequence[str] = attrs.field(default=(), kw_only=True)

    def place(self, item: pytest.Item) -> Path:
        """The folder: beside the test's file, under the name of its module where the marker names none."""
        home = item.path.parent
        return home / self.folder if self.folder is not None else home / "fixtures" / item.path.stem


def wanted(item: pytest.Item) -> Wanted:
    """What the nearest marker of a test asks for.

    Raises:
        pytest.UsageError: it asks for something unknown.
    """
    marker = item.get_closest_marker(FIXTURE)
    if marker is None:
        return Wanted()
    try:
        return Wanted(*marker.args, **marker.kwargs)
    except TypeError:
        known = ", ".join(field.name for field in attrs.fields(Wanted))
        said = ", ".join([*(repr(each) for each in marker.args[1:]), *marker.kwargs])
        raise pytest.UsageError(
            f"{item.nodeid}: @pytest.mark.{FIXTURE} takes a folder and {known.partition(', ')[2]}; it was given {said}"
        ) from None


@contextmanager
def provided(request: pytest.FixtureRequest) -> Iterator[LocalProvider]:
    """The provider of a test, for the time of the block."""
    item: pytest.Item = request.node
    asked = wanted(item)
    folder = asked.place(item)
    with ExitStack() as stack:
        try:
            provider = stack.enter_context(_provider(asked, folder, request.config))
        except ProxyError as error:
            hint = "" if folder.is_dir() else ". Record it: pytest --llm-record --llm-config FILE"
            pytest.fail(error.failure.message + hint, pytrace=False)
        except ConfigInvalid as invalid:
            pytest.fail(str(invalid), pytrace=False)
        except re.error as error:
            pytest.fail(f"llm_redact holds what is no regular expression: {error}", pytrace=False)
        item.stash[PROVIDER] = provider
        yield provider
    if provider.unkept:
        pytest.fail("not everything was recorded:\n  " + "\n  ".join(provider.unkept), pytrace=False)


def _provider(asked: Wanted, folder: Path, config: pytest.Config) -> AbstractContextManager[LocalProvider]:
    if config.getoption("llm_record"):
        providers = configuration(config)
        assert providers is not None, "looked at before any test"
        rules = {"redact": config.getini("llm_redact"), "redact_fields": config.getini("llm_redact_fields")}
        return recording(folder, providers, **rules)
    return replaying(
        folder, match=asked.match, speed=asked.speed, faults=asked.faults, once=asked.once, ignore=asked.ignore
    )
