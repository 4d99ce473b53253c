"""What every test shares: how hypothesis works here, and a log that no test leaves changed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# No deadlines: the machine is shared and nothing here asserts times. In CI the examples are the same in every run; elsewhere they differ.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("house"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "house")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long or unprintable bytes by their length: workers must collect the same names, and a gzip header holds the time."""
    if isinstance(val, bytes) and (len(val) > 40 or not val.isascii() or b"\0" in val):
        return f"{argname}-{len(val)}"
    return None


@pytest.fixture(autouse=True, scope="session")
def _state_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands that are tried keep no accounts in the ledger of whoever runs the tests."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A test that runs a command sets up the log; the next one finds it as it was."""
    log = logging.getLogger("trioproxy")
    level, handlers, propagate = log.level, log.handlers[:], log.propagate
    yield
    log.setLevel(level)
    log.handlers[:] = handlers
    log.propagate = propagate
