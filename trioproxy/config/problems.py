"""What is wrong with a configuration, all of it at once, each with its place.

Knows: how a problem and a warning are written for a person. Refuses to know: what makes something a problem.
"""

from __future__ import annotations

from typing import Any

import attrs

from trioproxy.config.nearest import suggestion

__all__ = ["ConfigInvalid", "Place", "Problem", "Report"]


@attrs.frozen
class Place:
    """Where in a file: its name, the line (from 1; 0 unknown), and the path of keys (``claude-api-key[0].prefix``)."""

    file: str
    line: int
    path: str = ""

    def __str__(self) -> str:
        spot = f"{self.file}:{self.line}" if self.line else self.file
        return f"{spot}: {self.path}" if self.path else spot

    @property
    def source(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    def key(self, name: str, line: int) -> Place:
        """The member ``name`` of what is here."""
        return Place(self.file, line, f"{self.path}.{name}" if self.path else name)

    def item(self, number: int, line: int) -> Place:
        """The item ``number`` (from 0) of the list here."""
        return Place(self.file, line, f"{self.path}[{number}]")


@attrs.frozen(kw_only=True)
class Problem:
    """One reason why a configuration is refused. ``suggestion`` is the name that was probably meant."""

    file: str
    line: int
    path: str
    message: str
    suggestion: str | None = None

    def document(self) -> dict[str, Any]:
        """The problem as JSON has it."""
        return attrs.asdict(self)

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{Place(self.file, self.line, self.path)}: {self.message}{hint}"


class ConfigInvalid(Exception):
    """A configuration that can't be used. ``problems`` holds every reason, in the order of the file; never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@attrs.define(eq=False)
class Report:
    """Problems and warnings as they are found. A file that is wrong in a thousand places is shown the first of them."""

    problems: list[Problem] = attrs.Factory(list)
    warnings: list[str] = attrs.Factory(list)
    most: int = 200

    def problem(self, place: Place, message: str, *, word: str = "", known: tuple[str, ...] = ()) -> None:
        """Note a problem; ``word`` is the spelling to find the nearest of ``known`` for."""
        if len(self.problems) < self.most:
            near = suggestion(word, known) if word else None
            self.problems.append(
                Problem(file=place.file, line=place.line, path=place.path, message=message, suggestion=near)
            )

    def warning(self, place: Place, message: str) -> None:
        """Note what a person should hear once and what does not stop the start."""
        if len(self.warnings) < self.most:
            self.warnings.append(f"{place}: {message}")

    def settle(self) -> None:
        """End of reading.

        Raises:
            ConfigInvalid: there were problems.
        """
        if self.problems:
            raise ConfigInvalid(tuple(sorted(self.problems, key=lambda problem: problem.line)))
