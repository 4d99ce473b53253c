"""What the documentation says, held against the code: commands, links, and the one test command that CI runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from trioproxy.cli import COMMANDS
from trioproxy.cli.reference import reference

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page: page.read_text("utf-8") for page in PAGES}


def _commands(page: Path) -> list[str]:
    fences = re.findall(r"^```\w*\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE)
    return [line for fence in fences for line in fence.splitlines() if "pip install" in line]


def test_ci_runs_the_very_test_command_of_the_readme() -> None:
    (test_command,) = [line for line in _commands(ROOT / "README.md") if "pytest" in line]

    assert test_command in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_the_first_command_of_the_readme_streams_an_answer() -> None:
    first = _commands(ROOT / "README.md")[0]

    assert first.endswith("trioproxy demo --once")
    assert first in _commands(ROOT / "docs" / "getting-started.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXTS[page])
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert not dead


def test_what_is_generated_is_what_the_code_says() -> None:
    written: dict[Path, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["generated"]()
    stale = [str(path.relative_to(ROOT)) for path, text in written.items() if path.read_text("utf-8") != text]

    assert not stale, "run `python docs/generate.py`"


def test_every_command_shows_an_example() -> None:
    text = reference()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]

    assert [section.split("\n")[0] for section in sections] == [f"trioproxy {name}" for name in COMMANDS]
    assert not [section.split("\n")[0] for section in sections if "Example" not in section]


def test_commands_that_the_documentation_names_exist() -> None:
    named = {name for text in TEXTS.values() for name in re.findall(r"`trioproxy ([a-z]+)", text)}

    assert named <= set(COMMANDS)
