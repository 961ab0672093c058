"""A record without its content: what a store keeps after an erasure (docs/wire-format.md, "Erasure"). Pure.

Batch, signature, path, header and the hash of the content stay, so the record still proves who signed what and when.
The content does not. Such a record fails step 6, so that the log never has one.
"""

from msgspec import structs

from schemas.avro import codec
from schemas.types import Header, SealedMessage


def without_content(value: bytes) -> bytes:
    """The same record with empty content; nothing of bytes that are not a record."""
    try:
        sealed = codec.decode(SealedMessage, value)
    except codec.BadMessage:
        return b""
    return codec.encode(structs.replace(sealed, content=b""))


def message_id_of(value: bytes) -> bytes | None:
    """The message id that the header states; None if the bytes are not a record. Nothing is verified."""
    header = _header_of(value)
    return header.message_id if header is not None else None


def expires_at_of(value: bytes) -> int | None:
    """When the header says that the retention ends, in ms; None if it does not end. Nothing is verified."""
    header = _header_of(value)
    return header.expires_at if header is not None and header.expires_at > 0 else None


def _header_of(value: bytes) -> Header | None:
    try:
        return codec.decode(Header, codec.decode(SealedMessage, value).header)
    except codec.BadMessage:
        return None
