"""Lets concurrent callers hand reports in with one transaction: a caller is answered after that transaction.

While a transaction is written, the callers that arrive wait, and the next transaction takes all of them. So a single
caller waits for no other, and a thousand callers share the cost of a commit.

- Nothing is answered before its transaction is committed.
- A caller that is cancelled does not take its report back: it is accepted with the others.
- Two requests with one idempotency key are never in one transaction, so the second finds the answer of the first.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

from broker.topology import Topology
from node.commands.publish import ITEMS_IN_TRANSACTION_MAX
from node.errors import EnlaceError, Refused, Unavailable
from node.handing_in.write_requests import Answered, Request, write_requests
from node.runtime.open_intake import OpenIntake

WAITING_MAX: Final = 2_000  # requests; each holds a report of 1 MB at most
DOCUMENTS_AGE_SECONDS: Final = 0.2  # looking at the folder takes a tenth of the time of a report


_Waiting = tuple[Request, asyncio.Future[list[Answered]]]


class SharedIntake:
    """The intake of all callers of a process."""

    def __init__(self, intake: OpenIntake) -> None:
        self.intake: Final = intake
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")
        self._topology: Topology | None = None

    def topology(self) -> Topology:
        """The regions in which this node may publish, by the documents of now. Raises UsageError."""
        now = asyncio.get_running_loop().time()
        if self._topology is None or now - self._looked_at > DOCUMENTS_AGE_SECONDS:
            self.intake.documents.current()
            self._topology = self.intake.topology()
            self._looked_at = now
        return self._topology

    async def hand_in(self, request: Request) -> list[Answered]:
        """Accept the reports of a request; returns when they are safe in the outbox.

        Raises Refused `idempotency_key_reused`, and Unavailable: then nothing of this request was accepted.
        """
        if len(self._waiting) >= WAITING_MAX:
            message = f"{WAITING_MAX:,} requests wait for the store"
            raise Unavailable("intake_busy", message, hint="call again in a moment, with fewer connections")
        answered: asyncio.Future[list[Answered]] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answered))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await answered

    async def _work(self) -> None:
        """Write transactions until nobody waits."""
        try:
            while self._waiting:
                await self._commit(self._next_group())
        finally:
            self._task = None

    def _next_group(self) -> list[_Waiting]:
        """The requests of the next transaction, in their order."""
        group: list[_Waiting] = []
        later: list[_Waiting] = []
        keys: set[tuple[str | None, str]] = set()
        room = ITEMS_IN_TRANSACTION_MAX
        while self._waiting and (room > 0 or not group):
            waiting = self._waiting.popleft()
            request = waiting[0]
            if request.key is not None:
                name = request.hand_in.integrator, request.key.key
                if name in keys:
                    later.append(waiting)
                    continue
                keys.add(name)
            group.append(waiting)
            room -= len(request.hand_in.drafts)
        self._waiting.extendleft(reversed(later))
        return group

    async def _commit(self, group: list[_Waiting]) -> None:
        requests = [request for request, _ in group]
        try:
            results = await self.intake.store.write(partial(write_requests, requests=requests, intake=self.intake))
        except EnlaceError as error:
            _fail(group, error)
        except Exception as error:  # the caller gets it; one request must not fail the others
            if len(group) == 1:
                _fail(group, error)
                return
            for waiting in group:
                await self._commit([waiting])
        else:
            for waiting, result in zip(group, results, strict=True):
                if isinstance(result, Refused):
                    _fail([waiting], result)
                elif not waiting[1].done():
                    waiting[1].set_result(result)


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for _, answered in group:
        if not answered.done():
            answered.set_exception(error)
