"""Encodes and decodes Avro for the second implementation. It reads the .avsc files and uses no code of `schemas/`.

Decoding checks every limit of the specification, encodes the value again and compares the bytes. So it rejects each
encoding that is not the canonical one.
"""

import itertools
import json
import re
from pathlib import Path
from typing import Any

Shape = Any
"""A type as in the JSON of a schema: a name, an object or a union."""

FOLDER = Path(__file__).parents[2] / "schemas" / "avsc" / "wire"
PRIMITIVES = frozenset({"boolean", "int", "long", "string", "bytes", "null"})
EMPTY = 0xC15D213AA4D7A795
DAY = 86_400_000
FORMATS = {"date": (-719_162, 2_932_896), "time": (-719_162 * DAY, 2_932_897 * DAY - 1)}
"""The bounds of the years 1 to 9999, in days and in milliseconds since 1970."""

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Malformed(Exception):
    """The bytes are not the canonical encoding of a valid value."""


class Unknown(Malformed):
    """The fingerprint names another schema."""


def _named() -> dict[str, Shape]:
    """All named types by their name without namespace, also types that are defined inside others."""
    found: dict[str, Shape] = {}

    def visit(shape: Shape) -> None:
        if isinstance(shape, list):
            for branch in shape:
                visit(branch)
        elif isinstance(shape, dict):
            if shape["type"] in {"record", "enum", "fixed"}:
                found[shape["name"]] = shape
            for field in shape.get("fields", ()):
                visit(field["type"])
            visit(shape.get("items"))

    for path in FOLDER.glob("*.avsc"):
        visit(json.loads(path.read_text(encoding="utf-8")))
    return found


TYPES = _named()


def resolve(shape: Shape) -> Shape:
    """The shape as an object; a name is replaced by its type."""
    if isinstance(shape, str):
        return {"type": shape} if shape in PRIMITIVES else TYPES[shape.removeprefix("enlace.v1.")]
    return shape


def parsing_form(shape: Shape, seen: set[str]) -> str:
    """Parsing Canonical Form of the Avro specification. A type is written in full where its name occurs first."""
    if isinstance(shape, list):
        return "[" + ",".join(parsing_form(branch, seen) for branch in shape) + "]"
    shape = resolve(shape)
    kind = shape["type"]
    if kind in PRIMITIVES:
        return f'"{kind}"'
    if kind == "array":
        return '{"type":"array","items":' + parsing_form(shape["items"], seen) + "}"
    name = "enlace.v1." + shape["name"]
    if name in seen:
        return f'"{name}"'
    seen.add(name)
    head = f'{{"name":"{name}","type":"{kind}"'
    if kind == "fixed":
        return f'{head},"size":{shape["size"]}}}'
    if kind == "enum":
        return f'{head},"symbols":{json.dumps(shape["symbols"], separators=(",", ":"))}}}'
    fields = (f'{{"name":"{f["name"]}","type":{parsing_form(f["type"], seen)}}}' for f in shape["fields"])
    return f'{head},"fields":[{",".join(fields)}]}}'


def crc64(data: bytes) -> bytes:
    """CRC-64-AVRO, little-endian."""
    value = EMPTY
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (EMPTY if value & 1 else 0)
    return value.to_bytes(8, "little")


def fingerprint(name: str) -> bytes:
    """The eight bytes that name a schema on the wire."""
    return crc64(parsing_form(name, set()).encode())


