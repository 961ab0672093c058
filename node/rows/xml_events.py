"""Reads XML as a stream of events, bounded in memory: no tree is built, and no token may be long.

Rules: the text of an element is given with its end. A document type is refused, and with it entities of its own.
"""

from collections.abc import Iterator
from typing import IO, Any, Final
from xml.parsers import expat

CHUNK_SIZE_BYTES: Final = 65_536
TOKEN_SIZE_BYTES_MAX: Final = 4_000_000  # a tag, a comment
TEXT_LENGTH_MAX: Final = 1_000_000  # characters of the text of one element
DEPTH_MAX: Final = 32
_NO_TEXT: Final = {"text": ""}

XmlEvents = Iterator[tuple[str, str, dict[str, str]]]
"""`start` with name and attributes, or `end` with name and {"text": …}; names are without their namespace."""


class XmlError(ValueError):
    """The XML is malformed, or larger than the limits."""


class _Collector:
    """Collects the events of one chunk."""

    def __init__(self, starts: frozenset[str] | None, ends: frozenset[str] | None) -> None:
        self._starts, self._ends = starts, ends
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self._pieces: list[str] = []
        self._length = 0
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise XmlError(f"elements are nested more than {DEPTH_MAX} deep")
        if self._pieces:
            self._clear()
        if ":" in name:
            name = name.rpartition(":")[2]
        if self._starts is not None and name not in self._starts:
            return
        if attributes and ":" in "".join(attributes):
            attributes = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        self.found.append(("start", name, attributes))

    def end(self, name: str) -> None:
        self._depth -= 1
        if ":" in name:
            name = name.rpartition(":")[2]
        if self._ends is None or name in self._ends:
            self.found.append(("end", name, {"text": "".join(self._pieces)} if self._pieces else _NO_TEXT))
        if self._pieces:
            self._clear()

    def text(self, data: str) -> None:
        self._length += len(data)
        if self._length > TEXT_LENGTH_MAX:
            raise XmlError(f"a cell has more than {TEXT_LENGTH_MAX:,} characters")
        self._pieces.append(data)

    def refuse(self, *_arguments: Any) -> None:
        raise XmlError("it has a document type")

    def _clear(self) -> None:
        self._pieces, self._length = [], 0


def events(file: IO[bytes], *, starts: frozenset[str] | None = None, ends: frozenset[str] | None = None) -> XmlEvents:
    """The events of an XML document; if names are given, only their starts and ends. Raises XmlError."""
    collector = _Collector(starts, ends)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.text
    parser.StartDoctypeDeclHandler = collector.refuse
    fed = 0
    while True:
        chunk = file.read(CHUNK_SIZE_BYTES)
        fed += len(chunk)
        try:
            parser.Parse(chunk, not chunk)
        except expat.ExpatError as error:
            raise XmlError(f"it is not valid XML: {error}") from None
        yield from collector.found
        collector.found.clear()
        if not chunk:
            return
        if fed - max(parser.CurrentByteIndex, 0) > TOKEN_SIZE_BYTES_MAX:
            raise XmlError(f"a part of it is longer than {TOKEN_SIZE_BYTES_MAX:,} bytes")
