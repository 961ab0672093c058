"""Reads the body of a record as plain values: dicts, tuples, numbers, text, bytes.

Compiles one function for each schema; pure, and knows no Avro library. What it lets pass is the only encoding of its
value, so nobody has to write the value again to know. What `schemas.types` bounds (numbers, patterns) is left to the
conversion to the type. What it refuses by itself, with ReadError:
- a varint that is longer than it need be, or than ten bytes, or that overflows 64 bits
- a length or index that is negative or reaches beyond the data; an array in several blocks, with its size, or too long
- a boolean or a union's branch that is none; bytes that are left over
- text that is not UTF-8, too short or too long in bytes, or that holds NUL unless it is kept verbatim
- a set that is not sorted by the encoding of its items or holds one twice; items that agree where they must not
Rules: a slice is never longer than the data, and no array longer than its `maxItems`, so that time and memory grow with
the data only.
"""

from collections.abc import Callable
from typing import Any, Final

from schemas import schema_files
from schemas.avro.compiled import Names, function

Read = Callable[[bytes, int], dict[str, Any]]

_VARINT_BYTES_MAX: Final = 10
_ZIGZAG_MAX: Final = 2**64 - 1


class ReadError(ValueError):
    """The bytes are not the canonical encoding of any value; says why, and never what they hold."""


def _rest(data: bytes, place: int, first: int) -> tuple[int, int]:
    """A varint that goes on after its byte `first`: its number before the sign is undone, and the place after it."""
    number, shift = first & 0x7F, 7
    for index in range(place, place + _VARINT_BYTES_MAX - 1):
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
    """`read(data, place)`: the record that takes all of `data` from `place` on.

    Raises ReadError, IndexError where the data ends too early, UnicodeDecodeError.
    """
    one = _record(name, definitions, {})

    def read(data: bytes, place: int) -> dict[str, Any]:
        value: dict[str, Any]
        value, end = one(data, place)
        if end != len(data):
            raise ReadError("the record does not end with the data")
        return value

    return read


def _record(name: str, definitions: schema_files.Definitions, made: dict[str, Any]) -> Any:
    """The reader of one record: from data and place to value and place."""
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
    """The lines of one reader. `d` is the data, `p` the place, `n` the number at hand."""

    def __init__(self, definitions: schema_files.Definitions, made: dict[str, Any], namespace: str) -> None:
        self.lines: list[str] = []
        self.where = ""
        self.names = Names()
        self.names.bound |= {"rest": _rest, "refuse": _refuse, "length": _length_refused}
        self._namespace = namespace
        self._definitions = definitions
        self._made = made

    def read(self, schema: Any, target: str, indent: str = "") -> None:
        """Lines that read a value of `schema` into the variable `target`."""
        inner, optional = schema_files.unwrap(schema)
        if optional:
            self._add(indent, "n = d[p]; p += 1", f"if n == 0: {target} = None", "elif n == 2:")
            self.read(inner, target, indent + "    ")
            self._add(indent, f"else: refuse('{self.where}: a union has no such branch')")
            return
        kind, attributes = schema_files.shape(inner, self._definitions)
        match kind:
            case "record":
                one = self.names.name(_record(inner, self._definitions, self._made))
                self._add(indent, f"{target}, p = {one}(d, p)")
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
        """What begins with a length or an index: bytes, string, enum."""
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
                self._add(indent, f"if '\\0' in {target}: refuse('{self.where}: holds NUL')")

    def _array(self, attributes: dict[str, Any], target: str, indent: str) -> None:
        """One block with its count, then 0; or 0 alone."""
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
                f"    if b <= {last}: refuse('{self.where}: a set is sorted by encoding and holds nothing twice')",
                f"    {last} = b",
            )
        self._add(inside, f"    {items}.append({item})")
        self._add(inside, f"if d[p]: refuse('{self.where}: not one block with its count')", "p += 1")
        if is_set and (unique := attributes.get("unique")):
            different = f"len({{({', '.join(f'i[{name!r}]' for name in unique)},) for i in {items}}})"
            same = f"{self.where}: two items are the same {', '.join(unique)}"
            self._add(inside, f"if {left} > 1 and {different} < {left}: refuse('{same}')")
        self._add(indent, f"{target} = {items}")

    def _number(self, indent: str) -> None:
        """A varint into `n`, its sign not undone."""
        self._add(indent, "n = d[p]; p += 1", "if n > 127: n, p = rest(d, p, n)")

    def _add(self, indent: str, *lines: str) -> None:
        self.lines += [indent + line for line in lines]
