"""When other nodes last sealed something that this node has read: evidence about its own clock."""

from sqlalchemy import func, select

from node.database.engine import Transaction
from node.database.stream_tables import link


def newest_sealings(db: Transaction, *, without: str) -> dict[str, int]:
    """Originator -> time in ms of its newest batch that was read, for each originator except `without`."""
    newest = select(link.c.originator, func.max(link.c.sealed_at)).where(link.c.originator != without)
    return {originator: sealed_at for originator, sealed_at in db.execute(newest.group_by(link.c.originator))}
