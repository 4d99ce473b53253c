"""One pass over the tree of a configuration file: its texts with their variables expanded, and a bound on how much is visited.

Knows: ``${VARIABLE}`` and ``${VARIABLE:-default}``. Refuses to know: what a key may hold (``kinds.py``). Nothing here raises: what is wrong is
noted in the report.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping

import attrs

from trioproxy.config.document import Mapping as MappingNode
from trioproxy.config.document import Member, Node, Scalar
from trioproxy.config.document import Sequence as SequenceNode
from trioproxy.config.problems import Place, Report

__all__ = ["UNSET", "Reading", "members"]

_MOST_NODES = 400_000
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _Unset(enum.Enum):
    UNSET = "unset"


UNSET = _Unset.UNSET
"""What a reader gives back where there was nothing, or nothing readable."""


@attrs.define(eq=False)
class Reading:
    """One pass over a tree: the environment, the report, and how much was visited (aliases make a small file large). ``forgiving`` leaves
    variables that are not set as they are."""

    env: Mapping[str, str]
    report: Report
    forgiving: bool = False
    visited: int = 0
    exhausted: bool = False

    def visit(self, place: Place) -> bool:
        """Count one node; false once there were too many."""
        self.visited += 1
        if self.visited > _MOST_NODES and not self.exhausted:
            self.exhausted = True
            self.report.problem(place, f"the file stands for more than {_MOST_NODES} values; are anchors nested?")
        return not self.exhausted

    def items(self, node: SequenceNode, place: Place) -> Iterator[tuple[Node, Place]]:
        """The items of a list, each with its place, until too much was visited."""
        for at, item in enumerate(node.items):
            if self.exhausted:
                return
            yield item, place.item(at, item.line)

    def text(self, node: Node, place: Place, *, lenient: bool = False) -> str | None:
        """The text of a scalar with its variables expanded; None where it is none. ``lenient`` leaves unknown variables as they are."""
        if not self.visit(place):
            return None
        if not isinstance(node, Scalar):
            what = "a list" if isinstance(node, SequenceNode) else "a mapping"
            self.report.problem(place, f"expected one value, got {what}")
            return None
        if node.is_null:
            return None
        if "${" not in node.text:
            return node.text
        return _VARIABLE.sub(lambda found: self._variable(found, place, lenient), node.text)

    def _variable(self, found: re.Match[str], place: Place, lenient: bool) -> str:
        name, default = found[1], found[2]
        value = self.env.get(name)
        if default is not None:
            return value or default
        if value is None and not (lenient or self.forgiving):
            self.report.problem(
                place, f"the environment has no variable {name}; set it, or give a default: ${{{name}:-...}}"
            )
        return value if value is not None else found[0]


def members(node: Node, place: Place, reading: Reading) -> list[Member]:
    """The members of a mapping; none, with the problem noted, where it is something else."""
    if not reading.visit(place) or (isinstance(node, Scalar) and node.is_null):
        return []
    if not isinstance(node, MappingNode):
        what = "a list" if isinstance(node, SequenceNode) else "one value"
        reading.report.problem(place, f"expected a mapping (key: value lines), got {what}")
        return []
    return list(node.members.values())
