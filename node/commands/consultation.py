"""Logs consultations: each report that a caller reads leaves an entry in the access log (LED Art 25(1)).

Lists of withheld messages and of the quarantine are not logged, because they hold no personal data.
"""

from collections.abc import Iterable
from uuid import UUID

from node.clock import now_ms
from node.database.engine import Store
from node.store import access_log
from node.store.access_log import Operation
from node.store.message_search import HeldMessage


async def log_consultation(store: Store, messages: Iterable[HeldMessage], *, command: str, actor: str) -> None:
    """Add one entry for each message that `actor` has read with `command`."""
    subjects = [(str(UUID(bytes=message.message_id)), command) for message in messages]
    if subjects:
        await store.write(
            lambda db: access_log.add(db, Operation.CONSULTATION, actor=actor, subjects=subjects, now=now_ms())
        )
