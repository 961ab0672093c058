"""schemas/avro/reader.py reads what fastavro reads, and refuses what is not canonical."""

from io import BytesIO
from random import Random
from typing import Any

import fastavro
import pytest
from hypothesis import given, strategies

from schemas import schema_files, types
from schemas.avro import codec
from schemas.avro.reader import ReadError, compile_reader
from schemas.avro.varint import varint
from tests.support.wire_samples import EACH, HEADER, name_of

START = codec.PREFIX_BYTES


def reader_of(cls: type[types.Record]) -> Any:
    """The reader of a type of the wire."""
    return compile_reader(f"enlace.v1.{cls.__name__}", schema_files.current())


@pytest.mark.parametrize("value", EACH, ids=name_of)
def test_a_record_is_read_as_the_avro_library_reads_it(value: types.Record) -> None:
    """Two implementations give the same fields."""
    data = codec.encode(value)
    schema = fastavro.parse_schema(schema_files.bare(f"enlace.v1.{type(value).__name__}", schema_files.current()))

    assert reader_of(type(value))(data, START) == fastavro.schemaless_reader(BytesIO(data[START:]), schema, None)


NOT_CANONICAL = {
    "a number that is not in its shortest form": b"\x82\x00",
    "a number of more than ten bytes": b"\x80" * 11 + b"\x01",
    "a number that overflows 64 bits": b"\xff" * 9 + b"\x7f",
    "a negative length": varint(-1),
}


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_a_length_that_is_not_canonical_is_refused_before_anything_is_compared(name: str) -> None:
    """The reader refuses it by itself."""
    with pytest.raises(ReadError):
        reader_of(types.Recall)(NOT_CANONICAL[name] + b"x" * 10, 0)


def test_an_array_that_is_too_long_is_refused_at_its_count() -> None:
    """Its items are not read, and no memory is allocated for them."""
    head = codec.encode(HEADER)[START : START + 16] + b"\0"

    with pytest.raises(ReadError, match="refers_to"):
        reader_of(types.Header)(head + varint(501) + bytes(501 * 16) + b"\0\0\0", 0)


def test_bytes_after_the_record_are_refused() -> None:
    """A record is all of the data."""
    with pytest.raises(ReadError):
        reader_of(types.Recall)(varint(1) + b"x" + b"\0", 0)


@pytest.mark.parametrize("value", EACH, ids=name_of)
@given(random=strategies.randoms(use_true_random=False))
def test_the_reader_accepts_one_encoding_of_a_value_only(value: types.Record, random: Random) -> None:
    """Damaged bytes are refused, or encoding their value gives the same bytes again."""
    data = bytearray(codec.encode(value))
    for _ in range(random.randint(1, 3)):
        position = random.randrange(START, len(data))
        match random.randrange(4):
            case 0:
                data[position] ^= 1 << random.randrange(8)
            case 1:
                data.insert(position, random.choice((0, 1, 2, 0x80, 0xC0, data[position])))
            case 2:
                del data[position : position + random.randint(1, 4)]
            case _:
                data[position : position + 1] = data[position : position + random.randint(1, 24)]
        if len(data) <= START:
            return
    try:
        read = codec.decode(type(value), bytes(data))
    except codec.BadMessage:
        return
    assert codec.encode(read) == data
