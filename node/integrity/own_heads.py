"""Compares the heads of the own streams with what came back from the log, and adopts what is ahead of them.

A store that was restored from a backup knows an older head than the log. If it sealed from there, it would sign other
records with sequences that are taken, and every node would refuse them as equivocation.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import delete, func, insert, select, update

from broker.streams import KEYS, intel_stream
from node.database.engine import Transaction
from node.database.outgoing_tables import draft, head, outgoing
from node.database.record_tables import message
from node.database.stream_tables import finding, link, used_id
from node.integrity.drafts_again import take_back
from node.primitives import digest
from node.reports.report_ids import canonical_content
from node.stages import StreamHead, StreamId
from node.store import counters, stream_findings
from node.verification.judge import Judge
from node.verification.kinds import read_stored
from schemas.avro import codec
from schemas.types import Batch, IntelligenceReport, SealedMessage

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
        log = _end_in_log(db, node, stream)
        kept = heads.get(stream, StreamHead())
        same_end = log.next_sequence == kept.next_sequence and log.batch_hash != kept.batch_hash
        if log.next_sequence > kept.next_sequence or same_end or not _follows(db, stream, log):
            found.append(BehindHead(stream=stream, head=kept, log=log))
    return sorted(found, key=lambda stream: stream.stream)


def _end_in_log(db: Transaction, node: str, stream: str) -> StreamHead:
    """The head after the newest batch of an own stream that came back from the log."""
    here = link.c.originator == node, link.c.stream == stream
    row = db.execute(select(link).where(*here).order_by(link.c.first.desc()).limit(1)).first()
    if row is None:
        return StreamHead()
    return StreamHead(next_sequence=row.first + row.size, batch_hash=row.hash, sealed_at=row.sealed_at)


def _follows(db: Transaction, stream: str, log: StreamHead) -> bool:
    """Whether the sealed bytes in the outbox that come after the end of the log name its last batch."""
    value = db.scalar(
        select(outgoing.c.value).where(outgoing.c.stream == stream, outgoing.c.sequence == log.next_sequence)
    )
    if value is None:
        return True
    batch = codec.decode(Batch, codec.decode(SealedMessage, value).batch)
    return batch.previous == log.batch_hash


def note_behind(db: Transaction, node: str, streams: Sequence[BehindHead], now: int) -> None:
    """Add a finding for each of the streams that has none."""
    for stream in streams:
        place = StreamId(stream=stream.stream, originator=node)
        stream_findings.note(db, BEHIND, place, sequence=stream.head.next_sequence, position=None, now=now)


def adopt(db: Transaction, judge: Judge, streams: Sequence[BehindHead], now: int) -> int:
    """Go on after the newest batch of each stream, and take its reports for accepted and sealed.

    What this node sealed itself at these sequences becomes drafts again; returns how many reports. The findings about
    own streams end. Raises Rejected (drafts_again.py).
    """
    node, names = judge.node, [stream.stream for stream in streams]
    if KEYS in names:  # reports that name a grant of these are lost too
        names = sorted({*names, *db.scalars(select(head.c.stream))})
    again = take_back(db, judge, names, now)
    _close_findings(db, node, now)
    for stream in names:
        end = _end_in_log(db, node, stream)
        db.execute(delete(head).where(head.c.stream == stream))
        if end != StreamHead():
            db.execute(insert(head).values(stream=stream, **asdict(end)))
        if stream.startswith(_INTEL):
            _mark_sealed(db, node, stream)
            _remember_reports(db, node, stream)
    return again


def _close_findings(db: Transaction, node: str, now: int) -> None:
    about = finding.c.originator == node, finding.c.code.in_((BEHIND, FOREIGN)), finding.c.closed_at.is_(None)
    db.execute(update(finding).where(*about).values(closed_at=now))


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


def _remember_reports(db: Transaction, node: str, stream: str) -> None:
    """The reports of the adopted records are known as accepted: handed in again, they are duplicates."""
    here = message.c.originator == node, message.c.stream == stream, message.c.erased_at.is_(None)
    known: Collection[bytes] = set(db.scalars(select(draft.c.message_id)))
    names = {(row.report_id, row.region) for row in db.execute(select(draft.c.report_id, draft.c.region))}
    statement = select(message.c.message_id, message.c.sequence, message.c.payload).where(*here)
    for row in db.execute(statement.order_by(message.c.sequence)):
        content = read_stored(row.payload) if row.message_id not in known and row.payload else None
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
