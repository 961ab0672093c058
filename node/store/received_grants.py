"""The grants that arrived in the `keys` streams of all originators, this node included."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import bindparam, select

from node.database.engine import Transaction
from node.database.statements import Found, rows_for
from node.database.stream_tables import granted
from node.sharing.grant_parts import GrantParts
from node.stages import Grant
from node.store import granted_parts
from schemas.avro import codec
from schemas.types import KeyGrant

GRANTS_DECODED_MAX: Final = 64  # of about 10 KB for 60 recipients

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

    It is the first grant of the key, with the parts up to the sequence; if the key has no grant, the grant at the
    sequence. A name without either is absent.
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
        missing: set[int] = set()
        for name in here:
            if (first := by_key.get(name[1])) is not None:
                found[name] = first if first.sequence == name[2] else granted_parts.named(db, first, name[2])
            elif (other := by_sequence.get(name[2])) is not None:
                found[name] = other
            else:
                missing.add(name[2])
        parts = granted_parts.beginning_unknown(db, originator, missing)
        found |= {name: parts[name[2]] for name in here if name[2] in missing and name[2] in parts}
    return found


def _grant(row: Found) -> Grant:
    return _decoded(row.originator, row.sequence, row.sealed_at, row.body)


@lru_cache(GRANTS_DECODED_MAX)
def _decoded(originator: str, sequence: int, sealed_at: int, body: bytes) -> Grant:
    """A grant opens many messages, and is decoded once."""
    return Grant(originator=originator, sequence=sequence, sealed_at=sealed_at, body=codec.decode(KeyGrant, body))


def put(db: Transaction, new: Iterable[GrantParts], loose: Sequence[Grant]) -> None:
    """Keep grants; the first grant of a key stays, and grants of the key are kept as its parts.

    `loose` are grants that may be parts of a grant whose beginning is not here.
    """
    new = list(new)
    parts = _continuing(db, new)
    first = [grants for grants in new if grants not in parts]
    granted_parts.put_first(db, [grants.parts[0] for grants in first])
    granted_parts.put(db, [*loose, *(part for grants in parts for part in grants.parts), *_later_parts(db, first)])
    granted_parts.put_first(db, _now_first(db, new, loose))


def _now_first(db: Transaction, new: Sequence[GrantParts], loose: Sequence[Grant]) -> list[Grant]:
    """Grants that are the first of their keys, as is known now that the leaves before them have arrived."""
    after: dict[str, dict[int, bytes]] = {}
    for grant in (*loose, *(part for grants in new for part in grants.parts)):
        after.setdefault(grant.originator, {})[grant.sequence + 1] = grant.body.audience_key_id
    return [
        grant
        for originator, keys in after.items()
        for grant in granted_parts.first_of_their_keys(db, originator, keys)
        if grant.body.audience_key_id != keys[grant.sequence]
    ]


def _continuing(db: Transaction, new: Sequence[GrantParts]) -> list[GrantParts]:
    """Those that follow a kept part of their key whose beginning is not here."""
    after = {
        (grants.parts[0].originator, grants.parts[0].sequence - 1): grants
        for grants in new
        if grants.parts[0].sequence > grants.begin
    }
    return [
        grants
        for originator in {name[0] for name in after}
        for sequence, kept in granted_parts.beginning_unknown(
            db, originator, [at for of, at in after if of == originator]
        ).items()
        if (grants := after[originator, sequence]).key_id == kept.body.audience_key_id
    ]


def _later_parts(db: Transaction, new: Sequence[GrantParts]) -> list[Grant]:
    """The grants that follow the first grant of their key in its batch."""
    parts: list[Grant] = []
    # The first leaf of a batch follows no part.
    possible = [grants for grants in new if len(grants.parts) > 1 or grants.parts[0].sequence > grants.begin]
    for originator in {grants.parts[0].originator for grants in possible}:
        here = {grants.key_id: grants for grants in possible if grants.parts[0].originator == originator}
        for kept in rows_for(db, _BY_KEY, {"originator": originator, "key_ids": list(here)}):
            grants = here[kept.audience_key_id]
            if grants.begin <= kept.sequence:
                parts += [part for part in grants.parts if part.sequence > kept.sequence]
    return parts
