"""What an error body is when it is not what it should be."""

from __future__ import annotations

import pytest

from trioproxy.errors import ErrorKind, Failure
from trioproxy.gateway.error_shapes import EMPTY, FOREIGN_SHAPE, NON_JSON, UNKNOWN_SHAPE, typed


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (b"", EMPTY),
        (b" \r\n", EMPTY),
        (b"oops", NON_JSON),
        (b"\xff", NON_JSON),
        (b"[]", UNKNOWN_SHAPE),
        (b'"text"', UNKNOWN_SHAPE),
        (b'{"x":1}', UNKNOWN_SHAPE),
        (b'{"error":{}}', UNKNOWN_SHAPE),
        (b'{"error":{"message":""}}', UNKNOWN_SHAPE),
        (b'{"message":7}', UNKNOWN_SHAPE),
        (b'{"detail":[1,{"loc":"x"}]}', UNKNOWN_SHAPE),
        (b'{"error":"said"}', FOREIGN_SHAPE),
        (b'{"detail":"said"}', FOREIGN_SHAPE),
        (b'{"message":"said"}', FOREIGN_SHAPE),
        (b'{"msg":"said"}', FOREIGN_SHAPE),
        (b'{"detail":[{"msg":"a"},{"message":"b"}]}', FOREIGN_SHAPE),
        (b'{"message":{"detail":[{"msg":"a"}]}}', FOREIGN_SHAPE),
        (b'{"message":{}}', UNKNOWN_SHAPE),
        (b'{"base_resp":{"status_msg":"said"}}', FOREIGN_SHAPE),
        (b'{"error":{"message":"said"}}', "own"),
        (b'[{"error":{"message":"said"}}]', "own"),
        (b'[{"detail":"said"}]', FOREIGN_SHAPE),
        (b'[{"error":{"message":"said"}}, 1]', UNKNOWN_SHAPE),
        (b'{"type":"error","error":{"type":"t","message":"said"}}', "own"),
    ],
)
def test_each_shape_has_its_name(body: bytes, shape: str) -> None:
    failure = Failure(kind=ErrorKind.INTERNAL, message="m", type="own")
    assert typed(failure, body).type == shape


@pytest.mark.parametrize(
    "body", [b'{"message":"said"}', b'{"object":"error","message":"said","type":"x"}', b'{"error":"said"}']
)
def test_a_message_in_an_unusual_place_goes_by_what_the_status_means(body: bytes) -> None:
    failure = Failure(kind=ErrorKind.RATE_LIMITED, message="m", type="own")
    assert typed(failure, body).type == "own"
    assert typed(failure, b"said").type == NON_JSON
