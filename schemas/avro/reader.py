"""Reads the body of a record as plain values: dicts, tuples, numbers, text, bytes.

It compiles one function for each schema. Pure; it does not use an Avro library. It accepts the canonical encoding of a
value only, so a caller need not encode the value again to check. It does not check the bounds in `schemas.types`
(numbers, patterns): the conversion to the type does. It refuses with ReadError:
- a varint that is not in its shortest form, has more than ten bytes or overflows 64 bits
- a negative length or index; an array in several blocks, with a size in bytes, or with too many items
- an invalid boolean or union branch; bytes after the end of the record
- text that is too short or too long in bytes, or that has NUL although its field is not `verbatim`
- a set that is not sorted by the encoding of its items or has duplicates; two items with the same `unique` fields
A length beyond the data raises IndexError, and text that is not UTF-8 raises UnicodeDecodeError.
A slice is never longer than the data and an array never longer than its `maxItems`, so time and memory are linear in
the length of the data.
"""

from collections.abc import Callable
from typing import Any, Final

from schemas import schema_files
from schemas.avro.compiled import Names, function

Read = Callable[[bytes, int], dict[str, Any]]

_VARINT_BYTES_MAX: Final = 10
_ZIGZAG_MAX: Final = 2**64 - 1


class ReadError(ValueError):
    """The bytes are not a canonical encoding. The text has the reason and never the content."""


def _rest(data: bytes, position: int, first: int) -> tuple[int, int]:
    """The rest of a varint after its byte `first`: the number before zigzag decoding, and the position after it."""
    number, shift = first & 0x7F, 7
    for index in range(position, position + _VARINT_BYTES_MAX - 1):
        byte = data[index]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if not byte or number > _ZIGZAG_MAX:
                raise ReadError("a number is not in its shortest form")
            return number, index + 1
        shift += 7
    raise ReadError("a number is longer than ten bytes")


def _refuse(what: str) -> None:
    raise ReadError(what)


def _length_refused(where: str, length: int, least: int, most: int) -> None:
    raise ReadError(f"{where}: {length} bytes, not {least} to {most}")


def compile_reader(name: str, definitions: schema_files.Definitions) -> Read:
    """`read(data, position)`: the record that is all of `data` from `position` on.

    Raises ReadError, IndexError where the data ends too early, UnicodeDecodeError.
    """
    read_record = _record(name, definitions, {})

    def read(data: bytes, position: int) -> dict[str, Any]:
        value: dict[str, Any]
        value, end = read_record(data, position)
        if end != len(data):
            raise ReadError("the record does not end with the data")
        return value

    return read


def _record(name: str, definitions: schema_files.Definitions, made: dict[str, Any]) -> Any:
    """The reader of one record: from data and position to value and position."""
    if name in made:
        return made[name]
    definition = definitions[name]
    text = _Text(definitions, made, definition["namespace"])
    fields = []
    for number, field in enumerate(definition["fields"]):
        text.where = f"{definition['name']}.{field['name']}"
        text.read(field["type"], f"v{number}")
        fields.append(f"{field['name']!r}: v{number}")
    body = [*text.lines, f"return {{{', '.join(fields)}}}, p"]
    made[name] = function(f"read_{definition['name']}", "d, p", body, text.names.bound)
    return made[name]


