"""Quotas: refused and waiting records are known by their bytes, what they take is counted, positions are deferred.

Revision ID: 0010
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ROWS_AT_ONCE = 100
CURABLE = ["governance", "key_unknown", "key_use_wrong", "suite_unknown"]


def upgrade() -> None:
    """Make both tables again, with the digest and the budget of each row."""
    op.create_table(
        "usage",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("budget", sa.String(length=16), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "budget"),
    )
    op.create_table(
        "deferred",
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "first"),
    )
    rows: Counter[tuple[str, str]] = Counter()
    size: Counter[tuple[str, str]] = Counter()
    for name, indexes, create, more in (
        (
            "pending",
            ("pending_grant", "pending_message_id", "pending_outcome", "pending_due"),
            _create_pending,
            _more_pending,
        ),
        ("quarantine", ("quarantine_day", "quarantine_received"), _create_quarantine, _more_quarantine),
    ):
        for row in _rebuilt(name, indexes, create, more):
            rows[row["originator"], row["budget"]] += 1
            size[row["originator"], row["budget"]] += len(row["value"])
    usage = sa.table("usage", *map(sa.column, ("originator", "budget", "rows", "size")))
    for (originator, budget), count in rows.items():
        values = {"originator": originator, "budget": budget, "rows": count, "size": size[originator, budget]}
        op.execute(usage.insert().values(values))


def _rebuilt(
    name: str, indexes: tuple[str, ...], create: Callable[[], None], more: Callable[[Any], dict[str, Any]]
) -> Any:
    """Make table `name` again with the columns of `more`; yields each row as it is now."""
    connection = op.get_bind()
    for index in indexes:
        op.drop_index(index, table_name=name)
    op.rename_table(name, f"{name}_before")
    create()
    before = sa.Table(f"{name}_before", sa.MetaData(), autoload_with=connection)
    after = sa.Table(name, sa.MetaData(), autoload_with=connection)
    last: Any = None
    while True:
        page = sa.select(before).order_by(before.c.id).limit(ROWS_AT_ONCE)
        if last is not None:
            page = page.where(before.c.id > last)
        found = connection.execute(page).mappings().all()
        if not found:
            break
        for row in found:
            whole = {**row, **more(row)}
            connection.execute(after.insert().values(whole))
            yield whole
        last = found[-1]["id"]
    op.drop_table(f"{name}_before")


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _more_pending(row: Any) -> dict[str, Any]:
    budget = "curable" if row["reason"] in CURABLE else "waiting"
    return {"digest": _digest(row["value"]), "budget": budget}


def _more_quarantine(row: Any) -> dict[str, Any]:
    budget = "refused" if row["step"] >= 7 else "curable" if row["code"] in CURABLE else "forgeable"
    return {"digest": _digest(row["value"]), "budget": budget, "size": len(row["value"])}


def _create_pending() -> None:
    op.create_table(
        "pending",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("grant", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("budget", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("topic", "digest"),
    )
    op.create_index("pending_leaf", "pending", ["originator", "stream", "sequence"])
    held_until = sa.text("due_at IS NOT NULL")
    op.create_index("pending_grant", "pending", ["originator", "grant", "id"])
    op.create_index("pending_message_id", "pending", ["message_id"])
    op.create_index("pending_outcome", "pending", ["outcome", "received_at"])
    op.create_index("pending_due", "pending", ["due_at", "id"], sqlite_where=held_until, postgresql_where=held_until)


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("placed", sa.Boolean(), nullable=False),
        sa.Column("budget", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("quarantine_leaf", "quarantine", ["originator", "stream", "sequence"])
    op.create_index("quarantine_received", "quarantine", ["received_at", "id"])
