"""Records faults of the log that cannot pass unnoticed as findings, each once."""

from typing import Final

import structlog

from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.stages import StreamId
from node.store import read_positions, stream_findings

log = structlog.get_logger()

TRUNCATED: Final = "head_truncated"


async def record_fault(
    store: Store, code: str, topic: str, place: StreamId, *, sequence: int | None, position: int, now: int
) -> None:
    """Log a fault of a topic and record it as a finding. After `head_truncated`, reading goes on at `position`."""
    log.error("stream_fault", code=code, topic=topic, position=position)

    def record(db: Transaction) -> None:
        hold(db, Lock.FINDINGS)
        if not stream_findings.stands_at(db, code, place, position):
            stream_findings.add(db, code, place, sequence=sequence, position=position, now=now)
        if code == TRUNCATED:
            read_positions.move(db, topic, position)

    await store.write(record)
