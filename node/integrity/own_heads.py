"""Compares the heads of the own streams with what came back from the log, and adopts what is ahead of them.

A store that was restored from a backup knows an older head than the log. If it sealed from there, it would sign other
records with sequences that are taken, and every node would refuse them as equivocation.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.database.outgoing_tables import draft, head
from node.database.record_tables import message
from node.database.stream_tables import finding, link, used_id
from node.primitives import digest
from node.reports.report_ids import canonical_content
from node.stages import StreamHead, StreamId
from node.store import counters, stream_findings
from node.verification.kinds import read_stored
from schemas.types import IntelligenceReport

BEHIND: Final = "head_behind"
FOREIGN: Final = "own_stream_foreign"
_INTEL: Final = intel_stream("")


@dataclass(frozen=True, slots=True, kw_only=True)
class BehindHead:
    """An own stream whose head in the store is not the end of its chain from the log."""

    stream: str
    head: StreamHead
    """In the store."""

    log: StreamHead
    """After the newest batch that came back from the log."""


def behind(db: Transaction, node: str) -> list[BehindHead]:
    """The own streams that the log has further than the store, or with another batch at the same end."""
    heads = {
        row.stream: StreamHead(next_sequence=row.next_sequence, batch_hash=row.batch_hash, sealed_at=row.sealed_at)
        for row in db.execute(select(head))
    }
    found = []
    for stream in db.scalars(select(link.c.stream).where(link.c.originator == node).distinct()):
        here = link.c.originator == node, link.c.stream == stream
        row = db.execute(select(link).where(*here).order_by(link.c.first.desc()).limit(1)).one()
        log = StreamHead(next_sequence=row.first + row.size, batch_hash=row.hash, sealed_at=row.sealed_at)
        kept = heads.get(stream, StreamHead())
        same_end = log.next_sequence == kept.next_sequence and log.batch_hash != kept.batch_hash
        if log.next_sequence > kept.next_sequence or same_end:
            found.append(BehindHead(stream=stream, head=kept, log=log))
    return sorted(found, key=lambda stream: stream.stream)


def note_behind(db: Transaction, node: str, streams: Sequence[BehindHead], now: int) -> None:
    """Add a finding for each of the streams that has none."""
    for stream in streams:
        place = StreamId(stream=stream.stream, originator=node)
        if not stream_findings.stands(db, BEHIND, place):
            sequence = stream.head.next_sequence
            stream_findings.add(db, BEHIND, place, sequence=sequence, position=None, now=now)


def adopt(db: Transaction, node: str, streams: Sequence[BehindHead], now: int) -> None:
    """Go on after the newest batch of each stream, and take its reports for accepted and sealed."""
    for stream in streams:
        values: dict[str, Any] = {
            "next_sequence": stream.log.next_sequence,
            "batch_hash": stream.log.batch_hash,
            "sealed_at": stream.log.sealed_at,
        }
        db.execute(delete(head).where(head.c.stream == stream.stream))
        db.execute(insert(head).values(stream=stream.stream, **values))
        db.execute(
            update(finding)
            .where(
                finding.c.originator == node,
                finding.c.stream == stream.stream,
                finding.c.code.in_((BEHIND, FOREIGN)),
                finding.c.closed_at.is_(None),
            )
            .values(closed_at=now)
        )
        if stream.stream.startswith(_INTEL):
            _mark_sealed(db, node, stream.stream)
            _remember_reports(db, node, stream)


def _mark_sealed(db: Transaction, node: str, stream: str) -> None:
    """Drafts that the store still has, and whose messages are in the log already, are not sealed again."""
    here = used_id.c.originator == node, used_id.c.stream == stream
    rows = db.execute(
        select(draft.c.id, used_id.c.sequence, func.length(draft.c.payload).label("size"))
        .join(used_id, used_id.c.message_id == draft.c.message_id)
        .where(*here, draft.c.sequence.is_(None), draft.c.region == stream.removeprefix(_INTEL))
    ).all()
    gone: Mapping[str, None] = dict.fromkeys(("payload", "labels", "terms"))
    for row in rows:
        db.execute(update(draft).where(draft.c.id == row.id).values(sequence=row.sequence, **gone))
    size = sum(row.size or 0 for row in rows)
    kept = [row for row in rows if row.size is not None]  # the others were erased, and are not counted
    counters.increase(db, {counters.ACCEPTED: -len(kept), counters.ACCEPTED_SIZE: -size})


def _remember_reports(db: Transaction, node: str, stream: BehindHead) -> None:
    """The reports of the adopted records are known as accepted: handed in again, they are duplicates."""
    here = message.c.originator == node, message.c.stream == stream.stream, message.c.erased_at.is_(None)
    known: Collection[bytes] = set(db.scalars(select(draft.c.message_id)))
    names = {(row.report_id, row.region) for row in db.execute(select(draft.c.report_id, draft.c.region))}
    statement = select(message.c.message_id, message.c.sequence, message.c.payload).where(*here)
    for row in db.execute(statement.order_by(message.c.sequence)):
        content = read_stored(row.payload) if row.message_id not in known else None
        if not isinstance(content, IntelligenceReport) or (content.report_id, content.region) in names:
            continue
        names.add((content.report_id, content.region))
        db.execute(
            insert(draft).values(
                report_id=content.report_id,
                region=content.region,
                message_id=row.message_id,
                content_hash=digest(canonical_content(content).encode()),
                created_at=content.created_at,
                sequence=row.sequence,
            )
        )
