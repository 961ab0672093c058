"""The hash of an entry of the access log. It covers the fields of the entry and the hash of the entry before it. Pure.

docs/access-log.md describes the format, so that another program can verify an exported log. Rules:

- Each field is framed with its length, so two different entries never have the same bytes.
- A number is 8 bytes, big-endian, signed. A text is UTF-8.
- A field that may be null is empty if it is null. Otherwise it is the byte 3D (`=`) and its value.
"""

from collections.abc import Sequence
from typing import Any, Final

from node.primitives import ZERO_HASH, digest, frame

FIELDS: Final = ("id", "at", "operation", "actor", "subject", "detail", "purpose", "reason", "query", "hits")
"""The fields that a hash covers, in their order: the columns of the table without the hash itself."""

FIRST_PREVIOUS: Final = ZERO_HASH
"""What stands for the hash before the first entry."""

_DOMAIN: Final = frame("enlace/1 access entry")


def entry_hash(previous: bytes, entry: Sequence[Any]) -> bytes:
    """The hash of `entry`, whose values are in the order of FIELDS; `previous` is the hash of the entry before it.

    A value of another type, which only a changed database can have, raises TypeError, AttributeError, OverflowError or
    UnicodeEncodeError.
    """
    id_, at, operation, actor, subject, detail, purpose, reason, query, hits = entry
    return digest(
        _DOMAIN
        + frame(
            previous,
            number(id_),
            number(at),
            operation.encode(),
            actor.encode(),
            subject.encode(),
            detail.encode(),
            b"" if purpose is None else b"=" + purpose.encode(),
            b"" if reason is None else b"=" + reason.encode(),
            b"" if query is None else b"=" + query.encode(),
            b"" if hits is None else b"=" + number(hits),
        )
    )


def number(value: int) -> bytes:
    """A number as 8 bytes, big-endian, signed."""
    return value.to_bytes(8, "big", signed=True)
