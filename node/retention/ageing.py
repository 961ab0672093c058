"""Deletes what has aged out, a small part in each step, so that no other transaction waits long.

- Each step looks at one originator: in turn, or at one that has nearly filled a budget that ages.
- age_rules.py says what is old, old_grants.py, old_outcomes.py and old_notes.py what may leave then.
- A step that is interrupted, or that another process overtakes, is repeated later.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from broker.log import Log
from broker.streams import is_intel
from node.database.engine import Store, Transaction
from node.exchange.quotas import LIMITS
from node.outgoing import kept_answers
from node.retention import age_rules, old_grants, old_notes, old_outcomes
from node.retention.age_rules import StreamRead
from node.retention.old_outcomes import Place
from node.stages import StreamId
from node.store import ingest_lock, newest_sealing, read_positions, withheld_notes
from node.undecided import usage
from node.undecided.usage import Budget, Usage, UsageByBudget

AGEING: Final = (Budget.GRANTS, Budget.OUTCOMES)
NEARLY_FULL: Final = 0.9  # of a budget: then the originator is not looked at in turn, but at once
QUIET_MS: Final = 3_600_000  # after messages were withheld by a wrong clock: they are decided again first
_FIRST: Final[Place] = ("", b"")

Drop = Callable[[Transaction], int]
"""Deletes rows; returns how many."""


@dataclass(slots=True, kw_only=True)
class Ageing:
    """What one process looks at next."""

    store: Store
    bus: Log
    node: str
    places: Mapping[str, StreamId]
    """Topic -> stream, of every stream that this node reads."""

    clock: Callable[[], int]
    starts_quietly: bool = False
    """Grants leave only QUIET_MS after the first step: the clock of an earlier process may have been wrong."""

    _turn: int = 0
    _grants: dict[str, int] = field(default_factory=dict)
    """Originator -> the sequence up to which its grants were looked at in this round."""

    _outcomes: dict[str, Place] = field(default_factory=dict)
    _findings: int = 0
    _wrong_at: int | None = None
    """When a message was last withheld as expired that has not expired."""

    async def step(self) -> int:
        """Delete a part of what is old; returns how many rows. Raises LogUnavailable and Unavailable."""
        now = self.clock()
        sealings = await self.store.read(partial(newest_sealing.newest_sealings, without=self.node))
        time = age_rules.trusted_time(now, sealings)
        if self.starts_quietly or await self.store.read(partial(withheld_notes.has_unexpired, now=time)):
            self.starts_quietly, self._wrong_at = False, now
        used = await self.store.read(usage.everything)
        originator = self._next(used)
        deleted = 0
        if originator is not None:
            deleted += await self._age_grants(originator, used, time)
            deleted += await self._age_outcomes(originator, used, time)
        return deleted + await self._age_notes(used, time, now)

    def _next(self, used: UsageByBudget) -> str | None:
        """The originator to look at."""
        names = sorted({name for (name, budget), taken in used.items() if budget in AGEING and taken.rows})
        if not names:
            return None
        self._turn += 1
        full = [name for name in names if any(_nearly_full(used, name, budget) for budget in AGEING)]
        chosen = full if full and self._turn % 2 else names  # the others have their turn too
        return chosen[self._turn // 2 % len(chosen)]

    async def _age_grants(self, originator: str, used: UsageByBudget, time: int) -> int:
        waits = self._wrong_at is not None and abs(self.clock() - self._wrong_at) < QUIET_MS
        if waits or not used.get((originator, Budget.GRANTS), Usage()).rows:
            return 0
        before = age_rules.settled_before(await self._streams(originator), time)
        after = self._grants.pop(originator, 0)
        found = await self.store.read(partial(old_grants.find, originator=originator, before=before, after=after))
        if found.last is not None:
            self._grants[originator] = found.last
        if not found.settled or not await self._drop(originator, partial(_drop_grants, before=before, after=after)):
            return 0
        return len(found.settled)

    async def _streams(self, originator: str) -> list[StreamRead]:
        """How far the reports of an originator were read."""
        topics = [
            topic for topic, place in self.places.items() if place.originator == originator and is_intel(place.stream)
        ]
        bounds = await self.bus.bounds(topics)
        positions = await self.store.read(read_positions.next_positions)
        sealed = await self.store.read(partial(newest_sealing.of_topics, topics=topics))
        return [
            StreamRead(
                sealed_at=sealed.get(topic, 0),
                at_end=topic not in bounds or positions.get(topic, 0) >= bounds[topic].end,
            )
            for topic in topics
        ]

    async def _age_outcomes(self, originator: str, used: UsageByBudget, time: int) -> int:
        if not used.get((originator, Budget.OUTCOMES), Usage()).rows:
            return 0
        after = self._outcomes.pop(originator, _FIRST)
        find = partial(
            old_outcomes.find,
            originator=originator,
            before=time - age_rules.OUTCOMES_KEPT_MS,
            after=after,
            is_full=_nearly_full(used, originator, Budget.OUTCOMES),
        )
        found = await self.store.read(find)
        if found.last is not None:
            self._outcomes[originator] = found.last
        if not found.settled:
            return 0
        drop = partial(old_outcomes.drop, originator=originator, batches=found.settled)
        return len(found.settled) if await self._drop(originator, lambda db, _: drop(db)) else 0

    async def _drop(self, originator: str, work: Callable[[Transaction, str], None]) -> bool:
        """Delete rows of an originator while no ingest of its records is on its way; False if one came first."""

        def write(db: Transaction) -> bool:
            if not ingest_lock.advance(db, ingest_lock.versions(db, [originator])):
                return False
            work(db, originator)
            return True

        return await self.store.write(write)

    async def _age_notes(self, used: UsageByBudget, time: int, now: int) -> int:
        """Findings, notes and digests of all originators, and own grants."""
        before = time - age_rules.FINDINGS_KEPT_MS
        old, last = await self.store.read(partial(old_notes.old_findings, before=before, after=self._findings))
        self._findings = last or 0
        deleted = len(old)
        deleted += await self.store.write(partial(kept_answers.drop_old, before=now - kept_answers.ANSWERS_KEPT_MS))
        if old:
            await self.store.write(partial(old_notes.drop_findings, ids=old, now=now))
        due = await self.store.read(lambda db: [drop for is_due, drop in _kinds(used, time) if is_due(db)])
        return deleted + (await self.store.write(lambda db: sum(drop(db) for drop in due)) if due else 0)


def _drop_grants(db: Transaction, originator: str, before: int, after: int) -> None:
    """Look again in the transaction that deletes: a record may wait for a grant by now."""
    old_grants.drop(db, originator, old_grants.find(db, originator, before=before, after=after).settled)


def _kinds(used: UsageByBudget, time: int) -> Iterator[tuple[Callable[[Transaction], bool], Drop]]:
    """What finds whether anything of a kind is old, and what deletes a part of it."""
    budgets = {budget for (_, budget), taken in used.items() if taken.rows}
    before = time - age_rules.OWN_GRANTS_KEPT_MS
    yield partial(old_grants.has_own, before=before), partial(old_grants.drop_own, before=before)
    if Budget.WITHHELD in budgets:
        before = time - age_rules.NOTES_KEPT_MS
        yield partial(old_notes.has_notes, before=before), partial(old_notes.drop_notes, before=before)
    if Budget.PURGED in budgets:
        before = time - age_rules.PURGED_KEPT_MS
        yield partial(old_notes.has_purged, before=before), partial(old_notes.drop_purged, before=before)


def _nearly_full(used: UsageByBudget, originator: str, budget: Budget) -> bool:
    taken, limit = used.get((originator, budget), Usage()), LIMITS[budget]
    return taken.rows >= limit.rows * NEARLY_FULL or taken.size >= limit.size * NEARLY_FULL
