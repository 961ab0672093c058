"""`access list`: the entries of the access log, for the data-protection officer (LED Art 25(2) and (3)).

The log is read page by page, so that its length does not matter. Reading it leaves no entry.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from node.answers.plain_json import TimeMs
from node.database.engine import Store
from node.store import access_log

ENTRIES_TOGETHER_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """Who did what with which report, when, and why."""

    id: int
    at: TimeMs
    operation: str
    actor: str
    purpose: str | None
    reason: str | None
    query: str | None
    subject: str | None
    """The message or report; None if a question found nothing."""

    hits: int | None
    detail: str


async def list_entries(store: Store, *, since: int = 0, actor: str | None = None) -> AsyncGenerator[AccessEntry, None]:
    """The entries since a time (ms) in the order of the log, of one user if `actor` is set.

    `actor` is the text of an entry, or the login name in it.
    """
    after = 0
    while True:
        page = await store.read(
            lambda db, after=after: access_log.entries(  # type: ignore[misc]
                db, since=since, actor=actor, after=after, limit=ENTRIES_TOGETHER_MAX
            )
        )
        for entry in page:
            after = entry.id
            yield AccessEntry(
                id=entry.id,
                at=entry.at,
                operation=entry.operation,
                actor=entry.actor,
                purpose=entry.purpose,
                reason=entry.reason,
                query=entry.query,
                subject=entry.subject or None,
                hits=entry.hits,
                detail=entry.detail,
            )
        if len(page) < ENTRIES_TOGETHER_MAX:
            return
