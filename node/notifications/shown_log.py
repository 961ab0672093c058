"""Writes what streams show into the access log before it is shown, for many streams in one transaction.

A stream waits until its entry is committed. While one transaction runs, the entries of the other streams are
collected for the next one; each stream waits for one entry at most, so their number is that of the open streams.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.commands.justification import Justification
from node.database.engine import Store, Transaction
from node.store import access_log
from node.store.access_log import Consultation

COMMAND = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one stream shows next, to whom, and why."""

    actor: str
    query: str
    """The filters, as JSON."""

    message_ids: Sequence[str]
    why: Justification


class ShownLog:
    """Collects entries and writes them together."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[tuple[Shown, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def note(self, shown: Shown) -> None:
        """Return when the entries are committed. Raises Unavailable; then nothing may be shown."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._waiting.append((shown, written))
        if self._task is None:
            self._task = loop.create_task(self._write_all(), name="shown_log")
        await written

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting, []
                await self._write(together)
        finally:
            self._task = None

    async def _write(self, together: list[tuple[Shown, asyncio.Future[None]]]) -> None:
        shown = [one for one, written in together if not written.done()]
        now = self._clock()
        try:
            await self._store.write(lambda db: _add(db, shown, now))
        except Exception as error:
            for _, written in together:
                if not written.done():
                    written.set_exception(error)
        else:
            for _, written in together:
                if not written.done():
                    written.set_result(None)


def _add(db: Transaction, shown: Sequence[Shown], now: int) -> None:
    """Add the entries of each actor; a stream that begins without an event is counted like an empty poll."""
    by_actor: dict[str, list[Consultation]] = {}
    for one in shown:
        asked = Consultation(query=one.query, subjects=one.message_ids, purpose=one.why.purpose, reason=one.why.reason)
        by_actor.setdefault(one.actor, []).append(asked)
    for actor, asked_by in by_actor.items():
        access_log.add_consultations(db, asked_by, actor=actor, command=COMMAND, now=now, poll=True)
