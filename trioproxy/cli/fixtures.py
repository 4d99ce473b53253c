"""``trioproxy fixtures``: recordings made elsewhere, checked, looked at, cleaned."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trioproxy.cli.configuration import fail
from trioproxy.cli.printing import counted, print_json
from trioproxy.protocols.table import NAMES

if TYPE_CHECKING:
    from trioproxy.upstream.fixture import Fixture

__all__ = ["command"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_YAML = frozenset({".yaml", ".yml"})


def _paths(command: _Command) -> _Command:
    kind = click.Path(path_type=Path, exists=True)
    return click.argument("paths", type=kind, nargs=-1, required=True, metavar="PATH...")(command)


def _as_json(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


@click.group("fixtures", short_help="Import, lint, show and redact recordings.")
def command() -> None:
    """Work on recordings: the files that `record` writes and `replay` serves.

    \b
    Example:  trioproxy fixtures show recordings/anthropic
    """


@command.command("import", short_help="Make recordings of what other tools recorded.")
@click.argument("files", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1, required=True)
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder the files go to."
)
@click.option(
    "--protocol",
    type=click.Choice(list(NAMES)),
    help="What was spoken, where a file does not tell.",
)
@click.option("--force", is_flag=True, help="Replace recordings of the same name that differ.")
@_as_json
def import_(files: tuple[Path, ...], into: Path, protocol: str | None, force: bool, as_json: bool) -> None:
    """Import FILES: VCR cassettes (YAML or JSON), HAR files, raw event streams, JSON chunks one a line, exchanges as JSON.

    Keys and names of people are taken out, and exchanges left out that ask nothing of a model's API. Nothing but HAR holds times; other
    streams get an even pace.

    \b
    Example:  trioproxy fixtures import cassettes/*.yaml --into recordings
    """
    from trioproxy.upstream.archive import fixture_name
    from trioproxy.upstream.fixture import write_fixture
    from trioproxy.upstream.question import Question
    from trioproxy.upstream.redact import Redactor, SecretRemains

    names: dict[str, int] = {}
    written: list[str] = []
    for file in files:
        for fixture in _imported(file, protocol):
            question = Question.of(fixture.request)
            if not question.is_known:
                click.echo(f"{file}: left out {question}, which is no operation of a model's API", err=True)
                continue
            try:
                Redactor().check(fixture)
            except SecretRemains as error:
                fail(f"{file}: {error}; nothing of it was written")
            name = fixture_name(fixture)
            names[name] = number = names.get(name, 0) + 1
            path = into / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
            data = write_fixture(fixture)
            if path.exists() and path.read_bytes() != data and not force:
                fail(f"{path} is there already and differs; --force replaces it")
            _write(path, data)
            written.append(str(path))
            if not as_json:
                click.echo(path)
    if as_json:
        print_json({"written": written})


def _imported(file: Path, protocol: str | None) -> list[Fixture]:
    import yaml

    from trioproxy.upstream.imports import ImportInvalid, import_bytes, import_document

    try:
        if file.suffix.lower() in _YAML:
            return import_document(yaml.safe_load(file.read_bytes()), protocol=protocol)
        return import_bytes(file.read_bytes(), protocol=protocol)
    except (ImportInvalid, yaml.YAMLError) as error:
        fail(f"{file}: {error}")
    except OSError as error:
        fail(f"{file}: {error.strerror or error}")


@command.command("lint", short_help="Check recordings: their format, and that they hold no keys.")
@_paths
@_as_json
def lint(paths: tuple[Path, ...], as_json: bool) -> None:
    """Check every recording at PATHS (files, or folders at any depth): format, order, keys that were left in.

    Every problem is reported at once, with file, line and the word that was probably meant. Exit code 1 if there is one.

    \b
    Example:  trioproxy fixtures lint recordings
    """
    from trioproxy.upstream.lint import lint

    files = list(_files(paths))
    problems = [problem for file in files for problem in lint(_read(file), str(file))]
    if as_json:
        print_json({"files": len(files), "problems": [problem.document() for problem in problems]})
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(f"{counted(len(files), 'recording')}, {counted(len(problems), 'problem')}", err=True)
    if problems:
        raise SystemExit(1)


@command.command("show", short_help="Show recordings on a line of time.")
@_paths
@_as_json
def show(paths: tuple[Path, ...], as_json: bool) -> None:
    """Show what was asked, and each piece of the answer with its time, its bytes and its events.

    \b
    Example:  trioproxy fixtures show recordings/anthropic
    """
    from trioproxy.upstream.timeline import described, drawn

    fixtures = [(str(file), _fixture(file)) for file in _files(paths)]
    if as_json:
        print_json({"recordings": [described(name, fixture) for name, fixture in fixtures]})
        return
    click.echo("\n\n".join("\n".join(drawn(name, fixture)) for name, fixture in fixtures))


@command.command("redact", short_help="Take keys and names of people out of recordings.")
@_paths
@click.option(
    "--secret-env", "variables", multiple=True, metavar="NAME", help="A variable that holds a key to take out."
)
@click.option("--redact", "patterns", multiple=True, metavar="REGEX", help="Take out what fits, too; several times.")
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit code 1 where something would change.")
@_as_json
def redact(
    paths: tuple[Path, ...], variables: tuple[str, ...], patterns: tuple[str, ...], only_check: bool, as_json: bool
) -> None:
    """Apply the rules of recording once more to every file at PATHS, and write those that change.

    A key that has no known shape is named by the environment variable that holds it, so that it stands in no command line.

    \b
    Example:  trioproxy fixtures redact recordings --secret-env OPENAI_API_KEY
    """
    from trioproxy.upstream.fixture import write_fixture
    from trioproxy.upstream.redact import Redactor, SecretRemains, secrets_of

    try:
        redactor = Redactor.ruled(patterns).knowing(_values(variables))
    except re.error as error:
        fail(f"--redact {error.pattern!r} is no regular expression: {error}")
    changed: list[str] = []
    for file in _files(paths):
        fixture = _fixture(file)
        clean = redactor.redact(fixture)
        try:
            redactor.check(clean, secrets=secrets_of(fixture.request.headers, fixture.request.query))
        except SecretRemains as error:
            fail(f"{file}: {error}; edit or delete this file")
        if clean == fixture:
            continue
        if not only_check:
            _write(file, write_fixture(clean))
        changed.append(str(file))
        if not as_json:
            click.echo(f"{file}: {'holds what should be taken out' if only_check else 'cleaned'}")
    if as_json:
        print_json({"changed": changed, "written": not only_check})
    if only_check and changed:
        raise SystemExit(1)


def _values(variables: Sequence[str]) -> Iterator[str]:
    for name in variables:
        value = os.environ.get(name)
        if not value:
            fail(f"the variable {name} is not set: nothing was changed")
        yield value


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files that are meant; ends the command where a folder has none."""
    for path in paths:
        found = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not found:
            fail(f"there are no recordings in {path}")
        yield from found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror or error}")


def _fixture(file: Path) -> Fixture:
    from trioproxy.upstream.fixture import FixtureInvalid, read_fixture

    try:
        return read_fixture(_read(file))
    except FixtureInvalid as error:
        fail(f"{file} is no recording: {error}. `trioproxy fixtures lint` has all its problems.")


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.tmp")
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
