"""The newest grant that this node made for each audience, so that one audience key serves many messages.

A grant that the log has lost must not serve: a recipient that had not read it would wait for it for ever. So all are
forgotten when the log lost records of the own `keys` stream.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from node.database.engine import Transaction
from node.database.outgoing_tables import own_grant
from node.database.statements import rows_for


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGrant:
    """A grant in the own `keys` stream."""

    sequence: int
    sealed_at: int
    body: bytes
    """KeyGrant, Avro."""


_NEWEST: Final = select(own_grant).where(own_grant.c.audience.in_(bindparam("audiences", expanding=True)))


_SEQUENCES: Final = select(own_grant.c.audience, own_grant.c.sequence).where(
    own_grant.c.audience.in_(bindparam("audiences", expanding=True))
)


class GrantForgotten(Exception):
    """A grant was forgotten after it was read from the store."""


def newest(db: Transaction, audiences: Collection[bytes]) -> dict[bytes, OwnGrant]:
    """The newest grant of each audience that has one, by the audience's hash."""
    rows = rows_for(db, _NEWEST, {"audiences": list(audiences)})
    return {row.audience: OwnGrant(sequence=row.sequence, sealed_at=row.sealed_at, body=row.body) for row in rows}


def put(db: Transaction, grants: Mapping[bytes, OwnGrant]) -> None:
    """Replace the newest grant of each audience."""
    if grants:
        db.execute(delete(own_grant).where(own_grant.c.audience.in_(list(grants))))
        db.execute(
            insert(own_grant),
            [
                {"audience": audience, "sequence": grant.sequence, "sealed_at": grant.sealed_at, "body": grant.body}
                for audience, grant in grants.items()
            ],
        )


def check(db: Transaction, used: Mapping[bytes, int]) -> None:
    """Raise GrantForgotten unless each audience still has its grant, given by its sequence."""
    if used:
        known = {row.audience: row.sequence for row in rows_for(db, _SEQUENCES, {"audiences": list(used)})}
        if any(known.get(audience) != sequence for audience, sequence in used.items()):
            raise GrantForgotten


def forget_all(db: Transaction) -> None:
    """Let every audience get a new grant with its next message."""
    db.execute(delete(own_grant))
