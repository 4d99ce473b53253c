"""The pytest plugin: the fixture ``llm_replay``, its marker and its options.

Knows: pytest's hooks. Everything else is in the modules beside it, which are imported by the first test that uses the fixture: pytest loads
this file in every run on a machine that has trioproxy installed.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from trioproxy.testing.provider import LocalProvider

__all__ = [
    "FIXTURE",
    "configuration",
    "llm_replay",
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]

FIXTURE = "llm_replay"
"""The name of the fixture, and of its marker."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("trioproxy", "recorded LLM traffic (trioproxy)")
    group.addoption(
        "--llm-record",
        action="store_true",
        help="ask the providers of --llm-config, and record what they answer, instead of replaying it (also --record)",
    )
    group.addoption(
        "--llm-config", metavar="FILE", help="a trioproxy configuration with the providers to record (and their keys)"
    )
    parser.addini("llm_config", "the same, from the folder of this file on")
    parser.addini("llm_redact", "regular expressions of what is taken out of recordings, one a line", type="linelist")
    parser.addini("llm_redact_fields", "names of body fields whose values are taken out of recordings", type="args")
    group.addoption(
        "--llm-replay-strict",
        action="store_true",
        help="fail a test that leaves recordings unused; of a folder that several tests share, the last of them",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, Any, Any]:
    """Let ``--record`` stand for ``--llm-record``, where neither a plugin nor a conftest has a ``--record`` of its own."""
    result = yield
    with suppress(ValueError):
        parser.addoption("--record", action="store_true", dest="llm_record", help="as --llm-record")
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{FIXTURE}(folder=None, *, match='shape', speed=0, faults=None, once=True, ignore=()): which recordings "
        f"answer the `{FIXTURE}` fixture, and how. The folder is relative to the test's file; without one it is fixtures/<module>/",
    )
    if config.getoption("llm_record") and configuration(config) is None:
        raise pytest.UsageError(
            "--llm-record needs --llm-config FILE (or llm_config in the ini-file): the providers to ask, and their keys"
        )


def configuration(config: pytest.Config) -> Path | None:
    """The file with the providers to record."""
    given, usual = config.getoption("--llm-config"), config.getini("llm_config")
    if given:
        return config.invocation_params.dir / str(given)
    return config.rootpath / str(usual) if usual else None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say that this run asks real providers."""
    return [f"llm: recording from {configuration(config)}"] if config.getoption("llm_record") else []


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
