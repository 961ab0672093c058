"""Logs consultations before their answers are given (LED Art 25(1)): the question, its reason, and what is shown.

A question that finds nothing is logged as well. Lists of withheld messages and of the quarantine are not logged,
because they hold no personal data.
"""

from collections.abc import Iterable
from uuid import UUID

from node.clock import now_ms
from node.commands.justification import Justification
from node.database.engine import Store
from node.store import access_log
from node.store.access_log import Consultation
from node.store.message_search import HeldMessage


async def log_consultation(
    store: Store, messages: Iterable[HeldMessage], *, query: str, why: Justification, command: str, actor: str
) -> None:
    """Log that `actor` asked `query` with `command`, and gets `messages`."""
    subjects = [str(UUID(bytes=message.message_id)) for message in messages]
    asked = Consultation(query=query, subjects=subjects, purpose=why.purpose, reason=why.reason)
    now = now_ms()
    await store.write(lambda db: access_log.add_consultations(db, [asked], actor=actor, command=command, now=now))
