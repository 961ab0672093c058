"""Positions of records that were read and not kept, as ranges: the log may still have them (node/exchange/reread.py).

A range may cover records that were decided; reading these again changes nothing. So the number of ranges is limited.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from node.database.engine import Transaction
from node.database.quota_tables import deferred
from node.database.statements import insert_rows, rows_for

RANGES_PER_TOPIC_MAX: Final = 64
DISTANCE_JOINED_MAX: Final = 1000  # positions between two ranges that become one: reading them again is cheap

_NAMES: Final = ("topic", "first", "last", "records", "noted_at")
_OF_TOPIC: Final = select(deferred).where(deferred.c.topic == bindparam("topic")).order_by(deferred.c.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredRange:
    """The positions `first` to `last` of a topic, with `records` that are to be read again."""

    topic: str
    first: int
    last: int
    records: int
    noted_at: int
    """When the first of them was deferred, in ms."""

    def distance(self, position: int) -> int:
        """How far `position` is from the range; 0 inside it."""
        return max(self.first - position, position - self.last, 0)


def ranges(db: Transaction, *, after: tuple[str, int] = ("", -1), limit: int = 1000) -> list[DeferredRange]:
    """Ranges by topic and position, those after (topic, first)."""
    topic, first = after
    later = (deferred.c.topic > topic) | ((deferred.c.topic == topic) & (deferred.c.first > first))
    rows = db.execute(select(deferred).where(later).order_by(deferred.c.topic, deferred.c.first).limit(limit))
    return [_range(row) for row in rows]


def count(db: Transaction) -> int:
    """How many records are deferred."""
    return int(db.scalar(select(func.sum(deferred.c.records))) or 0)


def topics(db: Transaction, among: Collection[str]) -> set[str]:
    """Those of the topics that have a range."""
    return {topic for topic in among if rows_for(db, _OF_TOPIC, {"topic": topic})}


def note(db: Transaction, topic: str, positions: Iterable[int], now: int) -> None:
    """Note deferred records of one topic. A position near a range extends it."""
    before = _of_topic(db, topic)
    after = list(before)
    for position in sorted(positions):
        near = _near(after, position)
        if near is None:
            after.append(DeferredRange(topic=topic, first=position, last=position, records=1, noted_at=now))
        else:
            wider = replace(
                near, first=min(near.first, position), last=max(near.last, position), records=near.records + 1
            )
            after[after.index(near)] = wider
    _put(db, before, after)


def forget(db: Transaction, topic: str, first: int, end: int) -> None:
    """The records of `topic` from position `first` to before `end` were read again."""
    before = _of_topic(db, topic)
    after = []
    for found in before:
        inside = min(found.last + 1, end) - max(found.first, first)
        if inside <= 0:
            after.append(found)
            continue
        after += _rest(found, first, end, max(0, found.records - inside))
    _put(db, before, after)


def _rest(found: DeferredRange, first: int, end: int, records: int) -> list[DeferredRange]:
    """What is left of a range without the positions `first` to before `end`: its parts share the `records`."""
    parts = [(begin, last) for begin, last in ((found.first, first - 1), (end, found.last)) if begin <= last]
    left, rest = records, []
    for begin, last in parts:
        share = left if (begin, last) == parts[-1] else min(left, last - begin + 1)
        rest.append(replace(found, first=begin, last=last, records=max(1, share)))
        left -= share
    return rest


def _near(here: Sequence[DeferredRange], position: int) -> DeferredRange | None:
    """The range that `position` extends: the nearest one, if it is near or if there are as many as there may be."""
    nearest = min(here, key=lambda found: found.distance(position), default=None)
    if nearest is None:
        return None
    return nearest if nearest.distance(position) <= DISTANCE_JOINED_MAX or len(here) >= RANGES_PER_TOPIC_MAX else None


def _of_topic(db: Transaction, topic: str) -> list[DeferredRange]:
    return [_range(row) for row in rows_for(db, _OF_TOPIC, {"topic": topic})]


def _put(db: Transaction, before: Sequence[DeferredRange], after: Sequence[DeferredRange]) -> None:
    for gone in set(before) - set(after):
        db.execute(delete(deferred).where(deferred.c.topic == gone.topic, deferred.c.first == gone.first))
    new = [tuple(getattr(found, name) for name in _NAMES) for found in set(after) - set(before)]
    insert_rows(db, deferred, _NAMES, new)


def _range(row: object) -> DeferredRange:
    return DeferredRange(**{name: getattr(row, name) for name in _NAMES})
