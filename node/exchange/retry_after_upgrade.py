"""Looks again, once after an upgrade, at quarantined records that an earlier version of this program could not read.

- A record with an unknown code or schema may be lawful. If a daemon starts and can read more than at its last start,
  such records are retried without a command.
- Each transaction looks at QUARANTINED_IN_TRANSACTION_MAX records at most, and nothing waits for the end of the job.
"""

from collections.abc import Callable
from typing import Final

import structlog

from node.database.engine import Store, Transaction
from node.exchange.retry import QUARANTINED_IN_TRANSACTION_MAX, retry_quarantined
from node.store import noted_knowledge
from node.undecided import quarantine_retry
from node.verification.judge import Judge

log = structlog.get_logger()

UNREADABLE: Final = frozenset({"payload_code_unknown", "payload_schema_unknown"})
EARLIER_BUILDS: Final = UNREADABLE | {"payload_malformed"}
"""Earlier builds noted no digest and rejected an unknown code with `payload_malformed`."""


async def retry_after_upgrade(
    store: Store,
    judge: Callable[[], Judge],
    *,
    digest: bytes,
    clock: Callable[[], int],
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """If `digest` differs from the noted one, look at those records again, then note it; returns how many records.

    `stopped` ends the job early, between two transactions. Then the digest is not noted, and the next start goes on.
    Raises Unavailable; the same call may be repeated.
    """
    ids = await store.read(lambda db: _unreadable(db, digest))
    if ids is None:
        return 0
    stored = 0
    for start in range(0, len(ids), QUARANTINED_IN_TRANSACTION_MAX):
        if stopped():
            return start
        done = await retry_quarantined(store, judge, ids[start : start + QUARANTINED_IN_TRANSACTION_MAX], clock=clock)
        stored += sum(not record.refused for record in done)
    await store.write(lambda db: noted_knowledge.put(db, digest))
    if ids:
        log.info("quarantine_retried", records=len(ids), resolved=stored)
    return len(ids)


def _unreadable(db: Transaction, digest: bytes) -> list[str] | None:
    """The records to look at again; None if `digest` is the one that was noted last."""
    before = noted_knowledge.digest(db)
    if before == digest:
        return None
    return quarantine_retry.ids(db, UNREADABLE if before is not None else EARLIER_BUILDS)
