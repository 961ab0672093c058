"""The parts of grants that follow the first part, and grants that may be such parts (node/sharing/grant_parts.py)."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select

from broker.streams import KEYS
from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.statements import Found, change, rows_for
from node.database.stream_tables import granted, granted_part, link
from node.sharing.grant_parts import joined
from node.stages import Grant
from node.undecided import usage
from node.undecided.usage import Budget, Usage
from schemas.avro import codec
from schemas.types import KeyGrant

_KEEP: Final = Upsert(granted_part, lambda insert: insert.on_conflict_do_nothing())
_KEEP_FIRST: Final = Upsert(granted, lambda insert: insert.on_conflict_do_nothing())
_OF: Final = granted_part.c.originator == bindparam("originator")
_UP_TO: Final = (
    select(granted_part)
    .where(
        _OF,
        granted_part.c.audience_key_id == bindparam("key_id"),
        granted_part.c.sequence > bindparam("first"),
        granted_part.c.sequence <= bindparam("last"),
    )
    .order_by(granted_part.c.sequence)
)
_AT: Final = select(granted_part).where(_OF, granted_part.c.sequence.in_(bindparam("sequences", expanding=True)))
_WITH_KEY: Final = select(granted.c.audience_key_id).where(
    granted.c.originator == bindparam("originator"),
    granted.c.audience_key_id.in_(bindparam("key_ids", expanding=True)),
)
_BATCH: Final = (
    select(link.c.first, link.c.size, link.c.arrived)
    .where(link.c.originator == bindparam("originator"), link.c.stream == KEYS, link.c.first <= bindparam("sequence"))
    .order_by(link.c.first.desc())
    .limit(1)
)


def put(db: Transaction, parts: Sequence[Grant]) -> None:
    """Keep grants that are parts, or may be."""
    _keep(db, _KEEP, parts)


def put_first(db: Transaction, grants: Iterable[Grant]) -> None:
    """Keep grants that are the first of their keys; the first grant of a key stays."""
    _keep(db, _KEEP_FIRST, grants)


def _keep(db: Transaction, statement: Upsert, grants: Iterable[Grant]) -> None:
    """Insert grants by `statement`, which leaves a row as it is, and count those that are new."""
    taken = []
    for grant in grants:
        row = columns_of(grant)
        if change(db, statement, [row]):
            taken.append((grant.originator, Budget.GRANTS, Usage(1, len(row["body"]))))
    usage.add(db, taken)


def columns_of(grant: Grant) -> dict[str, Any]:
    """The columns of `granted` and `granted_part`."""
    return {
        "originator": grant.originator,
        "audience_key_id": grant.body.audience_key_id,
        "sequence": grant.sequence,
        "sealed_at": grant.sealed_at,
        "body": codec.encode(grant.body),
    }


def named(db: Transaction, first: Grant, sequence: int) -> Grant:
    """The grant that a message means which names `sequence` and the key of `first`."""
    batches = rows_for(db, _BATCH, {"originator": first.originator, "sequence": first.sequence})
    if not batches or not first.sequence < sequence < batches[0].first + batches[0].size:
        return first
    [batch] = batches
    values = {
        "originator": first.originator,
        "key_id": first.body.audience_key_id,
        "first": first.sequence,
        "last": sequence,
    }
    parts = [_grant(row) for row in rows_for(db, _UP_TO, values)]
    is_here = int.from_bytes(batch.arrived, "little") >> (sequence - batch.first) & 1
    if is_here and sequence not in {part.sequence for part in parts}:
        return first  # the leaf that the message names is not a part
    return joined([first, *parts], sequence, batch.first + batch.size)


def beginning_unknown(db: Transaction, originator: str, sequences: Collection[int]) -> dict[int, Grant]:
    """The kept grants at these sequences, as parts of grants whose beginning is not here."""
    rows = rows_for(db, _AT, {"originator": originator, "sequences": list(sequences)})
    return {row.sequence: _grant(row, complete=False) for row in rows}


def is_placed(db: Transaction, originator: str, sequence: int) -> bool:
    """Whether the leaf of `keys` at a sequence is here: if it has no row, its grant has aged out."""
    batches = rows_for(db, _BATCH, {"originator": originator, "sequence": sequence})
    return any(int.from_bytes(batch.arrived, "little") >> (sequence - batch.first) & 1 for batch in batches)


def first_of_their_keys(db: Transaction, originator: str, sequences: Collection[int]) -> list[Grant]:
    """The kept grants at these sequences whose key has no grant: each is the first one of its key."""
    kept = [_grant(row) for row in rows_for(db, _AT, {"originator": originator, "sequences": list(sequences)})]
    keys = [grant.body.audience_key_id for grant in kept]
    known = {row.audience_key_id for row in rows_for(db, _WITH_KEY, {"originator": originator, "key_ids": keys})}
    return [grant for grant in kept if grant.body.audience_key_id not in known]


def _grant(row: Found, *, complete: bool = True) -> Grant:
    body = codec.decode(KeyGrant, row.body)
    return Grant(
        originator=row.originator, sequence=row.sequence, sealed_at=row.sealed_at, body=body, complete=complete
    )
