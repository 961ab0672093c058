"""Pauses streams of an originator whose records take the room of a budget, until some of that room is free.

- Records that its own key signed count, and no others. So nobody else can pause it.
- Where too many records wait, are stored or got an outcome, its reports pause and its grants are read. Where it made
  too many grants, its grants pause until the messages before them are decided (ageing.py). A full chain pauses all.
- Nothing is lost: the positions do not move. While a stream is paused, the finding `originator_paused` stands.
- This node's own streams pause only for records that wait: own users pay for the rest, and intake refuses (publish.py).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from broker.streams import KEYS
from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.exchange.arrival import Arrival
from node.exchange.quotas import LIMITS
from node.stages import StreamId
from node.store import stream_findings
from node.undecided import usage
from node.undecided.usage import Budget, Usage, UsageByBudget

log = structlog.get_logger()

FINDING: Final = "originator_paused"
PAUSES_REPORTS: Final = frozenset({Budget.WAITING, Budget.STORED, Budget.CHAIN, Budget.OUTCOMES})
PAUSES_GRANTS: Final = frozenset({Budget.GRANTS, Budget.CHAIN, Budget.OUTCOMES})
OWN_TOO: Final = frozenset({Budget.WAITING})
RECORDS_BETWEEN_LOOKS_MAX: Final = 5_000
BYTES_BETWEEN_LOOKS_MAX: Final = 64 * 1024 * 1024


class Pausing:
    """The originators of which streams are paused in one process."""

    def __init__(
        self, store: Store, clock: Callable[[], int], reads: Callable[[str], bool], node: Callable[[], str]
    ) -> None:
        """Looks at originators that this process `reads`; `node()` is the code of this node."""
        self._store = store
        self._clock = clock
        self._reads = reads
        self._node = node
        self._full: Mapping[str, frozenset[Budget]] = {}
        """Originator -> the budgets that are at their limits."""

        self._since = Usage()
        """Records that were ingested since the last look."""

    @property
    def is_any(self) -> bool:
        """Whether a stream is paused."""
        return bool(self._full)

    def reads(self, stream: StreamId) -> bool:
        """Whether the stream is read now."""
        full = self._full.get(stream.originator)
        return full is None or full.isdisjoint(PAUSES_GRANTS if stream.stream == KEYS else PAUSES_REPORTS)

    async def after(self, arrivals: Sequence[Arrival]) -> None:
        """Look if the arrivals that were ingested may have filled a budget, or emptied one."""
        self._since += Usage(len(arrivals), sum(len(arrival.value or b"") for arrival in arrivals))
        many = self._since.reaches(Usage(RECORDS_BETWEEN_LOOKS_MAX, BYTES_BETWEEN_LOOKS_MAX))
        if many or self.is_any or any(arrival.is_pending for arrival in arrivals):
            await self.look()

    async def look(self) -> None:
        """Find out which streams are paused now."""
        self._since = Usage()
        used = await self._store.read(usage.everything)
        full = self._full_budgets(used)
        if full == self._full:
            return
        for name, budgets in full.items():
            for budget in sorted(budgets - self._full.get(name, frozenset())):
                log.error("originator_paused", originator=name, budget=budget.value, rows=used[name, budget].rows)
        paused, resumed, now = full.keys(), self._full.keys() - full.keys(), self._clock()
        await self._store.write(lambda db: _settle(db, sorted(paused), sorted(resumed), now))
        self._full = full

    def _full_budgets(self, used: UsageByBudget) -> dict[str, frozenset[Budget]]:
        found: dict[str, frozenset[Budget]] = {}
        own = self._node()
        for (name, budget), taken in used.items():
            pauses = budget in PAUSES_REPORTS | PAUSES_GRANTS and (name != own or budget in OWN_TOO)
            if pauses and self._reads(name) and taken.reaches(LIMITS[budget]):
                found[name] = found.get(name, frozenset()) | {budget}
        return found


def _settle(db: Transaction, paused: Sequence[str], resumed: Sequence[str], now: int) -> None:
    hold(db, Lock.FINDINGS)
    for name in paused:
        stream_findings.note(db, FINDING, stream_findings.everywhere(name), sequence=None, position=None, now=now)
    for name in resumed:
        stream_findings.close(db, FINDING, stream_findings.everywhere(name), now)
