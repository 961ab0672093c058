"""When other nodes last sealed something that this node has read: evidence about its own clock."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import bindparam, select

from node.database.engine import Transaction
from node.database.statements import rows_for
from node.database.stream_tables import link, reading

_LAST: Final = (
    select(link.c.sealed_at)
    .where(link.c.originator == reading.c.originator, link.c.stream == reading.c.stream)
    .order_by(link.c.first.desc())
    .limit(1)
    .scalar_subquery()
)
_OF_STREAMS: Final = select(reading.c.originator, _LAST.label("sealed_at")).where(
    reading.c.originator != bindparam("without")
)


def newest_sealings(db: Transaction, *, without: str) -> dict[str, int]:
    """Originator -> time in ms of its newest batch that was read, for each originator except `without`.

    The last batch of a stream is the newest, so one batch of each stream is read.
    """
    newest: dict[str, int] = {}
    for row in rows_for(db, _OF_STREAMS, {"without": without}):
        if row.sealed_at is not None:
            newest[row.originator] = max(row.sealed_at, newest.get(row.originator, 0))
    return newest


_OF_TOPICS: Final = select(reading.c.topic, _LAST.label("sealed_at")).where(
    reading.c.topic.in_(bindparam("topics", expanding=True))
)


def of_topics(db: Transaction, topics: Collection[str]) -> dict[str, int]:
    """Topic -> time in ms of the newest batch that was read from it; a topic without one is absent."""
    rows = rows_for(db, _OF_TOPICS, {"topics": sorted(topics)})
    return {row.topic: row.sealed_at for row in rows if row.sealed_at is not None}
