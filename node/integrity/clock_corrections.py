"""Keeps what originators say about the times of their batches after their clock was wrong.

The rules are in node/verification/clock_corrections.py. Part of the transactions that place records.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from sqlalchemy import bindparam, delete, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.statements import change, rows_for
from node.database.stream_tables import clock_correction
from node.stages import StreamId, Verified
from node.store import chains
from node.verification.chain import StreamView
from node.verification.clock_corrections import ClockCorrection, corrections_of

CORRECTIONS_MAX: Final = 256  # of an originator; one for each stream and time that its clock was wrong

_HERE: Final = clock_correction.c.originator == bindparam("of"), clock_correction.c.stream == bindparam("in_stream")
_OF_STREAM: Final = select(clock_correction).where(*_HERE).order_by(clock_correction.c.next_sequence.desc())
_PUT: Final = Upsert(clock_correction, lambda insert: insert.on_conflict_do_nothing())
_OF_ORIGINATOR: Final = (
    select(clock_correction.c.stream, clock_correction.c.batch)
    .where(clock_correction.c.originator == bindparam("of"))
    .order_by(clock_correction.c.time.desc(), clock_correction.c.stream, clock_correction.c.batch)
)
_DROP: Final = delete(clock_correction).where(*_HERE, clock_correction.c.batch == bindparam("at_batch"))


def of_stream(db: Transaction, place: StreamId) -> list[ClockCorrection]:
    """The corrections of a stream, the newest first."""
    rows = rows_for(db, _OF_STREAM, {"of": place.originator, "in_stream": place.stream})
    return [
        ClockCorrection(stream=place, next_sequence=row.next_sequence, batch=row.batch, time=row.time) for row in rows
    ]


def put(db: Transaction, made: Sequence[ClockCorrection]) -> None:
    """Keep corrections; of each originator the newest CORRECTIONS_MAX stay."""
    rows = [
        {
            "originator": correction.stream.originator,
            "stream": correction.stream.stream,
            "next_sequence": correction.next_sequence,
            "batch": correction.batch,
            "time": correction.time,
        }
        for correction in made[:CORRECTIONS_MAX]
    ]
    change(db, _PUT, rows)
    for originator in {correction.stream.originator for correction in made}:
        old = rows_for(db, _OF_ORIGINATOR, {"of": originator})[CORRECTIONS_MAX:]
        change(db, _DROP, [{"of": originator, "in_stream": row.stream, "at_batch": row.batch} for row in old])


def apply(db: Transaction, place: StreamId, view: StreamView, records: Sequence[Verified]) -> None:
    """Tell the part of a chain that `records` touch at which times its batches count as sealed.

    Corrections matter only if a batch is dated before one with lower sequences, so they are seldom read.
    """
    times = {(link.first, link.sealed_at) for link in view.in_order}
    times |= {(record.batch.first_sequence, record.batch.sealed_at) for record in records}
    ordered = [sealed_at for _, sealed_at in sorted(times)]
    if any(earlier > later for earlier, later in pairwise(ordered)):
        view.corrected = {correction.batch: correction.time for correction in of_stream(db, place)}


def load(db: Transaction, place: StreamId, records: Sequence[Verified]) -> StreamView:
    """The part of a chain that `records` touch, for an auditor: what checkpoints among them say is kept at once."""
    view = chains.load(db, place, records)
    apply(db, place, view, records)
    put(db, [made for record in records for made in corrections_of(record)])
    return view
