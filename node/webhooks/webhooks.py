"""The webhooks of a node: which system receives which messages."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.statements import Found, change, insert_rows, rows_for
from node.webhooks.webhook_tables import delivery, webhook

KEY_FILE: Final = "webhooks.key"  # in the home: encrypts the secrets of the webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One target, and which messages it gets."""

    id: str
    url: str
    subjects: tuple[str, ...]
    """Codes of which a message must have one; empty: all messages."""

    originators: tuple[str, ...]
    """Codes of which one must be its originator; empty: all messages."""

    content: bool
    """Whether the narrative is sent too."""

    secret: bytes
    """Encrypted."""

    purpose: str | None
    reason: str | None
    created_at: int
    created_by: str
    position: int
    """The id of the last message that was looked at."""


_NAMES: Final = tuple(column.name for column in webhook.columns)
_PAGE: Final = (
    select(webhook).where(webhook.c.id > bindparam("after")).order_by(webhook.c.id).limit(bindparam("at_most"))
)
_BY_ID: Final = select(webhook).where(webhook.c.id == bindparam("wanted"))
_COUNT: Final = select(func.count()).select_from(webhook)
_DROP: Final = delete(webhook).where(webhook.c.id == bindparam("wanted"))
_DROP_DELIVERIES: Final = delete(delivery).where(delivery.c.webhook == bindparam("wanted"))
_MOVE: Final = update(webhook).where(webhook.c.id == bindparam("wanted")).values(position=bindparam("reached"))


def hold_all(db: Transaction) -> None:
    """Let no other transaction add or remove a webhook, or deliveries of one, until this one ends."""
    hold(db, Lock.WEBHOOKS)


def count(db: Transaction) -> int:
    """How many webhooks there are."""
    return int(db.scalar(_COUNT) or 0)


def add(db: Transaction, added: Webhook) -> None:
    """Add a webhook."""
    row = (
        *(added.id, added.url, " ".join(added.subjects), " ".join(added.originators), added.content, added.secret),
        *(added.purpose, added.reason, added.created_at, added.created_by, added.position),
    )
    insert_rows(db, webhook, _NAMES, [row])


def page(db: Transaction, *, after: str, limit: int) -> list[Webhook]:
    """The next webhooks after an id, in the order of their ids."""
    return [_webhook(row) for row in rows_for(db, _PAGE, {"after": after, "at_most": limit})]


def by_id(db: Transaction, wanted: str) -> Webhook | None:
    """The webhook with this id."""
    found = rows_for(db, _BY_ID, {"wanted": wanted})
    return _webhook(found[0]) if found else None


def remove(db: Transaction, wanted: str) -> bool:
    """Remove a webhook with its deliveries; whether it was there."""
    change(db, _DROP_DELIVERIES, [{"wanted": wanted}])
    return change(db, _DROP, [{"wanted": wanted}]) == 1


def move(db: Transaction, wanted: str, position: int) -> None:
    """Note that all messages up to `position` were looked at."""
    change(db, _MOVE, [{"wanted": wanted, "reached": position}])


def _webhook(row: Found) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        subjects=tuple(row.subjects.split()),
        originators=tuple(row.originators.split()),
        content=bool(row.content),
        secret=row.secret,
        purpose=row.purpose,
        reason=row.reason,
        created_at=row.created_at,
        created_by=row.created_by,
        position=row.position,
    )
