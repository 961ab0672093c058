"""The grants that arrived in the `keys` streams of all originators, this node included."""

from collections.abc import Collection, Mapping

from sqlalchemy import or_, select, tuple_
from sqlalchemy.dialects.sqlite import insert as upsert

from node.database.engine import Transaction
from node.database.stream_tables import granted
from node.stages import Grant
from schemas.avro import codec
from schemas.types import KeyGrant


def decisive(db: Transaction, wanted: Collection[tuple[str, bytes, int]]) -> dict[tuple[str, bytes, int], Grant]:
    """The grant that decides about a message, for each (originator, audience key id, grant's sequence) in `wanted`.

    It is the first grant of the key; if the key has no grant, the grant at the sequence. A name without either is
    absent.
    """
    found: dict[tuple[str, bytes, int], Grant] = {}
    by_key: dict[tuple[str, bytes], Grant] = {}
    by_sequence: dict[tuple[str, int], Grant] = {}
    keys = {(originator, key_id) for originator, key_id, _ in wanted}
    sequences = {(originator, sequence) for originator, _, sequence in wanted}
    rows = db.execute(
        select(granted).where(
            or_(
                tuple_(granted.c.originator, granted.c.audience_key_id).in_(keys),
                tuple_(granted.c.originator, granted.c.sequence).in_(sequences),
            )
        )
    )
    for row in rows:
        grant = Grant(
            originator=row.originator,
            sequence=row.sequence,
            sealed_at=row.sealed_at,
            body=codec.decode(KeyGrant, row.body),
        )
        by_key[row.originator, row.audience_key_id] = by_sequence[row.originator, row.sequence] = grant
    for originator, key_id, sequence in wanted:
        decisive_grant = by_key.get((originator, key_id)) or by_sequence.get((originator, sequence))
        if decisive_grant is not None:
            found[originator, key_id, sequence] = decisive_grant
    return found


def put(db: Transaction, new: Mapping[tuple[str, bytes], Grant]) -> None:
    """Keep grants by (originator, audience key id); the first grant of a key stays."""
    if new:
        db.execute(
            upsert(granted).on_conflict_do_nothing(),
            [
                {
                    "originator": originator,
                    "audience_key_id": key_id,
                    "sequence": grant.sequence,
                    "sealed_at": grant.sealed_at,
                    "body": codec.encode(grant.body),
                }
                for (originator, key_id), grant in new.items()
            ],
        )