class _Text:
    """The lines of one reader. `d` is the data, `p` the position, `n` the last number read."""

    def __init__(self, definitions: schema_files.Definitions, made: dict[str, Any], namespace: str) -> None:
        self.lines: list[str] = []
        self.where = ""
        self.names = Names()
        self.names.bound |= {"rest": _rest, "refuse": _refuse, "length": _length_refused}
        self._namespace = namespace
        self._definitions = definitions
        self._made = made

    def read(self, schema: Any, target: str, indent: str = "") -> None:
        """Add the lines that read a value of `schema` into the variable `target`."""
        inner, optional = schema_files.unwrap(schema)
        if optional:
            self._add(indent, "n = d[p]; p += 1", f"if n == 0: {target} = None", "elif n == 2:")
            self.read(inner, target, indent + "    ")
            self._add(indent, f"else: refuse('{self.where}: a union has no such branch')")
            return
        kind, attributes = schema_files.shape(inner, self._definitions)
        match kind:
            case "record":
                read_record = self.names.name(_record(inner, self._definitions, self._made))
                self._add(indent, f"{target}, p = {read_record}(d, p)")
            case "array":
                self._array(attributes, target, indent)
            case "fixed":
                self._add(indent, f"q = p + {attributes['size']}", f"{target} = d[p:q]; p = q")
            case "boolean":
                self._add(indent, "n = d[p]; p += 1", f"if n > 1: refuse('{self.where}: neither true nor false')")
                self._add(indent, f"{target} = n == 1")
            case "int" | "long":
                self._number(indent)
                self._add(indent, f"{target} = n >> 1 if not n & 1 else -(n >> 1) - 1")
            case _:
                self._counted(kind, attributes, target, indent)

    def _counted(self, kind: str, attributes: dict[str, Any], target: str, indent: str) -> None:
        """Add the lines for a value that begins with a length or an index: bytes, string, enum."""
        self._number(indent)
        self._add(indent, f"if n & 1: refuse('{self.where}: a length or an index is negative')")
        if kind == "enum":
            self._add(indent, f"{target} = {self.names.name(tuple(attributes['symbols']))}[n >> 1]")
        elif kind == "bytes":
            self._add(indent, "q = p + (n >> 1)", f"{target} = d[p:q]; p = q")
        else:
            least, most = schema_files.text_bounds(attributes, self._namespace)
            self._add(
                indent,
                "n >>= 1",
                f"if not {least} <= n <= {most}: length('{self.where}', n, {least}, {most})",
                "q = p + n",
                f"{target} = d[p:q].decode(); p = q",
            )
            if not attributes.get("verbatim", False):
                self._add(indent, f"if '\\0' in {target}: refuse('{self.where}: contains NUL')")

    def _array(self, attributes: dict[str, Any], target: str, indent: str) -> None:
        """Add the lines for an array: one block with its count, then 0; or 0 alone."""
        items, item, left = f"{target}s", f"{target}i", f"{target}n"
        before, last = f"{target}p", f"{target}l"
        most = attributes.get("maxItems", schema_files.ITEMS_MAX)
        is_set = attributes.get("set", False)
        self._number(indent)
        self._add(indent, f"{items} = []", "if n:")
        inside = indent + "    "
        self._add(
            inside,
            f"{left} = n >> 1",
            f"if n & 1 or {left} > {most}: refuse('{self.where}: not one block of 1 to {most} items')",
        )
        if is_set:
            self._add(inside, f"{last} = b''")
        self._add(inside, f"for _ in range({left}):")
        if is_set:
            self._add(inside, f"    {before} = p")
        self.read(attributes["items"], item, inside + "    ")
        if is_set:
            self._add(
                inside,
                f"    b = d[{before}:p]",
                f"    if b <= {last}: refuse('{self.where}: a set must be sorted by encoding and have no duplicates')",
                f"    {last} = b",
            )
        self._add(inside, f"    {items}.append({item})")
        self._add(inside, f"if d[p]: refuse('{self.where}: not one block with its count')", "p += 1")
        if is_set and (unique := attributes.get("unique")):
            different = f"len({{({', '.join(f'i[{name!r}]' for name in unique)},) for i in {items}}})"
            same = f"{self.where}: two items have the same {', '.join(unique)}"
            self._add(inside, f"if {left} > 1 and {different} < {left}: refuse('{same}')")
        self._add(indent, f"{target} = {items}")

    def _number(self, indent: str) -> None:
        """Add the lines that read a varint into `n`, before zigzag decoding."""
        self._add(indent, "n = d[p]; p += 1", "if n > 127: n, p = rest(d, p, n)")

    def _add(self, indent: str, *lines: str) -> None:
        self.lines += [indent + line for line in lines]
