"""Copies a whole store into an empty database, in one transaction of each.

- The store that is read is locked against writers until the end, and nothing of it changes.
- The copy is compared before it is committed. A copy that differs, or that was killed, leaves an empty database.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from node.database import migrate
from node.database.backend import Backend
from node.database.damage import store_damaged
from node.database.dialects import POSTGRESQL
from node.database.postgres_faults import refused_connection
from node.errors import EnlaceError, Refused, Unavailable, UsageError
from node.integrity.all_tables import TABLES
from node.integrity.check_store import check_chains
from node.integrity.copy_rows import CopiedTable, Difference, copy_rows, differences
from node.integrity.finding_types import StoreFinding
from schemas.avro.codec import BadMessage

FROM: Final = "from"
TO: Final = "to"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCopy:
    """The result of a copy."""

    tables: Mapping[str, CopiedTable]
    findings: tuple[StoreFinding, ...]
    """Of the chains of the copy, which are those of the store that was read."""


def copy_store(source: Backend, target: Backend) -> StoreCopy:
    """Copy the store of `source` into the database of `target`.

    Raises UsageError if there is no store of this version, or if the target is not empty; Unavailable if somebody uses
    one of them; Refused `copy_differs` if the copy is not equal.
    """
    with (
        _connected(source, FROM) as reading,
        _faults_named(source, target),
        reading.begin() as transaction,
    ):
        _check_source(reading)
        with _connected(target, TO) as writing, writing.begin():
            _check_target(writing)
            migrate.upgrade(writing)
            copied = copy_rows(reading, writing)
            if found := differences(writing, copied):
                raise _differs(found[0])
            findings = check_chains(writing)
        transaction.rollback()
    return StoreCopy(tables=copied, findings=findings)


@contextmanager
def _connected(backend: Backend, path: str) -> Iterator[Connection]:
    """A connection to one of the two databases. What is wrong with its address is an error of usage."""
    try:
        connection = backend.writer.connect()
    except DBAPIError as error:
        refusal = refused_connection(error)
        if refusal is not None:
            hint = "correct the address, or the file with the password that it names"
            raise UsageError("store_refused", refusal, path=path, hint=hint) from error
        fault = backend.fault(error, True)
        if fault is None:
            raise
        if getattr(error.orig, "sqlstate", None) is None and backend.writer.dialect.name == POSTGRESQL:
            fault.hint = "wait until the server answers; if it runs, correct host and port in the address"
        raise _at(fault, path) from error
    with connection:
        yield connection


def snapshot(db: Connection, target: Backend) -> dict[str, int]:
    """Copy the state that a reading transaction sees into an empty database; returns the rows of each table."""
    with target.writer.begin() as writing:
        migrate.upgrade(writing)
        copied = copy_rows(db, writing)
        if found := differences(writing, copied):
            raise _differs(found[0])
    return {name: table.rows for name, table in copied.items()}


def _check_source(db: Connection) -> None:
    """The store has the tables of this version, and no other session works on it or can write to it."""
    revision = migrate.revision(db)
    if revision is None:
        raise UsageError("store_missing", "there is no store at this address", path=FROM)
    if revision != migrate.REVISION:
        raise UsageError(
            "store_too_old",
            f"the store has revision {revision}, and this version needs {migrate.REVISION}",
            path=FROM,
        )
    _check_alone(db, FROM)
    if db.dialect.name == POSTGRESQL:
        db.execute(text(f"LOCK TABLE {', '.join(map(str, TABLES))} IN SHARE MODE"))


def _check_target(db: Connection) -> None:
    _check_alone(db, TO)
    if inspect(db).get_table_names():
        raise UsageError(
            "store_not_empty",
            "the database to copy to has tables",
            path=TO,
            hint="name a database that is empty, or a file that does not exist",
        )


def _check_alone(db: Connection, path: str) -> None:
    """PostgreSQL: nobody else is connected, and no time limit of a daemon ends the copy."""
    if db.dialect.name != POSTGRESQL:
        return
    others = db.scalar(
        text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    )
    if others:
        raise Unavailable(
            "store_in_use",
            f"{others} other sessions use the database",
            path=path,
            hint="stop the node, and close the other sessions",
        )
    db.execute(text("SET LOCAL statement_timeout = 0"))
    db.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _differs(found: Difference) -> Refused:
    return Refused(
        "copy_differs",
        f"the table {found.table} has {found.found.rows} rows in the copy and {found.expected.rows} in the store, "
        f"or their contents differ; nothing was kept of the copy",
        path=TO,
    )


@contextmanager
def _faults_named(source: Backend, target: Backend) -> Iterator[None]:
    """Raise an error of a database as an error that names which of the two it is."""
    try:
        yield
    except DBAPIError as error:
        is_source = isinstance(error.orig, source.writer.dialect.loaded_dbapi.Error)
        is_target = isinstance(error.orig, target.writer.dialect.loaded_dbapi.Error)
        fault = (target if is_target else source).fault(error, True)
        if fault is None:
            raise
        raise _at(fault, TO if is_target and not is_source else FROM if not is_target else None) from error
    except BadMessage as error:
        raise _at(store_damaged(error.reason), FROM) from error


def _at(error: EnlaceError, path: str | None) -> EnlaceError:
    error.path = path or error.path
    return error
