"""Which leaves of a stream have a row: as a message, withheld, pending or in quarantine.

A leaf that was not addressed to this node, or that was only counted, has its place in the chain and no row.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Select, Table, bindparam, select

from node.database.engine import Transaction
from node.database.record_tables import message, pending, quarantine, withheld
from node.database.statements import rows_for
from node.stages import StreamId


def _in(table: Table) -> Select[int]:
    here = table.c.originator == bindparam("originator"), table.c.stream == bindparam("stream")
    return select(table.c.sequence).where(*here, table.c.sequence.in_(bindparam("sequences", expanding=True)))


_MESSAGES: Final = _in(message)
_WITHHELD: Final = _in(withheld)
_PENDING: Final = _in(pending).where(pending.c.placed.is_(True))
_QUARANTINED: Final = _in(quarantine).where(quarantine.c.placed.is_(True))


def present(db: Transaction, stream: StreamId, sequences: Collection[int]) -> set[int]:
    """Those of the sequences of a stream that have a row."""
    values = {"originator": stream.originator, "stream": stream.stream, "sequences": sorted(sequences)}
    statements = (_MESSAGES, _WITHHELD, _PENDING, _QUARANTINED)
    return {row.sequence for statement in statements for row in rows_for(db, statement, values)}
