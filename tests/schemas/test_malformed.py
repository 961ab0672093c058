"""Malformed Avro, on which fastavro may crash or run out of memory, is a BadMessage, in bounded time and memory."""

import time
import tracemalloc
from io import BytesIO

import fastavro
import pytest

from schemas import schema_files, types
from schemas.avro import codec
from schemas.avro.codec import (
    BadMessage,
    UnknownSchema,
    decode,
    encode,
    fingerprint,
)
from schemas.avro.varint import varint
from tests.support.wire_samples import BATCH, HEADER, LABELS

SECONDS_MAX = 0.5  # for one refused record; fastavro took 9 s and all memory for the worst
GROWTH_BYTES_MAX = 64 * 1024 * 1024


def refused(cls: type[types.Record], data: bytes) -> BadMessage:
    """The error with which `data` is refused, in bounded time and memory."""
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(BadMessage) as caught:
            decode(cls, data)
        elapsed, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert elapsed < SECONDS_MAX
    assert peak < GROWTH_BYTES_MAX
    return caught.value


def of(cls: type[types.Record], *parts: bytes) -> bytes:
    """A record of the type with a hand-made body."""
    return codec.MARKER + fingerprint(cls) + b"".join(parts)


# Malformed Avro that a valid schema allows. For other malformed Avro, the lint refuses the schema.
FLAT = types.SealedMessage
EMPTY_FLAT = (b"\0", bytes(32), b"\0", b"\0", bytes(64), b"\0", b"\0")
BATCH_REST = encode(BATCH)[codec.PREFIX_BYTES + 1 :]
HEADER_TYPE = encode(HEADER)[codec.PREFIX_BYTES : codec.PREFIX_BYTES + 16]
LABELS_START = (
    encode(LABELS)[codec.PREFIX_BYTES : codec.PREFIX_BYTES + 32] + b"\0\0\0\0"
)  # salt, kind, times, references
MALFORMED: dict[str, tuple[type[types.Record], tuple[bytes, ...]]] = {
    "no bytes": (FLAT, ()),
    "truncated varint of two bytes": (FLAT, (b"\xff\xff",)),
    "varint with 65,536 continuation bytes": (FLAT, (b"\xff" * 65_536, b"\x01", *EMPTY_FLAT[1:])),
    "varint that overflows 64 bits": (FLAT, (b"\xff" * 10, b"\x01", *EMPTY_FLAT[1:])),
    "varint longer than needed": (FLAT, (b"\x80\x80\x00", *EMPTY_FLAT[1:])),
    "int of 2^40": (types.Batch, (varint(2**40), BATCH_REST)),
    "negative number": (types.Batch, (varint(-1), BATCH_REST)),
    "bytes of length 2^31": (FLAT, (varint(2**31), b"x")),
    "bytes of length 2^40": (FLAT, (varint(2**40), b"x")),
    "bytes of length 2^62": (FLAT, (varint(2**62), b"x")),
    "bytes of length -1": (FLAT, (varint(-1), *EMPTY_FLAT[1:])),
    "bytes of length -2^40": (FLAT, (varint(-(2**40)), *EMPTY_FLAT[1:])),
    "string of length 2^40": (types.Recall, (varint(2**40), b"x")),
    "string of length -1": (types.Recall, (varint(-1), b"x")),
    "string that is not UTF-8": (types.Recall, (varint(2), b"\xff\xfe")),
    "string with half a surrogate pair": (types.Recall, (varint(3), b"\xed\xa0\x80")),
    "string with an overlong form": (types.Recall, (varint(2), b"\xc0\xaf")),
    "string with NUL": (types.Recall, (varint(3), b"a\0b")),
    "array of 2^40 items": (types.Header, (HEADER_TYPE, b"\0", varint(2**40))),
    "array of -2^63 items": (types.Header, (HEADER_TYPE, b"\0", varint(-(2**63)), b"\0\0\0\0")),
    "array in a block with its size": (
        types.Header,
        (HEADER_TYPE, b"\0", varint(-1), varint(16), b"a" * 16, b"\0\0\0"),
    ),
    "array in a block with a wrong size": (
        types.Header,
        (HEADER_TYPE, b"\0", b"\x01", varint(9999), b"a" * 16, b"\0\0\0"),
    ),
    "array in two blocks": (types.Header, (HEADER_TYPE, b"\0", b"\x02", b"a" * 16, b"\x02", b"b" * 16, b"\0\0\0")),
    "array in 100,000 blocks": (types.Labels, (LABELS_START, b"\x02\x00" * 100_000, b"\0\0\0\0\0\0")),
    "array of 100,000 empty strings": (types.Labels, (LABELS_START, varint(100_000), bytes(100_000), b"\0\0\0\0\0\0")),
    "union index 7 of 2": (types.Header, (HEADER_TYPE, b"\0\0\0", varint(7))),
    "union index -1": (types.Header, (HEADER_TYPE, b"\0\0\0", varint(-1), bytes(32), b"\x02", bytes(32))),
    "enum index -1": (types.Header, (HEADER_TYPE, varint(-1), b"\0\0\0")),
    "enum index -9": (types.Header, (HEADER_TYPE, varint(-9), b"\0\0\0")),
    "enum index 7 of 7": (types.Header, (HEADER_TYPE, varint(7), b"\0\0\0")),
    "boolean 2": (types.Labels, (LABELS_START, b"\0\0", b"\x02", b"\0\0\0")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_avro_is_refused(name: str) -> None:
    """In bounded time, with bounded memory."""
    cls, parts = MALFORMED[name]
    error = refused(cls, of(cls, *parts))

    assert not isinstance(error, UnknownSchema)
    assert error.reason


def test_the_hand_made_bodies_are_valid_without_their_defect() -> None:
    """So each row is refused for its own reason."""
    decode(FLAT, of(FLAT, *EMPTY_FLAT))
    decode(types.Batch, of(types.Batch, varint(1), BATCH_REST))
    decode(types.Recall, of(types.Recall, varint(3), b"a b"))
    decode(types.Header, of(types.Header, HEADER_TYPE, b"\0", b"\x02", b"a" * 16, b"\0\0\0"))
    decode(types.Labels, of(types.Labels, LABELS_START, b"\0\0", b"\x01", b"\0\0\0"))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc3", b"\xc3\x01", b"Obj\x01" + bytes(60), b"\xc3\x02" + encode(BATCH)[2:], bytes(200)],
    ids=["empty", "half a marker", "marker alone", "container file", "other version", "zeros"],
)
def test_data_without_single_object_encoding_is_refused(data: bytes) -> None:
    """Also container files, which the codec never unpacks."""
    refused(types.Batch, data)


@pytest.mark.parametrize("expected", [types.Header, types.IntelligenceReport])
def test_a_schema_that_is_not_expected_is_unknown(expected: type[types.Record]) -> None:
    """A valid record of another type, also where a payload is expected."""
    with pytest.raises(UnknownSchema):
        decode(expected, encode(BATCH))


def test_a_schema_of_the_same_name_in_another_namespace_is_unknown() -> None:
    """fastavro by itself would resolve it by its unqualified name."""
    schema = fastavro.parse_schema(
        schema_files.bare("enlace.v1.Recall", schema_files.current()) | {"name": "evil.Recall"}
    )
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, {"reason": "x"})

    with pytest.raises(UnknownSchema):
        decode(types.Recall, codec.prefix_of(schema) + stream.getvalue())
