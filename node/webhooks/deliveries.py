"""Deliveries to webhooks, one for each webhook and message, with their states.

A delivery is `pending` until it is tried first. After that it is `delivered`, or `failed` and tried again later, or
`dead`: it is not tried again unless an operator asks for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, func, select, update

from node.database.engine import Transaction
from node.database.statements import Found, change, insert_rows, rows_for
from node.webhooks.webhook_tables import delivery


class DeliveryState(StrEnum):
    """The states of a delivery."""

    PENDING = "pending"
    FAILED = "failed"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one webhook."""

    id: int
    webhook: str
    message: int
    state: DeliveryState
    attempts: int
    created_at: int
    next_at: int | None
    """When it is tried next, in ms; None: not any more."""

    changed_at: int
    status: int | None
    """The HTTP status of the last answer."""

    error: str | None
    """The code of the last error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The result of one attempt."""

    id: int
    state: DeliveryState
    next_at: int | None
    status: int | None
    error: str | None


_NEW: Final = ("webhook", "message", "state", "attempts", "created_at", "next_at", "changed_at")
_DUE: Final = (
    select(delivery)
    .where(delivery.c.webhook == bindparam("of"), delivery.c.next_at <= bindparam("now"))
    .order_by(delivery.c.next_at, delivery.c.id)
    .limit(bindparam("at_most"))
)
_NEXT: Final = (
    select(delivery.c.next_at)
    .where(delivery.c.webhook == bindparam("of"), delivery.c.next_at.is_not(None))
    .order_by(delivery.c.next_at)
    .limit(1)
)
_BEGIN: Final = (
    update(delivery)
    .where(delivery.c.id == bindparam("row_id"), delivery.c.next_at.is_not(None))
    .values(attempts=delivery.c.attempts + 1, next_at=bindparam("again_at"), changed_at=bindparam("now"))
)
_SETTLE: Final = (
    update(delivery)
    .where(delivery.c.id == bindparam("row_id"))
    .values(
        state=bindparam("to_state"),
        next_at=bindparam("again_at"),
        status=bindparam("to_status"),
        error=bindparam("to_error"),
        changed_at=bindparam("now"),
    )
)
_COUNTS: Final = (
    select(delivery.c.state, func.count().label("rows"))
    .where(delivery.c.webhook == bindparam("of"))
    .group_by(delivery.c.state)
)
_DEAD: Final = (
    select(delivery.c.webhook, func.count().label("rows"), func.min(delivery.c.changed_at).label("since"))
    .where(delivery.c.state == DeliveryState.DEAD.value)
    .group_by(delivery.c.webhook)
    .order_by(delivery.c.webhook)
)
_PAGE: Final = (
    select(delivery)
    .where(
        delivery.c.webhook == bindparam("of"),
        delivery.c.state == bindparam("in_state"),
        delivery.c.id > bindparam("after"),
    )
    .order_by(delivery.c.id)
    .limit(bindparam("at_most"))
)
_AGAIN: Final = (
    update(delivery)
    .where(delivery.c.id == bindparam("row_id"), delivery.c.state != DeliveryState.DELIVERED.value)
    .values(state=DeliveryState.PENDING.value, attempts=0, next_at=bindparam("now"), changed_at=bindparam("now"))
)


def add(db: Transaction, webhook: str, messages: Sequence[int], now: int) -> None:
    """Add a pending delivery for each message, due now (ms)."""
    pending = DeliveryState.PENDING.value
    insert_rows(db, delivery, _NEW, [(webhook, message, pending, 0, now, now, now) for message in messages])


def due(db: Transaction, webhook: str, *, now: int, limit: int) -> list[Delivery]:
    """The deliveries of a webhook that are due, the first ones first."""
    return [_delivery(row) for row in rows_for(db, _DUE, {"of": webhook, "now": now, "at_most": limit})]


def next_due(db: Transaction, webhook: str) -> int | None:
    """When the next delivery of a webhook is due, in ms; None if no delivery is open."""
    found = rows_for(db, _NEXT, {"of": webhook})
    return found[0].next_at if found else None


def begin(db: Transaction, delivery_id: int, *, again_at: int, now: int) -> bool:
    """Note an attempt before it is made. If the process ends during it, the delivery is due at `again_at`.

    False if the delivery is not open any more.
    """
    return change(db, _BEGIN, [{"row_id": delivery_id, "again_at": again_at, "now": now}]) == 1


def settle(db: Transaction, attempt: Attempt, now: int) -> None:
    """Note the result of an attempt. A delivery that was removed meanwhile stays removed."""
    values = {
        "row_id": attempt.id,
        "to_state": attempt.state.value,
        "again_at": attempt.next_at,
        "to_status": attempt.status,
        "to_error": attempt.error,
        "now": now,
    }
    change(db, _SETTLE, [values])


def counts(db: Transaction, webhook: str) -> Mapping[DeliveryState, int]:
    """How many deliveries of a webhook are in each state."""
    found = {row.state: row.rows for row in rows_for(db, _COUNTS, {"of": webhook})}
    return {state: int(found.get(state.value, 0)) for state in DeliveryState}


def dead_by_webhook(db: Transaction) -> Mapping[str, tuple[int, int]]:
    """Webhook -> how many deliveries are dead, and when the first of them was given up, in ms."""
    return {row.webhook: (int(row.rows), row.since) for row in rows_for(db, _DEAD, {})}


def page(db: Transaction, webhook: str, state: DeliveryState, *, after: int, limit: int) -> list[Delivery]:
    """The next deliveries of a webhook in a state, after an id."""
    values = {"of": webhook, "in_state": state.value, "after": after, "at_most": limit}
    return [_delivery(row) for row in rows_for(db, _PAGE, values)]


def send_again(db: Transaction, ids: Sequence[int], now: int) -> int:
    """Make deliveries pending and due now, with no attempts; returns how many. Delivered ones stay."""
    return change(db, _AGAIN, [{"row_id": id_, "now": now} for id_ in ids])


def _delivery(row: Found) -> Delivery:
    return Delivery(
        id=row.id,
        webhook=row.webhook,
        message=row.message,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        next_at=row.next_at,
        changed_at=row.changed_at,
        status=row.status,
        error=row.error,
    )
