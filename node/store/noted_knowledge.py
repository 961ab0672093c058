"""What the program could read when a daemon last started: one row with the digest of `schemas.knowledge`."""

from sqlalchemy import delete, insert, select

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import knowledge


def digest(db: Transaction) -> bytes | None:
    """The digest that the last daemon noted; None if the store is new or of an earlier build."""
    found: bytes | None = db.execute(select(knowledge.c.digest)).scalar()
    return found


def put(db: Transaction, digest: bytes) -> None:
    """Note the digest of what the program can read now, in place of the earlier one."""
    hold(db, Lock.KNOWLEDGE)
    db.execute(delete(knowledge))
    db.execute(insert(knowledge).values(digest=digest))