class Reader:
    """Reads one body. Numbers may be negative only if `payload` is true."""

    def __init__(self, data: bytes, payload: bool) -> None:
        self.data, self.at, self.payload = data, 10, payload

    def take(self, size: int) -> bytes:
        """The next `size` bytes. Raises Malformed if there are fewer."""
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise Malformed("bytes missing")
        taken, self.at = self.data[self.at : end], end
        return taken

    def number(self) -> int:
        """Read a zigzag varint of at most 64 bits."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 63:
                raise Malformed("varint too long")
        if value >= 1 << 64:
            raise Malformed("number too large")
        return (value >> 1) ^ -(value & 1)

    def value(self, shape: Shape) -> Any:
        """Read a value of this shape."""
        if isinstance(shape, list):
            branch = self.number()
            if branch not in {0, 1}:
                raise Malformed("no such branch")
            return None if branch == 0 else self.value(shape[1])
        shape = resolve(shape)
        kind = shape["type"]
        if kind == "record":
            return {field["name"]: self.value(field["type"]) for field in shape["fields"]}
        if kind == "array":
            return self.array(shape)
        if kind == "enum":
            symbol = self.number()
            if not 0 <= symbol < len(shape["symbols"]):
                raise Malformed("no such symbol")
            return shape["symbols"][symbol]
        if kind == "fixed":
            return self.take(shape["size"])
        if kind == "boolean":
            return self.take(1) != b"\0"
        return self.integer(shape) if kind in {"int", "long"} else self.text(shape)

    def integer(self, shape: Shape) -> int:
        """Read an int or long, and check its bounds."""
        value = self.number()
        bits = 31 if shape["type"] == "int" else 63
        lowest, highest = FORMATS.get(shape.get("format"), (-(1 << bits) if self.payload else 0, (1 << bits) - 1))
        if not shape.get("min", lowest) <= value <= shape.get("max", highest):
            raise Malformed("number out of range")
        return value

    def text(self, shape: Shape) -> str | bytes:
        """Read a string or bytes, and check length and pattern."""
        raw = self.take(self.number())
        is_text = shape["type"] == "string"
        most = shape.get("maxBytes", 64 if is_text else len(raw))
        if not shape.get("minBytes", 0) <= len(raw) <= most:
            raise Malformed("length out of range")
        if not is_text:
            return raw
        try:
            value = raw.decode()
        except UnicodeDecodeError as error:
            raise Malformed("not UTF-8") from error
        pattern = UUID if shape.get("format") == "uuid" else shape.get("pattern", "[^\0]*")
        if not re.fullmatch(pattern, value, re.DOTALL):
            raise Malformed("pattern")
        return value

    def array(self, shape: Shape) -> list[Any]:
        """Read an array: one block and its end. A set must be sorted, without duplicates."""
        count = self.number()
        if not shape.get("minItems", 0) <= count <= shape.get("maxItems", 1000):
            raise Malformed("number of items")
        items = [self.value(shape["items"]) for _ in range(count)]
        if count and self.number() != 0:
            raise Malformed("a second block")
        if shape.get("set"):
            raw = [body(shape["items"], item) for item in items]
            if any(a >= b for a, b in itertools.pairwise(raw)):
                raise Malformed("not a sorted set")
        names = shape.get("unique", ())
        if names and len({tuple(item[name] for name in names) for item in items}) < len(items):
            raise Malformed("duplicate items")
        return items


def varint(value: int) -> bytes:
    """The shortest zigzag varint of a number."""
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def body(shape: Shape, value: Any) -> bytes:
    """The canonical encoding of a value."""
    if isinstance(shape, list):
        return b"\x00" if value is None else b"\x02" + body(shape[1], value)
    shape = resolve(shape)
    kind = shape["type"]
    if kind == "record":
        return b"".join(body(field["type"], value[field["name"]]) for field in shape["fields"])
    if kind == "array":
        items = b"".join(body(shape["items"], item) for item in value)
        return varint(len(value)) + items + b"\x00" if value else b"\x00"
    if kind == "enum":
        return varint(shape["symbols"].index(value))
    if kind == "fixed":
        return bytes(value)
    if kind == "boolean":
        return bytes([value])
    if kind in {"int", "long"}:
        return varint(value)
    raw: bytes = value.encode() if kind == "string" else value
    return varint(len(raw)) + raw


def encode(name: str, value: dict[str, Any]) -> bytes:
    """The single-object encoding of a value."""
    return b"\xc3\x01" + fingerprint(name) + body(name, value)


def decode(name: str, data: bytes) -> dict[str, Any]:
    """The value of these bytes. Raises Malformed if they are not its canonical encoding."""
    shape = TYPES[name]
    if len(data) > shape.get("maxBytes", len(data)):
        raise Malformed("too long")
    if len(data) < 10 or data[:2] != b"\xc3\x01":
        raise Malformed("no single object")
    if data[2:10] != fingerprint(name):
        raise Unknown(name)
    reader = Reader(data, shape.get("payload", False))
    value: dict[str, Any] = reader.value(shape)
    if reader.at != len(data) or encode(name, value) != data:
        raise Malformed("not canonical")
    return value
