"""Writes the one lawful encoding of a value, and refuses the value if it has none.

Compiles one closure for each schema; pure, and knows no Avro library: the codec reads with one and compares with what
is written here, so two implementations have to agree. It does not check what `schemas.types` bounds (types, numbers,
characters, lengths of arrays): conversion to the type runs first.
Rules (wire-format, "Conventions"):
- Shortest varints; an array is one block with its count, then 0; an empty one is 0.
- A string is at most `maxBytes` of UTF-8. NUL is refused but in texts that are kept verbatim.
- An array marked `set` is sorted by the bytes of each item's encoding and holds nothing twice.
- Of an array marked `unique` no two items agree in all the fields named.
"""

import keyword
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter, lt
from typing import Any, Final

from schemas import source

Encode = Callable[[Any], bytes]


class LimitError(ValueError):
    """A value breaks a rule of this module; the text names the field and never holds the value."""


def varint(number: int) -> bytes:
    """An int or long as Avro encodes it: zigzag, seven bits in a byte, lowest first."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


CODES_REMEMBERED_MAX: Final = 1_024  # for each field; more than any code list holds

_SMALL: Final = tuple(varint(number) for number in range(4_096))  # lengths and counts: a table is five times faster
_SMALL_END: Final = len(_SMALL)


def encode_text(text: str) -> bytes:
    """A string as Avro encodes it, without any limit."""
    data = text.encode()
    return varint(len(data)) + data


def compile_record(name: str, definitions: source.Definitions) -> Encode:
    """The encoder of a record given as a Struct. It raises LimitError."""
    definition = definitions[name]
    fields = definition["fields"]
    attributes = [field["name"] + "_" * keyword.iskeyword(field["name"]) for field in fields]
    encoders = []
    for field in fields:
        inner, optional = source.unwrap(field["type"])
        where = f"{definition['name']}.{field['name']}"
        encode = _compile(inner, definitions, definition["namespace"], where)
        encoders.append(_optional(encode) if optional else encode)
    if len(fields) == 1:
        only, get_one = encoders[0], attrgetter(attributes[0])
        return lambda value: only(get_one(value))
    each, get = tuple(encoders), attrgetter(*attributes)
    return lambda value: b"".join([encode(item) for encode, item in zip(each, get(value), strict=True)])


def _compile(schema: Any, definitions: source.Definitions, namespace: str, where: str) -> Encode:
    kind, attributes = source.shape(schema, definitions)
    if kind == "record":
        return compile_record(schema, definitions)
    if kind == "array":
        items = _compile(attributes["items"], definitions, namespace, where)
        return _set(items, attributes.get("unique"), where) if attributes.get("set") else _array(items)
    if kind == "string":
        return _text(attributes, namespace, where)
    if kind == "enum":
        indexes = {symbol: varint(index) for index, symbol in enumerate(attributes["symbols"])}
        return lambda value: indexes[value._value_]  # `.value` and hashing a StrEnum cost five times that
    return _SIMPLE[kind]


def _long(value: int) -> bytes:
    return _SMALL[value] if 0 <= value < _SMALL_END else varint(value)


def _bytes(value: bytes) -> bytes:
    return _long(len(value)) + value


_SIMPLE: Final[dict[str, Encode]] = {
    "int": _long,
    "long": _long,
    "bytes": _bytes,
    "fixed": bytes,
    "boolean": (b"\x00", b"\x01").__getitem__,
}


def _text(attributes: dict[str, Any], namespace: str, where: str) -> Encode:
    """Codes come again and again, so their encodings are remembered; texts that tell of persons are not."""
    bytes_min, bytes_max = source.text_bounds(attributes, namespace)
    verbatim = attributes.get("verbatim", False)

    def encode_bounded(value: str) -> bytes:
        data = value.encode()
        length = len(data)
        if length > bytes_max or length < bytes_min:
            raise LimitError(f"{where}: {length} bytes, not {bytes_min} to {bytes_max}")
        if not verbatim and b"\0" in data:
            raise LimitError(f"{where}: holds NUL")
        return (_SMALL[length] if length < _SMALL_END else varint(length)) + data

    is_code = "named" in attributes or not {"format", "pattern"} & attributes.keys()
    if is_code and bytes_max <= source.TEXT_BYTES_MAX:
        return lru_cache(CODES_REMEMBERED_MAX)(encode_bounded)
    return encode_bounded


def _optional(encode: Encode) -> Encode:
    return lambda value: b"\x00" if value is None else b"\x02" + encode(value)


def _array(encode: Encode) -> Encode:
    def encode_array(values: Sequence[Any]) -> bytes:
        return b"".join([_SMALL[len(values)], *map(encode, values), b"\x00"]) if values else b"\x00"

    return encode_array


def _set(encode: Encode, unique: Sequence[str] | None, where: str) -> Encode:
    key = attrgetter(*unique) if unique else None

    def encode_set(values: Sequence[Any]) -> bytes:
        if not values:
            return b"\x00"
        items = [encode(value) for value in values]
        if len(items) > 1:
            if not all(map(lt, items, items[1:])):
                raise LimitError(f"{where}: a set is sorted by encoding and holds nothing twice")
            if key is not None and len(set(map(key, values))) < len(values):
                raise LimitError(f"{where}: two items are the same {unique}")
        return b"".join([_SMALL[len(items)], *items, b"\x00"])

    return encode_set
