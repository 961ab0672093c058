"""The outbox: sealed bytes until they are read back from the log, and the head of each own stream.

A message is *accepted* while it is a draft without a sequence, *sealed* while the log has not acknowledged its bytes,
and *sent* until this node reads it back. Then it is witnessed, and its bytes are deleted here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.outgoing_tables import head, outgoing
from node.database.statements import change, insert_rows, rows_for
from node.stages import SealedBatch, StreamHead
from node.store import counters

OUTGOING_BYTES_MAX: Final = 4 * 1024 * 1024  # in one append


_HEADS: Final = select(head)
_NEW_HEAD: Final = insert(head)
_MOVED_HEAD: Final = (
    update(head)
    .where(head.c.stream == bindparam("of"))
    .values({name: bindparam(name) for name in ("next_sequence", "batch_hash", "sealed_at")})
)
_WITNESS: Final = delete(outgoing).where(
    outgoing.c.stream == bindparam("of"),
    outgoing.c.sequence == bindparam("seq"),
    outgoing.c.value == bindparam("seen"),
)
_KEPT: Final = select(outgoing.c.sequence, outgoing.c.value).where(
    outgoing.c.stream == bindparam("of"), outgoing.c.sequence.in_(bindparam("sequences", expanding=True))
)
_RANGE: Final = (
    outgoing.c.stream == bindparam("of"),
    outgoing.c.sequence.between(bindparam("low"), bindparam("high")),
)
_COUNT: Final = select(func.count()).select_from(outgoing).where(outgoing.c.acknowledged == bindparam("state"))
_IN_RANGE: Final = select(outgoing.c.sequence).where(*_RANGE).limit(1)
_ACKNOWLEDGE: Final = update(outgoing).where(*_RANGE).values(acknowledged=True)
_LAST_ACKNOWLEDGED: Final = (
    select(outgoing.c.sequence)
    .where(
        outgoing.c.stream == bindparam("of"),
        outgoing.c.sequence > bindparam("above"),
        outgoing.c.acknowledged.is_(True),
    )
    .order_by(outgoing.c.sequence.desc())
    .limit(1)
    .scalar_subquery()
)
_UNACKNOWLEDGED: Final = (
    select(outgoing.c.sequence, outgoing.c.value)
    .where(
        outgoing.c.stream == bindparam("of"),
        outgoing.c.sequence > func.coalesce(_LAST_ACKNOWLEDGED, bindparam("above")),
    )
    .order_by(outgoing.c.sequence)
    .limit(bindparam("at_most"))
)

_OF_STREAM: Final = (
    select(outgoing.c.sequence).where(outgoing.c.stream == bindparam("stream")).order_by(outgoing.c.sequence).limit(1)
)
_ANY: Final = _OF_STREAM
_OLDEST_ACKNOWLEDGED: Final = _OF_STREAM.where(outgoing.c.acknowledged.is_(True))


def heads(db: Transaction) -> dict[str, StreamHead]:
    """The head of each own stream that has one."""
    rows = rows_for(db, _HEADS, {})
    return {
        row.stream: StreamHead(next_sequence=row.next_sequence, batch_hash=row.batch_hash, sealed_at=row.sealed_at)
        for row in rows
    }


class HeadMoved(Exception):
    """Another process sealed since the heads were read: the result is discarded and computed again."""


def store_batches(db: Transaction, before: Mapping[str, StreamHead], batches: Sequence[SealedBatch]) -> None:
    """Store sealed bytes and new heads if the old heads are still those in `before`; raises HeadMoved."""
    hold(db, Lock.OUTBOX)
    current = heads(db)
    for batch in batches:
        if current.get(batch.stream, StreamHead()) != before.get(batch.stream, StreamHead()):
            raise HeadMoved
        if batch.stream not in current:
            change(db, _NEW_HEAD, [{"stream": batch.stream} | _head_columns(batch.head)])
        else:
            change(db, _MOVED_HEAD, [{"of": batch.stream} | _head_columns(batch.head)])
        put_outgoing(db, batch.stream, batch.first_sequence, batch.values)


def put_outgoing(db: Transaction, stream: str, first: int, values: Sequence[bytes]) -> None:
    """Keep sealed bytes, from sequence `first` on, until they were sent and read back."""
    rows = [(stream, sequence, value, False) for sequence, value in enumerate(values, first)]
    insert_rows(db, outgoing, ("stream", "sequence", "value", "acknowledged"), rows)


def _head_columns(value: StreamHead) -> dict[str, object]:
    return {"next_sequence": value.next_sequence, "batch_hash": value.batch_hash, "sealed_at": value.sealed_at}


def unacknowledged(db: Transaction, stream: str, limit: int, after: int = 0) -> list[tuple[int, bytes]]:
    """The oldest sealed bytes of `stream` that the log has not acknowledged, at most OUTGOING_BYTES_MAX of them.

    Only those with a sequence above `after`: up to there the caller knows that the log has them.
    """
    rows = rows_for(db, _UNACKNOWLEDGED, {"of": stream, "above": after, "at_most": limit})
    chosen: list[tuple[int, bytes]] = []
    size = 0
    for sequence, value in rows:
        size += len(value)
        if chosen and size > OUTGOING_BYTES_MAX:
            break
        chosen.append((sequence, value))
    return chosen


def acknowledge(db: Transaction, stream: str, first: int, last: int) -> None:
    """Note that the log has the sequences `first` to `last`. Those that were read back meanwhile have no row."""
    hold(db, Lock.OUTBOX)
    change(db, _ACKNOWLEDGE, [{"of": stream, "low": first, "high": last}])


def oldest_acknowledged(db: Transaction) -> dict[str, int]:
    """Own stream -> the first sequence that the log acknowledged and did not give back."""
    found = {stream: rows_for(db, _OLDEST_ACKNOWLEDGED, {"stream": stream}) for stream in heads(db)}
    return {stream: rows[0].sequence for stream, rows in found.items() if rows}


def on_their_way(db: Transaction) -> dict[str, int]:
    """Own stream -> how many sequences there are from the oldest one that was not read back up to the head."""
    oldest = {stream: (head, rows_for(db, _ANY, {"stream": stream})) for stream, head in heads(db).items()}
    return {stream: head.next_sequence - rows[0].sequence for stream, (head, rows) in oldest.items() if rows}


def unacknowledge(db: Transaction, stream: str, first: int) -> None:
    """The log does not have the sequences from `first` on, although it acknowledged them: they are to be sent again."""
    db.execute(
        update(outgoing).where(outgoing.c.stream == stream, outgoing.c.sequence >= first).values(acknowledged=False)
    )


def is_empty(db: Transaction, stream: str) -> bool:
    """Whether everything of the stream was read back."""
    return not rows_for(db, _ANY, {"stream": stream})


def has_row(db: Transaction, stream: str, first: int, last: int) -> bool:
    """Whether one of the sequences `first` to `last` was not read back yet."""
    return bool(rows_for(db, _IN_RANGE, {"of": stream, "low": first, "high": last}))


def not_sent(db: Transaction, stream: str, read_back: Collection[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """Those of the (sequence, bytes) that were read back and that the outbox does not have."""
    if not read_back:
        return set()
    rows = rows_for(db, _KEPT, {"of": stream, "sequences": [sequence for sequence, _ in read_back]})
    return set(read_back) - {(sequence, value) for sequence, value in rows}


def witness(db: Transaction, stream: str, read_back: Sequence[tuple[int, bytes]]) -> None:
    """Delete the (sequence, bytes) that were read back from the log. Other bytes at a sequence delete nothing."""
    hold(db, Lock.OUTBOX)
    change(db, _WITNESS, [{"of": stream, "seq": sequence, "seen": value} for sequence, value in read_back])


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxCounts:
    """How many messages are in each state of the outbox."""

    accepted: int
    sealed: int
    sent: int

    @property
    def drained(self) -> bool:
        """Whether everything was read back from the log."""
        return not (self.accepted or self.sealed or self.sent)


def counts(db: Transaction) -> OutboxCounts:
    """The counts at this moment."""
    sealed, sent = (rows_for(db, _COUNT, {"state": state})[0][0] for state in (False, True))
    return OutboxCounts(accepted=counters.value(db, counters.ACCEPTED), sealed=sealed, sent=sent)
