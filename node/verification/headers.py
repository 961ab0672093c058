"""Checks the header of a record against its stream: the part of step 7 that does not read the body. Pure.

Raises `Rejected` with a code of step 7. The body of an open type is checked by `open_types`.
"""

from broker.streams import is_intel
from node.errors import Rejected
from node.limits import (
    CONTENT_OVERHEAD_BYTES,
    DAY_MS,
    HEADER_SIZE_BYTES_MAX,
    PLAINTEXT_SIZE_BYTES_MAX,
    PLAINTEXT_SIZE_BYTES_MIN,
)
from node.primitives import padded_length
from node.verification.kinds import OPEN_KINDS, REFERRING_TYPES, SEALED_TYPES
from schemas.avro import codec
from schemas.types import Batch, Header, SealedMessage


def check_header(sealed: SealedMessage, batch: Batch, *, erased: bool = False) -> Header:
    """Step 7: the header is canonical and fits its stream; the body of an open type is checked by `open_types`.

    Of a record of a sealed type that was `erased` the content is gone.
    """
    if len(sealed.header) > HEADER_SIZE_BYTES_MAX:  # 7
        raise Rejected("header_malformed", f"{len(sealed.header)} bytes exceed {HEADER_SIZE_BYTES_MAX}")
    try:
        header = codec.decode(Header, sealed.header)
    except codec.BadMessage as error:
        raise Rejected("header_malformed", error.reason) from None
    if is_intel(batch.stream):
        check_sealed_header(header)
        if not erased:
            check_content_length(sealed.content)
    elif (
        header.type is not OPEN_KINDS[batch.stream].header_type
        or header.sealing is not None
        or header.refers_to
        or header.expires_at
    ):
        raise Rejected("header_malformed", f"type, sealing, refers_to or expires_at does not fit {batch.stream}")
    return header


def check_sealed_header(header: Header) -> None:
    """Step 7 for sealed types: what the header must say."""
    if header.type not in SEALED_TYPES or header.sealing is None:
        raise Rejected("header_malformed", "an intel stream carries only sealed messages and recalls")
    if (header.type in REFERRING_TYPES) != bool(header.refers_to):
        raise Rejected("header_malformed", "a recall refers to messages, and a message does not")
    if header.expires_at <= 0 or header.expires_at % DAY_MS or header.sealing.grant < 1:
        raise Rejected("header_malformed", "expires_at is a midnight, and a grant has a sequence from 1")


def check_content_length(content: bytes) -> None:
    """Step 7 for sealed types: the plaintext has a padded length."""
    length = len(content) - CONTENT_OVERHEAD_BYTES
    if not PLAINTEXT_SIZE_BYTES_MIN <= length <= PLAINTEXT_SIZE_BYTES_MAX or padded_length(length) != length:
        raise Rejected("body_malformed", f"{len(content)} bytes of content are not 60 and a padded length")
