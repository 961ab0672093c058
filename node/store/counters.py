"""How many records had each outcome, and how many rows the tables have that grow without a limit.

Counting rows takes longer the more there are, so the numbers of rows are kept: what adds or deletes such rows changes
the number in the same transaction. `differences` counts again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, bindparam, func, select

from node import tallies
from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.outgoing_tables import draft
from node.database.record_tables import counter, message, pending, quarantine, withheld
from node.database.statements import change, rows_for
from node.undecided import deferred_positions

_INCREASE: Final = Upsert(
    counter,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["name"], set_={"value": counter.c.value + insert.excluded.value}
    ),
)


STORED: Final = "stored"
WITHHELD: Final = "withheld"
ACCEPTED: Final = "accepted"
ACCEPTED_SIZE: Final = "accepted_size"
ERASED: Final = "erased"  # messages, drafts and records whose content was erased; its rows are not counted
ROWS: Final[Mapping[str, Select[int]]] = {
    STORED: select(func.count()).select_from(message).where(message.c.erased_at.is_(None)),
    WITHHELD: select(func.count()).select_from(withheld),
    ACCEPTED_SIZE: select(func.coalesce(func.sum(func.length(draft.c.payload)), 0)).where(draft.c.sequence.is_(None)),
    ACCEPTED: select(func.count()).select_from(draft).where(draft.c.sequence.is_(None), draft.c.payload.is_not(None)),
}
"""Number of rows, or of bytes, that is kept -> the statement that counts them.

What was erased does not count, nor does a draft that is sealed.
"""

_VALUE: Final = select(counter.c.value).where(counter.c.name == bindparam("name"))
_ALL: Final = select(counter.c.name, counter.c.value)
_PENDING: Final = select(func.count()).select_from(pending).where(pending.c.outcome == bindparam("outcome"))
_QUARANTINED: Final = select(func.count()).select_from(quarantine)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCounts:
    """How many records are in each state, and what was counted since the store was made."""

    withheld: int
    waiting: int
    held: int
    duplicate: int
    quarantined: int
    other: Mapping[str, int]
    """Further counters by name; one that was never increased is absent."""

    @property
    def by_name(self) -> dict[str, int]:
        """All of them by name."""
        return {
            "withheld": self.withheld,
            "waiting": self.waiting,
            "held": self.held,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            **self.other,
        }


def increase(db: Transaction, by: Mapping[str, int]) -> None:
    """Add to counters by name, or subtract; zeros are skipped."""
    change(db, _INCREASE, [{"name": name, "value": value} for name, value in sorted(by.items()) if value])


def value(db: Transaction, name: str) -> int:
    """One counter; 0 if it was never increased."""
    rows = rows_for(db, _VALUE, {"name": name})
    return rows[0].value if rows else 0


def counts(db: Transaction) -> RecordCounts:
    """The counts at this moment."""
    counted = {row.name: row.value for row in rows_for(db, _ALL, {}) if not row.name.startswith(tallies.PREFIX)}
    rows = {name: counted.pop(name, 0) for name in ROWS}
    waiting, held = (rows_for(db, _PENDING, {"outcome": outcome})[0][0] for outcome in ("waiting", "held"))
    return RecordCounts(
        withheld=rows[WITHHELD],
        waiting=waiting,
        held=held,
        duplicate=counted.pop("duplicate", 0),
        quarantined=rows_for(db, _QUARANTINED, {})[0][0],
        other=counted | ({"deferred": deferred} if (deferred := deferred_positions.count(db)) else {}),
    )


def tallied(db: Transaction) -> tallies.Tallies:
    """What was counted for metrics since the store was made, or since a version that counts it."""
    return tallies.read({row.name: row.value for row in rows_for(db, _ALL, {})})


def differences(db: Transaction) -> dict[str, tuple[int, int]]:
    """Each number of rows that is kept and is wrong: its name -> the kept number and that of the rows."""
    compared = {name: (value(db, name), rows_for(db, rows, {})[0][0]) for name, rows in ROWS.items()}
    return {name: (kept, found) for name, (kept, found) in compared.items() if kept != found}
