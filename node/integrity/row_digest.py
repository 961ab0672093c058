"""A digest of the rows of a table that does not depend on their order or on the database that holds them. Pure.

The digest is the sum of the SHA-256 of all rows, modulo 2^256. Rows that are added, lost, changed or doubled change it.
It compares two copies that nobody forged; it is no proof against someone who chooses rows.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from node.primitives import frame

_MODULUS: Final = 1 << 256


class RowsDigest:
    """Takes rows one by one."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, values: Iterable[Any]) -> None:
        """Add a row: its values in the order of the columns."""
        row = frame(*(_bytes(value) for value in values))
        self._sum = (self._sum + int.from_bytes(sha256(row).digest(), "big")) % _MODULUS
        self.rows += 1

    @property
    def digest(self) -> str:
        """In hexadecimal."""
        return f"{self._sum:064x}"


def _bytes(value: Any) -> bytes:
    """A value with its type: a boolean, a number, a text and bytes never have the same form."""
    match value:
        case None:
            return b"-"
        case bool():
            return b"t" if value else b"f"
        case int():
            return b"i" + str(value).encode()
        case str():
            return b"s" + value.encode()
        case bytes():
            return b"b" + value
    raise TypeError(f"no column has a value of the type {type(value).__name__}")
