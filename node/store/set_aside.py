"""Drafts that cannot be sealed: they were set aside, so that the drafts after them are sealed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update

from node.database.engine import Transaction
from node.database.outgoing_tables import draft
from node.database.statements import set_rows

EXPIRED: Final = "expired"
"""The code of a draft whose content was erased, because its retention ended before it was sealed (node/retention)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a draft cannot be sealed."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideDraft:
    """A draft that was accepted and is not sealed until an operator decides."""

    id: int
    report_id: str
    message_id: bytes
    region: str
    since: int
    code: str
    reason: str


def put(db: Transaction, obstacles: Mapping[int, Obstacle], now: int) -> None:
    """Set drafts aside, by draft id. They stay accepted, with their content."""
    names = ("set_aside_at", "set_aside_code", "set_aside_reason")
    set_rows(db, draft, names, [(now, found.code, found.reason, id_) for id_, found in obstacles.items()])


def drafts(db: Transaction) -> list[SetAsideDraft]:
    """The drafts that are set aside and have their content, the oldest first."""
    rows = db.execute(
        select(draft).where(draft.c.set_aside_at.is_not(None), draft.c.payload.is_not(None)).order_by(draft.c.id)
    )
    return [
        SetAsideDraft(
            id=row.id,
            report_id=row.report_id,
            message_id=row.message_id,
            region=row.region,
            since=row.set_aside_at,
            code=row.set_aside_code,
            reason=row.set_aside_reason,
        )
        for row in rows
    ]


def take_back(db: Transaction, ids: Collection[int]) -> None:
    """Let the relay seal these drafts again."""
    again = {"set_aside_at": None, "set_aside_code": None, "set_aside_reason": None}
    db.execute(update(draft).where(draft.c.id.in_(ids), draft.c.payload.is_not(None)).values(again))
