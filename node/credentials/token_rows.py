"""The tokens of integrators: added, found, revoked. A row stays after its end, because the access log names its id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select, update

from node.credentials.token_tables import token
from node.database.engine import Transaction
from node.database.statements import change, insert_rows, rows_for

_NAMES: Final = (
    "id",
    "name",
    "digest",
    "scopes",
    "rate",
    "created_at",
    "created_by",
    "expires_at",
    "revoked_at",
    "revoked_by",
    "used_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """What is kept of a token. Times are in ms."""

    id: str
    name: str
    digest: bytes
    scopes: str
    rate: int
    created_at: int
    created_by: str
    expires_at: int
    revoked_at: int | None = None
    revoked_by: str | None = None
    used_at: int | None = None


_BY_IDS: Final = select(token).where(token.c.id.in_(bindparam("ids", expanding=True)))
_ALL: Final = select(token).order_by(token.c.created_at, token.c.id)
_REVOKE: Final = (
    update(token)
    .where(token.c.id == bindparam("of"), token.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"), revoked_by=bindparam("by"))
)
_USED: Final = update(token).where(token.c.id == bindparam("of")).values(used_at=bindparam("now"))


def add(db: Transaction, row: TokenRow) -> None:
    """Add a token."""
    insert_rows(db, token, _NAMES, [tuple(getattr(row, name) for name in _NAMES)])


def count(db: Transaction) -> int:
    """The number of tokens, ended ones included."""
    return db.scalar(select(func.count()).select_from(token)) or 0


def by_ids(db: Transaction, ids: Sequence[str]) -> dict[str, TokenRow]:
    """Id -> token, for those that are known."""
    return {row.id: row for row in _rows(db, _BY_IDS, {"ids": list(ids)})}


def every(db: Transaction) -> list[TokenRow]:
    """All tokens, the oldest first."""
    return _rows(db, _ALL, {})


def revoke(db: Transaction, token_id: str, *, by: str, now: int) -> None:
    """Revoke a token; one that is revoked already keeps its time."""
    change(db, _REVOKE, [{"of": token_id, "now": now, "by": by}])


def note_use(db: Transaction, uses: Mapping[str, int]) -> None:
    """Note when tokens were used last: id -> ms."""
    change(db, _USED, [{"of": token_id, "now": at} for token_id, at in sorted(uses.items())])


def _rows(db: Transaction, statement: Select[Any], values: Mapping[str, Any]) -> list[TokenRow]:
    found = rows_for(db, statement, values)
    return [TokenRow(**row._asdict() | {"digest": bytes(row.digest)}) for row in found]
