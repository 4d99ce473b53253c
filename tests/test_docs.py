"""What the documentation says, held against the code: commands, configurations, links, and the one test command that CI runs."""

from __future__ import annotations

import re
import runpy
import shlex
import textwrap
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from trioproxy.cli import COMMANDS, cli
from trioproxy.cli.reference import reference
from trioproxy.config.load import build, load
from trioproxy.neutral.events import FinishReason
from trioproxy.protocols.openai_chat.finish import read_finish
from trioproxy.providers.catalog import catalogue, parse

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "fixtures" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page: page.read_text("utf-8") for page in PAGES}


def _commands(page: Path) -> list[str]:
    fences = re.findall(r"^```\w*\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE)
    return [line for fence in fences for line in fence.splitlines() if "pip install" in line]


def test_ci_runs_the_very_test_command_of_the_readme() -> None:
    (test_command,) = [line for line in _commands(ROOT / "README.md") if "pytest" in line]

    assert test_command in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_the_pure_rooms_are_the_same_for_every_gate() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (pure,) = [each["source_modules"] for each in contracts if each["name"].startswith("pure rooms")]
    paths = [each.replace(".", "/") for each in pure]
    wanted = {f"{path}/*" if (ROOT / path).is_dir() else f"{path}.py" for path in paths}
    for file, before, behind in ((".ci/run", "PURE='", "'"), ("tox.ini", "--include=", " ")):
        _, _, rest = (ROOT / file).read_text("utf-8").partition(before)
        assert set(rest.partition(behind)[0].split(",")) == wanted, file


def test_the_first_command_of_the_readme_streams_an_answer() -> None:
    first = _commands(ROOT / "README.md")[0]

    assert first.endswith("trioproxy demo --once")
    assert first in _commands(ROOT / "docs" / "getting-started.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`((?:\w+/)+[\w.]+\.(?:py|yaml|md))`", TEXTS[page]))

    assert not [name for name in named if not (ROOT / name).exists() and not (ROOT / "trioproxy" / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", TEXTS[page])
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert not dead


def test_what_is_generated_is_what_the_code_says() -> None:
    written: dict[Path, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["generated"]()
    stale = [str(path.relative_to(ROOT)) for path, text in written.items() if path.read_text("utf-8") != text]

    assert not stale, "run `python docs/generate.py`"


def test_finish_reasons_mean_what_their_page_says() -> None:
    page = TEXTS[ROOT / "docs" / "protocols" / "openai_chat.md"]
    table = page.partition("| `finish_reason` | neutral |")[2].partition("Reasons that are failures")[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([A-Z_]+)[^|]* \|$", table, re.MULTILINE)
    told = {word: FinishReason[name] for words, name in rows for word in re.findall("`([a-z_]+)`", words)}

    read = {
        word: read_finish(word, called=reason is FinishReason.TOOL_CALLS, refused=False)
        for word, reason in told.items()
    }
    assert len(told) > 10
    assert told == read


def test_every_command_shows_an_example() -> None:
    text = reference()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]

    assert [section.split("\n")[0] for section in sections] == [f"trioproxy {name}" for name in COMMANDS]
    assert not [section.split("\n")[0] for section in sections if "Example" not in section]


def test_commands_that_the_documentation_names_exist() -> None:
    named = {name for text in TEXTS.values() for name in re.findall(r"`trioproxy ([a-z]+)", text)}

    assert named <= set(COMMANDS)


def _command_lines() -> list[str]:
    """Every command line that a reader may copy: in a block of code, alone or behind ``&&`` or ``Example:``, or between back quotes."""
    lines: set[str] = set()
    for text in TEXTS.values():
        blocks = [block for _, block in re.findall(r"^( *)```\w*\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)]
        code = "\n".join((*blocks, *re.findall(r"^ {4}.*", text, re.MULTILINE)))
        lines |= set(re.findall(r"^ *(?:Example: *|.*&& \.venv/bin/)?(trioproxy [^#\n]+)", code, re.MULTILINE))
        lines |= set(re.findall(r"`(trioproxy \w+ [^`]+)`", text))
    return sorted({line.strip() for line in lines})


@pytest.mark.parametrize("line", _command_lines())
def test_every_command_line_is_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)  # the reader's files are not here
    context, arguments = click.Context(cli), shlex.split(line)[1:]
    command: click.Command = cli
    while isinstance(command, click.Group):
        if command.invoke_without_command and (not arguments or arguments[0].startswith("-")):
            break
        name, *arguments = arguments
        found = command.get_command(context, name)
        assert found is not None, name
        command = found

    command.make_context(command.name, arguments)  # reads the arguments, runs nothing


def _snippets(page: Path) -> list[str]:
    """The YAML blocks of a page, a block within a list without the list's indentation."""
    found = re.findall(r"^( *)```yaml\n(.*?)^\1```", TEXTS[page], re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


SNIPPETS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    if page.name != "adding-a-provider.md"
    for number, block in enumerate(_snippets(page))
]


@pytest.mark.parametrize("block", SNIPPETS)
def test_every_configuration_loads_without_a_warning(block: str) -> None:
    env = {"HOME": "/home/nobody", **{name: f"key-of-{name}" for name in re.findall(r"\$\{(\w+)", block)}}

    snapshot = build(load(block), catalogue(), env)

    assert snapshot.credentials
    assert not snapshot.warnings


def test_the_example_of_a_provider_is_an_entry_of_a_catalogue() -> None:
    (block,) = _snippets(ROOT / "docs" / "adding-a-provider.md")
    entries = yaml.safe_load(textwrap.dedent(block))
    shipped = yaml.safe_load((ROOT / "trioproxy" / "providers" / "catalog.yaml").read_text("utf-8"))

    providers = parse({"protocols": shipped["protocols"], "providers": entries}).providers

    assert list(providers) == list(entries)
