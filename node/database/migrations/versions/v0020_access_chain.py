"""The access log becomes a hash chain. Its entries until now are chained in the order of their ids.

Revision ID: 0020
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

ROWS_AT_ONCE = 1000
FIELDS = ("id", "at", "operation", "actor", "subject", "detail", "purpose", "reason", "query", "hits")


def upgrade() -> None:
    """Add the column and the tables; the hashes say what the log was at the time of this upgrade."""
    op.add_column("access_log", sa.Column("hash", sa.LargeBinary(length=32), nullable=True))
    op.create_table(
        "access_end",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "access_head",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("erased_entry", sa.BigInteger(), nullable=False),
        sa.Column("erased_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "access_poll",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("command", sa.String(length=64), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("access_poll_first", "access_poll", ["first_at"])
    op.create_index("access_poll_actor", "access_poll", ["actor"])
    _chain()


def _chain() -> None:
    connection = op.get_bind()
    log = sa.table("access_log", *(sa.column(name) for name in (*FIELDS, "hash")))
    end = sa.table("access_end", sa.column("id"), sa.column("entry"), sa.column("hash"))
    put = log.update().where(log.c.id == sa.bindparam("of")).values(hash=sa.bindparam("its_hash"))
    last, previous = None, bytes(32)
    page = sa.select(*(log.c[name] for name in FIELDS)).order_by(log.c.id).limit(ROWS_AT_ONCE)
    while rows := connection.execute(page if last is None else page.where(log.c.id > last)).all():
        hashes = []
        for row in rows:
            previous = _hash(previous, tuple(row))
            hashes.append({"of": row.id, "its_hash": previous})
        connection.execute(put, hashes)
        last = rows[-1].id
    if last is not None:
        connection.execute(end.insert().values(id=1, entry=last, hash=previous))


def _hash(previous: bytes, entry: tuple[Any, ...]) -> bytes:
    """As docs/access-log.md says. A migration never changes, so it has the code itself."""
    return hashlib.sha256(b"".join(len(item).to_bytes(4, "big") + item for item in _items(previous, entry))).digest()


def _items(previous: bytes, entry: tuple[Any, ...]) -> Iterator[bytes]:
    yield from (b"enlace/1 access entry", previous)
    for index, value in enumerate(entry):
        mark = b"=" if index >= 6 else b""
        if value is None:
            yield b""
        elif isinstance(value, int):
            yield mark + value.to_bytes(8, "big", signed=True)
        else:
            yield mark + value.encode()
