"""Checks the chains: the links of each stream against each other, and each row that has a place against its link.

For each stream, links and rows are read in the order of their sequence and merged. So each row is read once, and the
memory holds one batch. The rules are those of node/verification/chain.py; they are computed here from the rows alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Table, select, union

from node.database.engine import Transaction
from node.database.record_tables import message, pending, quarantine, withheld
from node.database.stream_tables import link, reading, used_id
from node.integrity import clock_corrections
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.integrity.record_check import check_record
from node.integrity.row_streams import Ordered, rows_of
from node.stages import StreamId
from node.verification.clock_corrections import dated

REUSED: Final = "message_id_reused"
"""The code of a record that has a place and does not use up its message id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRow:
    """A row about a record that has a place in a chain."""

    table: str
    message_id: bytes | None
    row: Row[Any]


def streams(db: Transaction) -> list[StreamId]:
    """Every stream of which the store has a row, in order."""
    tables = (link, message, withheld, used_id, reading)
    found = db.execute(union(*(select(table.c.originator, table.c.stream) for table in tables)))
    places = [StreamId(originator=row.originator, stream=row.stream) for row in found]
    return sorted(places, key=lambda place: (place.originator, place.stream))


def check_chain(db: Transaction, place: StreamId, findings: Findings) -> None:
    """Check one stream."""
    rows, ids = Ordered(_placed(db, place)), Ordered(_used_ids(db, place))
    corrected = {made.batch: made.time for made in clock_corrections.of_stream(db, place)}
    before: Row[Any] | None = None
    highest = 0
    for batch in rows_of(db, select(link).where(*_here(link, place)).order_by(link.c.first)):
        key = key_of(place.originator, place.stream, batch.first)
        arrived = int.from_bytes(batch.arrived, "little")
        _check_link(key, batch, before, arrived, corrected, findings)
        _check_unplaced(rows.below(batch.first), findings, place)
        _check_ids(ids.below(batch.first), findings, place)
        _check_leaves(place, batch, arrived, rows, ids, findings)
        if arrived:
            highest = max(highest, batch.first + arrived.bit_length() - 1)
        before = batch
    _check_unplaced(rows.rest(), findings, place)
    _check_ids(ids.rest(), findings, place)
    for row in db.execute(select(reading.c.topic, reading.c.highest).where(*_here(reading, place))):
        if row.highest != highest:
            findings.report(FindingCode.HIGHEST_DIFFERS, "reading", row.topic, expected=highest, found=row.highest)


