"""node/database/statements.py: many rows by one statement."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from node.database import fulltext
from node.database.access_tables import access_log
from node.database.engine import Store, Transaction
from node.database.record_tables import message_text, pending
from node.database.statements import (
    COPIED_ROWS_MIN,
    ROWS_TOGETHER_MAX,
    change,
    insert_rows,
    insert_together,
    rows_for,
    set_rows,
)
from tests.support import postgres

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

    assert [tuple(row)[:6] for row in rows] == [(1, 1, "A", "me", "x", "d"), (2, 9, "B", "you", "y", "changed")]


async def test_names_in_another_order_than_the_table_are_a_bug(tmp_path: Path) -> None:
    """The values would land in the wrong columns."""
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        with pytest.raises(ValueError, match="order of the table"):
            await store.write(lambda db: insert_rows(db, access_log, ("operation", "at"), [("A", 1)]))
    finally:
        await store.close()


def found(db: Transaction, words: str) -> Sequence[Row[Any]]:
    """The ids of the texts with these words."""
    table, id_, conditions = fulltext.matching(db.dialect.name, words)
    return db.execute(select(id_).select_from(table).where(*conditions)).all()


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
            same, last = found(db, "same"), found(db, f"word{count - 1}")
            db.execute(delete(message_text))
            return rows, same, last

        rows, same, last = await store.write(write)
    finally:
        await store.close()

    assert [tuple(row)[:6] for row in rows] == given
    assert (len(same), [tuple(row) for row in last]) == (count, [(count - 1,)])


async def test_a_change_of_many_rows_answers_how_many_it_changed(tmp_path: Path) -> None:
    """Each row has its values by name; a value of the statement itself is kept; no row is no statement."""
    entries = [{"at": n, "operation": "A", "actor": "me", "subject": f"s{n}", "detail": ""} for n in range(3)]
    setting = (
        update(access_log).where(access_log.c.subject == bindparam("of")).values(detail="fixed", at=bindparam("to"))
    )
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:

        def write(db: Transaction) -> tuple[int, int, int]:
            return (
                change(db, insert(access_log), entries),
                change(db, setting, [{"of": "s1", "to": 8}, {"of": "s2", "to": 9}, {"of": "absent", "to": 9}]),
                change(db, setting, []),
            )

        counts = await store.write(write)
        rows = await store.read(lambda db: rows_for(db, select(access_log.c.at, access_log.c.detail), {}))
    finally:
        await store.close()

    assert counts == (3, 2, 0)
    assert [(row.at, row.detail) for row in rows] == [(0, ""), (8, "fixed"), (9, "fixed")]


async def test_rows_are_found_by_lists_and_limits(tmp_path: Path) -> None:
    """A list of any length is a list of values, an empty one finds nothing, and LIMIT works with its own parameter."""
    statement = (
        select(access_log.c.id, access_log.c.subject)
        .where(access_log.c.id.in_(bindparam("ids", expanding=True)))
        .order_by(access_log.c.id)
        .limit(bindparam("at_most"))
    )
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        await store.write(lambda db: insert_rows(db, access_log, NAMES, [(n, "A", "me", "x", "") for n in range(9)]))

        def ids(wanted: list[int], at_most: int) -> Any:
            return lambda db: [row.id for row in rows_for(db, statement, {"ids": wanted, "at_most": at_most})]

        found = [await store.read(ids([*range(1, count + 1)], 100)) for count in range(6)]
        few = await store.read(ids([5, 6, 7], 2))
    finally:
        await store.close()

    assert found == [[*range(1, count + 1)] for count in range(6)]
    assert few == [5, 6]


async def test_an_error_of_the_database_names_no_value(tmp_path: Path) -> None:
    """It is SQLAlchemy's error, as of any other statement, and the transaction is rolled back."""
    rows = [(1, "A", "me", "secret", None)]
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        with pytest.raises(IntegrityError) as raised:
            await store.write(lambda db: insert_rows(db, access_log, NAMES, rows))
        left = await store.read(lambda db: rows_for(db, select(access_log), {}))
    finally:
        await store.close()

    assert "secret" not in str(raised.value)
    assert left == []


@pytest.mark.parametrize("count", [1, COPIED_ROWS_MIN - 1, COPIED_ROWS_MIN, 3 * COPIED_ROWS_MIN])
async def test_few_and_many_rows_are_the_same_rows_on_postgresql(count: int) -> None:
    """Many are copied in a binary form: numbers, texts, bytes, truth and null."""
    texts = ("", "é 密 \U0001f6a2 \\N \t\n", "x" * 3000)
    given = [
        (
            *(number, f"topic {number}", -(2**62), texts[number % 3], "", number, None if number % 2 else b"\x00\xff"),
            *("waiting", "", None, 2**62, number % 3 == 0, 0, bytes(range(256)), bytes([number]) * 32, ""),
        )
        for number in range(1, count + 1)
    ]
    names = tuple(column.name for column in pending.columns)
    store = await Store.open(postgres.database())
    try:
        await store.write(lambda db: insert_rows(db, pending, names, given))
        kept = await store.read(
            lambda db: db.execute(select(*(pending.c[name] for name in names)).order_by(pending.c.id)).all()
        )
        with pytest.raises(IntegrityError) as repeated:
            await store.write(lambda db: insert_rows(db, pending, names, given))
    finally:
        await store.close()

    assert [tuple(row) for row in kept] == given
    assert "\\x00ff" not in str(repeated.value)


async def test_an_error_between_two_rows_is_the_error_of_sqlalchemy_too(tmp_path: Path) -> None:
    """SQLite computes a row when it is fetched, so a fault of the disk may come after the first rows."""
    lowest = -(2**63)  # it has no absolute value
    statement = select(func.abs(access_log.c.at)).order_by(access_log.c.id)
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        await store.write(
            lambda db: insert_rows(db, access_log, NAMES, [(at, "A", "me", "x", "") for at in (1, 2, lowest)])
        )
        with pytest.raises(OperationalError, match="integer overflow"):
            await store.read(lambda db: rows_for(db, statement, {}))
    finally:
        await store.close()
