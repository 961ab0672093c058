"""Records that cannot be decided yet: they wait for a grant or a private key, or are held until a time.

Each is kept with its bytes, and looked at again (node/exchange/retry.py). A decided record leaves no row here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.record_tables import pending
from node.database.statements import change, rows_for
from node.primitives import digest
from node.stages import StreamId
from node.undecided import usage
from node.undecided.usage import Budget, Usage

_CHANGING: Final = ("sequence", "message_id", "outcome", "reason", "grant", "due_at", "placed", "budget")
_OF_RECORD: Final = (*_CHANGING, "topic", "position", "received_at", "value")
_PUT: Final = Upsert(
    pending,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["topic", "digest"], set_={name: insert.excluded[name] for name in _CHANGING}
    ),
)

_KNOWN: Final = select(pending.c.digest, pending.c.budget).where(
    pending.c.topic == bindparam("topic"), pending.c.digest.in_(bindparam("digests", expanding=True))
)
_SIZES: Final = select(pending.c.originator, pending.c.budget, func.length(pending.c.value).label("size")).where(
    pending.c.id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRecord:
    """A record that waits or is held, with its bytes."""

    topic: str
    position: int
    place: StreamId
    sequence: int
    message_id: bytes | None
    outcome: str
    """`waiting` or `held`."""

    reason: str
    grant: int | None
    """The sequence of the grant that it names."""

    due_at: int | None
    """When a held record may be looked at again, in ms."""

    placed: bool
    """It has its place in the chain."""

    value: bytes
    received_at: int
    budget: Budget
    id: int = 0
    """0 for a record that has no row yet."""


def put(db: Transaction, records: Sequence[PendingRecord]) -> None:
    """Keep records that wait or are held. A record that has a row keeps its id and the time of its arrival.

    The bytes identify a record in its topic: another record at the same position is another row.
    """
    digests = [digest(record.value) for record in records]
    known = _known(db, records, digests)
    rows = [
        {name: getattr(record, name) for name in _OF_RECORD}
        | {"originator": record.place.originator, "stream": record.place.stream, "digest": digest_}
        for record, digest_ in zip(records, digests, strict=True)
    ]
    change(db, _PUT, rows)
    changes: list[tuple[str, str, Usage]] = []
    for record, digest_ in zip(records, digests, strict=True):
        used = Usage(1, len(record.value))
        if (before := known.get((record.topic, digest_))) is not None:
            changes.append((record.place.originator, before, -used))
        known[record.topic, digest_] = record.budget
        changes.append((record.place.originator, record.budget, used))
    usage.add(db, changes)


def _known(db: Transaction, records: Sequence[PendingRecord], digests: Sequence[bytes]) -> dict[tuple[str, bytes], str]:
    """The budget of those that have a row, by topic and digest."""
    by_topic: dict[str, list[bytes]] = {}
    for record, digest_ in zip(records, digests, strict=True):
        by_topic.setdefault(record.topic, []).append(digest_)
    return {
        (topic, row.digest): row.budget
        for topic, here in by_topic.items()
        for row in rows_for(db, _KNOWN, {"topic": topic, "digests": here})
    }


def present(db: Transaction, ids: Collection[int]) -> set[int]:
    """Those of the ids that still have a row."""
    if not ids:
        return set()
    return set(db.execute(select(pending.c.id).where(pending.c.id.in_(ids))).scalars())


def make_due(db: Transaction, place: StreamId, now: int) -> None:
    """Let the records of a stream that are held until a time be looked at again at `now` (ms)."""
    here = pending.c.originator == place.originator, pending.c.stream == place.stream
    db.execute(update(pending).where(*here, pending.c.due_at > now).values(due_at=now))


def drop(db: Transaction, ids: Collection[int]) -> None:
    """Delete the rows of records that were decided."""
    if ids:
        sizes = rows_for(db, _SIZES, {"ids": list(ids)})
        usage.add(db, [(row.originator, row.budget, -Usage(1, row.size)) for row in sizes])
        db.execute(delete(pending).where(pending.c.id.in_(ids)))
