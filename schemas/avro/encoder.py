"""Writes the canonical encoding of a value, and refuses a value that has none.

It compiles one function for each schema. Pure; it does not use an Avro library. Tests check that it writes what
`schemas.avro.reader` accepts. It does not check the bounds in `schemas.types` (types, numbers, characters, lengths of
arrays): the caller converts the value to its type before.
Rules (docs/wire-format.md, "Conventions"):
- A varint has its shortest form. An array is one block with its count, then 0; an empty array is 0.
- A string has at most `maxBytes` of UTF-8. It has no NUL unless its field is `verbatim`.
- An array with `set` is sorted by the encoding of its items and has no duplicates.
- In an array with `unique`, no two items have the same values in all fields that `unique` names.
"""

import keyword
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter, lt
from typing import Any, Final

from schemas import schema_files
from schemas.avro.compiled import Names, function
from schemas.avro.varint import varint

Encode = Callable[[Any], bytes]


class LimitError(ValueError):
    """A value breaks a rule of this module. The text names the field and never contains the value."""


CODES_REMEMBERED_MAX: Final = 1_024  # for each field; more than the length of any code list

_SMALL: Final = tuple(varint(number) for number in range(4_096))  # lengths and counts; a table is five times faster
_SMALL_END: Final = len(_SMALL)


def compile_record(name: str, definitions: schema_files.Definitions) -> Encode:
    """The encoder of a record given as a Struct. It raises LimitError."""
    definition = definitions[name]
    text = _Text(definitions, definition["namespace"])
    for field in definition["fields"]:
        attribute = field["name"] + "_" * keyword.iskeyword(field["name"])
        text.field(field["type"], f"value.{attribute}", f"{definition['name']}.{field['name']}")
    body = [*text.lines, f"return join(({', '.join(text.parts)},))"]
    return function(f"write_{definition['name']}", "value", body, text.names.bound)


class _Text:
    """The lines of one encoder; `parts` are the variables with the encoded fields, in the order of the fields."""

    def __init__(self, definitions: schema_files.Definitions, namespace: str) -> None:
        self.lines: list[str] = []
        self.parts: list[str] = []
        self.names = Names()
        self.names.bound |= {"small": _SMALL, "long": varint, "join": b"".join, "length": _length_refused, "nul": _nul}
        self._definitions = definitions
        self._namespace = namespace

    def field(self, schema: Any, value: str, where: str) -> None:
        """Add the lines that encode the expression `value` as a field."""
        inner, optional = schema_files.unwrap(schema)
        kind, attributes = schema_files.shape(inner, self._definitions)
        part = f"p{len(self.parts)}"
        self.parts.append(part)
        lines = self._write(kind, inner, attributes, part, where)
        self.lines.append(f"v = {value}")
        if optional:
            branch = [f"    {line}" for line in lines]
            self.lines += [f"if v is None: {part} = b'\\0'", "else:", *branch, f"    {part} = b'\\2' + {part}"]
        else:
            self.lines += lines

    def _write(self, kind: str, schema: Any, attributes: dict[str, Any], part: str, where: str) -> list[str]:
        """The lines that encode the variable `v` into the variable `part`."""
        match kind:
            case "int" | "long":
                return [f"{part} = small[v] if 0 <= v < {_SMALL_END} else long(v)"]
            case "fixed":
                return [f"{part} = v"]
            case "boolean":
                return [f"{part} = b'\\1' if v else b'\\0'"]
            case "bytes":
                return ["n = len(v)", f"{part} = (small[n] if n < {_SMALL_END} else long(n)) + v"]
            case "string" if not _is_code(attributes):
                return self._text(attributes, part, where)
            case _:
                encode = _compile(schema, self._definitions, self._namespace, where)
                return [f"{part} = {self.names.name(encode)}(v)"]

    def _text(self, attributes: dict[str, Any], part: str, where: str) -> list[str]:
        least, most = schema_files.text_bounds(attributes, self._namespace)
        lines = [
            "b = v.encode(); n = len(b)",
            f"if not {least} <= n <= {most}: length({where!r}, n, {least}, {most})",
            f"{part} = (small[n] if n < {_SMALL_END} else long(n)) + b",
        ]
        if not attributes.get("verbatim", False):
            lines.insert(2, f"if 0 in b: nul({where!r})")
        return lines


def _length_refused(where: str, length: int, least: int, most: int) -> None:
    raise LimitError(f"{where}: {length} bytes, not {least} to {most}")


def _nul(where: str) -> None:
    raise LimitError(f"{where}: contains NUL")


def _compile(schema: Any, definitions: schema_files.Definitions, namespace: str, where: str) -> Encode:
    """The encoder of a value other than a field: an item of an array, a record, a code."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "record":
        return compile_record(schema, definitions)
    if kind == "array":
        items = _compile(attributes["items"], definitions, namespace, where)
        return _set(items, attributes.get("unique"), where) if attributes.get("set") else _array(items)
    if kind == "string":
        return _encode_text(attributes, namespace, where)
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


def _is_code(attributes: dict[str, Any]) -> bool:
    """Whether a string is a code. Codes repeat, so their encodings are cached; texts about persons are not cached."""
    is_code = "named" in attributes or not {"format", "pattern"} & attributes.keys()
    return is_code and bool(attributes.get("maxBytes", schema_files.TEXT_BYTES_MAX) <= schema_files.TEXT_BYTES_MAX)


def _encode_text(attributes: dict[str, Any], namespace: str, where: str) -> Encode:
    bytes_min, bytes_max = schema_files.text_bounds(attributes, namespace)
    verbatim = attributes.get("verbatim", False)

    def encode_bounded(value: str) -> bytes:
        data = value.encode()
        length = len(data)
        if length > bytes_max or length < bytes_min:
            _length_refused(where, length, bytes_min, bytes_max)
        if not verbatim and 0 in data:
            _nul(where)
        return _long(length) + data

    return lru_cache(CODES_REMEMBERED_MAX)(encode_bounded) if _is_code(attributes) else encode_bounded


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
                raise LimitError(f"{where}: a set must be sorted by encoding and have no duplicates")
            if key is not None and len(set(map(key, values))) < len(values):
                raise LimitError(f"{where}: two items have the same {unique}")
        return b"".join([_SMALL[len(items)], *items, b"\x00"])

    return encode_set
