"""Deliveries that are settled leave the store after a time, and when a webhook has too many of them."""

from typing import Final

from sqlalchemy import bindparam, delete, select

from node.database.engine import Transaction
from node.database.statements import change, rows_for
from node.webhooks.deliveries import DeliveryState
from node.webhooks.webhook_tables import delivery

DROPPED_TOGETHER_MAX: Final = 500

_OLD: Final = (
    select(delivery.c.id)
    .where(delivery.c.state == bindparam("in_state"), delivery.c.changed_at < bindparam("before"))
    .order_by(delivery.c.changed_at, delivery.c.id)
    .limit(bindparam("at_most"))
)
_NEWEST: Final = (
    select(delivery.c.id)
    .where(delivery.c.webhook == bindparam("of"), delivery.c.state == bindparam("in_state"))
    .order_by(delivery.c.id.desc())
    .limit(1)
    .offset(bindparam("kept"))
)
_DROP_OLD: Final = delete(delivery).where(
    delivery.c.id == bindparam("row_id"), delivery.c.state == bindparam("in_state")
)
_DROP_UNTIL: Final = delete(delivery).where(
    delivery.c.webhook == bindparam("of"),
    delivery.c.state == bindparam("in_state"),
    delivery.c.id <= bindparam("last"),
)


def drop_old(db: Transaction, state: DeliveryState, before: int) -> int:
    """Delete the oldest deliveries that have been in `state` since before a time (ms); returns how many."""
    values = {"in_state": state.value, "before": before, "at_most": DROPPED_TOGETHER_MAX}
    rows = rows_for(db, _OLD, values)
    return change(db, _DROP_OLD, [{"row_id": row.id, "in_state": state.value} for row in rows])


def keep_newest(db: Transaction, webhook: str, state: DeliveryState, kept: int) -> int:
    """Delete all but the newest `kept` deliveries of a webhook in a state; returns how many."""
    beyond = rows_for(db, _NEWEST, {"of": webhook, "in_state": state.value, "kept": kept})
    if not beyond:
        return 0
    return change(db, _DROP_UNTIL, [{"of": webhook, "in_state": state.value, "last": beyond[0].id}])
