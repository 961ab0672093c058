"""How many records had each outcome: rows of the tables, and counters for the outcomes that leave no row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.record_tables import counter, pending, quarantine, withheld
from node.database.statements import change

_INCREASE: Final = Upsert(
    counter,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["name"], set_={"value": counter.c.value + insert.excluded.value}
    ),
)


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
    """Add to counters by name; zeros are skipped."""
    values = [{"name": name, "value": value} for name, value in sorted(by.items()) if value]
    change(db, _INCREASE, values)


def counts(db: Transaction) -> RecordCounts:
    """The counts at this moment."""
    counted = {name: value for name, value in db.execute(select(counter.c.name, counter.c.value))}
    states = {
        name: value for name, value in db.execute(select(pending.c.outcome, func.count()).group_by(pending.c.outcome))
    }
    return RecordCounts(
        withheld=db.scalar(select(func.count()).select_from(withheld)) or 0,
        waiting=states.get("waiting", 0),
        held=states.get("held", 0),
        duplicate=counted.pop("duplicate", 0),
        quarantined=db.scalar(select(func.count()).select_from(quarantine)) or 0,
        other=counted,
    )
