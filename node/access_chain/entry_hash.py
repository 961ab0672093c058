"""The hash of an entry of the access log. It covers the fields of the entry and the hash of the entry before it. Pure.

docs/access-log.md describes the format, so that another program can verify an exported log. Rules:

- Each field is framed with its length, so two different entries never have the same bytes.
- A number is 8 bytes, big-endian, signed. A text is UTF-8.
- A field that may be null is empty if it is null. Otherwise it is the byte 3D (`=`) and its value.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

from node.primitives import ZERO_HASH, digest, frame

FIELDS: Final = ("id", "at", "operation", "actor", "subject", "detail", "purpose", "reason", "query", "hits")
"""The fields that a hash covers, in their order: the columns of the table without the hash itself."""

FIRST_PREVIOUS: Final = ZERO_HASH
"""What stands for the hash before the first entry."""

NOT_HASHABLE: Final = (TypeError, AttributeError, OverflowError, UnicodeEncodeError, struct.error)

_DOMAIN: Final = frame("enlace/1 access entry")
_NUMBER_SIZE_BYTES: Final = 8
_id_and_time: Final = struct.Struct(">IqIq").pack  # two framed numbers
_length: Final = struct.Struct(">I").pack
_NULL: Final = bytes(4)
_FOUR_NULLS: Final = _NULL * 4


def entry_hash(previous: bytes, entry: Sequence[Any]) -> bytes:
    """The hash of `entry`, whose values are in the order of FIELDS; `previous` is the hash of the entry before it.

    A value of another type, which only a changed database can have, raises one of NOT_HASHABLE.
    """
    id_, at, operation, actor, subject, detail, purpose, reason, query, hits = entry
    texts = b"".join([_framed(text.encode()) for text in (operation, actor, subject, detail)])
    begun = _DOMAIN + _framed(previous) + _id_and_time(_NUMBER_SIZE_BYTES, id_, _NUMBER_SIZE_BYTES, at) + texts
    if purpose is reason is query is hits is None:
        return digest(begun + _FOUR_NULLS)
    asked = [_NULL if text is None else _framed(b"=" + text.encode()) for text in (purpose, reason, query)]
    return digest(begun + b"".join(asked) + (_NULL if hits is None else _framed(b"=" + number(hits))))


def _framed(item: bytes) -> bytes:
    return _length(len(item)) + item


def number(value: int) -> bytes:
    """A number as 8 bytes, big-endian, signed."""
    return value.to_bytes(8, "big", signed=True)
