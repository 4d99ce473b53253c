"""Content codings: what comes out, what is refused, and how much a hostile body can make of itself."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, whole_and_bytewise
from trioproxy.wire.encoding import CODINGS, ContentDecoder, DecodedTooLarge, UnknownCoding, parse_codings
from trioproxy.wire.machine import ProtocolViolation

MIB = 1024 * 1024


def raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(data) + machine.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "br": brotli.compress,
}

SAMPLES = {
    "nothing": b"",
    "one byte": b"x",
    "text": "größer als 网 🌍 ".encode() * 50,
    "above one piece": bytes(range(256)) * 1024,
    "exactly one piece": b"\0" * 65536,
    "exactly two pieces": b"\0" * 131072,
}


def decode(codings: tuple[str, ...], pieces: list[bytes], limit: int = 8 * MIB) -> bytes:
    decoder = ContentDecoder(codings, limit)
    out = [piece for data in pieces for piece in decoder.feed(data)]
    return b"".join(out + decoder.close())


def test_every_coding_has_an_encoder_here() -> None:
    assert set(ENCODERS) == set(CODINGS)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("coding", ENCODERS)
def test_round_trip_at_every_border(coding: str, sample: bytes) -> None:
    for pieces in whole_and_bytewise(ENCODERS[coding](sample)):
        assert decode((coding,), pieces) == sample


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_bare_deflate_is_taken_under_the_same_name(sample: bytes) -> None:
    for pieces in whole_and_bytewise(raw_deflate(sample)):
        assert decode(("deflate",), pieces) == sample


@given(st.lists(st.sampled_from(sorted(ENCODERS)), max_size=3), st.binary(max_size=300))
def test_stacked_codings_come_off_in_reverse(codings: list[str], sample: bytes) -> None:
    wire = sample
    for name in codings:
        wire = ENCODERS[name](wire)
    assert decode(tuple(codings), cut(wire, 5)) == sample


def test_without_codings_bytes_pass() -> None:
    assert decode((), [b"ab", b"", b"c"]) == b"abc"


@pytest.mark.parametrize("coding", ENCODERS)
def test_no_input_is_an_empty_body(coding: str) -> None:
    assert decode((coding,), []) == b""
    assert decode((coding,), [b""]) == b""


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_members_follow_one_another(coding: str) -> None:
    encode = ENCODERS[coding]
    for pieces in whole_and_bytewise(encode(b"one") + encode(b"") + encode(b"two")):
        assert decode((coding,), pieces) == b"onetwo"


def test_a_skippable_zstd_frame_is_skipped() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    assert decode(("zstd",), cut(skippable + zstd.compress(b"body"), 3)) == b"body"


@pytest.mark.parametrize("coding", ENCODERS)
def test_every_truncation_is_an_error(coding: str) -> None:
    whole = ENCODERS[coding](b"some text that ends somewhere" * 3)
    for length in range(1, len(whole)):
        with pytest.raises(ProtocolViolation, match="ends too early"):
            decode((coding,), [whole[:length]])


def test_a_truncated_second_member_is_an_error() -> None:
    with pytest.raises(ProtocolViolation, match="gzip data ends too early"):
        decode(("gzip",), [gzip.compress(b"one") + gzip.compress(b"two")[:-1]])


@pytest.mark.parametrize("coding", ENCODERS)
@pytest.mark.parametrize("step", [1, 1000])
def test_bytes_after_the_end_are_an_error(coding: str, step: int) -> None:
    with pytest.raises(ProtocolViolation, match="corrupt"):
        decode((coding,), cut(ENCODERS[coding](b"body") + b"\xffgarbage that is nothing", step))


@pytest.mark.parametrize("coding", ENCODERS)
def test_garbage_is_an_error_that_quotes_nothing(coding: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        decode((coding,), [b"\xff\xfe secret-in-the-body \xff\xff" * 4])
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_wrong_checksum_is_an_error() -> None:
    wire = bytearray(gzip.compress(b"body"))
    wire[-5] ^= 1
    with pytest.raises(ProtocolViolation, match="corrupt"):
        decode(("gzip",), [bytes(wire)])


@given(st.sampled_from(sorted(ENCODERS)), st.binary(min_size=1, max_size=200), st.integers(0, 60))
def test_any_bytes_decode_or_are_refused(coding: str, data: bytes, step: int) -> None:
    def outcome(pieces: list[bytes]) -> bytes | None:
        try:
            return decode((coding,), pieces)
        except ProtocolViolation:
            return None

    assert outcome(cut(data, step)) == outcome([data])


@pytest.mark.parametrize("coding", ENCODERS)
def test_the_limit_is_exact(coding: str) -> None:
    wire = ENCODERS[coding](b"x" * 1000)
    assert decode((coding,), [wire], limit=1000) == b"x" * 1000
    with pytest.raises(DecodedTooLarge, match="more than 999 bytes"):
        decode((coding,), [wire], limit=999)


@pytest.mark.parametrize("coding", ENCODERS)
def test_a_bomb_is_refused_with_bounded_memory(coding: str) -> None:
    bomb = ENCODERS[coding](bytes(32 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(DecodedTooLarge):
            decode((coding,), [bomb], limit=MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * MIB


def test_a_bomb_inside_a_coding_is_refused_at_its_stage() -> None:
    bomb = gzip.compress(gzip.compress(bytes(64 * MIB)))
    with pytest.raises(DecodedTooLarge):
        decode(("gzip", "gzip"), [bomb], limit=MIB)


def test_a_wide_zstd_window_is_refused() -> None:
    machine = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    with pytest.raises(ProtocolViolation, match="zstd"):
        decode(("zstd",), [machine.compress(b"abc" * 100) + machine.flush()])


@pytest.mark.parametrize(
    ("values", "codings"),
    [
        ([], ()),
        ([b"identity"], ()),
        ([b""], ()),
        ([b"gzip"], ("gzip",)),
        ([b" GZip , Zstd"], ("gzip", "zstd")),
        ([b"br", b"identity,gzip,"], ("br", "gzip")),
    ],
)
def test_codings_are_parsed(values: list[bytes], codings: tuple[str, ...]) -> None:
    assert parse_codings(values) == codings


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"compress", "'compress' is not supported"),
        (b"gzip, nonsense", "'nonsense' is not supported"),
        (b"\xff\xfe", "is not supported"),
        (b"x" * 500, "x' is not supported"),
        (b"gzip,gzip,gzip,gzip", "at most 3"),
    ],
)
def test_unknown_codings_are_named(value: bytes, message: str) -> None:
    with pytest.raises(UnknownCoding, match=message) as caught:
        parse_codings([value])
    assert len(str(caught.value)) < 200
