"""The chains of the streams that are read: the links of their batches, and the message ids that are used.

The part of a chain that records touch is loaded before they are placed (node/verification/chain.py), and written after.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, insert, select, update

from node.database.engine import Transaction
from node.database.statements import Found, change, insert_rows, rows_for
from node.database.stream_tables import link, reading, used_id
from node.limits import BATCH_LEAVES_MAX
from node.stages import StreamId, Verified
from node.verification.chain import Link, StreamView
from node.verification.gaps import Gap, open_gaps


def _several(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


_HERE: Final = (link.c.originator == bindparam("originator"), link.c.stream == bindparam("stream"))
# Each has its own index. Joined by OR, they would make SQLite read the whole stream.
_WITH_HASH: Final = select(link).where(*_HERE, link.c.hash.in_(_several("hashes")))
_AFTER: Final = select(link).where(*_HERE, link.c.previous.in_(_several("hashes")))
_BETWEEN: Final = select(link).where(
    *_HERE,
    link.c.first < bindparam("end"),
    link.c.first > bindparam("before"),
    link.c.first + link.c.size > bindparam("first"),
)
_USED: Final = select(used_id.c.message_id, used_id.c.sequence).where(
    used_id.c.originator == bindparam("originator"),
    used_id.c.stream == bindparam("stream"),
    used_id.c.message_id.in_(_several("ids")),
)
_NEW_LINK: Final = insert(link)
_CHANGED_LINK: Final = (
    update(link)
    .where(
        link.c.originator == bindparam("of"),
        link.c.stream == bindparam("in_stream"),
        link.c.first == bindparam("at_first"),
    )
    .values({name: bindparam(f"new_{name}") for name in ("arrived", "linked", "whole")})
)
_HIGHEST: Final = select(reading.c.highest).where(
    reading.c.originator == bindparam("originator"), reading.c.stream == bindparam("stream")
)


def load(db: Transaction, place: StreamId, records: Sequence[Verified]) -> StreamView:
    """The part of the chain of `place` that `records` touch."""
    here = {"originator": place.originator, "stream": place.stream}
    hashes = list({hash_ for record in records for hash_ in (record.batch_hash, record.batch.previous)})
    first = min(record.batch.first_sequence for record in records)
    end = max(record.batch.first_sequence + record.batch.size for record in records)
    between = {"first": first, "end": end, "before": first - BATCH_LEAVES_MAX}
    rows = {
        row.first: row
        for statement, values in ((_WITH_HASH, {"hashes": hashes}), (_AFTER, {"hashes": hashes}), (_BETWEEN, between))
        for row in rows_for(db, statement, here | values)
    }
    ids = rows_for(db, _USED, here | {"ids": [record.header.message_id for record in records]})
    highest = rows_for(db, _HIGHEST, here)
    return StreamView.of(
        (link_of(row) for row in rows.values()),
        used_ids={row.message_id: row.sequence for row in ids},
        highest=highest[0].highest if highest else 0,
    )


def link_of(row: Found) -> Link:
    """A row of `link` as the type of the chain."""
    return Link(
        first=row.first,
        size=row.size,
        hash=row.hash,
        previous=row.previous,
        sealed_at=row.sealed_at,
        arrived=int.from_bytes(row.arrived, "little"),
        linked=bool(row.linked),
    )


def gaps(db: Transaction, place: StreamId, highest: int) -> list[Gap]:
    """The open gaps of a stream, computed from its links; `highest` is its highest sequence."""
    here = (link.c.originator == place.originator, link.c.stream == place.stream)
    rows = db.execute(select(link).where(*here, link.c.whole.is_(False))).all()
    pairs = []
    for row in rows:
        before = db.scalar(
            select(link.c.first + link.c.size).where(*here, link.c.first < row.first).order_by(link.c.first.desc())
        )
        pairs.append((link_of(row), before or 1))
    return open_gaps(pairs, highest)


def id_used_at(db: Transaction, place: StreamId, message_id: bytes) -> int | None:
    """The sequence of the message with this id in the stream; None if the id is not used."""
    sequence: int | None = db.scalar(
        select(used_id.c.sequence).where(
            used_id.c.originator == place.originator,
            used_id.c.stream == place.stream,
            used_id.c.message_id == message_id,
        )
    )
    return sequence


def put(db: Transaction, place: StreamId, changed: StreamView) -> None:
    """Write the links and ids that placing records changed."""
    here = {"originator": place.originator, "stream": place.stream}
    new, old = [], []
    for batch in changed.changed.values():
        state: dict[str, Any] = {
            "arrived": batch.arrived.to_bytes((batch.size + 7) // 8, "little"),
            "linked": batch.linked,
            "whole": batch.is_whole,
        }
        if batch.is_new:
            facts = {"first": batch.first, "size": batch.size, "hash": batch.hash, "previous": batch.previous}
            new.append({**facts, **state, "sealed_at": batch.sealed_at, **here})
        else:
            row = {"of": place.originator, "in_stream": place.stream, "at_first": batch.first}
            old.append(row | {f"new_{name}": value for name, value in state.items()})
    change(db, _NEW_LINK, new)
    change(db, _CHANGED_LINK, old)
    ids = [(place.originator, place.stream, id_, sequence) for id_, sequence in changed.new_ids.items()]
    insert_rows(db, used_id, ("originator", "stream", "message_id", "sequence"), ids)
