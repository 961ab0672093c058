"""Checks what this node sends: heads, own batches and sealed bytes against each other and the own chains.

An accepted report that left the store without a trace would be lost, so each sequence below a head must be in the
outbox, or have come back from the log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, union

from broker.streams import KEYS
from node.database.engine import Transaction
from node.database.outgoing_tables import head, outgoing, own_grant
from node.database.receipt_tables import own_batch
from node.database.stream_tables import link
from node.errors import Rejected
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.integrity.record_check import read_record
from node.integrity.row_streams import Ordered, rows_of
from node.primitives import ZERO_HASH
from node.stages import StreamId


@dataclass(slots=True, kw_only=True)
class _Newest:
    """The newest batch of an own stream that the store has, from any of its tables."""

    end: int = 1
    hash: bytes = ZERO_HASH
    sealed_at: int = 0

    def seen(self, end: int, hash_: bytes, sealed_at: int) -> None:
        if end > self.end:
            self.end, self.hash, self.sealed_at = end, hash_, sealed_at


def check_outgoing(db: Transaction, node: str, findings: Findings) -> None:
    """Check every stream that `node` writes, and its grants."""
    tables = (head, outgoing, own_batch)
    own_links = select(link.c.stream).where(link.c.originator == node)
    streams = sorted(db.scalars(union(*(select(table.c.stream) for table in tables), own_links)))
    for stream in streams:
        _check_stream(db, StreamId(stream=stream, originator=node), findings)
    last_key = db.scalar(select(head.c.next_sequence).where(head.c.stream == KEYS)) or 1
    for row in db.execute(select(own_grant.c.audience, own_grant.c.sequence).where(own_grant.c.sequence >= last_key)):
        findings.report(
            FindingCode.REFERENCE_MISSING,
            "own_grant",
            key_of(row.audience),
            expected=f"a sequence below {last_key}",
            found=row.sequence,
        )


def _check_stream(db: Transaction, place: StreamId, findings: Findings) -> None:
    newest = _Newest()
    _check_own_batches(db, place, newest, findings)
    row = db.execute(select(head).where(head.c.stream == place.stream)).first()
    next_sequence = row.next_sequence if row is not None else 1
    _check_sent(db, place, next_sequence, newest, findings)
    found = (row.next_sequence, row.batch_hash, row.sealed_at) if row is not None else (1, ZERO_HASH, 0)
    expected = (newest.end, newest.hash, newest.sealed_at)
    if found != expected:
        findings.report(
            FindingCode.HEAD_DIFFERS, "head", place.stream, expected=key_of(*expected), found=key_of(*found)
        )


def _check_own_batches(db: Transaction, place: StreamId, newest: _Newest, findings: Findings) -> None:
    """The batches that this node noted follow each other; between two of them, the chain may have adopted ones."""
    before: Row[Any] | None = None
    for row in rows_of(db, select(own_batch).where(own_batch.c.stream == place.stream).order_by(own_batch.c.first)):
        end = before.first + before.size if before is not None else row.first
        if before is not None and row.first != end and (row.first < end or not _adopted(db, place, end)):
            findings.report(
                FindingCode.OUTGOING_DIFFERS,
                "own_batch",
                key_of(place.stream, row.first),
                expected=f"first {before.first + before.size}",
                found=f"first {row.first}",
            )
        newest.seen(row.first + row.size, row.hash, row.sealed_at)
        before = row


def _adopted(db: Transaction, place: StreamId, first: int) -> bool:
    """Whether a batch came back from the log that this store did not seal itself: after a restore."""
    here = link.c.originator == place.originator, link.c.stream == place.stream, link.c.first == first
    return db.scalar(select(link.c.first).where(*here)) is not None


def _check_sent(db: Transaction, place: StreamId, next_sequence: int, newest: _Newest, findings: Findings) -> None:
    """Each sequence below the head is in the outbox or came back from the log."""
    waiting = Ordered(_outgoing(db, place, newest, findings))
    here = link.c.originator == place.originator, link.c.stream == place.stream
    following = 1
    for batch in rows_of(db, select(link).where(*here).order_by(link.c.first)):
        end = batch.first + batch.size
        newest.seen(end, batch.hash, batch.sealed_at)
        arrived = int.from_bytes(batch.arrived, "little")
        present = {sequence for sequence, _ in waiting.below(end)}
        present |= {batch.first + leaf for leaf in range(batch.size) if arrived >> leaf & 1}
        _report_missing(place, following, end, present, findings)
        following = max(following, end)
    present = {sequence for sequence, _ in waiting.rest()}
    _report_missing(place, following, next_sequence, present, findings)
    if too_high := [sequence for sequence in present if sequence >= next_sequence]:
        findings.report(
            FindingCode.OUTGOING_DIFFERS,
            "outgoing",
            key_of(place.stream, min(too_high)),
            expected=f"a sequence below {next_sequence}",
            found=f"{len(too_high)} from {min(too_high)} on",
        )


def _report_missing(place: StreamId, first: int, end: int, present: set[int], findings: Findings) -> None:
    """Report each range of sequences from `first` to before `end` that is not `present`."""
    following = first
    for sequence in [*sorted(sequence for sequence in present if first <= sequence < end), end]:
        if sequence > following:
            findings.report(
                FindingCode.OWN_RECORD_MISSING,
                "outgoing",
                key_of(place.stream, following),
                expected=f"sealed bytes of the sequences {following} to {sequence - 1}",
                found="neither in the outbox nor read back from the log",
            )
        following = sequence + 1


def _outgoing(db: Transaction, place: StreamId, newest: _Newest, findings: Findings) -> Iterator[tuple[int, Row[Any]]]:
    """The sealed bytes of a stream, checked against their sequence and against the batches that this node noted."""
    noted = (
        select(outgoing.c.sequence, outgoing.c.value, own_batch.c.hash)
        .outerjoin(
            own_batch,
            (own_batch.c.stream == outgoing.c.stream)
            & (own_batch.c.first <= outgoing.c.sequence)
            & (own_batch.c.first + own_batch.c.size > outgoing.c.sequence),
        )
        .where(outgoing.c.stream == place.stream)
        .order_by(outgoing.c.sequence)
    )
    for row in rows_of(db, noted):
        _check_bytes(place, row, newest, findings)
        yield row.sequence, row


def _check_bytes(place: StreamId, row: Row[Any], newest: _Newest, findings: Findings) -> None:
    key = key_of(place.stream, row.sequence)
    try:
        batch, _, index, batch_hash = read_record(row.value, place)
    except Rejected as error:
        found = f"{error.code}: {error.message}"
        findings.report(FindingCode.OUTGOING_DIFFERS, "outgoing", key, expected="a record", found=found)
        return
    newest.seen(batch.first_sequence + batch.size, batch_hash, batch.sealed_at)
    expected = (row.sequence, batch_hash if row.hash is None else row.hash)
    found_here = (batch.first_sequence + index, batch_hash)
    if expected != found_here:
        findings.report(
            FindingCode.OUTGOING_DIFFERS, "outgoing", key, expected=key_of(*expected), found=key_of(*found_here)
        )
