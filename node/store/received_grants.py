"""The grants that arrived in the `keys` streams of all originators, this node included."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from sqlalchemy import bindparam, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.statements import Found, change, rows_for
from node.database.stream_tables import granted
from node.stages import Grant
from schemas.avro import codec
from schemas.types import KeyGrant

GRANTS_DECODED_MAX: Final = 64  # of about 10 KB for 60 recipients

_KEEP: Final = Upsert(granted, lambda insert: insert.on_conflict_do_nothing())
_BY_KEY: Final = select(granted).where(
    granted.c.originator == bindparam("originator"),
    granted.c.audience_key_id.in_(bindparam("key_ids", expanding=True)),
)
_BY_SEQUENCE: Final = select(granted).where(
    granted.c.originator == bindparam("originator"),
    granted.c.sequence.in_(bindparam("sequences", expanding=True)),
)


def decisive(db: Transaction, wanted: Collection[tuple[str, bytes, int]]) -> dict[tuple[str, bytes, int], Grant]:
    """The grant that decides about a message, for each (originator, audience key id, grant's sequence) in `wanted`.

    It is the first grant of the key; if the key has no grant, the grant at the sequence. A name without either is
    absent.
    """
    found: dict[tuple[str, bytes, int], Grant] = {}
    for originator in {name[0] for name in wanted}:
        here = {name for name in wanted if name[0] == originator}
        keys = {key_id for _, key_id, _ in here}
        by_key = {
            row.audience_key_id: _grant(row)
            for row in rows_for(db, _BY_KEY, {"originator": originator, "key_ids": list(keys)})
        }
        sequences = {sequence for _, key_id, sequence in here if key_id not in by_key}
        by_sequence = {
            row.sequence: _grant(row)
            for row in rows_for(db, _BY_SEQUENCE, {"originator": originator, "sequences": list(sequences)})
        }
        for name in here:
            if (grant := by_key.get(name[1]) or by_sequence.get(name[2])) is not None:
                found[name] = grant
    return found


def _grant(row: Found) -> Grant:
    return _decoded(row.originator, row.sequence, row.sealed_at, row.body)


@lru_cache(GRANTS_DECODED_MAX)
def _decoded(originator: str, sequence: int, sealed_at: int, body: bytes) -> Grant:
    """A grant opens many messages, and is decoded once."""
    return Grant(originator=originator, sequence=sequence, sealed_at=sealed_at, body=codec.decode(KeyGrant, body))


def put(db: Transaction, new: Mapping[tuple[str, bytes], Grant]) -> None:
    """Keep grants by (originator, audience key id); the first grant of a key stays."""
    rows = [
        {
            "originator": originator,
            "audience_key_id": key_id,
            "sequence": grant.sequence,
            "sealed_at": grant.sealed_at,
            "body": codec.encode(grant.body),
        }
        for (originator, key_id), grant in new.items()
    ]
    change(db, _KEEP, rows)
