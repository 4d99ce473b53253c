"""Arguments in the types that the client's schema gives them, where a target knows values as strings only.

Google takes enums of strings alone, so a choice of ``60`` and ``1440`` is declared as one of ``"60"`` and ``"1440"``, and the model answers with
the string. Its client holds calls to the schema that it wrote. Refuses to know: how a schema was changed for a target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trioproxy.neutral.references import referenced
from trioproxy.wire.jsoncodec import JSONError, dumps, loads

__all__ = ["retyped", "word"]

_DEPTH = 48
_BRANCHES = ("anyOf", "oneOf", "allOf")


def word(value: Any) -> str:
    """A value as the string that stands for it."""
    return value if isinstance(value, str) else dumps(value).decode()


def retyped(arguments: str, schema: Mapping[str, Any]) -> str:
    """The JSON text of a call's arguments with every string that stands for a value of another type replaced by that value; the same text where
    there is none."""
    try:
        given = loads(arguments)
    except JSONError:
        return arguments
    made = _Retyper(schema).value(given, schema, _DEPTH)
    return arguments if made == given else dumps(made).decode()


class _Retyper:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def value(self, given: Any, schema: Any, depth: int) -> Any:
        """``given`` as ``schema`` wants it."""
        schema = self._named(schema)
        if schema is None or depth == 0:
            return given
        if isinstance(given, str):
            given = _meant(given, schema)
        elif isinstance(given, dict):
            properties, others = schema.get("properties"), schema.get("additionalProperties")
            known = properties if isinstance(properties, Mapping) else {}
            given = {name: self.value(each, known.get(name, others), depth - 1) for name, each in given.items()}
        elif isinstance(given, list):
            first, items = schema.get("prefixItems"), schema.get("items")
            places = first if isinstance(first, list) else []
            given = [
                self.value(each, places[at] if at < len(places) else items, depth - 1) for at, each in enumerate(given)
            ]
        for name in _BRANCHES:
            branches = schema.get(name)
            for branch in branches if isinstance(branches, list) else ():
                given = self.value(given, branch, depth - 1)
        return given

    def _named(self, schema: Any) -> Mapping[str, Any] | None:
        """The schema, or what it refers to in this document."""
        if not isinstance(schema, Mapping):
            return None
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        return referenced(self._document, reference)


def _meant(given: str, schema: Mapping[str, Any]) -> Any:
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    values = listed if isinstance(listed, list) else []
    if given in values:
        return given
    return next((each for each in values if each is not None and word(each) == given), given)
