"""node/database/statements.py: many rows by one statement."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, delete, select

from node.database import fulltext
from node.database.access_tables import access_log
from node.database.engine import Store, Transaction
from node.database.record_tables import message_text
from node.database.statements import (
    ROWS_TOGETHER_MAX,
    insert_rows,
    insert_together,
    set_rows,
)

NAMES = ("at", "operation", "actor", "subject", "detail")


async def test_rows_are_written_in_the_order_of_the_names(tmp_path: Path) -> None:
    """Values go where their name says; what was not named has its default."""
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:

        def write(db: Transaction) -> None:
            insert_rows(db, access_log, NAMES, [(1, "A", "me", "x", "d"), (2, "B", "you", "y", "")])
            insert_rows(db, access_log, NAMES, [])
            set_rows(db, access_log, ("at", "detail"), [(9, "changed", 2)])

        await store.write(write)
        rows = await store.read(lambda db: db.execute(select(access_log).order_by(access_log.c.id)).all())
    finally:
        await store.close()

    assert [tuple(row) for row in rows] == [(1, 1, "A", "me", "x", "d"), (2, 9, "B", "you", "y", "changed")]


async def test_names_in_another_order_than_the_table_are_a_bug(tmp_path: Path) -> None:
    """The values would land in the wrong columns."""
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        with pytest.raises(ValueError, match="order of the table"):
            await store.write(lambda db: insert_rows(db, access_log, ("operation", "at"), [("A", 1)]))
    finally:
        await store.close()


async def test_rows_that_go_in_together_are_the_rows_that_go_in_one_by_one(tmp_path: Path) -> None:
    """However many there are, and all of them are found by their words."""
    count = 2 * ROWS_TOGETHER_MAX + 1
    given = [(number, f"word{number} same") for number in range(count)]
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:

        def write(db: Transaction) -> tuple[Sequence[Row[Any]], ...]:
            db.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            insert_together(db, message_text, ("message", "text"), given)
            rows = db.execute(select(message_text).order_by(message_text.c.message)).all()
            same = db.execute(fulltext.matching("same")).all()
            last = db.execute(fulltext.matching(f"word{count - 1}")).all()
            db.execute(delete(message_text))
            return rows, same, last

        rows, same, last = await store.write(write)
    finally:
        await store.close()

    assert [tuple(row) for row in rows] == given
    assert (len(same), [tuple(row) for row in last]) == (count, [(count - 1,)])
