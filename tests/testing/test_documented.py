"""What the pages promise: the sample suite passes as it lies there, and the format is the one that is written down."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.test_plugin import NAMED
from trioproxy.upstream.fixture import Ending, read_fixture, write_fixture
from trioproxy.upstream.lint import lint

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs" / "sample-tests"
FORMAT = (ROOT / "fixtures" / "README.md").read_text("utf-8")

SDKS = {
    "test_asyncio_openai.py": "openai",
    "test_sync_anthropic.py": "anthropic",
    "test_trio_gemini.py": "google.genai",
}


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.timeout(600)  # a pytest of its own that imports three SDKs: slow where the machine is busy
def test_the_sample_suite_passes_without_a_key_and_leaves_no_recording_unused(tmp_path: Path) -> None:
    missing = [sdk for sdk in SDKS.values() if not _installed(sdk)]
    if missing:
        pytest.skip(f"the sample suite needs {', '.join(missing)}")
    suite = shutil.copytree(SAMPLES, tmp_path / "suite", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    keys = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "PYTEST_ADDOPTS"}
    environment = {name: value for name, value in os.environ.items() if name not in keys}
    # Whoever asks for anything but the loopback is sent to a port where nobody listens.
    environment |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "pytest", *NAMED, "-q", "--llm-replay-strict", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=suite, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b6 passed\b", done.stdout)


def test_every_sample_is_expected() -> None:
    assert {path.name for path in SAMPLES.glob("test_*.py")} == set(SDKS)


@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.json")), ids=lambda path: path.stem)
def test_a_recording_of_the_samples_is_without_fault(path: Path) -> None:
    assert lint(path.read_bytes(), path.name) == []


def test_the_example_of_the_format_is_a_fixture() -> None:
    found = re.search(r"```json\n(.*?)```", FORMAT, re.DOTALL)
    assert found is not None
    assert lint(found[1].encode(), "README.md") == []
    assert write_fixture(read_fixture(found[1].encode())).decode() == found[1]


def test_every_written_chunk_is_what_the_page_says() -> None:
    rows = re.findall(r"^\| `(\{\"at\".*\})` \|", FORMAT, re.MULTILINE)
    document = {
        "schema": "trioproxy-fixture/1",
        "request": {"path": "/"},
        "response": {"status": 200, "chunks": [json.loads(row) for row in rows], "end": {"how": "complete"}},
    }
    data = json.dumps(document).encode()
    assert lint(data, "README.md") == []
    assert [chunk.data for chunk in read_fixture(data).chunks] == [
        b'data: {"a":1}\n\n',
        b"event: ping\ndata: {}\n\n",
        b"data: [DONE]\n\n",
        b"data: x\r\n\r\n",
        b'{"a":1}',
        b'data: {"a"',
        b"\xe2\x82",
    ]


def test_every_way_to_end_is_on_the_page() -> None:
    [row] = [line for line in FORMAT.splitlines() if line.startswith("| `response.end`")]
    assert set(re.findall(r"`(\w+)`", row)) - {"how"} == {ending.value for ending in Ending}
