"""Notes what one process of a node cannot do now, and forgets it when it has ended; `status` shows it.

A fault is written once, not each time when the same thing fails again. What an earlier process noted is known too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from node.database.engine import Store
from node.outgoing import standing_faults
from node.outgoing.standing_faults import StandingFault


@dataclass(slots=True, kw_only=True)
class Faults:
    """The standing faults of one node."""

    store: Store
    clock: Callable[[], int]
    _standing: set[tuple[str, str]] | None = None
    """Code and subject of each fault in the store; None before they were read."""

    _noted: set[tuple[str, str]] = field(default_factory=set)
    """Those that this process wrote."""

    async def note(self, code: str, subject: str, message: str) -> None:
        """Note a fault, if this process has not. Raises Unavailable."""
        if (code, subject) in self._noted:
            return
        fault = StandingFault(code=code, subject=subject, since=self.clock(), message=message)
        await self.store.write(partial(standing_faults.put, faults=[fault]))
        self._noted.add((code, subject))
        (await self._known()).add((code, subject))

    async def end(self, code: str, subjects: Iterable[str] | None = None) -> None:
        """The faults of a code about `subjects`, or all of a code, have ended. Raises Unavailable."""
        known = await self._known()
        wanted = None if subjects is None else set(subjects)
        ended = {fault for fault in known if fault[0] == code and (wanted is None or fault[1] in wanted)}
        if ended:
            await self.store.write(partial(standing_faults.end, code=code, subjects=[fault[1] for fault in ended]))
            known -= ended
            self._noted -= ended

    async def only(self, code: str, messages: Mapping[str, str]) -> list[str]:
        """Of a code, exactly the faults about the subjects of `messages` stand; returns the subjects that are new."""
        known = await self._known()
        ended = [subject for found, subject in known if found == code and subject not in messages]
        new = [subject for subject in messages if (code, subject) not in known]
        if ended:
            await self.end(code, ended)
        for subject, message in messages.items():
            await self.note(code, subject, message)
        return new

    async def _known(self) -> set[tuple[str, str]]:
        if self._standing is None:
            standing = await self.store.read(standing_faults.standing)
            self._standing = {(fault.code, fault.subject) for fault in standing}
        return self._standing
