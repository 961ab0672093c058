"""A connection to SQLite that changes the thread once for each statement; aiosqlite alone changes it four times.

SQLAlchemy makes a cursor, executes, fetches all rows and closes the cursor. aiosqlite sends each of these calls to the
thread of the connection and waits for the answer, which costs more than the short statements of a node. Here cursors
are made and closed in the caller's thread, as that does not touch the file, and rows are fetched together with the
execution. Calls that may wait for the disk or a lock stay in the thread of the connection. Results are not streamed.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite


class StoreConnection(aiosqlite.Connection):
    """Used by one caller at a time, as SQLAlchemy's pool guarantees, so that both threads may touch the connection."""

    def __init__(self, path: str, timeout: float) -> None:
        def connect() -> sqlite3.Connection:
            return sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)

        super().__init__(connect, iter_chunk_size=64)
        self._fetched: dict[sqlite3.Cursor, list[Any]] = {}

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        owner, name = getattr(fn, "__self__", None), getattr(fn, "__name__", "")
        if isinstance(owner, sqlite3.Connection) and name == "cursor":
            return fn()
        if isinstance(owner, sqlite3.Cursor):
            match name:
                case "execute":
                    return await self._in_thread(self._execute_and_fetch, owner, *args)
                case "fetchall":
                    return self._fetched.pop(owner, [])
                case "close":
                    self._fetched.pop(owner, None)
                    return fn()
                case "fetchone" | "fetchmany":
                    raise NotImplementedError("the store does not stream results")
        return await self._in_thread(fn, *args, **kwargs)

    async def _in_thread(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]  # aiosqlite has no public way to its thread

    def _execute_and_fetch(self, cursor: sqlite3.Cursor, *args: Any) -> sqlite3.Cursor:
        cursor.execute(*args)
        if cursor.description is not None:
            self._fetched[cursor] = cursor.fetchall()
        return cursor
