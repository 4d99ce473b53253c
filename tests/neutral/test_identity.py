from __future__ import annotations

import pytest

from trioproxy.neutral.identity import told_apart

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", TOKEN),
        ("chatcmpl-42", "chatcmpl-42_0123456789ab"),
        ("chatcmpl-2EHCQqsRzdOlFskNehCMu2oOMTXhSjey", "chatcmpl-2EHCQqsRzdOlFskNehCMu2oOMTXhSjey"),
    ],
)
def test_ids_that_tell_answers_apart(given: str, told: str) -> None:
    assert told_apart(given, TOKEN) == told
