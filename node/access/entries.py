"""`access list`: the entries of the access log, for the data-protection officer (LED Art 25(2) and (3)).

The log is read page by page, so that its length does not matter. Reading it leaves no entry.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from node.access_chain.findings import shown_time
from node.answers.arguments import parse_time
from node.answers.plain_json import TimeMs
from node.database.engine import Store
from node.errors import UsageError
from node.store import access_log
from node.store.access_log import EVERY_ENTRY, LAST_ID, EntryFilter, Operation
from schemas.excerpts import excerpt

ENTRIES_TOGETHER_MAX: Final = 500
ID_DIGITS_MAX: Final = 18  # every id of this length fits into the column


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """Who did what with which report, when, and why."""

    id: int
    at: TimeMs | None
    """None if somebody changed it to something that is not a time."""

    operation: str
    actor: str
    purpose: str | None
    reason: str | None
    query: str | None
    subject: str | None
    """The message or report; None if a question found nothing."""

    hits: int | None
    detail: str
    hash: bytes | None
    """Covers this entry and the hash of the entry before it (docs/access-log.md)."""


def filter_of(
    *,
    since: str | None = None,
    until: str | None = None,
    actor: str | None = None,
    subject: str | None = None,
    operation: str | None = None,
) -> EntryFilter:
    """The filter of these arguments. Raises UsageError that names the wrong one."""
    return EntryFilter(
        since=parse_time(since, "since") if since else 0,
        until=parse_time(until, "until") if until else None,
        actor=actor or None,
        subject=subject.lower() if subject else None,
        operation=_operation(operation) if operation else None,
    )


def _operation(text: str) -> Operation:
    try:
        return Operation(text.upper())
    except ValueError:
        hint = f"one of {', '.join(Operation)}"
        raise UsageError("usage", f"{excerpt(text)} is not an operation", path="operation", hint=hint) from None


def entry_id_of(text: str | None) -> int:
    """The id of an entry, after which a list begins; 0 without one. Raises UsageError."""
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or len(text) > ID_DIGITS_MAX:
        hint = "take the id of the last entry of the answer before"
        raise UsageError("usage", f"{excerpt(text)} is not the id of an entry", path="after", hint=hint)
    return int(text)


async def list_entries(
    store: Store, *, wanted: EntryFilter = EVERY_ENTRY, after: int = 0, limit: int | None = None
) -> AsyncGenerator[AccessEntry, None]:
    """The entries that are wanted, after the id `after`, in the order of the log; at most `limit`."""
    left = limit
    while left is None or left > 0:
        together = ENTRIES_TOGETHER_MAX if left is None else min(left, ENTRIES_TOGETHER_MAX)
        page = await store.read(
            lambda db, after=after, together=together: access_log.entries(  # type: ignore[misc]
                db, wanted=wanted, after=after, limit=together
            )
        )
        for entry in page:
            after = entry.id
            yield _shown(entry)
        if len(page) < together:
            return
        left = None if left is None else left - len(page)


async def latest_entries(
    store: Store, *, wanted: EntryFilter = EVERY_ENTRY, before: int = LAST_ID, limit: int
) -> list[AccessEntry]:
    """The newest entries that are wanted, with an id below `before`; at most `limit`, the newest first."""
    found = await store.read(lambda db: access_log.newest(db, wanted=wanted, before=before, limit=limit))
    return [_shown(entry) for entry in found]


def _shown(entry: access_log.Entry) -> AccessEntry:
    return AccessEntry(
        id=entry.id,
        at=shown_time(entry.at),
        operation=entry.operation,
        actor=entry.actor,
        purpose=entry.purpose,
        reason=entry.reason,
        query=entry.query,
        subject=entry.subject or None,
        hits=entry.hits,
        detail=entry.detail,
        hash=entry.hash,
    )
