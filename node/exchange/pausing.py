"""Pauses the streams of an originator of which too many verified records wait, until some of them are decided.

Only records that its own key signed count. While it is paused, its grants are read, and the finding
`originator_paused` stands.
"""

from collections.abc import Callable
from typing import Final

import structlog

from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.exchange.quotas import LIMITS
from node.stages import StreamId
from node.store import stream_findings
from node.undecided import usage
from node.undecided.usage import Budget

log = structlog.get_logger()

FINDING: Final = "originator_paused"
ALL_STREAMS: Final = "*"  # the stream of a finding about all streams of an originator


class Pausing:
    """The originators whose streams are paused in one process."""

    def __init__(self, store: Store, clock: Callable[[], int], reads: Callable[[str], bool]) -> None:
        self._store = store
        self._clock = clock
        self._reads = reads
        self.paused: frozenset[str] = frozenset()

    async def look(self) -> None:
        """Find out which originators are paused now."""
        used = await self._store.read(usage.everything)
        waiting = {name: taken for (name, budget), taken in used.items() if budget is Budget.WAITING}
        paused = frozenset(
            name for name, taken in waiting.items() if self._reads(name) and taken.reaches(LIMITS[Budget.WAITING])
        )
        if paused == self.paused:
            return
        for name in paused - self.paused:
            log.error("originator_paused", originator=name, waiting=waiting[name].rows)
        before, now = self.paused, self._clock()
        await self._store.write(lambda db: _settle(db, paused, before - paused, now))
        self.paused = paused


def _settle(db: Transaction, paused: frozenset[str], resumed: frozenset[str], now: int) -> None:
    hold(db, Lock.FINDINGS)
    for name in paused:
        stream = StreamId(stream=ALL_STREAMS, originator=name)
        if not stream_findings.stands(db, FINDING, stream):
            stream_findings.add(db, FINDING, stream, sequence=None, position=None, now=now)
    for name in resumed:
        stream_findings.close(db, FINDING, StreamId(stream=ALL_STREAMS, originator=name), now)
