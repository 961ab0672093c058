"""How many rows and bytes the rows take that others can cause, for each originator and budget.

The numbers are kept beside the rows: counting the rows in each transaction would cost more the more there are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from sqlalchemy import bindparam, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.quota_tables import usage
from node.database.statements import change, rows_for


class Budget(StrEnum):
    """What rows that others can cause are counted under, for each originator."""

    FORGEABLE = "forgeable"
    """Not proven, and never valid."""

    CURABLE = "curable"
    """Not proven; a later document or program may prove it."""

    REFUSED = "refused"
    """Signed by a key of the originator, and refused."""

    WAITING = "waiting"
    """Signed by a key of the originator; waits, or is held until a time."""

    PURGED = "purged"
    """Refused; the bytes were deleted, and the digest is kept."""

    STORED = "stored"
    """Messages, with their indexes."""

    WITHHELD = "withheld"
    """Notes about messages that no clause lets this node keep."""

    CHAIN = "chain"
    """Places in the chains: batches and used message ids."""

    GRANTS = "grants"
    """Grants and their parts."""

    OUTCOMES = "outcomes"
    """Batches about which this node owes or has sent a receipt."""

    FINDINGS = "findings"
    """Findings of which a stream can have many (node/store/stream_findings.py)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Rows, and bytes of their records."""

    rows: int = 0
    size: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.rows + other.rows, self.size + other.size)

    def __neg__(self) -> "Usage":
        return Usage(-self.rows, -self.size)

    def reaches(self, limit: "Usage") -> bool:
        """Whether rows or bytes are at the limit or above it."""
        return self.rows >= limit.rows or self.size >= limit.size


_GATHERED: Final = "usage"

UsageByBudget: TypeAlias = Mapping[tuple[str, Budget], Usage]
"""By originator and budget."""

_OF: Final = select(usage).where(usage.c.originator.in_(bindparam("originators", expanding=True)))
_ALL: Final = select(usage)
_ADD: Final = Upsert(
    usage,
    lambda statement: statement.on_conflict_do_update(
        index_elements=["originator", "budget"],
        set_={name: usage.c[name] + statement.excluded[name] for name in ("rows", "size")},
    ),
)


def of(db: Transaction, originators: Collection[str]) -> UsageByBudget:
    """What the rows of `originators` take; a budget without a row is absent."""
    rows = rows_for(db, _OF, {"originators": sorted(originators)})
    found = {(row.originator, Budget(row.budget)): Usage(row.rows, row.size) for row in rows}
    for (originator, budget), more in db.info.get(_GATHERED, {}).items():
        if originator in originators:
            name = originator, Budget(budget)
            found[name] = found.get(name, Usage()) + more
    return found


def everything(db: Transaction) -> UsageByBudget:
    """What the rows of all originators take."""
    return {(row.originator, Budget(row.budget)): Usage(row.rows, row.size) for row in rows_for(db, _ALL, {})}


def add(db: Transaction, changes: Iterable[tuple[str, str, Usage]]) -> None:
    """Add to the use of (originator, budget); a negative use is subtracted."""
    open_block: dict[tuple[str, str], Usage] | None = db.info.get(_GATHERED)
    total: dict[tuple[str, str], Usage] = {} if open_block is None else open_block
    for originator, budget, change_ in changes:
        total[originator, budget] = total.get((originator, budget), Usage()) + change_
    if open_block is None:
        _write(db, total)


@contextmanager
def gathered(transaction: Transaction) -> Iterator[None]:
    """Write everything that is added in the block by one statement at its end, after all other locks were taken."""
    total: dict[tuple[str, str], Usage] = {}
    transaction.info[_GATHERED] = total
    try:
        yield
    finally:
        del transaction.info[_GATHERED]
    _write(transaction, total)


def _write(db: Transaction, total: Mapping[tuple[str, str], Usage]) -> None:
    values = [
        {"originator": originator, "budget": budget, "rows": used.rows, "size": used.size}
        for (originator, budget), used in sorted(total.items())
        if used != Usage()
    ]
    change(db, _ADD, values)
