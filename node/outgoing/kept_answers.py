"""The answers of intake that are kept by idempotency key, so that a repeated request gets the same answer.

An answer is kept for ANSWERS_KEPT_MS, and at most ANSWERS_MAX are kept: the oldest leave first. A request that is
repeated later than that is handed in again; its report is known by its id and is `duplicate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import bindparam, delete, select

from node.database.engine import Transaction
from node.database.outgoing_tables import kept_answer
from node.database.statements import change, insert_rows, rows_for
from node.limits import DAY_MS

ANSWERS_KEPT_MS: Final = DAY_MS
ANSWERS_MAX: Final = 500_000  # about 500 MB
ANSWERS_IN_STEP_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer, and the request that it answered."""

    integrator: str
    key: str
    body_digest: bytes
    outcome: str
    """accepted or duplicate."""

    answer: bytes
    """JSON."""

    kept_at: int


_NAMES: Final = tuple(field.name for field in fields(KeptAnswer))
_OF_KEYS: Final = select(*(kept_answer.c[name] for name in _NAMES)).where(
    kept_answer.c.integrator == bindparam("of"),
    kept_answer.c.key.in_(bindparam("asked", expanding=True)),
    kept_answer.c.kept_at > bindparam("after"),
)
_DROP_KEY: Final = delete(kept_answer).where(
    kept_answer.c.integrator == bindparam("of"), kept_answer.c.key == bindparam("its_key")
)
_ID: Final = select(kept_answer.c.id).where(
    kept_answer.c.integrator == bindparam("of"), kept_answer.c.key == bindparam("its_key")
)
_DROP_BEYOND: Final = delete(kept_answer).where(kept_answer.c.id <= bindparam("last"))
_OLD: Final = (
    select(kept_answer.c.id)
    .where(kept_answer.c.kept_at <= bindparam("before"))
    .order_by(kept_answer.c.kept_at, kept_answer.c.id)
    .limit(bindparam("at_most"))
)
_DROP: Final = delete(kept_answer).where(kept_answer.c.id == bindparam("row_id"))


def find(db: Transaction, integrator: str, keys: Sequence[str], *, now: int) -> dict[str, KeptAnswer]:
    """Those of the keys of an integrator that have an answer, younger than ANSWERS_KEPT_MS at `now` (ms)."""
    rows = rows_for(db, _OF_KEYS, {"of": integrator, "asked": list(keys), "after": now - ANSWERS_KEPT_MS})
    return {row.key: KeptAnswer(**{name: getattr(row, name) for name in _NAMES}) for row in rows}


def keep(db: Transaction, answers: Sequence[KeptAnswer]) -> None:
    """Keep answers whose keys have none, or only one that is too old. The oldest beyond ANSWERS_MAX leave."""
    if not answers:
        return
    change(db, _DROP_KEY, [{"of": kept.integrator, "its_key": kept.key} for kept in answers])
    insert_rows(db, kept_answer, _NAMES, [tuple(getattr(kept, name) for name in _NAMES) for kept in answers])
    newest = rows_for(db, _ID, {"of": answers[-1].integrator, "its_key": answers[-1].key})[0].id
    change(db, _DROP_BEYOND, [{"last": newest - ANSWERS_MAX}])


def drop_old(db: Transaction, before: int) -> int:
    """Delete the oldest answers, kept until a time (ms) or before it; returns how many, at most ANSWERS_IN_STEP_MAX."""
    rows = rows_for(db, _OLD, {"before": before, "at_most": ANSWERS_IN_STEP_MAX})
    return change(db, _DROP, [{"row_id": row.id} for row in rows])
