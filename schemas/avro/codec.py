"""Encodes and decodes records: strict Avro with limits, in single-object encoding.

The encoding is C3 01, the CRC-64-AVRO of the schema, and the body. This module does not verify signatures.
Rules:
- A schema never comes from the wire. The caller of `decode` names the expected type, and only its fingerprint is
  accepted. For a payload, the fingerprints of released versions are accepted too, and their values are resolved into
  the current type.
- Each value has one encoding, and `schemas.avro.reader` refuses any other. fastavro reads the payloads of released
  versions; they are encoded again and must give the same bytes, because fastavro accepts more than one encoding.
- Numbers, lengths and sets are checked against the schema when reading and when writing.
- Bad input always raises BadMessage. Its reason names fields and never contains their values.
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
from schemas.avro.encoder import LimitError, compile_record
from schemas.avro.reader import ReadError, compile_reader
from schemas.avro.varint import encode_text

MARKER: Final = b"\xc3\x01"
PREFIX_BYTES: Final = 10

T = TypeVar("T", bound=types.Record)
Item = TypeVar("Item", bound=str | bytes | types.Record)

_RAW: Final = (bytes,)  # bytes pass unchanged between dicts and Structs


class BadMessage(Exception):
    """Input that is not the encoding of a valid value of the expected type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownSchema(BadMessage):
    """The fingerprint is not one of the expected fingerprints."""


class _Codec:
    """What `encode` and `decode` need for one type, computed once."""

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
    """Single-object encoding of a value. ValueError if it breaks a limit: a bug of the caller, not bad input."""
    cls = type(value)
    codec = _codec(cls)
    msgspec.convert(msgspec.to_builtins(value, builtin_types=_RAW), cls, builtin_types=_RAW)
    data = codec.encode(value)
    if len(data) > codec.bytes_max:
        raise LimitError(f"{codec.name}: {len(data)} bytes, more than {codec.bytes_max}")
    return data


def decode(cls: type[T], data: bytes) -> T:
    """The value that `data` encodes. Raises UnknownSchema or BadMessage. Time and memory are linear in len(data)."""
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
    """CRC-64-AVRO of the schema's canonical form: the 8 bytes of the encoding, little-endian."""
    return _codec(cls).prefix[len(MARKER) :]


def sorted_set(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items as a set of the wire: sorted by their encoding, without duplicates. Bytes are of a fixed type."""
    given = tuple(items)
    if len(given) < 2:
        return given
    return tuple(item for _, item in sorted({_item_key(item): item for item in given}.items()))


def unsafe_encode(value: types.Record) -> bytes:
    """Like `encode` without checks: for tests that need invalid records."""
    codec = _codec(type(value))
    return codec.prefix + _fastavro_body(codec.schema, msgspec.to_builtins(value, builtin_types=_RAW))


def unsafe_decode(cls: type[types.Record], data: bytes) -> dict[str, Any]:
    """The fields as fastavro reads them, without checks: to measure the cost of strict reading."""
    codec = _codec(cls)
    fields: dict[str, Any] = _read(codec, data, codec.schema, None)
    return fields


def prefix_of(schema: Any) -> bytes:
    """The first ten bytes of each single-object encoding of a schema."""
    return MARKER + bytes.fromhex(fastavro_fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


@cache
def _codec(cls: type[types.Record]) -> _Codec:
    return _Codec(f"enlace.v1.{cls.__name__}")


def _read(codec: _Codec, data: bytes, schema: Any, resolve_to: Any) -> Any:
    stream = BytesIO(data)
    stream.seek(PREFIX_BYTES)
    try:
        return fastavro.schemaless_reader(stream, schema, resolve_to)
    except Exception as error:  # fastavro raises many types for bad bytes; all mean bad input
        raise BadMessage(f"{codec.name}: not decodable ({type(error).__name__})") from None


def _checked(cls: type[T], codec: _Codec, raw: Any) -> T:
    try:
        return msgspec.convert(raw, cls, builtin_types=_RAW)
    except msgspec.ValidationError as error:
        raise BadMessage(f"{codec.name}: {error}") from None


def _decode_released(cls: type[T], codec: _Codec, data: bytes) -> T:
    """A payload of an earlier version: canonical by its own schema, valid by the current type."""
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
    """The schemas of a payload type in the released versions, by the prefix of their encoding."""
    schemas = [fastavro.parse_schema(schema_files.bare(name, d)) for d in schema_files.released().values() if name in d]
    return {prefix_of(schema): schema for schema in schemas}


def _item_key(item: str | bytes | types.Record) -> bytes:
    if isinstance(item, bytes):
        return item
    return encode_text(item) if isinstance(item, str) else unsafe_encode(item)[PREFIX_BYTES:]
