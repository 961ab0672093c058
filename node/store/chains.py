"""The chains of the streams that are read: the links of their batches, and the message ids that are used.

The part of a chain that records touch is loaded before they are placed (node/verification/chain.py), and written after.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Select, bindparam, func, insert, literal_column, select, update

from node.database.engine import Transaction
from node.database.statements import Found, change, insert_rows, rows_for
from node.database.stream_tables import link, reading, used_id
from node.stages import StreamId, Verified
from node.undecided.usage import Usage
from node.verification.chain import Link, StreamView
from node.verification.gaps import Gap, open_gaps

LINK_SIZE_BYTES: Final = 384  # of a row of `link` at most, without its indexes
ID_SIZE_BYTES: Final = 128  # of a row of `used_id` at most


def _several(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


_HERE: Final = (link.c.originator == bindparam("originator"), link.c.stream == bindparam("stream"))
# Each has its own index. Joined by OR, they would make SQLite read the whole stream.
_WITH_HASH: Final = select(link).where(*_HERE, link.c.hash.in_(_several("hashes")))
_AFTER: Final = select(link).where(*_HERE, link.c.previous.in_(_several("hashes")))
_OTHER: Final = link.alias("other")
_ELSEWHERE: Final = (_OTHER.c.originator == bindparam("originator"), _OTHER.c.stream == bindparam("stream"))
_BEFORE: Final = select(func.max(_OTHER.c.first)).where(*_ELSEWHERE, _OTHER.c.first < bindparam("first"))
_BEHIND: Final = select(func.min(_OTHER.c.first)).where(*_ELSEWHERE, _OTHER.c.first >= bindparam("end"))
_NEIGHBOURS: Final = select(link).where(
    *_HERE,
    link.c.first >= func.coalesce(_BEFORE.scalar_subquery(), literal_column("0")),
    link.c.first <= func.coalesce(_BEHIND.scalar_subquery(), bindparam("end")),
)
_END_BEFORE: Final = (
    select(_OTHER.c.first + _OTHER.c.size)
    .where(_OTHER.c.originator == link.c.originator, _OTHER.c.stream == link.c.stream, _OTHER.c.first < link.c.first)
    .order_by(_OTHER.c.first.desc())
    .limit(1)
    .scalar_subquery()
)
_NOT_WHOLE: Final = select(link, _END_BEFORE.label("before")).where(*_HERE, link.c.whole.is_(False))
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
    """The part of the chain of `place` that `records` touch: their batches, those named, and those beside them."""
    here = {"originator": place.originator, "stream": place.stream}
    reached = highest(db, place)
    hashes = list({hash_ for record in records for hash_ in (record.batch_hash, record.batch.previous)})
    wanted: list[tuple[Select[Any], dict[str, Any]]] = [(_WITH_HASH, {"hashes": hashes}), (_AFTER, {"hashes": hashes})]
    wanted += [(_NEIGHBOURS, {"first": first, "end": end}) for first, end in _ranges(records, reached)]
    rows = {row.first: row for statement, values in wanted for row in rows_for(db, statement, here | values)}
    ids = rows_for(db, _USED, here | {"ids": [record.header.message_id for record in records]})
    return StreamView.of(
        (link_of(row) for row in rows.values()),
        used_ids={row.message_id: row.sequence for row in ids},
        highest=reached,
    )


def highest(db: Transaction, place: StreamId) -> int:
    """The highest sequence of a stream that has its place; 0 if it has none."""
    rows = rows_for(db, _HIGHEST, {"originator": place.originator, "stream": place.stream})
    return rows[0].highest if rows else 0


def _ranges(records: Sequence[Verified], reached: int) -> list[tuple[int, int]]:
    """The sequences of the batches of `records`, as few ranges (first, end).

    Ranges that touch are one, and so are all that end above `reached`: no batch that has a place is between them.
    """
    ranges: list[tuple[int, int]] = []
    for first, size in sorted({(record.batch.first_sequence, record.batch.size) for record in records}):
        if ranges and (first <= ranges[-1][1] or ranges[-1][1] > reached):
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], first + size))
        else:
            ranges.append((first, first + size))
    return ranges


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


def gaps(db: Transaction, place: StreamId, reached: int) -> list[Gap]:
    """All open gaps of a stream, computed from its links; `reached` is its highest sequence."""
    rows = rows_for(db, _NOT_WHOLE, {"originator": place.originator, "stream": place.stream})
    return open_gaps([(link_of(row), row.before or 1) for row in rows], reached)


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


def has_place(db: Transaction, place: StreamId, sequence: int) -> bool:
    """Whether the record at this sequence of the stream has its place."""
    here = link.c.originator == place.originator, link.c.stream == place.stream, link.c.first <= sequence
    row = db.execute(select(link).where(*here).order_by(link.c.first.desc()).limit(1)).first()
    return row is not None and bool(int.from_bytes(row.arrived, "little") >> (sequence - row.first) & 1)


def hashes_present(db: Transaction, place: StreamId, hashes: Sequence[bytes]) -> set[bytes]:
    """Those of the hashes that belong to a batch of the stream."""
    values = {"originator": place.originator, "stream": place.stream, "hashes": list(hashes)}
    return {row.hash for row in rows_for(db, _WITH_HASH, values)}


def last_signed(db: Transaction, place: StreamId) -> int:
    """The last sequence of the last batch of which a record has its place; 0 without one."""
    here = link.c.originator == place.originator, link.c.stream == place.stream
    end = db.scalar(select(link.c.first + link.c.size).where(*here).order_by(link.c.first.desc()).limit(1))
    return (end or 1) - 1


def put(db: Transaction, place: StreamId, changed: StreamView) -> Usage:
    """Write the links and ids that placing records changed; returns what the new rows take at most."""
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
    return taken_by(len(new), len(ids))


def taken_by(links: int, ids: int) -> Usage:
    """What so many rows of `link` and `used_id` take at most."""
    return Usage(links + ids, links * LINK_SIZE_BYTES + ids * ID_SIZE_BYTES)
