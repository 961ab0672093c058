"""Checks the sealed bytes of a record against the chain and the columns of its row. Pure.

Steps 1, 2, 5, 6 and 7 of the verification, which need no document. The signature was verified before the batch got its
link, and the hash of the batch is compared with that link. `audit replay` verifies the signatures again.
"""

from typing import Any

from sqlalchemy import Row

from node.errors import Rejected
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.primitives import digest
from node.stages import StreamId
from node.verification.headers import check_header
from node.verification.verify import check_batch, check_content, check_framing, check_path
from schemas.avro import codec
from schemas.types import Batch, Header


def check_record(row: Row[Any], link: Row[Any], findings: Findings) -> None:
    """Check the record of a row of `message` against its columns and its link."""
    key = key_of(link.originator, link.stream, row.sequence)
    try:
        batch, header, index, batch_hash = read_record(
            row.record,
            StreamId(stream=link.stream, originator=link.originator),
            erased=row.erased_at is not None,
        )
    except Rejected as error:
        findings.report(
            FindingCode.RECORD_DIFFERS, "message", key, expected="a record", found=f"{error.code}: {error.message}"
        )
        return
    compared = (
        ("batch", link.hash, batch_hash),
        ("sequence", row.sequence, batch.first_sequence + index),
        ("message_id", row.message_id, header.message_id),
        ("expires_at", row.expires_at, header.expires_at),
        ("size of the batch", link.size, batch.size),
        ("previous", link.previous, batch.previous),
        ("sealed_at", link.sealed_at, batch.sealed_at),
    )
    for name, expected, found in compared:
        if expected != found:
            findings.report(
                FindingCode.RECORD_DIFFERS,
                "message",
                key,
                expected=f"{name} {key_of(expected)}",
                found=f"{name} {key_of(found)}",
            )


def read_record(value: bytes, place: StreamId, *, erased: bool = False) -> tuple[Batch, Header, int, bytes]:
    """Batch, header, index and hash of the batch of a record that was verified before. Raises Rejected.

    Only a record that was `erased` has no content, and it must have none.
    """
    sealed = check_framing(value)
    try:
        community = codec.decode(Batch, sealed.batch).community
    except codec.BadMessage as error:
        raise Rejected("batch_malformed", error.reason) from None
    batch = check_batch(sealed.batch, place, community)
    check_path(sealed, batch, digest(sealed.header))
    if not erased:
        check_content(sealed)
    elif sealed.content:
        raise Rejected("content_mismatch", "the content should be erased")
    return batch, check_header(sealed, batch, erased=erased), sealed.index, digest(sealed.batch)
