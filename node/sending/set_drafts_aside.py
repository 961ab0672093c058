"""Sets the drafts aside that cannot be sealed, so that the drafts after them are sealed."""

from collections.abc import Sequence
from functools import partial

import structlog

from node.database.engine import Store
from node.sending.obstacles import find_obstacles
from node.sending.seal_drafts import DraftSealer
from node.store import set_aside
from node.store.own_reports import UnsealedDraft

log = structlog.get_logger()


async def set_drafts_aside(store: Store, rows: Sequence[UnsealedDraft], sealer: DraftSealer, error: Exception) -> None:
    """Set the drafts aside that cannot be sealed alone. Raises `error` if there is none, and Unavailable."""
    found = find_obstacles(rows, sealer)
    if not found:
        raise error
    await store.write(partial(set_aside.put, obstacles=found, now=sealer.now))
    for row in rows:
        if (obstacle := found.get(row.id)) is not None:
            log.error(
                "draft_set_aside",
                report_id=row.report_id,
                region=row.region,
                code=obstacle.code,
                reason=obstacle.reason,
            )