def _here(table: Table, place: StreamId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.originator == place.originator, table.c.stream == place.stream


def _check_link(
    key: str,
    batch: Row[Any],
    before: Row[Any] | None,
    arrived: int,
    corrected: Mapping[bytes, int],
    findings: Findings,
) -> None:
    """One link: its bitmap fits its size, it overlaps no other, and its flags follow from the rows."""
    follows = (
        before is not None
        and batch.previous == before.hash
        and before.first + before.size == batch.first
        and dated(before, corrected) <= batch.sealed_at
    )
    linked = batch.first == 1 or follows
    full = (1 << batch.size) - 1 if batch.size > 0 else 0
    wrong = []
    if batch.size < 1 or batch.first < 1:
        wrong.append(("a size and a first sequence from 1", f"size {batch.size}"))
    if len(batch.arrived) != (batch.size + 7) // 8 or arrived & ~full:
        wrong.append((f"a bitmap of {batch.size} leaves", f"{len(batch.arrived)} bytes, {arrived.bit_length()} bits"))
    if not arrived:
        wrong.append(("a leaf that has arrived", "none"))
    if before is not None and before.first + before.size > batch.first:
        wrong.append((f"to begin at {before.first + before.size} or later", f"first {batch.first}"))
    if batch.linked != linked:
        wrong.append((f"linked {linked}", f"linked {batch.linked}"))
    if batch.whole != (batch.linked and arrived == full):
        wrong.append((f"whole {batch.linked and arrived == full}", f"whole {batch.whole}"))
    for expected, found in wrong:
        findings.report(FindingCode.LINK_INVALID, "link", key, expected=expected, found=found)


def _check_leaves(
    place: StreamId,
    batch: Row[Any],
    arrived: int,
    rows: "Ordered[PlacedRow]",
    ids: "Ordered[bytes]",
    findings: Findings,
) -> None:
    """The leaves of one batch: each row and each used id belongs to a leaf that has arrived, and to one only."""
    end = batch.first + max(batch.size, 0)
    used = dict(ids.below(end))
    seen: dict[int, str] = {}
    reused = set()
    for sequence, placed in rows.below(end):
        key = key_of(place.originator, place.stream, sequence)
        if sequence in seen:
            found = f"a row in {seen[sequence]} too"
            findings.report(FindingCode.ROW_DOUBLED, placed.table, key, expected="one row of one table", found=found)
        seen[sequence] = placed.table
        if not arrived >> (sequence - batch.first) & 1:
            _report_unplaced(placed.table, key, findings)
        if placed.table == quarantine.name and placed.row.code == REUSED:
            reused.add(sequence)
        elif placed.message_id is not None and used.get(sequence) != placed.message_id:
            findings.report(
                FindingCode.USED_ID_DIFFERS, "used_id", key, expected=placed.message_id, found=used.get(sequence)
            )
        if placed.table == message.name:
            check_record(placed.row, batch, findings)
    for sequence in used:
        if not arrived >> (sequence - batch.first) & 1:
            _report_unplaced("used_id", key_of(place.originator, place.stream, sequence), findings)
    for leaf in range(max(batch.size, 0)):
        if arrived >> leaf & 1 and batch.first + leaf not in used and batch.first + leaf not in reused:
            key = key_of(place.originator, place.stream, batch.first + leaf)
            findings.report(FindingCode.USED_ID_DIFFERS, "used_id", key, expected="a message id", found="nothing")


def _check_unplaced(rows: Iterator[tuple[int, PlacedRow]], findings: Findings, place: StreamId) -> None:
    for sequence, placed in rows:
        _report_unplaced(placed.table, key_of(place.originator, place.stream, sequence), findings)


def _check_ids(ids: Iterator[tuple[int, bytes]], findings: Findings, place: StreamId) -> None:
    for sequence, _ in ids:
        _report_unplaced("used_id", key_of(place.originator, place.stream, sequence), findings)


def _report_unplaced(table: str, key: str, findings: Findings) -> None:
    findings.report(FindingCode.ROW_UNPLACED, table, key, expected="a leaf that has arrived", found="nothing")


def _used_ids(db: Transaction, place: StreamId) -> Iterator[tuple[int, bytes]]:
    statement = select(used_id.c.sequence, used_id.c.message_id).where(*_here(used_id, place))
    for row in rows_of(db, statement.order_by(used_id.c.sequence)):
        yield row.sequence, row.message_id


def _placed(db: Transaction, place: StreamId) -> Iterator[tuple[int, PlacedRow]]:
    """The rows about records of a stream that have a place, by sequence."""
    from heapq import merge

    yield from merge(*(_of_table(db, table, place) for table in _PLACED), key=lambda item: item[0])


_PLACED: Final[tuple[tuple[Table, Select[Any]], ...]] = (
    (
        message,
        select(message.c.sequence, message.c.message_id, message.c.expires_at, message.c.record, message.c.erased_at),
    ),
    (withheld, select(withheld.c.sequence, withheld.c.message_id)),
    (pending, select(pending.c.sequence, pending.c.message_id).where(pending.c.placed.is_(True))),
    (quarantine, select(quarantine.c.sequence, quarantine.c.code).where(quarantine.c.placed.is_(True))),
)
"""Tables with rows about single records, and what the check needs of them."""


def _of_table(db: Transaction, source: tuple[Table, Select[Any]], place: StreamId) -> Iterator[tuple[int, PlacedRow]]:
    table, statement = source
    for row in rows_of(db, statement.where(*_here(table, place)).order_by(table.c.sequence)):
        yield row.sequence, PlacedRow(table=table.name, message_id=getattr(row, "message_id", None), row=row)
