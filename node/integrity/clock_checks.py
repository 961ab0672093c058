"""Reads and keeps what a node knows about its own clock: the claims of others, and its last check.

The rules are in node/verification/clock_rules.py.
"""

from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select

from node.database.engine import Transaction
from node.database.statements import rows_for
from node.database.stream_tables import clock_check, reading
from node.store.newest_sealing import newest_sealings
from node.uptime import SinceBoot
from node.verification.clock_rules import ClockCheck, ClockProblem, agreed, has_evidence, judge_clock

DRIFT_MS: Final = 60_000  # a clock that time services adjust is noted again when it has moved by so much

_CHECKED: Final = select(clock_check).where(clock_check.c.node == bindparam("of"))
_STORED: Final = (
    select(reading.c.originator, func.max(reading.c.appended_at).label("appended_at"))
    .where(reading.c.appended_at.is_not(None))
    .group_by(reading.c.originator)
)


def claims(db: Transaction, node: str) -> tuple[int, ...]:
    """The latest time of each other originator, and that of the log: of two originators, as one alone may write it."""
    stored = [row.appended_at for row in rows_for(db, _STORED, {})]
    of_log = agreed(stored) if len(stored) > 1 else None
    return (*newest_sealings(db, without=node).values(), *(() if of_log is None else (of_log,)))


def last(db: Transaction, node: str) -> ClockCheck | None:
    """The last check that found the clock plausible."""
    rows = rows_for(db, _CHECKED, {"of": node})
    if not rows:
        return None
    return ClockCheck(
        at=rows[0].at,
        boot=rows[0].boot,
        since_boot=rows[0].since_boot,
        evidence=bool(rows[0].evidence),
        confirmed=bool(rows[0].confirmed),
    )


def find(db: Transaction, node: str, now: int, machine: SinceBoot) -> ClockProblem | None:
    """What is wrong with the clock of `node`, which shows `now` (ms); None if it is plausible."""
    return judge_clock(now, machine, claims(db, node), last(db, node))


def needs_note(db: Transaction, node: str, now: int, machine: SinceBoot) -> bool:
    """Whether a check that found the clock plausible says more than the last one."""
    checked = last(db, node)
    expected = checked.expected(machine) if checked is not None else None
    if checked is None or expected is None or abs(now - expected) > DRIFT_MS:
        return True
    return not checked.evidence and has_evidence(now, claims(db, node))


def note(db: Transaction, node: str, now: int, machine: SinceBoot, *, confirmed: bool = False) -> None:
    """Note that the clock of `node` is plausible now, or that an operator `confirmed` it."""
    before = last(db, node)
    goes_on = before is not None and before.goes_on(now, machine)
    db.execute(delete(clock_check).where(clock_check.c.node == node))
    db.execute(
        insert(clock_check).values(
            node=node,
            at=now,
            boot=machine.boot,
            since_boot=machine.ms,
            evidence=has_evidence(now, claims(db, node)) or (goes_on and before is not None and before.evidence),
            confirmed=confirmed or (goes_on and before is not None and before.confirmed),
        )
    )


def is_trusted(db: Transaction, node: str, now: int, machine: SinceBoot) -> bool:
    """Whether the clock is plausible, and others or an operator have said so: then a record may count as expired."""
    if find(db, node, now, machine) is not None:
        return False
    checked = last(db, node)
    if checked is not None and checked.goes_on(now, machine) and (checked.evidence or checked.confirmed):
        return True
    return has_evidence(now, claims(db, node))
