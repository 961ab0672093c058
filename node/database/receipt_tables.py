"""The tables of receipts: outcomes that this node owes, its own batches, and the receipts that it received."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from node.database.metadata import metadata

batch_outcome = Table(
    "batch_outcome",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("outcomes", LargeBinary, nullable=False, comment="one byte for each leaf, as in a receipt"),
    Column("due", Integer, nullable=False, comment="0 sealed, 1 due, 2 parked: the NODE document forbids it"),
    Column("due_since", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
_DUE = batch_outcome.c.due > 0
Index(
    "batch_outcome_due",
    batch_outcome.c.due_since,
    *batch_outcome.primary_key,
    sqlite_where=_DUE,
    postgresql_where=_DUE,
)
Index(
    "batch_outcome_changed",
    batch_outcome.c.due,
    batch_outcome.c.changed_at,
    sqlite_where=_DUE,
    postgresql_where=_DUE,
)

own_batch = Table(
    "own_batch",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("stream", String(64), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("recipients", Text, nullable=False, comment="codes of the nodes whose receipts count"),
)
Index("own_batch_first", own_batch.c.stream, own_batch.c.first)

receipt = Table(
    "receipt",
    metadata,
    Column("batch", LargeBinary(32), primary_key=True),
    Column("recipient", String(16), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, comment="in the recipient's receipts stream"),
    Column("outcomes", LargeBinary, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
