"""Patterns over model names: the wildcards of model lists, and the four kinds of a ProxAI route.

Knows: globs (``*`` and ``?``; classes and braces in routes), regular expressions with ``$1`` templates, what ``auto`` stands for. All
comparing is without regard to case. Refuses to know: what follows from a match.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

import attrs

from trioproxy.config.model import MatchKind

__all__ = ["Globs", "PatternInvalid", "RoutePattern", "is_wild"]

# In the Rust dialect that such files are written for, the name after a "$" is as long as it can be; "${1}x" ends it.
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)
_RUST_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")


class PatternInvalid(ValueError):
    """A pattern that can't be compiled; the message says why, for a person."""


def is_wild(pattern: str) -> bool:
    """Whether a pattern of a model list means more than one name."""
    return "*" in pattern or "?" in pattern


class Globs:
    """A list of wildcard patterns: ``*`` is any text (slashes too), ``?`` one character, anything else itself."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._plain = frozenset(pattern.lower() for pattern in self.patterns if not is_wild(pattern))
        wild = [_wild_source(pattern) for pattern in self.patterns if is_wild(pattern)]
        self._wild = re.compile("|".join(wild), re.IGNORECASE | re.DOTALL) if wild else None

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def match(self, name: str) -> bool:
        """Whether any of the patterns is all of ``name``."""
        return name.lower() in self._plain or (self._wild is not None and self._wild.fullmatch(name) is not None)


@attrs.frozen
class RoutePattern:
    """A route's pattern, compiled. ``exact`` is the lower-case name for EXACT, None for the kinds that need ``expression``."""

    kind: MatchKind
    exact: str | None
    expression: re.Pattern[str] | None

    @classmethod
    def compile(cls, kind: MatchKind, pattern: str) -> RoutePattern:
        """Compile ``pattern``; AUTO is decided here.

        Raises:
            PatternInvalid: the regular expression or the glob is broken.
        """
        kind = _decided(pattern) if kind is MatchKind.AUTO else kind
        if kind is MatchKind.EXACT:
            return cls(kind, pattern.lower(), None)
        if kind is MatchKind.GLOB:
            source = rf"(?:{_glob_source(pattern)})\Z"
        else:
            source = _RUST_NAMED_GROUP.sub("(?P<", pattern)
        try:
            with warnings.catch_warnings():
                # "Possible nested set": the dialect such files are written for has them, and means what Python means today.
                warnings.simplefilter("ignore", FutureWarning)
                return cls(kind, None, re.compile(source, re.IGNORECASE))
        except (re.error, OverflowError, RecursionError) as exc:
            raise PatternInvalid(f"not a {kind.value} pattern: {exc}") from None

    def matches(self, model: str) -> bool:
        """Whether the client's ``model`` is meant: a whole match, but for REGEX, which is found anywhere."""
        if self.expression is None:
            return model.lower() == self.exact
        found = self.expression.search(model) if self.kind is MatchKind.REGEX else self.expression.match(model)
        return found is not None

    def rewrite(self, model: str, template: str) -> str:
        """The upstream's name: ``template`` itself, but for REGEX, where it replaces the part of ``model`` that matched and ``$1``,
        ``${1}``, ``$name`` in it stand for groups (an unknown one for nothing)."""
        if self.kind is not MatchKind.REGEX or self.expression is None:
            return template
        return self.expression.sub(lambda found: _filled(template, found), model, count=1)


def _decided(pattern: str) -> MatchKind:
    if is_wild(pattern):
        return MatchKind.GLOB
    if pattern.startswith("^") or pattern.endswith("$") or any(char in pattern for char in "([|+\\"):
        return MatchKind.REGEX
    return MatchKind.EXACT


def _wild_source(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)


def _glob_source(pattern: str) -> str:
    """The expression of a route's glob; a backslash is itself, as on the systems where paths hold it."""
    out: list[str] = []
    depth = 0
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "[":
            end = pattern.find("]", at + 1 if pattern[at : at + 1] in {"!", "^", "]"} else at)
            if end == -1:
                raise PatternInvalid("not a glob pattern: '[' is never closed")
            out.append(_class_source(pattern[at:end]))
            at = end + 1
        elif char == "{":
            depth += 1
            out.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            out.append(")")
        elif char == "," and depth:
            out.append("|")
        else:
            out.append({"*": "(?s:.*)", "?": "(?s:.)"}.get(char, re.escape(char)))
    if depth:
        raise PatternInvalid("not a glob pattern: '{' is never closed")
    return "".join(out)


def _class_source(members: str) -> str:
    negated = members[:1] in {"!", "^"}
    escaped = (members[1:] if negated else members).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"[{'^' if negated else ''}{escaped}]"


def _filled(template: str, found: re.Match[str]) -> str:
    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        try:
            return found[int(name) if name.isdigit() else name] or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(group, template)
