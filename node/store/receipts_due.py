"""The outcomes that this node owes to other originators: one byte for each leaf of each batch that it read.

An outcome is written in the transaction of its decision, and is due until a receipt with exactly these bytes is sealed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Select, Table, bindparam, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.receipt_tables import batch_outcome
from node.database.statements import Found, change, rows_for
from node.database.stream_tables import link
from node.stages import StreamId
from node.undecided import usage
from node.undecided.usage import Budget, Usage
from node.verification.receipt_bytes import NOT_ADDRESSED, NOT_ARRIVED

SEALED: Final = 0  # in a receipt
DUE: Final = 1
PARKED: Final = 2  # due, but the NODE document does not let this node write `receipts`

ROW_SIZE_BYTES: Final = 192  # at most, without the outcomes


@dataclass(slots=True, kw_only=True)
class BatchOutcomes:
    """The outcomes of leaves of one batch that one transaction writes."""

    place: StreamId
    hash: bytes
    size: int
    outcomes: dict[int, int] = field(default_factory=dict)
    """Leaf -> byte."""

    @property
    def key(self) -> tuple[str, str, bytes]:
        """The primary key of its row."""
        return self.place.originator, self.place.stream, self.hash

    def applied_to(self, before: bytes) -> bytes:
        """All outcomes of the batch: these, and `before` for the other leaves."""
        after = bytearray(before)
        for leaf, byte in self.outcomes.items():
            after[leaf] = byte
        return bytes(after)


def _by_hash(table: Table) -> Select[Any]:
    here = table.c.originator == bindparam("originator"), table.c.stream == bindparam("stream")
    return select(table).where(*here, table.c.hash.in_(bindparam("hashes", expanding=True)))


_KNOWN: Final = _by_hash(batch_outcome)
_LINKS: Final = _by_hash(link)
_PUT: Final = Upsert(
    batch_outcome,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["originator", "stream", "hash"],
        set_={name: insert.excluded[name] for name in ("outcomes", "due", "due_since", "changed_at")},
    ),
)


def put_outcomes(db: Transaction, noted: Collection[BatchOutcomes], now: int) -> None:
    """Write outcomes. A batch that changed is due; nothing is kept of a batch without a leaf for this node."""
    if not noted:
        return
    hold(db, Lock.OUTCOMES, shared=True)
    known = {(row.originator, row.stream, row.hash): row for row in _rows(db, _KNOWN, [batch.key for batch in noted])}
    new = [batch for batch in noted if batch.key not in known and any(batch.outcomes.values())]
    arrived = _arrived(db, {batch.key: batch.size for batch in new})
    changed, taken = [], []
    for batch in noted:
        row = known.get(batch.key)
        before = row.outcomes if row is not None else arrived.get(batch.key)
        if before is None:
            continue
        after = batch.applied_to(before)
        if row is None or after != before:
            due_since = row.due_since if row is not None and row.due == DUE else now
            changed.append(_columns(batch, after, due_since, now))
        if row is None:
            taken.append((batch.place.originator, Budget.OUTCOMES, outcomes_size(len(after))))
    change(db, _PUT, changed)
    usage.add(db, taken)


def outcomes_size(leaves: int) -> Usage:
    """What a row about a batch of so many leaves takes at most."""
    return Usage(1, ROW_SIZE_BYTES + leaves)


def _rows(db: Transaction, statement: Select[Any], keys: Iterable[tuple[str, str, bytes]]) -> Iterator[Found]:
    """The rows of `statement` for these (originator, stream, hash)."""
    hashes: dict[tuple[str, str], list[bytes]] = {}
    for originator, stream, hash_ in keys:
        hashes.setdefault((originator, stream), []).append(hash_)
    for (originator, stream), here in hashes.items():
        yield from rows_for(db, statement, {"originator": originator, "stream": stream, "hashes": here})


def _columns(batch: BatchOutcomes, outcomes: bytes, due_since: int, now: int) -> dict[str, Any]:
    return {
        "originator": batch.place.originator,
        "stream": batch.place.stream,
        "hash": batch.hash,
        "outcomes": outcomes,
        "due": DUE,
        "due_since": due_since,
        "changed_at": now,
    }


def _arrived(db: Transaction, new: Mapping[tuple[str, str, bytes], int]) -> dict[tuple[str, str, bytes], bytes]:
    """The outcomes so far of batches that have no row yet: leaves that arrived before were not for this node."""
    found = {key: bytes([NOT_ARRIVED]) * size for key, size in new.items()}
    for row in _rows(db, _LINKS, new):
        bits = int.from_bytes(row.arrived, "little")
        found[row.originator, row.stream, row.hash] = bytes(
            NOT_ADDRESSED if bits >> leaf & 1 else NOT_ARRIVED for leaf in range(row.size)
        )
    return found
