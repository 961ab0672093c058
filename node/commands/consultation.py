"""Logs consultations before their answers are given (LED Art 25(1)): the question, its reason, and what is shown.

A question that finds nothing is logged as well. Lists for an operator (quarantine, outbox, status) are not logged:
they name records and hold no personal data, and they must work while the disk is full.
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
    store: Store,
    messages: Iterable[HeldMessage],
    *,
    query: str,
    why: Justification,
    command: str,
    actor: str,
    poll: bool = False,
) -> None:
    """Log that `actor` asked `query` with `command`, and gets `messages`.

    `poll`: the caller is a machine that repeats its question; repetitions that find nothing are counted
    (node/store/access_log.py).
    """
    subjects = [str(UUID(bytes=message.message_id)) for message in messages]
    asked = Consultation(query=query, subjects=subjects, purpose=why.purpose, reason=why.reason)
    await log_asked(store, asked, command=command, actor=actor, poll=poll)


async def log_asked(store: Store, asked: Consultation, *, command: str, actor: str, poll: bool = False) -> None:
    """Log a question about something else than reports of the store, as `log_consultation` does."""
    now = now_ms()
    await store.write(
        lambda db: access_log.add_consultations(db, [asked], actor=actor, command=command, now=now, poll=poll)
    )
