"""Erases what has expired: messages, accepted reports that were not sealed, refused and held records.

Records that wait for a grant or a key are erased by the reader, which decides about them when they expire
(node/verification/judge.py). Sealed bytes in the outbox are encrypted, and are deleted when they are read back.

An erasure cannot be undone. So it does not believe a clock that is implausible: `safe_time` says which time has passed
for certain.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from node.database import fulltext
from node.database.dialects import overwriting
from node.database.engine import Store, Transaction
from node.retention import age_rules, erase_drafts, erase_messages, erase_refused
from node.store import newest_sealing

log = structlog.get_logger()

ERASED_TOGETHER_MAX: Final = 100  # in one transaction: other writers wait for it
HELD_LOOKED_AT_MAX: Final = 500  # in one step; their expiry is in their bytes

_KINDS: Final = (
    ("messages", erase_messages.is_due, erase_messages.erase),
    ("drafts", erase_drafts.is_due, erase_drafts.erase),
    ("refused", erase_refused.is_due, erase_refused.erase),
)


@dataclass(slots=True, kw_only=True)
class Eraser:
    """The erasure of one node."""

    store: Store
    node: str
    clock: Callable[[], int]
    safe_time: Callable[[int], Awaitable[int]] | None = None
    """The time of the clock, in ms -> the latest time that has passed for certain. None: the clock is right."""

    _held_after: int = field(default=0, init=False)
    """The id of the last held record that was looked at."""

    async def step(self) -> int:
        """Erase what has expired; returns how many messages and records. Raises Unavailable."""
        now = self.clock()
        if self.safe_time is not None:
            now = await self.safe_time(now)
        due = await self.store.read(partial(_due, now=now))
        held = await self._expired_held(now)
        if not (due or held):
            return 0
        counts = dict.fromkeys((name for name, _, _ in _KINDS), 0)
        for name, _, erase in _KINDS:
            while name in due:
                work = partial(erase, node=self.node, now=now, limit=ERASED_TOGETHER_MAX)
                done = await self.store.write(work)
                counts[name] += done
                if done < ERASED_TOGETHER_MAX:
                    break
        if held:
            drop = partial(erase_refused.drop_held, ids=held, node=self.node, now=now)
            counts["refused"] += await self.store.write(drop)
        if counts["messages"]:
            await self._forget_words()
        await self.store.empty_journal()
        log.info("content_erased", **counts)
        return sum(counts.values())

    async def _forget_words(self) -> None:
        begin = True
        while await self.store.write(partial(_forget_words, begin=begin)):
            begin = False

    async def _expired_held(self, now: int) -> list[int]:
        """The ids of expired records among the next ones that are held without a place."""
        page = await self.store.read(partial(erase_refused.held_page, after=self._held_after, limit=HELD_LOOKED_AT_MAX))
        self._held_after = page[-1][0] if len(page) == HELD_LOOKED_AT_MAX else 0
        return [id_ for id_, expires_at in page if expires_at is not None and expires_at <= now]


def _due(db: Transaction, now: int) -> set[str]:
    return {name for name, is_due, _ in _KINDS if is_due(db, now)}


def _forget_words(db: Transaction, begin: bool) -> bool:
    """Do a part of what removes the words of erased messages from the full-text index; whether more is left."""
    with overwriting(db):
        return fulltext.forget_words(db, begin=begin)


def safe_time(
    store: Store, node: str, is_plausible: Callable[[int], Awaitable[bool]] | None = None
) -> Callable[[int], Awaitable[int]]:
    """The time that has passed for certain: that of a plausible clock, else at most a day after what others signed.

    A node that has read nothing of others has only its clock.
    """

    async def latest(now: int) -> int:
        if is_plausible is not None and await is_plausible(now):
            return now
        sealings = await store.read(partial(newest_sealing.newest_sealings, without=node))
        return age_rules.trusted_time(now, sealings) if sealings else now

    return latest
