"""The locks of writing transactions, for a database that lets several of them work at the same time.

SQLite lets one transaction write at a time: `hold` does nothing there. PostgreSQL runs writing transactions at the
same time, in READ COMMITTED. Where a transaction looks something up and then depends on it, it holds a lock from
before the look-up until its end. The next transaction that takes the lock sees what the first one committed.

A transaction takes its locks in this order, so that two never wait for each other:

1. Lock.MIGRATION   one process at a time changes the tables.
2. Lock.INTAKE      `publish`: look up the report ids, then insert the drafts.
3. rows of `turn`   `ingest`: the versions of the originators, by name. They protect all that belongs to an originator:
                    chains, used ids, grants, positions, pending and quarantined records, gaps, outcomes of its batches.
4. Lock.OUTBOX      heads of the own streams, sealed bytes, acknowledgements, own grants.
5. Lock.OUTCOMES    the outcomes that this node owes: ingests of different originators share it, the sealing of
                    receipts holds it alone.
6. Lock.MESSAGES    ids of messages: they are cursors of searches, so they become visible in their order.
7. Lock.FINDINGS    faults of the log: look up the finding, then add it.
8. Lock.KNOWLEDGE   the one row of `knowledge`.
9. Lock.QUARANTINE  what the quarantined records take: ingests share it, deleting their bytes holds it alone.
10. rows of `counter` and `usage`, in one call by name. Every ingest changes them in the order of its code,
    `receipt_ignored` before 6 and all other counters after it, and those of `usage` last.
11. Lock.ACCESS     the end of the access log: entries are added last.

What changes webhooks or their deliveries (node/webhooks) takes Lock.WEBHOOKS before all of these but the first.

An erasure (node/retention) takes Lock.ERASURE before all others, so that two processes never erase the same rows.
"""

from enum import IntEnum

from sqlalchemy import Connection

from node.database.dialects import POSTGRESQL


class Lock(IntEnum):
    """Locks in the order in which a transaction takes them; the numbers are those of advisory locks.

    ERASURE comes first, ACCESS last.
    """

    MIGRATION = 1
    INTAKE = 2
    OUTBOX = 4
    OUTCOMES = 5
    MESSAGES = 6
    FINDINGS = 7
    KNOWLEDGE = 8
    QUARANTINE = 9
    ERASURE = 11
    ACCESS = 12
    WEBHOOKS = 13


def hold(db: Connection, lock: Lock, *, shared: bool = False) -> None:
    """Hold `lock` until the transaction ends, alone or `shared`. Waits for a transaction that holds it."""
    if db.dialect.name == POSTGRESQL:
        function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        # Each schema is a store of its own.
        db.exec_driver_sql(f"SELECT {function}(hashtext(current_schema()), {lock.value})")
