"""Signs the head of the access log: into the file of heads in the home, then into the store.

The daemon does this every SIGN_SECONDS if there are new entries, and when it stops. Before it signs, it writes the
counts of polls that are due. What keeps it from signing stands as the fault `access_log_unsigned`, a problem of the
node, until it has signed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from node.access_chain import head_file, head_rows, repeated_polls, signed_head
from node.access_chain.signed_head import LogPoint, SignedHead
from node.database.engine import Store, Transaction
from node.outgoing import standing_faults
from node.outgoing.standing_faults import StandingFault
from node.sealing.private_keys import PrivateKeys
from node.trust.governance import Governance

log = structlog.get_logger()

SIGN_SECONDS: Final = 300  # entries that are younger than this can be changed without contradicting a signature
UNSIGNED: Final = "access_log_unsigned"
_SIGN_MS: Final = SIGN_SECONDS * 1000
_ALL: Final = 2**62
_NO_KEY: Final = "no CHECKPOINT key of this node is in its key file, in its NODE document, and valid now"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the store has."""

    end: LogPoint | None
    newest: SignedHead | None
    fault: str | None
    """The message of the standing fault."""

    @property
    def is_signed(self) -> bool:
        return self.newest is not None and self.end == LogPoint(entry=self.newest.entry, hash=self.newest.hash)


@dataclass(slots=True, kw_only=True)
class AccessSigner:
    """Signs for one node."""

    store: Store
    keys: PrivateKeys
    governance: Callable[[], Governance]
    clock: Callable[[], int]
    file: Path
    _signed_at: int | None = field(default=None)

    async def step(self) -> None:
        """Sign if it is time. Raises Unavailable."""
        now = self.clock()
        if self._signed_at is None or not self._signed_at <= now < self._signed_at + _SIGN_MS:
            await self._write_polls(now + _SIGN_MS - repeated_polls.COUNTED_MS_MAX)
            await self.sign()
            self._signed_at = now

    async def finish(self) -> None:
        """Write the counts of all polls, and sign: the daemon stops. Raises Unavailable."""
        await self._write_polls(_ALL)
        await self.sign()

    async def sign(self) -> SignedHead | None:
        """Sign the head; None if it is signed already, or cannot be signed. Raises Unavailable."""
        seen = await self.store.read(self._look)
        if seen.end is None or seen.is_signed:
            await self._note(None, seen)
            return None
        now, governance = self.clock(), self.governance()
        key = signed_head.usable_key(self.keys, governance, now)
        if key is None:
            await self._note(_NO_KEY, seen)
            return None
        erased = head_rows.erased(seen.newest)
        head = signed_head.sign(seen.end, key, community=governance.community, now=now, erased=erased)
        try:
            await asyncio.to_thread(head_file.add, self.file, head)
        except OSError as error:
            await self._note(f"{self.file}: {error.strerror or error}", seen)
            return None
        await self.store.write(partial(head_rows.put, head=head))
        await self._note(None, seen)
        return head

    def _look(self, db: Transaction) -> _Seen:
        newest = head_rows.newest(db, self.keys.node)
        faults = [fault.message for fault in standing_faults.standing(db) if fault.code == UNSIGNED]
        return _Seen(
            end=head_rows.end(db),
            newest=None if newest is None else newest[1],
            fault=faults[0] if faults else None,
        )

    async def _write_polls(self, until: int) -> None:
        """Write the counts that were begun at `until` (ms) or before."""
        if await self.store.read(partial(repeated_polls.has_due, until=until)):
            while await self.store.write(partial(repeated_polls.write_due, until=until, now=self.clock())):
                pass

    async def _note(self, fault: str | None, seen: _Seen) -> None:
        """Let the standing fault be as it is now."""
        if fault == seen.fault:
            return
        if fault is None:
            await self.store.write(partial(standing_faults.end, code=UNSIGNED, subjects=[self.keys.node]))
            return
        log.error("access_log_unsigned", reason=fault)
        standing = StandingFault(code=UNSIGNED, subject=self.keys.node, since=self.clock(), message=fault)
        await self.store.write(partial(standing_faults.put, faults=[standing]))
