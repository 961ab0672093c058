"""`withheld list`: the messages that this node opened and may not keep. The access log has one entry for each list."""

from dataclasses import dataclass
from functools import partial
from typing import cast

from node.answers.cursors import cursor_text, parse_cursor
from node.answers.plain_json import MessageId, TimeMs
from node.commands.consultation import log_asked
from node.commands.justification import NO_REASON, Justification
from node.database.engine import Store
from node.store import withheld_notes
from node.store.access_log import Consultation
from node.store.withheld_notes import ClauseCount, OfClause, WithheldNote


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldMessage:
    """One withheld message. Nothing of its content is kept."""

    message_id: MessageId
    originator: str
    stream: str
    sequence: int
    code: str
    agreement: str | None
    clause: str | None
    reason: str
    noted_at: TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldPage:
    """Some withheld messages, the oldest first."""

    withheld: tuple[WithheldMessage, ...]
    next: str | None
    """The cursor of the next page; None: there is none."""


async def list_withheld(
    store: Store, *, actor: str, why: Justification = NO_REASON, poll: bool = False
) -> list[WithheldMessage]:
    """Every withheld message, the oldest first; logged as a consultation of `actor`. `poll`: a machine asks."""
    notes = await store.read(withheld_notes.notes)
    asked = Consultation(query="all", subjects=(), hits=len(notes), purpose=why.purpose, reason=why.reason)
    await log_asked(store, asked, command="withheld list", actor=actor, poll=poll)
    return [_message(note) for note in notes]


async def withheld_page(
    store: Store,
    *,
    limit: int,
    after: str | None,
    actor: str,
    why: Justification = NO_REASON,
    poll: bool = True,
    clause: OfClause | None = None,
) -> WithheldPage:
    """The withheld messages after a cursor, at most `limit`; of one clause if `clause` is set.

    Logged as a consultation, of a machine unless `poll` is false.

    Raises UsageError for a wrong cursor.
    """
    place = cast("withheld_notes.Place", parse_cursor(after, (int, str, str, int)) or withheld_notes.FIRST)
    notes = await store.read(partial(withheld_notes.page, after=place, limit=limit + 1, clause=clause))
    page, more = notes[:limit], len(notes) > limit
    query = " ".join(
        filter(None, ("all" if clause is None else " ".join(map(str, clause)), after and f"after {after}"))
    )
    asked = Consultation(query=query, subjects=(), hits=len(page), purpose=why.purpose, reason=why.reason)
    await log_asked(store, asked, command="withheld list", actor=actor, poll=poll)
    last = page[-1] if more else None
    return WithheldPage(
        withheld=tuple(map(_message, page)),
        next=cursor_text((last.noted_at, last.originator, last.stream, last.sequence)) if last else None,
    )


async def withheld_by_clause(store: Store) -> list[ClauseCount]:
    """How many messages each clause withheld; the most first. Nothing is logged: it names no message."""
    return await store.read(withheld_notes.by_clause)


def _message(note: WithheldNote) -> WithheldMessage:
    return WithheldMessage(
        message_id=note.message_id,
        originator=note.originator,
        stream=note.stream,
        sequence=note.sequence,
        code=note.code,
        agreement=note.agreement,
        clause=note.clause,
        reason=note.reason,
        noted_at=note.noted_at,
    )
