"""schemas/avro/reader.py reads what the Avro library reads, and refuses by itself what is not canonical."""

from io import BytesIO
from random import Random
from typing import Any

import fastavro
import pytest
from hypothesis import given, strategies

from schemas import schema_files, types
from schemas.avro import codec
from schemas.avro.encoder import varint
from schemas.avro.reader import ReadError, compile_reader
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
    "a number that is longer than need be": b"\x82\x00",
    "a number of more than ten bytes": b"\x80" * 11 + b"\x01",
    "a number that overflows 64 bits": b"\xff" * 9 + b"\x7f",
    "a negative length": varint(-1),
}


@pytest.mark.parametrize("name", NOT_CANONICAL)
def test_a_length_that_is_not_canonical_is_refused_before_anything_is_compared(name: str) -> None:
    """The reader alone stops it."""
    with pytest.raises(ReadError):
        reader_of(types.Recall)(NOT_CANONICAL[name] + b"x" * 10, 0)


def test_an_array_longer_than_its_field_may_be_is_refused_at_its_count() -> None:
    """Nothing is read, and nothing is allocated, for its items."""
    head = codec.encode(HEADER)[START : START + 16] + b"\0"

    with pytest.raises(ReadError, match="refers_to"):
        reader_of(types.Header)(head + varint(501) + bytes(501 * 16) + b"\0\0\0", 0)


def test_bytes_that_are_left_over_are_refused() -> None:
    """A record takes all of the data."""
    with pytest.raises(ReadError):
        reader_of(types.Recall)(varint(1) + b"x" + b"\0", 0)


@pytest.mark.parametrize("value", EACH, ids=name_of)
@given(random=strategies.randoms(use_true_random=False))
def test_what_is_read_is_the_only_encoding_of_its_value(value: types.Record, random: Random) -> None:
    """Whatever is done to lawful bytes: they are refused, or writing the value gives the same bytes again."""
    data = bytearray(codec.encode(value))
    for _ in range(random.randint(1, 3)):
        place = random.randrange(START, len(data))
        match random.randrange(4):
            case 0:
                data[place] ^= 1 << random.randrange(8)
            case 1:
                data.insert(place, random.choice((0, 1, 2, 0x80, 0xC0, data[place])))
            case 2:
                del data[place : place + random.randint(1, 4)]
            case _:
                data[place : place + 1] = data[place : place + random.randint(1, 24)]
        if len(data) <= START:
            return
    try:
        read = codec.decode(type(value), bytes(data))
    except codec.BadMessage:
        return
    assert codec.encode(read) == data
