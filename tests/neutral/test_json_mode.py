from __future__ import annotations

from trioproxy.neutral.json_mode import JSON_INSTRUCTION, schema_instruction, speaks_of_json


def test_json_is_found_in_any_spelling_and_nothing_else() -> None:
    assert speaks_of_json(["hi", "as Json, please"])
    assert not speaks_of_json(["hi", "j son"])
    assert speaks_of_json([JSON_INSTRUCTION])


def test_a_schema_is_told_whole() -> None:
    assert schema_instruction({"type": "array"}).endswith('{"type":"array"}')
