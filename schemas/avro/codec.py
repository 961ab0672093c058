"""Strict, bounded Avro: the only importer of fastavro.

Single-object encoding: C3 01, CRC-64-AVRO of the schema, body. It does not verify signatures or take schemas from
anywhere but this package.
Rules:
- A schema is never taken from the wire. `decode` names the type it expects, and only that type's fingerprint is read;
  of a payload also those of released versions, resolved into the current type.
- One encoding for each value: `schemas.avro.reader` lets no other pass. What a released version wrote is read by
fastavro,
  written again and has to give the same bytes, which finds whatever that lets pass (long varints, booleans of 2,
  blocks).
- Numbers, lengths and sets are held against the schema, both when reading and when writing.
- All bad input is a BadMessage, whatever was raised below. Its reason names fields and never holds their values.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO
from typing import Any, Final, TypeVar

import fastavro
import msgspec
from fastavro.schema import fingerprint as fastavro_fingerprint
from fastavro.schema import to_parsing_canonical_form

from schemas import schema_files, types
from schemas.avro.encoder import LimitError, compile_record, encode_text
from schemas.avro.reader import ReadError, compile_reader

MARKER: Final = b"\xc3\x01"
PREFIX_BYTES: Final = 10

T = TypeVar("T", bound=types.Record)
Item = TypeVar("Item", bound=str | bytes | types.Record)

_RAW: Final = (bytes,)  # bytes pass unchanged between dicts and Structs


class BadMessage(Exception):
    """Input that is not the one encoding of a lawful value of the expected type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownSchema(BadMessage):
    """The fingerprint is not among those expected."""


class _Codec:
    """What `encode` and `decode` need of one type, computed once."""

    __slots__ = ("bytes_max", "name", "prefix", "read", "released", "schema", "write")

    def __init__(self, name: str) -> None:
        definitions = schema_files.current()
        definition = definitions[name]
        self.name = definition["name"]
        self.schema = fastavro.parse_schema(schema_files.bare(name, definitions))
        self.prefix = prefix_of(self.schema)
        self.bytes_max: int = definition.get("maxBytes", schema_files.BYTES_MAX)
        self.read = compile_reader(name, definitions)
        self.write = compile_record(name, definitions)
        self.released: Mapping[bytes, Any] = _released(name) if definition["payload"] else {}

    def encode(self, value: types.Record) -> bytes:
        """Prefix and canonical body. Raises LimitError."""
        return self.prefix + self.write(value)


def encode(value: types.Record) -> bytes:
    """Single-object encoding of a value. Raises ValueError if it breaks a limit: a bug of the caller, not bad input."""
    cls = type(value)
    codec = _codec(cls)
    msgspec.convert(msgspec.to_builtins(value, builtin_types=_RAW), cls, builtin_types=_RAW)
    data = codec.encode(value)
    if len(data) > codec.bytes_max:
        raise LimitError(f"{codec.name}: {len(data)} bytes, more than {codec.bytes_max}")
    return data


def decode(cls: type[T], data: bytes) -> T:
    """The value that `data` encodes. Raises UnknownSchema or BadMessage; time and memory grow with len(data) only."""
    codec = _codec(cls)
    if len(data) > codec.bytes_max:
        raise BadMessage(f"{codec.name}: {len(data)} bytes, more than {codec.bytes_max}")
    if not data.startswith(codec.prefix):
        return _decode_released(cls, codec, data)
    try:
        raw = codec.read(data, PREFIX_BYTES)
    except (ReadError, IndexError, UnicodeDecodeError) as error:
        raise BadMessage(
            f"{codec.name}: not decodable ({error if isinstance(error, ReadError) else type(error).__name__})"
        ) from None
    return _checked(cls, codec, raw)


def fingerprint(cls: type[types.Record]) -> bytes:
    """CRC-64-AVRO of the schema's canonical form, 8 bytes little-endian as they stand in the encoding."""
    return _codec(cls).prefix[len(MARKER) :]


def sorted_set(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items as a wire array wants them: sorted by their encoding, nothing twice. bytes are of a fixed type."""
    given = tuple(items)
    if len(given) < 2:
        return given
    return tuple(item for _, item in sorted({_item_key(item): item for item in given}.items()))


def unsafe_encode(value: types.Record) -> bytes:
    """As `encode` but with no limit checked: for tests that need records which no lawful writer makes."""
    codec = _codec(type(value))
    return codec.prefix + _fastavro_body(codec.schema, msgspec.to_builtins(value, builtin_types=_RAW))


def unsafe_decode(cls: type[types.Record], data: bytes) -> dict[str, Any]:
    """The fields as the Avro library reads them, with nothing checked: to measure what being strict costs."""
    codec = _codec(cls)
    fields: dict[str, Any] = _read(codec, data, codec.schema, None)
    return fields


def prefix_of(schema: Any) -> bytes:
    """The ten bytes that every single-object encoding of a schema begins with."""
    return MARKER + bytes.fromhex(fastavro_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@cache
def _codec(cls: type[types.Record]) -> _Codec:
    return _Codec(f"enlace.v1.{cls.__name__}")


def _read(codec: _Codec, data: bytes, schema: Any, resolve_to: Any) -> Any:
    stream = BytesIO(data)
    stream.seek(PREFIX_BYTES)
    try:
        return fastavro.schemaless_reader(stream, schema, resolve_to)
    except Exception as error:  # foreign bytes in a foreign parser: whatever it raises is the bytes' fault
        raise BadMessage(f"{codec.name}: not decodable ({type(error).__name__})") from None


def _checked(cls: type[T], codec: _Codec, raw: Any) -> T:
    try:
        return msgspec.convert(raw, cls, builtin_types=_RAW)
    except msgspec.ValidationError as error:
        raise BadMessage(f"{codec.name}: {error}") from None


def _decode_released(cls: type[T], codec: _Codec, data: bytes) -> T:
    """A payload whose writer used an earlier version: canonical by its schema, lawful by the current type."""
    if len(data) < PREFIX_BYTES or not data.startswith(MARKER):
        raise BadMessage(f"{codec.name}: not in single-object encoding")
    prefix = data[:PREFIX_BYTES]
    schema = codec.released.get(prefix)
    if schema is None:
        raise UnknownSchema(f"{codec.name}: unknown schema {prefix[len(MARKER) :].hex()}")
    if prefix + _fastavro_body(schema, _read(codec, data, schema, None)) != data:
        raise BadMessage(f"{codec.name}: not in canonical encoding")
    value = _checked(cls, codec, _read(codec, data, schema, codec.schema))
    try:
        codec.encode(value)
    except LimitError as error:
        raise BadMessage(str(error)) from None
    return value


def _fastavro_body(schema: Any, raw: Any) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, raw, strict_allow_default=True)
    return stream.getvalue()


def _released(name: str) -> dict[bytes, Any]:
    """Schemas of a payload type in the released versions, by the prefix of their encoding."""
    schemas = [fastavro.parse_schema(schema_files.bare(name, d)) for d in schema_files.released().values() if name in d]
    return {prefix_of(schema): schema for schema in schemas}


def _item_key(item: str | bytes | types.Record) -> bytes:
    if isinstance(item, bytes):
        return item
    return encode_text(item) if isinstance(item, str) else unsafe_encode(item)[PREFIX_BYTES:]
