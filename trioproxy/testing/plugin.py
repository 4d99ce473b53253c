"""The pytest plugin: the fixture ``llm_replay``, its marker and its options.

Knows: pytest's hooks. Everything else is in the modules beside it, which are imported by the first test that uses the fixture: pytest loads
this file in every run on a machine that has trioproxy installed.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trioproxy.testing.provider import LocalProvider

__all__ = [
    "llm_replay",
    "pytest_addoption",
    "pytest_configure",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]

FIXTURE = "llm_replay"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("trioproxy", "recorded LLM traffic (trioproxy)")
    group.addoption(
        "--llm-record",
        action="store_true",
        help="ask the providers of --llm-config, and record what they answer, instead of replaying it",
    )
    group.addoption(
        "--llm-config", metavar="FILE", help="a trioproxy configuration with the providers to record (and their keys)"
    )
    group.addoption(
        "--llm-replay-strict",
        action="store_true",
        help="fail a test that leaves recordings unused; of a folder that several tests share, the last of them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{FIXTURE}(folder=None, *, match='shape', speed=0, faults=None, once=True, ignore=()): which recordings "
        f"answer the `{FIXTURE}` fixture, and how. The folder is relative to the test's file; without one it is fixtures/<module>/",
    )
    if config.getoption("--llm-record") and not config.getoption("--llm-config"):
        raise pytest.UsageError("--llm-record needs --llm-config FILE: the providers to ask, and their keys")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say that this run asks real providers."""
    return [f"llm: recording from {config.getoption('--llm-config')}"] if config.getoption("--llm-record") else []


@pytest.fixture
def llm_replay(request: pytest.FixtureRequest) -> Generator[LocalProvider]:
    """A local LLM provider that answers from recordings: `base_url`, `api_key`, `calls`, `unused`."""
    from trioproxy.testing.marker import provided

    with provided(request) as provider:
        yield provider


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let a strict run judge a test that passed."""
    result = yield
    if FIXTURE in getattr(item, "fixturenames", ()) and item.config.getoption("--llm-replay-strict"):
        from trioproxy.testing.verdict import judge

        judge(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Add to a test's report what was asked for and not found."""
    if call.when == "call" and FIXTURE in getattr(item, "fixturenames", ()):
        from trioproxy.testing.verdict import report

        report(item)
    return (yield)
