"""What a store needs of its database: two engines, two ports, and the answers to a few questions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from node.errors import EnlaceError, Unavailable

CONNECTIONS_MAX_DEFAULT: Final = 8


class CommitWatch(Protocol):
    """Waits for commits. What was committed before the first `wait` may be reported or not."""

    async def wait(self, stopping: asyncio.Event, seconds: float | None = None) -> None:
        """Return when something was committed, when the node stops, or after `seconds`; sometimes without a reason."""

    def close(self) -> None:
        """Close the connection."""


class StoreClaim(Protocol):
    """The right of one process to run as the daemon of a store. It ends with the process."""

    def take(self) -> bool:
        """Whether this process has the claim; takes it if it is free. Raises Unavailable while the server is away.

        To be called again and again: a connection that ended has lost the claim.
        """

    def release(self) -> None:
        """Let another process take it."""


class HomeClaim:
    """The claim of a store that is a file: the lock of its home is enough (node/runtime/single_daemon.py)."""

    def take(self) -> bool:
        """Always true."""
        return True

    def release(self) -> None:
        """There is nothing to release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """How to use a store that is a server; SQLite needs none of these."""

    folder: Path = Path()
    """Relative names of files in the URL are relative to it."""

    connections_max: int = CONNECTIONS_MAX_DEFAULT
    """Of one process. A daemon has up to five more: one claims the store, and one each listens for the relay, the
    receipts, the webhooks (while there are any) and the streams (while somebody reads one).
    """

    connect_seconds_max: int = 10
    lock_seconds_max: int = 30
    statement_seconds_max: int = 120
    unsafe_plaintext: bool = False
    """Allow a server on another machine without TLS that verifies it."""


def _nothing() -> None:
    """Nothing is to be done."""


def _nothing_before(_asked_at: float | None) -> None:
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One database."""

    writer: Engine
    """Its transactions write, and take the locks that they need."""

    reader: Engine
    """Each of its transactions sees one state, and writes nothing that stays."""

    writers: int
    """How many transactions write at the same time."""

    readers: int

    fault: Callable[[DBAPIError, bool], EnlaceError | None]
    """What a failure means; None if it is a bug. The second argument says whether the transaction may write."""

    watch: Callable[[], CommitWatch]
    claim: Callable[[], StoreClaim]
    before_commit: Callable[[Connection], None]
    """What each writing transaction does at its end."""

    empty_journal: Callable[[Engine], None]
    """Leaves nothing of earlier transactions in a journal beside the database."""

    before_begin: Callable[[float | None], None] = _nothing_before
    """What happens in the thread of a writing transaction before it begins; the argument is the time
    (`time.monotonic`) at which the transaction was asked for, or None.
    """

    after_commit: Callable[[], None] = _nothing
    """What happens in the thread of a writing transaction once it is committed."""

    close: Callable[[], None] = _nothing
    """Ends what works beside the engines."""


def unavailable(reason: str, hint: str) -> Unavailable:
    """The error for a store that cannot be used now."""
    return Unavailable("store_unavailable", f"the store cannot be used now: {reason}", path="store.url", hint=hint)
