"""Counts the empty polls of a machine, so that the access log does not repeat them.

A case system asks the same question every few seconds and nothing has arrived. Rules:

- The first poll that finds nothing gets an entry like every other question.
- The same question of the same actor, with the same command, purpose and reason, that again finds nothing is added to a
  counter. This is written before the answer is given, as an entry would be.
- The counter becomes an entry when the question has a hit, at the first poll after an hour, or when the daemon looks
  (`write_due`), which it does at least once an hour and when it stops. That entry says how often the question was
  repeated, and from when to when. So the chain covers each poll at most an hour later.
- One question that changes into another needs no rule: each has its own counter, and each is written after an hour.
- An actor has at most POLLS_OF_ACTOR_MAX counters; beyond them a question gets an entry each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update

from node.access_chain.append import append
from node.database.access_tables import access_poll
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.statements import Found, change, insert_rows, rows_for
from node.primitives import digest, frame
from schemas.formats import time_text

COUNTED_MS_MAX: Final = 60 * 60 * 1000  # a poll is in the chain at most so long after it was answered
POLLS_OF_ACTOR_MAX: Final = 200
WRITTEN_TOGETHER_MAX: Final = 500
CONSULTATION: Final = "CONSULTATION"

_NAMES: Final = ("key", "actor", "command", "query", "purpose", "reason", "first_at", "last_at", "count")
_OF_KEY: Final = select(access_poll).where(access_poll.c.key == bindparam("of"))
_OF_ACTOR: Final = (
    select(func.count().label("number")).select_from(access_poll).where(access_poll.c.actor == bindparam("of"))
)
_COUNT: Final = (
    update(access_poll)
    .where(access_poll.c.key == bindparam("of"))
    .values(last_at=bindparam("now"), count=access_poll.c.count + 1)
)
_DROP: Final = delete(access_poll).where(access_poll.c.key == bindparam("of"))
_DUE: Final = (
    select(access_poll)
    .where(access_poll.c.first_at <= bindparam("until"))
    .order_by(access_poll.c.first_at)
    .limit(bindparam("at_most"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A question that a machine repeats."""

    actor: str
    command: str
    query: str
    purpose: str | None
    reason: str | None

    @property
    def key(self) -> bytes:
        """A digest of all of it."""
        texts = (self.actor, self.command, self.query, self.purpose or "", self.reason or "")
        return digest(frame("enlace/1 access poll", *(text.encode() for text in texts)))


def count_empty(db: Transaction, poll: Poll, now: int) -> bool:
    """Count a poll that found nothing; False if it needs an entry, which the caller writes in this transaction."""
    hold(db, Lock.ACCESS)
    key = poll.key
    found = rows_for(db, _OF_KEY, {"of": key})
    if found and found[0].first_at <= now < found[0].first_at + COUNTED_MS_MAX:
        change(db, _COUNT, [{"now": now, "of": key}])
        return True
    _write(db, found, now)
    if rows_for(db, _OF_ACTOR, {"of": poll.actor})[0].number < POLLS_OF_ACTOR_MAX:
        row = (key, poll.actor, poll.command, poll.query, poll.purpose, poll.reason, now, now, 0)
        insert_rows(db, access_poll, _NAMES, [row])
    return False


def end_of(db: Transaction, poll: Poll, now: int) -> None:
    """The question has a hit: write what was counted of it."""
    hold(db, Lock.ACCESS)
    _write(db, rows_for(db, _OF_KEY, {"of": poll.key}), now)


def has_due(db: Transaction, *, until: int) -> bool:
    """Whether there is a counter that was begun at `until` (ms) or before."""
    return bool(rows_for(db, _DUE, {"until": until, "at_most": 1}))


def write_due(db: Transaction, *, until: int, now: int) -> int:
    """Write counters that were begun at `until` (ms) or before, at most WRITTEN_TOGETHER_MAX; returns how many."""
    hold(db, Lock.ACCESS)
    due = rows_for(db, _DUE, {"until": until, "at_most": WRITTEN_TOGETHER_MAX})
    _write(db, due, now)
    return len(due)


def _write(db: Transaction, polls: Sequence[Found], now: int) -> None:
    """One entry for each counter that counted something; the counters are deleted."""
    entries = [_entry(poll, now) for poll in polls if poll.count]
    append(db, entries)
    change(db, _DROP, [{"of": poll.key} for poll in polls])


def _entry(poll: Found, now: int) -> tuple[Any, ...]:
    times = f"until {time_text(poll.last_at)}, after the first at {time_text(poll.first_at)}"
    detail = f"{poll.command}; the same question {poll.count} more times without a hit, {times}"
    return (now, CONSULTATION, poll.actor, "", detail, poll.purpose, poll.reason, poll.query, 0)
